import assert from 'node:assert/strict';
import type { Diagnosis } from '../../../shared/model/snapshot.ts';
import { withSiblingAdvice } from './siblingClash.ts';

describe('a clash with a process of our own', () => {
  const clash: Diagnosis = { cause: 'portInUse', sentence: 's', advice: 'a', port: 80 };

  it('R5.5 advises to share one process', () => {
    const { advice, ...rest } = withSiblingAdvice(clash, true);
    assert.match(advice, /"instances": "single"/);
    assert.deepEqual(rest, { cause: 'portInUse', sentence: 's', port: 80 });
  });

  it('R5.5 is none where no other session has a process, or another cause is known', () => {
    const crash: Diagnosis = { ...clash, cause: 'crash' };
    assert.equal(withSiblingAdvice(clash, false), clash);
    assert.equal(withSiblingAdvice(crash, true), crash);
  });
});
