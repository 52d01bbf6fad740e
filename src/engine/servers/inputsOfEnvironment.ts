import { inputVariables } from '../../shared/settings/inputs.ts';
import type { InputSource } from './inputDesk.ts';

/** Without an editor the values of inputs stand in the environment: `MCP_LIFELINE_INPUT_<id>`. Nobody says which are secret, so all are. */
export function inputsOfEnvironment(environment: NodeJS.ProcessEnv): InputSource {
  return ({ inputs }) => {
    const found = inputs.map((id) => ({
      id,
      value: inputVariables(id)
        .map((name) => environment[name])
        .find((value) => value !== undefined),
    }));
    const missing = found.filter(({ value }) => value === undefined).map(({ id }) => settable(id));
    return Promise.resolve({
      values: found.flatMap(({ id, value }) => (value === undefined ? [] : [{ id, value, secret: true }])),
      ...(missing.length === 0
        ? {}
        : {
            message: `Set ${missing.map((name) => `"${name}"`).join(', ')} in the environment of the engine, and start it again.`,
          }),
    });
  };
}

/** The variable to name: no shell sets one with a hyphen or a blank in it. */
function settable(id: string): string {
  const names = inputVariables(id);
  return names.find((name) => /^\w+$/.test(name)) ?? names.at(-1) ?? id;
}
