import type { Node } from 'jsonc-parser';
import { MAX_FINDINGS, MAX_FINDING_TEXT, type FindingCode } from '../../shared/protocol/languageMessages.ts';
import { parseAlertSettings } from '../../shared/settings/alertSettings.ts';
import { parseConnectionSettings } from '../../shared/settings/connectionSettings.ts';
import { parseInputs } from '../../shared/settings/inputs.ts';
import { anyScope, parseServerTemplate } from '../../shared/settings/serverTemplate.ts';
import { inputsIn, membersWithVariables } from '../../shared/settings/variables.ts';
import {
  itemsOf,
  memberOf,
  membersOf,
  nodeAtPlace,
  partOf,
  textOf,
  valueOf,
  type LifelineDocument,
  type ServerNode,
  type Span,
} from './lifelineDocument.ts';
import { isLoopback, portsOf, type NamedPort } from './ports.ts';
import { secretTexts } from './secretParts.ts';

/** Something that a person should look at, and where. */
export interface Finding {
  readonly code: FindingCode;
  /** For the sentence; without secrets. */
  readonly args: readonly string[];
  readonly span: Span;
  readonly severity: 'error' | 'warning' | 'information';
  /** The text that it is about, where a fix needs it. */
  readonly node?: Node;
  /** `plainSecret`: what of the text is secret. */
  readonly parts?: readonly string[];
  /** `portCollision`: the port can be changed there. */
  readonly isOwnPort?: boolean;
  readonly server?: string;
}

export interface FindingContext {
  /** Servers of the settings. */
  readonly configured: readonly string[];
}

/** All that can be found without asking the system. Never throws. */
export function findingsOf(document: LifelineDocument, context: FindingContext): readonly Finding[] {
  const found = [
    ...clashes(document, context),
    ...collisions(document),
    ...document.servers.flatMap((server) =>
      server.value === undefined
        ? []
        : [
            ...badValues(document, server, server.value),
            ...plainSecrets(server, server.value),
            ...insecureUrls(document, server, server.value),
            ...undefinedInputs(document, server, server.value),
          ],
    ),
    ...badInputs(document),
  ];
  return found.slice(0, MAX_FINDINGS).map((finding) => ({
    ...finding,
    args: finding.args.map((arg) =>
      arg.length <= MAX_FINDING_TEXT ? arg : `${arg.slice(0, MAX_FINDING_TEXT - 1)}…`,
    ),
  }));
}

function clashes({ kind, servers }: LifelineDocument, { configured }: FindingContext): Finding[] {
  const first = new Map<string, string>();
  const ours = new Map(configured.map((name) => [name.toLowerCase(), name]));
  return servers.flatMap(({ name, key }): Finding[] => {
    const other = first.get(name.toLowerCase());
    if (other === undefined) first.set(name.toLowerCase(), name);
    // The same key twice is what the editor itself marks.
    else if (other !== name)
      return [{ code: 'nameClash', args: [other], span: key, severity: 'warning', node: key, server: name }];
    const taken = kind === 'mcp' ? ours.get(name.toLowerCase()) : undefined;
    return taken === undefined
      ? []
      : [{ code: 'nameTaken', args: [taken], span: key, severity: 'warning', node: key, server: name }];
  });
}

function collisions({ text, servers }: LifelineDocument): Finding[] {
  const byPort = new Map<number, { readonly server: string; readonly named: NamedPort }[]>();
  for (const { name, value } of servers) {
    if (value === undefined || memberOf(memberOf(value, 'lifeline'), 'enabled')?.value === false) continue;
    const own = new Set<number>();
    for (const named of portsOf(text, value)) {
      // `--port 3000` beside `PORT=3000` of one server is no collision.
      if (own.has(named.port)) continue;
      own.add(named.port);
      const list = byPort.get(named.port) ?? [];
      list.push({ server: name, named });
      byPort.set(named.port, list);
    }
  }
  return [...byPort.entries()].flatMap(([port, uses]) => {
    // Two addresses of one program are no collision: it may serve both.
    if (uses.length < 2 || !uses.some(({ named }) => named.isOwn)) return [];
    return uses.map(({ server, named }): Finding => {
      const other = uses.find((use) => use.server !== server && (use.named.isOwn || named.isOwn));
      return {
        code: 'portCollision',
        args: [String(port), other?.server ?? server],
        span: named.span,
        severity: 'warning',
        node: named.node,
        isOwnPort: named.isOwn,
        server,
      };
    });
  });
}

function plainSecrets({ name: server }: ServerNode, entry: Node): Finding[] {
  return secretTexts(entry).map(({ node, name, parts }) => ({
    code: 'plainSecret',
    args: [name],
    span: node,
    severity: 'warning',
    node,
    parts,
    server,
  }));
}

function insecureUrls({ text }: LifelineDocument, { name }: ServerNode, entry: Node): Finding[] {
  const nodes = [memberOf(entry, 'url'), ...itemsOf(memberOf(memberOf(entry, 'lifeline'), 'endpoints'))];
  return nodes.flatMap((node): Finding[] => {
    const host = hostInTheClear(textOf(node));
    return node === undefined || host === undefined
      ? []
      : [
          {
            code: 'insecureUrl',
            args: [host],
            span: partOf(text, node, textOf(node) ?? ''),
            severity: 'warning',
            node,
            server: name,
          },
        ];
  });
}

/** The host of an `http:` address that is not of this machine. */
function hostInTheClear(url: string | undefined): string | undefined {
  if (url === undefined || !/^http:\/\//i.test(url)) return undefined;
  // What is left to a person may be this machine.
  const host = /^http:\/\/([^/?#]*)/i.exec(url)?.[1] ?? '';
  if (host.includes('${') || !URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  return hostname === '' || isLoopback(hostname) ? undefined : hostname;
}

function undefinedInputs({ text, inputIds }: LifelineDocument, server: ServerNode, entry: Node): Finding[] {
  return variableTexts(entry).flatMap((node) =>
    [...new Set(inputsIn(String(node.value)))]
      .filter((id) => id !== '' && !inputIds.has(id))
      .map((id) => ({
        code: 'undefinedInput' as const,
        args: [id],
        span: partOf(text, node, `\${input:${id}}`),
        severity: 'error' as const,
        node,
        server: server.name,
      })),
  );
}

/** The texts of an entry that may hold variables. */
export function variableTexts(entry: Node): readonly Node[] {
  return membersWithVariables.flatMap((name) => {
    const member = memberOf(entry, name);
    const nodes = [member, ...itemsOf(member), ...membersOf(member).map(({ value }) => value)];
    return nodes.filter((node): node is Node => node?.type === 'string');
  });
}

const unknownMember = 'is not a known setting';

/** What the parsers of the settings say, where the editor's own schema does not say it already. */
function badValues({ kind }: LifelineDocument, { name, key, value }: ServerNode, entry: Node): Finding[] {
  const plain = valueOf(entry);
  const prefix = 's';
  const parsed = parseServerTemplate(name, plain, {
    pathPrefix: prefix,
    trustByDefault: true,
    scope: anyScope,
  });
  const place = `${prefix}.${name}`;
  const { connection, alerts } = parsed.config?.lifeline ?? {};
  const problems = [
    ...parsed.problems,
    ...parseConnectionSettings([{ path: `${place}.lifeline.connection`, values: connection }]).problems,
    ...parseAlertSettings([{ path: `${place}.lifeline.alerts`, values: alerts, isServer: true }]).problems,
  ];
  return problems.flatMap(({ path, message }): Finding[] => {
    const rest = path.slice(place.length);
    // An `mcp.json` is VS Code's own; only our part of it is ours to judge. Settings have a schema, which knows all names.
    if (kind === 'mcp' ? !rest.startsWith('.lifeline') : message.startsWith(unknownMember)) return [];
    const { node, member } =
      value === undefined || rest === '' ? { node: key, member: name } : nodeAtPlace(value, rest);
    const span = node === entry ? key : node;
    return [
      {
        code: 'badValue',
        args: [member === '' ? name : member, message],
        span,
        severity: 'warning',
        server: name,
      },
    ];
  });
}

function badInputs({ kind, inputs }: LifelineDocument): Finding[] {
  if (kind === 'mcp' || inputs === undefined) return [];
  return parseInputs(valueOf(inputs), '').problems.flatMap(({ path, message }): Finding[] => {
    if (message.startsWith(unknownMember)) return [];
    const { node, member } = nodeAtPlace(inputs, path);
    return [
      {
        code: 'badValue',
        args: [member === '' ? 'inputs' : member, message],
        span: node,
        severity: 'warning',
      },
    ];
  });
}
