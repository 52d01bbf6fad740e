import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseSnapshot } from '../../shared/model/snapshot.ts';
import { serverSnapshot, snapshotOf } from '../../../test/support/healthBuilders.ts';
import { describeMissing, missingNames, namesOf } from './shrinkage.ts';

describe('a list that shrank', () => {
  it('R5.10 lacks the names that are not there any more', () => {
    assert.deepEqual(missingNames(['a', 'b', 'c'], ['b']), ['a', 'c']);
    assert.deepEqual(missingNames(['a', 'b'], []), ['a', 'b']);
  });

  it('R5.10 has not shrunk when it is as long as it was, or longer: it has changed', () => {
    assert.deepEqual(missingNames(['a', 'b'], ['b', 'a']), []);
    assert.deepEqual(missingNames(['a', 'b'], ['c', 'd']), []);
    assert.deepEqual(missingNames(['a'], ['b', 'c']), []);
    assert.deepEqual(missingNames([], []), []);
  });

  it('is named by what MCP names its items by', () => {
    assert.deepEqual(namesOf('tools', [{ name: 'a' }, { name: 'a' }, {}, null, 5]), ['a']);
    assert.deepEqual(namesOf('resources', [{ name: 'a', uri: 'file:///a' }]), ['file:///a']);
    assert.deepEqual(namesOf('resourceTemplates', [{ uriTemplate: 't' }]), ['t']);
  });

  it('R5.10 is told with what is missing, tools first', () => {
    const left = (member: string): number => (member === 'tools' ? 2 : 0);
    const told = describeMissing({ tools: ['x'], resources: ['r1'], resourceTemplates: ['r2'] }, left);
    assert.deepEqual(told, {
      reason: 'fewerTools',
      sentence:
        'It answers, but since a restart it lacks what it had before: 1 tool ("x"); all 2 resources ("r1", "r2").',
      missing: ['x', 'r1', 'r2'],
    });
    assert.equal(describeMissing({ prompts: ['p'] }, () => 1)?.reason, 'fewerPrompts');
    assert.equal(
      describeMissing({ tools: [] }, () => 1),
      undefined,
    );
    assert.equal(
      describeMissing(undefined, () => 1),
      undefined,
    );
  });

  it('R14.3 fits the snapshot, whatever the names are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2_000 }), { maxLength: 200 }), (names) => {
        const degraded = describeMissing({ tools: names, prompts: names }, () => 0);
        parseSnapshot(snapshotOf([serverSnapshot('s', degraded === undefined ? {} : { degraded })]));
      }),
      { numRuns: 50 },
    );
  });
});
