import assert from 'node:assert/strict';
import { UsageError } from './arguments.ts';
import { requireNode } from './nodeVersion.ts';

describe('the version of Node', () => {
  it('R15.1 that is too old is told, with the one that is needed', () => {
    for (const version of ['20.20.2', '22.18.0', '8.0.0', ''])
      assert.throws(
        () => requireNode(version),
        (error) => {
          assert.ok(error instanceof UsageError);
          assert.equal(error.message, `MCP Lifeline needs Node 22.19 or later; this is ${version}.`);
          return true;
        },
      );
    for (const version of ['22.19.0', '22.20.1', '23.0.0', '24.21.0', '100.0.0']) requireNode(version);
  });
});
