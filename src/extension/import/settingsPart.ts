import { isDeepStrictEqual } from 'node:util';
import { withValue } from './jsonText.ts';

/** What one scope's settings say of servers and inputs, as written. */
export interface SettingsPart {
  readonly servers: Readonly<Record<string, unknown>>;
  readonly inputs: readonly unknown[];
}

export const SERVERS_SETTING = 'mcpLifeline.servers';
export const INPUTS_SETTING = 'mcpLifeline.inputs';

/** The settings with further servers and inputs; those that are there with the same words stay as they are. */
export function withAdditions(part: SettingsPart, more: SettingsPart): SettingsPart {
  const inputs = more.inputs.filter((input) => !part.inputs.some((other) => isDeepStrictEqual(input, other)));
  return {
    servers: Object.fromEntries([...Object.entries(part.servers), ...Object.entries(more.servers)]),
    inputs: [...part.inputs, ...inputs],
  };
}

/** The settings without these servers, and without these inputs where nobody names them any more. */
export function withoutServers(
  part: SettingsPart,
  names: readonly string[],
  inputs: readonly unknown[],
): SettingsPart {
  const servers = Object.fromEntries(Object.entries(part.servers).filter(([name]) => !names.includes(name)));
  const text = JSON.stringify(servers);
  return {
    servers,
    inputs: part.inputs.filter(
      (input) =>
        !inputs.some((other) => isDeepStrictEqual(input, other)) ||
        text.includes(`\${input:${String((input as { id?: unknown }).id)}}`),
    ),
  };
}

/** A settings file with what differs between two states changed, and everything else, comments too, as it is. */
export function editSettingsText(text: string, before: SettingsPart, after: SettingsPart): string {
  let edited = text;
  for (const name of Object.keys(before.servers))
    if (!Object.hasOwn(after.servers, name)) edited = withValue(edited, [SERVERS_SETTING, name], undefined);
  for (const [name, entry] of Object.entries(after.servers))
    if (!isDeepStrictEqual(before.servers[name], entry))
      edited = withValue(edited, [SERVERS_SETTING, name], entry);
  const gone = before.inputs.flatMap((input, index) =>
    after.inputs.some((other) => isDeepStrictEqual(input, other)) ? [] : [index],
  );
  for (const index of gone.reverse()) edited = withValue(edited, [INPUTS_SETTING, index], undefined);
  const kept = before.inputs.length - gone.length;
  for (const input of after.inputs.slice(kept))
    edited =
      before.inputs.length === 0 && input === after.inputs[0]
        ? withValue(edited, [INPUTS_SETTING], [input])
        : withValue(edited, [INPUTS_SETTING, -1], input);
  return edited;
}
