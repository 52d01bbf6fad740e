import assert from 'node:assert/strict';
import { inputsOfEnvironment } from './inputsOfEnvironment.ts';

describe('inputs of a stand-alone engine', () => {
  it('R1.4 R15.1 are named as variables that a shell can set', async () => {
    const source = inputsOfEnvironment({ MCP_LIFELINE_INPUT_KEY: 'k' });
    const inputs = ['KEY', 'plain', 'api-key'];
    const { message, values } = await source({ server: 's', inputs, why: 'call' });
    assert.equal(
      message,
      'Set "MCP_LIFELINE_INPUT_plain", "MCP_LIFELINE_INPUT_API_KEY" in the environment of the engine, and start it again.',
    );
    assert.deepEqual(values, [{ id: 'KEY', value: 'k', secret: true }]);
  });
});
