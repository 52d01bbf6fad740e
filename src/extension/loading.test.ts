import assert from 'node:assert/strict';
import { Fault } from '../shared/model/fault.ts';
import { isLoadError, loaded, onFirstUse } from './loading.ts';
import { untranslated } from './translate.ts';

describe('code that is loaded when it is used', () => {
  it('R13.5 tells in a sentence that it could not be loaded, and why', async () => {
    const gone = loaded(import(new URL('./noSuchPart.ts', import.meta.url).href), untranslated);
    const error = await gone.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(isLoadError(error));
    assert.match(
      error.message,
      /^A part of MCP Lifeline could not be loaded\. Reload the window; .*noSuchPart/,
    );
    assert.doesNotMatch(error.message, /\n/);
    assert.equal(isLoadError(new Error('other')), false);
  });

  it('R13.5 is made once, and again after it could not be made', async () => {
    let tries = 0;
    const get = onFirstUse(() => {
      tries += 1;
      return tries === 1 ? Promise.reject(new Error('gone')) : Promise.resolve(tries);
    });
    await assert.rejects(get());
    assert.deepEqual(await Promise.all([get(), get()]), [2, 2]);
    assert.equal(await get(), 2);
  });

  it('R13.5 knows the faults of other bundles, whose class is another copy', async () => {
    const { Fault: Other } = (await import(
      new URL('../shared/model/fault.ts?other', import.meta.url).href
    )) as {
      Fault: typeof Fault;
    };
    const fault: unknown = new Other('cancelled', 'Cancelled.');
    assert.equal(fault instanceof Fault, false);
    assert.equal(Fault.is(fault), true);
    assert.equal(Fault.is(fault, 'cancelled'), true);
    assert.equal(Fault.is(fault, 'engineUnavailable'), false);
    assert.equal(Fault.is(Object.assign(new Error('x'), { code: 'cancelled' })), false);
  });
});
