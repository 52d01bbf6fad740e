import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ClassQueue, requestClasses, type ClassTicket, type RequestClass } from './classQueue.ts';

interface ModelEntry {
  readonly id: number;
  readonly requestClass: RequestClass;
  readonly client: string;
  readonly order: number;
  readonly since: number;
}

const weights = { critical: 64, high: 16, normal: 4, low: 1 };

/** The same line as one plain list that is searched from end to end each time. */
class Model {
  entries: ModelEntry[] = [];
  /** Clients of each class in the order of their turns. */
  readonly #turns = new Map<RequestClass, string[]>(requestClasses.map((name) => [name, []]));
  readonly #pass = new Map<RequestClass, number>(requestClasses.map((name) => [name, 0]));
  readonly #takenAt = new Map<RequestClass, number>(requestClasses.map((name) => [name, -Infinity]));
  #time = 0;
  #sinceAged = 0;

  of(requestClass: RequestClass): ModelEntry[] {
    return this.entries.filter((entry) => entry.requestClass === requestClass);
  }

  #turnsOf(requestClass: RequestClass): string[] {
    return this.#turns.get(requestClass) ?? assert.fail();
  }

  #passOf(requestClass: RequestClass): number {
    return this.#pass.get(requestClass) ?? assert.fail();
  }

  add(entry: ModelEntry): void {
    const { requestClass, client } = entry;
    if (this.of(requestClass).length === 0)
      this.#pass.set(requestClass, Math.max(this.#passOf(requestClass), this.#time));
    const turns = this.#turnsOf(requestClass);
    if (!turns.includes(client)) turns.push(client);
    this.entries.push(entry);
  }

  remove(id: number): void {
    const entry = this.entries.find((one) => one.id === id) ?? assert.fail();
    this.entries = this.entries.filter((one) => one !== entry);
    this.#forgetIdle(entry);
  }

  #forgetIdle({ requestClass, client }: ModelEntry): void {
    if (this.of(requestClass).some((one) => one.client === client)) return;
    const turns = this.#turnsOf(requestClass);
    turns.splice(turns.indexOf(client), 1);
  }

  #first(requestClass: RequestClass): ModelEntry {
    const [client] = this.#turnsOf(requestClass);
    const mine = this.of(requestClass).filter((one) => one.client === client);
    return mine.sort((a, b) => a.order - b.order || a.id - b.id)[0] ?? assert.fail();
  }

  take(now: number, allowed: ReadonlySet<RequestClass>): number | undefined {
    const waiting = requestClasses.filter((name) => allowed.has(name) && this.of(name).length > 0);
    const [next] = waiting.toSorted((a, b) => this.#passOf(a) - this.#passOf(b));
    if (next === undefined) return undefined;
    const waited = (name: RequestClass): number =>
      now - Math.max(this.#takenAt.get(name) ?? 0, this.#first(name).since);
    const aged = this.#sinceAged < 3 ? [] : waiting.filter((name) => waited(name) >= 5_000);
    // Of two that have waited as long the lower class is the one that waits in vain.
    const [oldest] = aged.reverse().toSorted((a, b) => waited(b) - waited(a));
    const chosen = oldest ?? next;
    if (chosen === next) {
      this.#sinceAged += 1;
      this.#time = Math.max(this.#time, this.#passOf(chosen));
      this.#pass.set(chosen, this.#passOf(chosen) + 1 / weights[chosen]);
    } else this.#sinceAged = 0;
    this.#takenAt.set(chosen, now);
    const entry = this.#first(chosen);
    const turns = this.#turnsOf(chosen);
    turns.push(turns.shift() ?? assert.fail());
    this.remove(entry.id);
    return entry.id;
  }
}

type Step =
  | {
      readonly kind: 'add';
      readonly requestClass: RequestClass;
      readonly client: number;
      readonly back: number;
    }
  | { readonly kind: 'take'; readonly not: RequestClass | undefined }
  | { readonly kind: 'remove'; readonly which: number }
  | { readonly kind: 'pass'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      requestClass: fc.constantFrom(...requestClasses),
      client: fc.nat(3),
      back: fc.nat(3),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      not: fc.constantFrom(undefined, undefined, ...requestClasses),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), which: fc.nat(50) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(6_000) }) },
);

function play(steps: readonly Step[]): void {
  const queue = new ClassQueue<number>();
  const model = new Model();
  const tickets = new Map<number, ClassTicket<number>>();
  let now = 0;
  let id = 0;
  const taken = (which: number | undefined): void => {
    if (which !== undefined) tickets.delete(which);
  };
  for (const one of steps) {
    now += 1;
    switch (one.kind) {
      case 'add': {
        id += 1;
        const entry = {
          id,
          requestClass: one.requestClass,
          client: String(one.client),
          // Some come back, and stand before others of their client.
          order: id - one.back * 1.5,
          since: now,
        };
        model.add(entry);
        tickets.set(id, queue.add(entry.requestClass, entry.client, entry.order, id, now));
        break;
      }
      case 'take': {
        const allowed = new Set(requestClasses.filter((name) => name !== one.not));
        const expected = model.take(now, allowed);
        assert.equal(
          queue.take(now, (name) => allowed.has(name)),
          expected,
        );
        taken(expected);
        break;
      }
      case 'remove': {
        const [which] = [...tickets.keys()].slice(one.which % Math.max(1, tickets.size));
        if (which === undefined) break;
        const ticket = tickets.get(which) ?? assert.fail();
        model.remove(which);
        assert.equal(queue.remove(ticket), true);
        assert.equal(queue.remove(ticket), false);
        taken(which);
        break;
      }
      case 'pass':
        now += one.ms;
    }
    assert.equal(queue.size, model.entries.length);
    for (const name of requestClasses) assert.equal(queue.sizeOf(name), model.of(name).length);
  }
  while (model.entries.length > 0) {
    now += 1;
    assert.equal(queue.take(now), model.take(now, new Set(requestClasses)));
  }
  assert.equal(queue.take(now), undefined);
}

/** Takes all of `count` turns, at times that are `stepMs` apart. */
function turnsOf(queue: ClassQueue<string>, count: number, stepMs: number): Map<string, number> {
  const turns = new Map<string, number>();
  for (let turn = 0; turn < count; turn += 1) {
    const name = queue.take(turn * stepMs) ?? assert.fail();
    turns.set(name, (turns.get(name) ?? 0) + 1);
  }
  return turns;
}

describe('queue of classes', () => {
  it('R10.1 10,000 sequences as in a plain list: nobody forgotten, overtaken or let go twice', function () {
    this.timeout(60_000);
    fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), play), { numRuns: 10_000 });
  });

  it('R10.1 shares the turns by weight where everybody waits', () => {
    const queue = new ClassQueue<string>();
    for (const name of requestClasses)
      for (let order = 0; order < 1_000; order += 1) queue.add(name, 'c', order, name, 0);
    const turns = turnsOf(queue, 850, 0);
    assert.deepEqual(Object.fromEntries(turns), { critical: 640, high: 160, normal: 40, low: 10 });
  });

  it('R10.1 who asks for little comes first however much of a lower class waits', () => {
    const queue = new ClassQueue<string>();
    for (let order = 0; order < 1_000; order += 1) queue.add('low', 'flood', order, 'low', 0);
    for (let turn = 0; turn < 100; turn += 1) {
      queue.take(turn);
      queue.add('critical', 'person', turn, 'critical', turn);
      assert.equal(queue.take(turn), 'critical');
    }
  });

  it('R10.1 a class that waited five seconds in vain has a turn, but no more than one in four', () => {
    const queue = new ClassQueue<string>();
    for (let order = 0; order < 1_000; order += 1) queue.add('critical', 'c', order, 'critical', 0);
    for (const name of ['high', 'normal', 'low'] as const)
      for (let order = 0; order < 100; order += 1) queue.add(name, 'c', order, name, 0);
    // One turn a second.
    const turns = turnsOf(queue, 120, 1_000);
    assert.ok((turns.get('low') ?? 0) >= 120 / 12 - 2, `${turns.get('low')}`);
    assert.ok((turns.get('critical') ?? 0) >= 60, `${turns.get('critical')}`);
  });

  it('R10.1 tells how many turns come before one more of a client', () => {
    const queue = new ClassQueue<string>();
    for (let order = 0; order < 10; order += 1) queue.add('critical', 'many', order, '', 0);
    queue.add('critical', 'few', 11, '', 0);
    assert.equal(queue.ahead('critical', 'new'), 0);
    assert.equal(queue.ahead('critical', 'few'), 2);
    assert.equal(queue.ahead('critical', 'many'), 11);
    assert.equal(queue.ahead('low', 'many'), 0);
  });
});
