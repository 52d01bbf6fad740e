import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EndpointSelector } from './endpointSelector.ts';

const given = (urls: readonly string[] = ['a', 'b', 'c']) => {
  const time = { now: 0 };
  return { selector: new EndpointSelector(urls, () => time.now), time };
};

describe('choice of an endpoint', () => {
  it('R4.4 begins with the preferred one, and stays there while it is well', () => {
    const { selector, time } = given();
    for (let at = 0; at < 5; at += 1) {
      assert.equal(selector.current, 'a');
      selector.noteReady('a');
      time.now += 100_000;
    }
  });

  it('R4.4 goes to the next healthy one, in the order of the list', () => {
    const { selector } = given();
    selector.noteFailure('a');
    assert.equal(selector.current, 'b');
    selector.noteFailure('b');
    assert.equal(selector.current, 'c');
  });

  it('R4.4 is sticky: it does not go back by itself, however much time passes', () => {
    const { selector, time } = given();
    selector.noteFailure('a');
    selector.noteReady('b');
    time.now += 10_000_000;
    assert.equal(selector.current, 'b');
  });

  it('R4.4 the failure of one that is not in use changes nothing', () => {
    const { selector } = given();
    selector.noteFailure('b');
    assert.equal(selector.current, 'a');
    selector.noteFailure('a');
    assert.equal(selector.current, 'c');
  });

  it('R4.4 when all have failed it is the turn of the one that failed first', () => {
    const { selector, time } = given();
    for (const url of ['a', 'b', 'c']) {
      selector.noteFailure(url);
      time.now += 1;
    }
    assert.equal(selector.current, 'a');
    selector.noteFailure('a');
    assert.equal(selector.current, 'b');
  });

  it('R4.4 says whether there is another one to try at once', () => {
    const { selector, time } = given(['a', 'b']);
    assert.equal(selector.hasOther('a'), true);
    selector.noteFailure('a');
    selector.noteFailure('b');
    assert.equal(selector.hasOther('b'), false);
    time.now += 30_000;
    assert.equal(selector.hasOther('b'), true);
    assert.equal(given(['a']).selector.hasOther('a'), false);
  });

  it('R4.4 goes back when the preferred one has answered twice in a row', () => {
    const { selector } = given();
    selector.noteFailure('a');
    assert.equal(selector.noteProbe(true), false);
    assert.equal(selector.noteProbe(false), false);
    assert.equal(selector.noteProbe(true), false);
    assert.equal(selector.current, 'b');
    assert.equal(selector.noteProbe(true), true);
    assert.equal(selector.current, 'a');
  });

  it('R4.4 an endpoint that is not in the list any more is of no interest', () => {
    const { selector } = given();
    selector.noteFailure('z');
    selector.noteReady('z');
    assert.equal(selector.current, 'a');
  });

  it('R4.4 whatever happens, it never stays at one that failed just now while another one is well', () => {
    const urls = ['a', 'b', 'c', 'd'];
    const event = fc.record({
      kind: fc.constantFrom('failure', 'ready', 'good', 'bad'),
      url: fc.constantFrom(...urls),
      afterMs: fc.nat(20_000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40, size: 'max' }), (events) => {
        const { selector, time } = given(urls);
        for (const { kind, url, afterMs } of events) {
          time.now += afterMs;
          const before = selector.current;
          if (kind === 'failure') selector.noteFailure(url);
          else if (kind === 'ready') selector.noteReady(url);
          else selector.noteProbe(kind === 'good');
          assert.ok(urls.includes(selector.current));
          if (kind === 'failure' && url !== before) assert.equal(selector.current, before);
          if (kind === 'failure' && selector.hasOther(url)) assert.notEqual(selector.current, url);
          if (kind === 'ready' || kind === 'bad') assert.equal(selector.current, before);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
