import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LoadSignal } from './adaptiveLimit.ts';
import { Places, type Lease, type SessionPlaces, type Waiting } from './places.ts';

const given = (max = 2) => {
  const changes: number[] = [];
  const places: Places = new Places(
    max,
    () => 0,
    () => changes.push(places.queued),
  );
  return { places, changes, a: places.session('a'), b: places.session('b') };
};
const taken = (session: SessionPlaces): Lease => session.take() ?? assert.fail('no place');

describe('places', () => {
  it('R4.1 gives as many as there are, to all sessions together', () => {
    const { places, a, b } = given(2);
    taken(a);
    taken(b);
    assert.equal(a.take(), undefined);
    assert.equal(places.occupied, 2);
  });

  it('R4.1 a lease can be given back once only', () => {
    const { places, a } = given(2);
    const lease = taken(a);
    taken(a);
    lease.release('nothing');
    lease.release('nothing');
    assert.equal(places.occupied, 1);
  });

  it('R4.1 sessions take turns, whoever came first; within one it is the order of arrival', () => {
    const { a, b } = given(1);
    let lease = taken(a);
    const seen: string[] = [];
    const wait = (session: SessionPlaces, order: number): void => {
      session.wait(order, (next) => {
        seen.push(`${session.key}${order}`);
        lease = next;
      });
    };
    for (const order of [1, 2, 3]) wait(a, order);
    for (const order of [5, 4]) wait(b, order);
    for (let turn = 0; turn < 5; turn += 1) lease.release('answered');
    assert.deepEqual(seen, ['a1', 'b4', 'a2', 'b5', 'a3']);
  });

  it('R4.1 one more than may wait is refused, and nobody else’s place in the line is touched', () => {
    const { places, a, b } = given(1);
    taken(a);
    const waiting = Array.from({ length: Places.maxQueued }, (_, order) => a.wait(order, () => undefined));
    assert.ok(waiting.every((one) => one !== undefined));
    assert.equal(
      a.wait(1_000, () => undefined),
      undefined,
    );
    assert.ok(b.wait(1_001, () => undefined) !== undefined);
    assert.equal(places.queued, Places.maxQueued + 1);
  });

  it('R11.1 tells the most that waited at one time since it was asked, whoever has left the line since', () => {
    const { places, a } = given(1);
    taken(a);
    assert.equal(places.takeMostQueued(), 0);
    const waiting = Array.from({ length: 3 }, (_, order) => a.wait(order, () => undefined));
    for (const one of waiting.slice(1)) one?.leave();
    assert.equal(places.takeMostQueued(), 3);
    assert.equal(places.takeMostQueued(), 1);
    waiting[0]?.leave();
    assert.deepEqual([places.takeMostQueued(), places.takeMostQueued()], [1, 0]);
  });

  it('R2.6 who leaves the line frees a place in it at once', () => {
    const { places, a } = given(1);
    taken(a);
    const waiting = Array.from({ length: Places.maxQueued }, (_, order) => a.wait(order, () => undefined));
    assert.equal(waiting[50]?.leave(), true);
    assert.equal(waiting[50].leave(), false);
    assert.ok(a.wait(1_000, () => undefined) !== undefined);
    assert.equal(places.queued, Places.maxQueued);
  });

  it('R2 a call that waits for its client gives its place back, and goes on without one', () => {
    const { places, a, b } = given(1);
    const first = taken(a);
    let second: Lease | undefined;
    b.wait(1, (lease) => (second = lease));
    a.noteClientRequests(1);
    assert.ok(second !== undefined);
    a.noteClientRequests(0);
    assert.equal(places.occupied, 2);
    assert.equal(a.take(), undefined);
    first.release('answered');
    assert.equal(a.take(), undefined);
    second.release('answered');
    taken(a);
  });

  it('R2 a new maximum holds at once', () => {
    const { places, a } = given(1);
    taken(a);
    let granted = 0;
    for (const order of [1, 2, 3]) a.wait(order, () => (granted += 1));
    places.setMax(3);
    assert.equal(granted, 2);
    places.setMax(1);
    assert.deepEqual([places.max, places.limit, places.occupied, places.queued], [1, 1, 3, 1]);
  });

  it('R11.1 says when somebody waits, and when nobody waits any more', () => {
    const { a, changes } = given(1);
    const lease = taken(a);
    a.wait(1, () => undefined);
    a.wait(2, () => undefined)?.leave();
    lease.release('answered');
    assert.deepEqual(changes, [1, 0]);
  });
});

// --- against a model that is as simple as can be ---

interface ModelWaiter {
  readonly session: number;
  readonly order: number;
}

/** The same behaviour, in lists that are searched from the start. */
class Model {
  waiting: ModelWaiter[] = [];
  /** Sessions by turn. */
  turns: number[] = [];
  held: number[] = [0, 0, 0, 0];
  open: number[] = [0, 0, 0, 0];
  granted: ModelWaiter[] = [];
  max: number;

  constructor(max: number) {
    this.max = max;
  }

  get occupied(): number {
    return this.held.reduce((all, held, session) => all + Math.max(0, held - (this.open[session] ?? 0)), 0);
  }

  fill(limit: number): void {
    while (this.occupied < limit && this.waiting.length > 0) {
      const session = this.turns.shift() ?? assert.fail();
      const own = this.waiting.filter((one) => one.session === session).sort((x, y) => x.order - y.order);
      const next = own[0] ?? assert.fail();
      this.waiting = this.waiting.filter((one) => one !== next);
      if (own.length > 1) this.turns.push(session);
      this.held[session] = (this.held[session] ?? 0) + 1;
      this.granted.push(next);
    }
  }

  join(session: number, order: number): void {
    if (!this.turns.includes(session)) this.turns.push(session);
    this.waiting.push({ session, order });
  }

  leave(waiter: ModelWaiter): void {
    this.waiting = this.waiting.filter((one) => one !== waiter);
    if (!this.waiting.some((one) => one.session === waiter.session))
      this.turns = this.turns.filter((session) => session !== waiter.session);
  }
}

type Step =
  | { readonly kind: 'acquire'; readonly session: number; readonly back: number }
  | { readonly kind: 'release'; readonly which: number; readonly signal: LoadSignal }
  | { readonly kind: 'abort'; readonly which: number }
  | { readonly kind: 'setMax'; readonly max: number }
  | { readonly kind: 'ask'; readonly session: number; readonly open: number };

const signals: readonly LoadSignal[] = ['answered', 'overload', 'late', 'lost', 'nothing'];
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('acquire' as const), session: fc.nat(3), back: fc.nat(3) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      which: fc.nat(50),
      signal: fc.constantFrom(...signals),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('abort' as const), which: fc.nat(50) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('setMax' as const), max: fc.integer({ min: 1, max: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), session: fc.nat(3), open: fc.nat(2) }),
  },
);

/** Runs the steps against both; asserts after each that they agree. */
class Differential {
  readonly #places: Places;
  readonly #model: Model;
  readonly #sessions: SessionPlaces[];
  readonly #leases: { readonly session: number; readonly lease: Lease }[] = [];
  readonly #queue: { readonly model: ModelWaiter; readonly waiting: Waiting }[] = [];
  readonly #granted: ModelWaiter[] = [];
  #now = 0;
  #order = 0;

  constructor(max: number) {
    this.#places = new Places(max, () => this.#now);
    this.#model = new Model(max);
    this.#sessions = [0, 1, 2, 3].map((key) => this.#places.session(String(key)));
  }

  run(one: Step): void {
    this.#now += 1;
    const before = this.#model.occupied;
    this.#apply(one);
    // What the limit becomes is another model's business; who gets a place under it is this one's.
    const grew = this.#model.occupied > before && one.kind !== 'ask';
    this.#model.fill(this.#places.limit);
    this.#compare(grew);
  }

  #apply(one: Step): void {
    switch (one.kind) {
      case 'acquire':
        this.#acquire(one.session, one.back);
        return;
      case 'release': {
        const [held] = this.#leases.splice(one.which % Math.max(1, this.#leases.length), 1);
        if (held === undefined) return;
        this.#model.held[held.session] = (this.#model.held[held.session] ?? 0) - 1;
        held.lease.release(one.signal);
        held.lease.release(one.signal);
        return;
      }
      case 'abort': {
        const [left] = this.#queue.splice(one.which % Math.max(1, this.#queue.length), 1);
        if (left === undefined) return;
        this.#model.leave(left.model);
        assert.equal(left.waiting.leave(), true);
        return;
      }
      case 'setMax':
        this.#places.setMax(one.max);
        return;
      case 'ask':
        this.#model.open[one.session] = one.open;
        this.#sessions[one.session]?.noteClientRequests(one.open);
        return;
    }
  }

  #acquire(session: number, back: number): void {
    this.#order += 1;
    // Some come back, and stand before others of their session.
    const order = this.#order - back * 1.5;
    const lease = this.#sessions[session]?.take();
    if (lease !== undefined) {
      assert.equal(this.#model.waiting.length, 0, 'somebody was overtaken');
      this.#leases.push({ session, lease });
      this.#model.held[session] = (this.#model.held[session] ?? 0) + 1;
      return;
    }
    this.#model.join(session, order);
    const model = this.#model.waiting.at(-1) ?? assert.fail();
    const waiting = this.#sessions[session]?.wait(order, (granted) => {
      this.#granted.push(model);
      const at = this.#queue.findIndex((queued) => queued.model === model);
      this.#queue.splice(at, 1);
      this.#leases.push({ session, lease: granted });
    });
    this.#queue.push({ model, waiting: waiting ?? assert.fail() });
  }

  #compare(grew: boolean): void {
    const places = this.#places;
    const model = this.#model;
    assert.deepEqual(this.#granted, model.granted, 'not the same were let in, or in another order');
    assert.equal(places.occupied, model.occupied);
    assert.equal(places.queued, model.waiting.length);
    assert.ok(places.limit >= 1 && places.limit <= places.max);
    if (grew) assert.ok(places.occupied <= places.limit, 'more than the limit were let in');
    if (places.queued > 0) assert.ok(places.occupied >= places.limit, 'somebody waits beside a free place');
  }

  /** Everybody ends: nobody is left waiting. */
  finish(): void {
    for (const session of this.#sessions) session.noteClientRequests(0);
    this.#model.open = [0, 0, 0, 0];
    this.#model.fill(this.#places.limit);
    for (let held = this.#leases.shift(); held !== undefined; held = this.#leases.shift()) {
      this.#model.held[held.session] = (this.#model.held[held.session] ?? 0) - 1;
      held.lease.release('answered');
      this.#model.fill(this.#places.limit);
    }
    assert.deepEqual(this.#granted, this.#model.granted);
    assert.deepEqual([this.#places.occupied, this.#places.queued, this.#queue.length], [0, 0, 0]);
  }
}

describe('places against a reference model', () => {
  it('R4.1 10,000 sequences: never over the limit, nobody forgotten, nobody overtaken, nobody left', function () {
    this.timeout(60_000);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { maxLength: 60, size: 'max' }),
        (max, steps) => {
          const both = new Differential(max);
          for (const one of steps) both.run(one);
          both.finish();
        },
      ),
      { numRuns: 10_000 },
    );
  });

  it('R4.1 however much one session asks for, another one waits for one turn of it at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), (many, few) => {
        const { a, b } = given(1);
        let lease = taken(a);
        const turns: string[] = [];
        const wait = (session: SessionPlaces, count: number): void => {
          for (let order = 0; order < count; order += 1)
            session.wait(order, (next) => {
              turns.push(session.key);
              lease = next;
            });
        };
        wait(a, many);
        wait(b, few);
        while (turns.length < many + few) lease.release('answered');
        const both = turns.slice(0, 2 * Math.min(many, few));
        assert.ok(both.every((key, at) => key === (at % 2 === 0 ? 'a' : 'b')));
      }),
    );
  });
});
