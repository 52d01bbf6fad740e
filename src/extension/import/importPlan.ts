import { isSecretValue, secretsIn } from '../../shared/redaction/secretValues.ts';
import { withInputIds } from './inputIds.ts';
import type { FoundServer } from './readSource.ts';
import type { SettingsPart } from './settingsPart.ts';

/** A value that stood in the open in a file, and is to be kept as a secret. */
export interface FoundSecret {
  readonly server: string;
  /** Where it stood, such as `env.API_KEY`. */
  readonly place: string;
  readonly id: string;
  readonly value: string;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A name that no other server has, ignoring case. */
export function freeName(name: string, taken: Iterable<string>): string {
  const lower = new Set([...taken].map((other) => other.toLowerCase()));
  if (!lower.has(name.toLowerCase())) return name;
  for (let number = 2; ; number += 1) {
    const wanted = `${name}-${number}`;
    if (!lower.has(wanted.toLowerCase())) return wanted;
  }
}

/**
 * The entry with `${input:…}` in place of what looks like a secret (requirements R1.2, R14.4): whole values in `env` and `headers`, where secrets have names,
 * and what stands in an address or in the arguments; the inputs that it then needs, and the values.
 */
export function withoutPlainSecrets(
  server: string,
  entry: Readonly<Record<string, unknown>>,
  takenIds: Iterable<string>,
): {
  readonly entry: Readonly<Record<string, unknown>>;
  readonly inputs: readonly unknown[];
  readonly secrets: readonly FoundSecret[];
} {
  const ids = new Set(takenIds);
  const secrets: FoundSecret[] = [];
  const inputs: unknown[] = [];
  const ask = (member: string, name: string, value: string): string => {
    const what = name === '' ? member : name;
    const base = `${server}-${what}`.replace(/[{}]/g, '').slice(0, 200);
    const id = freeName(base, ids);
    ids.add(id);
    secrets.push({ server, place: name === '' ? member : `${member}.${name}`, id, value });
    inputs.push({ id, type: 'promptString', description: `${what} (${server})`, password: true });
    return `\${input:${id}}`;
  };
  const cleaned = (member: 'env' | 'headers'): unknown => {
    const values = entry[member];
    if (!isRecord(values)) return values;
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        if (typeof value !== 'string' || value.includes('${')) return [name, value];
        const scheme = /^(?:Bearer|Basic|Token)\s+/i.exec(value)?.[0] ?? '';
        const secret = value.slice(scheme.length);
        const isSecret = scheme !== '' ? secret !== '' : isSecretValue(name, value);
        return [name, isSecret ? `${scheme}${ask(member, name, secret)}` : value];
      }),
    );
  };
  const changed: Record<string, unknown> = {
    ...entry,
    ...(entry['env'] === undefined ? {} : { env: cleaned('env') }),
    ...(entry['headers'] === undefined ? {} : { headers: cleaned('headers') }),
  };
  // A part of a value: of an address, a connection string, `--header "Authorization: Bearer …"`.
  for (const member of ['url', 'args', 'env', 'headers'] as const) {
    const parts = secretsIn({ [member]: changed[member] }).filter((part) => !part.includes('${'));
    for (const part of parts.sort((one, other) => other.length - one.length)) {
      let variable: string | undefined;
      changed[member] = withTexts(changed[member], (name, text) => {
        if (!text.includes(part)) return text;
        variable ??= ask(member, name, part);
        return text.replaceAll(part, () => variable ?? part);
      });
    }
  }
  return { entry: changed, inputs, secrets };
}

/** A text, or a list or an object of texts, with each text changed; `name` is that of the member, or empty. */
function withTexts(value: unknown, change: (name: string, text: string) => string): unknown {
  if (typeof value === 'string') return change('', value);
  if (Array.isArray(value))
    return value.map((item: unknown) => (typeof item === 'string' ? change('', item) : item));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, typeof item === 'string' ? change(name, item) : item]),
  );
}

/** What importing these servers adds to the settings of one scope. Names that are taken become free ones. */
export function planImport(options: {
  readonly found: readonly FoundServer[];
  /** Servers of all scopes. */
  readonly names: readonly string[];
  readonly settings: SettingsPart;
  readonly hideSecrets: boolean;
}): { readonly additions: SettingsPart; readonly secrets: readonly FoundSecret[] } {
  const { found, names, settings, hideSecrets } = options;
  const taken = [...names, ...Object.keys(settings.servers)];
  const servers: Record<string, unknown> = {};
  const inputs: unknown[] = [];
  const secrets: FoundSecret[] = [];
  const idOf = (input: unknown): string => (isRecord(input) ? String(input['id']) : '');
  for (const server of found) {
    if (server.entry === undefined) continue;
    const name = freeName(server.name, taken);
    taken.push(name);
    const ids = new Map<string, string>();
    const own = server.inputs.map(idOf);
    for (const input of server.inputs) {
      const known = [...settings.inputs, ...inputs].filter((other) => idOf(other) === idOf(input));
      if (known.some((other) => JSON.stringify(other) === JSON.stringify(input))) continue;
      const others = own.filter((other) => other !== idOf(input));
      const id = freeName(idOf(input), [...[...settings.inputs, ...inputs].map(idOf), ...others]);
      ids.set(idOf(input), id);
      inputs.push({ ...(input as object), id });
    }
    const entry = withInputIds(server.entry, ids) as Record<string, unknown>;
    if (!hideSecrets) {
      servers[name] = entry;
      continue;
    }
    const clean = withoutPlainSecrets(name, entry, [...settings.inputs, ...inputs].map(idOf));
    servers[name] = clean.entry;
    inputs.push(...clean.inputs);
    secrets.push(...clean.secrets);
  }
  return { additions: { servers, inputs }, secrets };
}
