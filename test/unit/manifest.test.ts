import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  agentTools,
  commands,
  contextKeys,
  extensionId,
  providerId,
  settingsPrefix,
  statusItemId,
  views,
  walkthroughId,
} from '../../src/shared/contributions.ts';
import {
  alertRuleIds,
  alertRuleSpecs,
  type AlertValueSpec,
} from '../../src/shared/settings/alertSettings.ts';
import { inputKeys, parseInputs } from '../../src/shared/settings/inputs.ts';
import { parseServerConfig } from '../../src/shared/settings/serverConfig.ts';
import {
  connectionSettingNames,
  connectionSettingSpecs,
  connectionSettingsWithoutEffect,
} from '../../src/shared/settings/connectionSettings.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'));

interface Property {
  readonly type: string;
  readonly default: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly scope: string;
  readonly order: number;
  readonly markdownDescription: string;
}
/** As much of a JSON schema as an entry of `mcpLifeline.servers` has. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly enumDescriptions?: readonly string[];
  readonly description?: string;
  readonly markdownDescription?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly additionalProperties?: boolean | Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly defaultSnippets?: readonly { readonly label: string; readonly body: Record<string, unknown> }[];
}
interface MenuItem {
  readonly command: string;
  readonly when?: string;
  readonly group?: string;
}
interface Step {
  readonly id: string;
  readonly description: string;
  readonly completionEvents: readonly string[];
  readonly media: {
    readonly svg?: string;
    readonly image?: Readonly<Record<'dark' | 'light' | 'hc' | 'hcLight', string>>;
    readonly altText: string;
  };
}
interface Manifest {
  readonly name: string;
  readonly publisher: string;
  readonly main: string;
  readonly icon: string;
  readonly l10n: string;
  readonly extensionKind: readonly string[];
  readonly activationEvents: readonly string[];
  readonly capabilities: {
    readonly untrustedWorkspaces: { supported: string; restrictedConfigurations: readonly string[] };
    readonly virtualWorkspaces: { supported: string | boolean; description: string };
  };
  readonly contributes: {
    readonly mcpServerDefinitionProviders: readonly { id: string }[];
    readonly commands: readonly { command: string; title: string; category: string }[];
    readonly menus: Readonly<Record<string, readonly MenuItem[]>>;
    readonly viewsContainers: { readonly activitybar: readonly { id: string; icon: string }[] };
    readonly views: Readonly<Record<string, readonly { id: string }[]>>;
    readonly viewsWelcome: readonly { view: string }[];
    readonly walkthroughs: readonly { readonly id: string; readonly steps: readonly Step[] }[];
    readonly languageModelTools: readonly {
      readonly name: string;
      readonly toolReferenceName: string;
      readonly canBeReferencedInPrompt: boolean;
      readonly modelDescription: string;
      readonly inputSchema: Schema;
    }[];
    readonly configuration: readonly {
      title: string;
      order: number;
      properties: Readonly<Record<string, Property>>;
    }[];
  };
}

const manifest = read('package.json') as Manifest;
const english = read('package.nls.json') as Record<string, string>;
const portuguese = read('package.nls.pt-br.json') as Record<string, string>;
const { contributes } = manifest;
const properties: Readonly<Record<string, Property>> = Object.assign(
  {},
  ...contributes.configuration.map((section) => section.properties),
) as Readonly<Record<string, Property>>;
const sorted = (items: Iterable<string>): string[] => [...items].sort();

const alertSettingNames = alertRuleIds.flatMap((rule) =>
  ['enabled', ...Object.keys(alertRuleSpecs[rule].values)].map(
    (name) => `${settingsPrefix}.alerts.${rule}.${name}`,
  ),
);

/** What is chosen from is described, numbers have limits (but those that a person watches), and texts of a person's own a description. */
function checkSchema(path: string, schema: Schema): void {
  const { type, minimum, maximum, enum: choices, enumDescriptions } = schema;
  if (choices !== undefined) assert.equal(enumDescriptions?.length, choices.length, path);
  if ((type === 'number' || type === 'integer') && !/\.watch\.(min|max)$/.test(path))
    assert.ok(minimum !== undefined && maximum !== undefined && minimum < maximum, path);
  for (const [key, part] of Object.entries(schema.properties ?? {})) {
    const isGroup = path.endsWith('.alerts');
    assert.ok(isGroup || (part.description ?? part.markdownDescription) !== undefined, `${path}.${key}`);
    checkSchema(`${path}.${key}`, part);
  }
  if (typeof schema.additionalProperties === 'object') checkSchema(path, schema.additionalProperties);
  if (schema.items !== undefined) checkSchema(path, schema.items);
}

/** The source of the engine as one text, without tests and comments. */
function engineSource(): string {
  const folder = join(root, 'src', 'engine');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

describe('manifest', () => {
  it('contributes exactly the commands that the code knows', () => {
    assert.deepEqual(
      sorted(contributes.commands.map(({ command }) => command)),
      sorted(Object.values(commands)),
    );
    for (const { category, title } of contributes.commands) {
      assert.equal(category, 'MCP Lifeline');
      assert.match(title, /^%.+%$/);
    }
  });

  it('uses only its own commands in menus, and hides from the palette what only programs and menus call', () => {
    const known = new Set<string>(Object.values(commands));
    for (const item of Object.values(contributes.menus).flat()) assert.ok(known.has(item.command));
    const hidden = contributes.menus['commandPalette']?.filter(({ when }) => when === 'false');
    assert.deepEqual(
      hidden?.map(({ command }) => command),
      [commands.forceRecoveryAll, commands.getConnectionStatus],
    );
  });

  it('R12.2 offers four inline actions at most on a row, and all of them to the keyboard too', () => {
    const items = contributes.menus['view/item/context'] ?? [];
    const isInline = ({ group }: MenuItem): boolean => group?.startsWith('inline') === true;
    const inlineOf = (kind: string): string[] =>
      items
        .filter(isInline)
        .filter(({ when = '' }) => new RegExp(/=~ \/(.*)\/$/.exec(when)?.[1] ?? '$^').test(kind))
        .map(({ command }) => command);
    assert.deepEqual(inlineOf('server freePort resetBreaker'), [
      commands.forceRecovery,
      commands.restart,
      commands.showLog,
      commands.disableServer,
    ]);
    assert.deepEqual(inlineOf('serverDisabled'), [commands.showLog, commands.enableServer]);
    assert.deepEqual(inlineOf('detail'), []);
    const inMenu = new Set(items.filter((item) => !isInline(item)).map(({ command }) => command));
    for (const { command } of items.filter(isInline)) assert.ok(inMenu.has(command), command);
  });

  it('names provider, container, views and extension as the code does', () => {
    assert.equal(`${manifest.publisher}.${manifest.name}`, extensionId);
    assert.deepEqual(
      contributes.mcpServerDefinitionProviders.map(({ id }) => id),
      [providerId],
    );
    assert.deepEqual(
      contributes.viewsContainers.activitybar.map(({ id }) => id),
      [views.container],
    );
    assert.deepEqual(
      contributes.views[views.container]?.map(({ id }) => id),
      [views.servers, views.dashboard],
    );
    for (const { view } of contributes.viewsWelcome) assert.equal(view, views.servers);
    assert.ok(statusItemId.startsWith(`${settingsPrefix}.`));
  });

  it('R12.6 contributes the tools for agents that the code knows, each with a strict schema', () => {
    const { languageModelTools: tools } = contributes;
    assert.deepEqual(
      tools.map(({ name }) => name),
      Object.values(agentTools),
    );
    assert.deepEqual(
      tools.map(({ toolReferenceName }) => toolReferenceName),
      ['mcpHealth', 'mcpRecover'],
    );
    for (const { inputSchema, canBeReferencedInPrompt, modelDescription } of tools) {
      assert.equal(inputSchema.additionalProperties, false);
      assert.ok(canBeReferencedInPrompt);
      assert.ok(modelDescription.length > 100);
    }
  });

  it('R11.8 no workspace can have telemetry sent anywhere, and none is sent by default', () => {
    const property = properties[`${settingsPrefix}.telemetry.otlp`];
    assert.deepEqual([property?.scope, property?.default], ['machine', '']);
  });

  it('R2 has one setting for each row of the table, with its default and limits', () => {
    const expected = [
      `${settingsPrefix}.servers`,
      `${settingsPrefix}.inputs`,
      `${settingsPrefix}.tellRestarts`,
      `${settingsPrefix}.audit`,
      `${settingsPrefix}.telemetry.otlp`,
      `${settingsPrefix}.auditKeepDays`,
      `${settingsPrefix}.connectionFile`,
      ...Object.keys(connectionSettingSpecs).map((name) => `${settingsPrefix}.connection.${name}`),
      ...alertSettingNames,
    ];
    assert.deepEqual(sorted(Object.keys(properties)), sorted(expected));
    for (const [name, spec] of Object.entries(connectionSettingSpecs)) {
      const property = properties[`${settingsPrefix}.connection.${name}`];
      assert.deepEqual(
        [property?.type, property?.default, property?.minimum, property?.maximum],
        ['integer' in spec ? 'integer' : 'number', spec.default, spec.minimum, spec.maximum],
        name,
      );
      assert.match(property?.scope ?? '', /^(window|resource)$/);
    }
  });

  it('R11.3 has one setting for each value of each alert, with its default, limits and unit', () => {
    for (const rule of alertRuleIds) {
      const flag = properties[`${settingsPrefix}.alerts.${rule}.enabled`];
      assert.deepEqual([flag?.type, flag?.default], ['boolean', true], rule);
      for (const [name, spec] of Object.entries<AlertValueSpec>(alertRuleSpecs[rule].values)) {
        const property = properties[`${settingsPrefix}.alerts.${rule}.${name}`];
        assert.deepEqual(
          [property?.type, property?.default, property?.minimum, property?.maximum],
          [spec.integer === true ? 'integer' : 'number', spec.default, spec.minimum, spec.maximum],
          `${rule}.${name}`,
        );
        const text = english[`config.alerts.${rule}.${name}`] ?? '';
        assert.ok(text.includes(`**${spec.unit}**`), `${rule}.${name}: ${text}`);
      }
    }
  });

  it('R2 says each setting’s unit, and the default for remote servers where it differs', () => {
    const units = { seconds: '**seconds**', count: '**count**', percent: '**percent**' };
    for (const [name, spec] of Object.entries(connectionSettingSpecs)) {
      const text = english[`config.connection.${name}`] ?? '';
      assert.ok(text.includes(units[spec.unit]), `${name}: ${text}`);
      if ('remoteDefault' in spec) assert.ok(text.includes(`Remote servers: ${spec.remoteDefault} `), name);
    }
  });

  it('R2 says of exactly those settings that have no effect yet that they have none', () => {
    const source = engineSource();
    const unread = connectionSettingNames.filter((name) => !new RegExp(`\\b${name}\\b`).test(source));
    assert.deepEqual(sorted(connectionSettingsWithoutEffect), sorted(unread));
    const told = (words: Record<string, string>, sentence: string): string[] =>
      sorted(Object.keys(words).filter((key) => words[key]?.endsWith(sentence)));
    const expected = sorted(unread.map((name) => `config.connection.${name}`));
    assert.deepEqual(told(english, 'It has no effect in this version yet.'), expected);
    assert.deepEqual(told(portuguese, 'Ainda não tem efeito nesta versão.'), expected);
  });

  it('R1.5 gives every setting a description, a default, a scope, its limits, and a place of its own in the list', () => {
    for (const { title, properties: own } of contributes.configuration) {
      const orders = Object.values(own).map(({ order }) => order);
      assert.equal(new Set(orders).size, orders.length, title);
      for (const [name, property] of Object.entries(own)) {
        assert.ok(Number.isInteger(property.order) && 'default' in property, name);
        assert.match(property.scope, /^(machine|machine-overridable|window|resource)$/, name);
        assert.match(property.markdownDescription, /^%.+%$/, name);
        checkSchema(name, property);
      }
    }
    // Sections too stand in an order that was chosen.
    const sections = contributes.configuration.map(({ order }) => order);
    assert.deepEqual(sections, [1, 2, 3, 4]);
  });

  it('R1.6 lets no workspace name a path or an address that a person has not trusted', () => {
    // A path is a fact of one machine: it does not go along with the settings that are synchronised.
    assert.equal(properties[`${settingsPrefix}.connectionFile`]?.scope, 'machine-overridable');
    for (const name of ['servers', 'inputs'])
      assert.equal(properties[`${settingsPrefix}.${name}`]?.scope, 'resource', name);
  });

  describe('schema of a server’s entry', () => {
    const servers = properties[`${settingsPrefix}.servers`] as unknown as Schema;
    const schema = servers.additionalProperties as Schema;
    const problemsOf = (entry: unknown): string[] =>
      parseServerConfig('it', entry, { pathPrefix: 's', trustByDefault: true }).problems.map(
        ({ path, message }) => `${path} ${message}`,
      );

    it('R1.2 knows what the parser knows, of both types of servers', () => {
      const { lifeline, ...entry } = schema.properties ?? {};
      assert.deepEqual(sorted(Object.keys(entry)), [
        'args',
        'command',
        'cwd',
        'env',
        'headers',
        'type',
        'url',
      ]);
      assert.deepEqual(schema.properties?.['type']?.enum, ['stdio', 'http']);
      const options = Object.keys(lifeline?.properties ?? {});
      assert.deepEqual(sorted(options), [
        'alerts',
        'cache',
        'connection',
        'enabled',
        'endpoints',
        'healthCheck',
        'instances',
        'keepWarm',
        'pool',
        'rateLimit',
        'tellRestarts',
        'tier',
        'timeouts',
        'trustAnnotations',
        'watch',
      ]);
      const all = Object.fromEntries(options.map((key) => [key, undefined]));
      assert.deepEqual(problemsOf({ url: 'https://example.com', lifeline: all }), []);
      for (const part of [schema, lifeline, lifeline?.properties?.['connection']])
        assert.equal(part?.additionalProperties, false);
    });

    it('R11.3 offers each server the alerts that are about one', () => {
      const alerts = schema.properties?.['lifeline']?.properties?.['alerts']?.properties ?? {};
      assert.deepEqual(
        sorted(Object.keys(alerts)),
        sorted(alertRuleIds.filter((rule) => alertRuleSpecs[rule].scope === 'server')),
      );
      for (const [rule, { properties: values, additionalProperties }] of Object.entries(alerts)) {
        assert.equal(additionalProperties, false);
        const known = Object.keys(alertRuleSpecs[rule as 'crashLoop'].values);
        assert.deepEqual(sorted(Object.keys(values ?? {})), sorted(['enabled', ...known]));
      }
    });

    it('R1.5 offers snippets that can be used as they are', () => {
      const bodies = (schema.defaultSnippets ?? []).map(({ body }) => JSON.stringify(body));
      const filledIn = bodies.map((body) => JSON.parse(body.replace(/\$\{\d+:([^}]*)\}/g, '$1')) as unknown);
      assert.deepEqual(
        filledIn.map((entry) => (entry as { type: string }).type),
        ['stdio', 'http'],
      );
      for (const entry of filledIn) assert.deepEqual(problemsOf(entry), []);
    });
  });

  it('R1.4 has a schema of inputs that knows what the parser knows', () => {
    const items = (properties[`${settingsPrefix}.inputs`] as unknown as { items: Schema }).items;
    assert.deepEqual(sorted(Object.keys(items.properties ?? {})), sorted(inputKeys));
    assert.equal(items.additionalProperties, false);
    for (const type of items.properties?.['type']?.enum ?? []) {
      const { inputs, problems } = parseInputs([{ id: 'x', type, options: ['a'] }], 'i');
      assert.deepEqual([inputs.length, problems], [1, []], type);
    }
  });

  it('R1.6 restricts what an untrusted workspace may set', () => {
    const { untrustedWorkspaces, virtualWorkspaces } = manifest.capabilities;
    assert.equal(untrustedWorkspaces.supported, 'limited');
    assert.deepEqual(sorted(untrustedWorkspaces.restrictedConfigurations), sorted(Object.keys(properties)));
    assert.ok(virtualWorkspaces.description !== '');
  });

  it('starts after the editor, where the servers run', () => {
    assert.deepEqual(manifest.activationEvents, ['onStartupFinished']);
    assert.deepEqual(manifest.extensionKind, ['workspace']);
  });

  describe('walkthrough', () => {
    const [walkthrough, ...others] = contributes.walkthroughs;
    const steps = walkthrough?.steps ?? [];
    const inWords = (words: Record<string, string>, text: string): string =>
      text.replace(/^%(.+)%$/, (_, key: string) => words[key] ?? '');
    /** Of the editor, or made by it out of our views. */
    const known = new Set<string>([
      ...Object.values(commands),
      `${views.servers}.focus`,
      'workbench.action.openSettings',
    ]);

    it('R1.5 is one, with four to six steps', () => {
      assert.deepEqual([walkthrough?.id, others], [walkthroughId, []]);
      assert.ok(steps.length >= 4 && steps.length <= 6, String(steps.length));
    });

    it('R1.5 has in each step a button that does something, and an event that completes it', () => {
      const seen = new Set<string>([
        ...known,
        ...Object.values(views),
        ...Object.values(contextKeys),
        ...Object.keys(properties),
      ]);
      for (const { id, description, completionEvents } of steps) {
        for (const words of [english, portuguese]) {
          const buttons = inWords(words, description).matchAll(/^\[[^\]]+\]\(command:([^)?]+)[^)]*\)$/gm);
          const targets = [...buttons].map(([, command]) => command!);
          assert.ok(targets.length >= 1 && targets.length <= 2, `${id}: ${targets.join(', ')}`);
          for (const target of targets) assert.ok(known.has(target), `${id}: ${target}`);
        }
        assert.ok(completionEvents.length > 0, id);
        for (const event of completionEvents) {
          const [, kind, subject] = /^(on(?:Command|View|Context|SettingChanged)):(.+)$/.exec(event) ?? [];
          assert.ok(kind !== undefined && seen.has(subject ?? ''), `${id}: ${event}`);
        }
      }
    });

    it('R1.5 has in each step a small picture with a text in its place, in both languages', () => {
      for (const { id, media } of steps) {
        for (const words of [english, portuguese]) {
          assert.notEqual(inWords(words, media.altText).trim(), '', id);
          for (const path of [media.svg ?? [], Object.values(media.image ?? {})].flat()) {
            const file = join(root, inWords(words, path));
            assert.ok(existsSync(file), `${id}: ${file}`);
            assert.ok(statSync(file).size <= 150 * 1_024, file);
          }
        }
        // A drawing takes the colours of the theme, whichever it is.
        if (media.svg !== undefined) {
          const drawing = readFileSync(join(root, media.svg), 'utf8');
          assert.match(drawing, /var\(--vscode-/);
          // The page that VS Code puts it into allows neither.
          assert.doesNotMatch(drawing, /<style|style=|<script|href=/, id);
        }
      }
    });
  });

  it('points at files that exist', () => {
    const files = [
      manifest.icon,
      manifest.l10n,
      ...contributes.viewsContainers.activitybar.map((c) => c.icon),
    ];
    for (const file of files) assert.ok(existsSync(join(root, file)), file);
  });
});
