import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DiskVscode, removeFolder } from '../../../test/support/diskVscode.ts';
import { FakeUri, loadWithFakeVscode } from '../../../test/support/fakeVscode.ts';
import type { SettingUpContext } from '../commands/commandContext.ts';
import type * as SettingUp from '../commands/settingUp.ts';
import { readJson } from '../../shared/settings/jsonc.ts';
import { untranslated } from '../translate.ts';
import { importSources, type ImportSource, type SourceFormat } from './sources.ts';

/** The file of a client with these servers, as it writes it. */
function fileWith(format: SourceFormat, servers: Readonly<Record<string, object>>, eol = '\n'): string {
  if (format !== 'codex')
    return JSON.stringify({ [rootOf(format)]: servers }, undefined, 2).replaceAll('\n', eol) + eol;
  return Object.entries(servers)
    .flatMap(([name, entry]) => [
      `[mcp_servers.${JSON.stringify(name)}]`,
      ...Object.entries(entry).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
      '',
    ])
    .join(eol);
}

const rootOf = (format: SourceFormat): string =>
  format === 'vscode' ? 'servers' : format === 'codex' ? 'mcp_servers' : 'mcpServers';
/** Of a thousand, as many as a person would pick. */
const MOST_PICKED = 30;
const good = { command: 'run', args: ['--fast'] };

interface Sample {
  readonly what: string;
  /** The bytes at the place, or what makes something else be there. */
  readonly write: (format: SourceFormat, path: string, disk: DiskVscode) => string | Uint8Array | undefined;
  /** Servers of it that are offered. */
  readonly offers?: readonly string[] | number;
  /** What is said of the file, beside its path. */
  readonly problem?: RegExp;
  /** Entries that are shown and cannot be taken. */
  readonly refused?: readonly string[];
  /** Only in these formats. */
  readonly formats?: 'json' | 'toml';
}

const everySample: readonly Sample[] = [
  { what: 'nothing', write: () => undefined, offers: [] },
  { what: 'a file as it should be', write: (format) => fileWith(format, { mine: good }), offers: ['mine'] },
  {
    what: 'a byte order mark',
    write: (format) => `\ufeff${fileWith(format, { mine: good })}`,
    offers: ['mine'],
  },
  {
    what: 'CRLF',
    write: (format) => fileWith(format, { mine: good, other: good }, '\r\n'),
    offers: ['mine', 'other'],
  },
  {
    what: 'comments and trailing commas',
    formats: 'json',
    write: (format) =>
      `// top\n{ /* all */ "${rootOf(format)}": { "mine": { "command": "run", "args": ["a",], }, }, } // end\n`,
    offers: ['mine'],
  },
  {
    what: 'comments of TOML',
    formats: 'toml',
    write: () => '# top\n[mcp_servers.mine] # here\ncommand = "run"\n',
    offers: ['mine'],
  },
  {
    what: 'bytes that are no UTF-8',
    write: (format) =>
      Buffer.concat([Buffer.from(fileWith(format, { mine: good })), Buffer.from([0xff, 0xfe, 0x80])]),
    problem: /is not UTF-8/,
  },
  {
    what: 'UTF-16',
    write: (format) => Buffer.from(fileWith(format, { mine: good }), 'utf16le'),
    problem: /./,
  },
  { what: 'nothing but blanks', formats: 'json', write: () => ' \n', problem: /cannot be read/ },
  { what: 'no object', formats: 'json', write: () => '[1, 2]', problem: /is not an object/ },
  {
    what: 'half a file',
    write: (format) => fileWith(format, { mine: good }).slice(0, -20),
    problem: /line \d/,
  },
  {
    what: 'a list in the place of its servers',
    write: (format) => (format === 'codex' ? 'mcp_servers = [1]\n' : `{ "${rootOf(format)}": [1] }`),
    problem: /is not an object/,
  },
  {
    what: 'lists, numbers and nothing in the place of entries',
    formats: 'json',
    write: (format) =>
      JSON.stringify({ [rootOf(format)]: { mine: good, list: [good], number: 7, none: null, empty: {} } }),
    offers: ['mine'],
    refused: ['list', 'number', 'none', 'empty'],
  },
  {
    what: 'five megabytes',
    write: (format) =>
      format === 'codex'
        ? `# ${'x'.repeat(5_242_880)}\n${fileWith(format, { mine: good })}`
        : `${fileWith(format, { mine: good })}${' '.repeat(5_242_880)}`,
    problem: /larger than 4194304 bytes/,
  },
  {
    what: 'a thousand servers',
    write: (format) =>
      fileWith(format, Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`s${n}`, good]))),
    offers: 500,
    problem: /has over 500 servers/,
  },
  {
    what: 'names that differ by case',
    write: (format) => fileWith(format, { mine: good, MINE: { command: 'other' } }),
    offers: ['mine', 'MINE'],
  },
  {
    what: 'a name that is there twice',
    formats: 'json',
    write: (format) => `{ "${rootOf(format)}": { "mine": { "command": "a" }, "mine": { "command": "b" } } }`,
    offers: ['mine'],
  },
  {
    what: 'a name that is there twice, which TOML forbids',
    formats: 'toml',
    write: () => '[mcp_servers.mine]\ncommand = "a"\n[mcp_servers.mine]\ncommand = "b"\n',
    problem: /line \d/,
  },
  {
    what: 'null bytes in values',
    write: (format) =>
      format === 'codex'
        ? '[mcp_servers.mine]\ncommand = "run"\n[mcp_servers.null]\ncommand = "a\\u0000b"\n'
        : fileWith(format, { mine: good, null: { command: 'a\0b' } }),
    offers: ['mine'],
    refused: ['null'],
  },
  {
    what: 'null bytes in the file',
    write: (format) => fileWith(format, { mine: good }).replace('run', 'r\0n'),
    problem: /line \d/,
  },
  {
    what: 'names of the language',
    formats: 'json',
    write: (format) =>
      `{ "${rootOf(format)}": { "__proto__": { "command": "a" }, "constructor": { "command": "run" } } }`,
    offers: ['constructor'],
    refused: ['__proto__'],
  },
  {
    what: 'a nest without a bottom',
    formats: 'json',
    write: (format) => `{ "${rootOf(format)}": ${'['.repeat(100_000)}`,
    problem: /./,
  },
  {
    what: 'a link to a file',
    write: (format, path, { home }) => {
      const target = join(home, 'elsewhere.txt');
      writeFileSync(target, fileWith(format, { mine: good }));
      symlinkSync(target, path);
      return undefined;
    },
    offers: ['mine'],
  },
  {
    what: 'a link that leads nowhere',
    write: (_, path, { home }) => {
      symlinkSync(join(home, 'nowhere'), path);
      return undefined;
    },
    problem: /is not a file/,
  },
  {
    what: 'a folder',
    write: (_, path) => {
      mkdirSync(path);
      return undefined;
    },
    problem: /is not a file/,
  },
  {
    what: 'a file that nobody may read',
    write: (format, path, { locked }) => {
      locked.add(path);
      writeFileSync(path, fileWith(format, { mine: good }));
      return undefined;
    },
    problem: /NoPermissions/,
  },
];

// Windows lets hardly anybody make links.
const samples = everySample.filter(({ what }) => process.platform !== 'win32' || !what.includes('a link'));

describe('every source of R1.2, with every sample', () => {
  let root: string;
  let home: string;
  let disk: DiskVscode;
  let context: SettingUpContext;
  let sources: readonly ImportSource[];
  let library: typeof SettingUp;
  const environment = new Map<string, string | undefined>();

  before(async () => {
    root = mkdtempSync(join(tmpdir(), 'lifeline-sources-'));
    library = await loadWithFakeVscode(() => import('../commands/settingUp.ts'));
  });
  after(() => removeFolder(root));

  beforeEach(() => {
    home = mkdtempSync(join(root, 'home-'));
    for (const name of ['HOME', 'USERPROFILE', 'APPDATA', 'XDG_CONFIG_HOME', 'CODEX_HOME']) {
      environment.set(name, process.env[name]);
      Reflect.deleteProperty(process.env, name);
    }
    Object.assign(process.env, { HOME: home, USERPROFILE: home });
    const workspace = join(home, 'workspace');
    mkdirSync(workspace);
    disk = new DiskVscode(home, [{ name: 'workspace', path: workspace }]);
    const userFolder = join(home, 'data', 'User');
    sources = importSources({
      platform: process.platform,
      home,
      env: process.env,
      userFolder,
      workspaceFolders: [workspace],
    });
    const secrets = new Map<string, string>();
    const state = new Map<string, unknown>();
    const importing = new library.Importing(
      {
        secrets: {
          get: (key: string) => Promise.resolve(secrets.get(key)),
          store: (key: string, value: string) => Promise.resolve(void secrets.set(key, value)),
          delete: (key: string) => Promise.resolve(void secrets.delete(key)),
        },
        workspaceState: {
          get: (key: string) => state.get(key),
          update: (key: string, value: unknown) => Promise.resolve(void state.set(key, value)),
        },
        // Beside the home folder, so that what is kept is no change of it.
        globalStorageUri: FakeUri.file(join(userFolder, 'globalStorage', 'mcp-lifeline')),
      } as never,
      untranslated,
      {
        servers: () => [],
        keepSecret: () => Promise.resolve(),
        forgetSecret: () => Promise.resolve(),
        log: () => undefined,
      },
    );
    context = { importing, t: untranslated } as unknown as SettingUpContext;
  });
  afterEach(() => {
    disk.dispose();
    for (const [name, value] of environment)
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
  });

  /** Each client's file is in order, with a server of its own, but for the one at `index`. */
  function lay(sample: Sample, index: number): ImportSource {
    for (const [number, { path, format }] of sources.entries()) {
      mkdirSync(dirname(path), { recursive: true });
      const written =
        number === index
          ? sample.write(format, path, disk)
          : fileWith(format, { [`other${number}`]: { command: 'o' } });
      if (written !== undefined) writeFileSync(path, written);
    }
    return sources[index]!;
  }

  /** All files, but for what the extension itself keeps, and the settings. */
  function everything(): string {
    const files = [...disk.snapshot()].filter(([path]) => !path.includes('mcp-lifeline'));
    return JSON.stringify([files, disk.userSettings]);
  }

  const all = (items: readonly { readonly label: string; readonly kind?: number }[]): unknown =>
    items.filter(({ kind }) => kind === undefined).slice(0, MOST_PICKED);

  for (const [index, client] of [
    ...['VS Code, workspace', 'Claude Code', 'Cursor, workspace', 'Roo Code, workspace', 'Codex, workspace'],
    ...['VS Code, user', 'Cline', 'Roo Code', 'Claude Desktop', 'Cursor', 'Windsurf', 'Codex'],
  ].entries())
    describe(client, () => {
      for (const sample of samples) {
        const isToml = client.startsWith('Codex');
        if (sample.formats !== undefined && (sample.formats === 'toml') !== isToml) continue;
        it(`R1.2 R14.3 ${sample.what}: the rest is offered, nothing changes unasked, and it can be undone`, async () => {
          const { path, client: name } = lay(sample, index);
          assert.ok(client.startsWith(name));
          const start = everything();
          const { importing } = context;

          const { found, problems } = await importing.find();
          const here = found.filter(({ source }) => source.path === path).map(({ server }) => server);
          const offered = here.flatMap(({ name: own, entry }) => (entry === undefined ? [] : [own]));
          const { offers = [] } = sample;
          if (typeof offers === 'number') assert.equal(offered.length, offers);
          else assert.deepEqual(offered, offers);
          const refused = here.filter(({ entry }) => entry === undefined);
          assert.deepEqual(
            refused.map(({ name: own }) => own),
            sample.refused ?? [],
          );
          for (const { reason } of refused) assert.match(reason ?? '', /^It .+\.$/);
          if (sample.problem === undefined) assert.deepEqual(problems, []);
          else {
            assert.equal(problems.length, 1);
            assert.ok(problems[0]?.includes(path), problems[0]);
            assert.match(problems[0] ?? '', sample.problem);
          }
          const others = found.filter(({ source }) => source.path !== path).map(({ server }) => server.name);
          assert.equal(others.length, sources.length - 1, 'what the others have is offered');

          // Somebody looks, and goes away: from the list, then from the preview.
          assert.deepEqual(await library.importServers(context), []);
          assert.equal(everything(), start);
          disk.pick = all;
          for (const answer of [undefined, 'Cancel'] as const) {
            disk.answer = answer;
            assert.deepEqual(await library.importServers(context), []);
            assert.equal(everything(), start);
          }
          assert.ok(disk.diffs.length > 0);
          if (sample.problem !== undefined)
            assert.ok(
              disk.messages.some((message) => message.includes(path)),
              'it is said which file',
            );

          disk.answer = 'Apply';
          const imported = await library.importServers(context);
          assert.equal(
            imported.length,
            Math.min(MOST_PICKED, offered.length + others.length),
            disk.messages.at(-1),
          );
          assert.equal(new Set(imported.map((one) => one.toLowerCase())).size, imported.length);
          assert.notEqual(everything(), start);
          assert.equal(await library.undoImport(context), true, disk.messages.at(-1));
          assert.equal(everything(), start);
        });
      }
    });

  for (const index of [0, 5])
    describe(`adopting from the mcp.json of the ${index === 0 ? 'workspace' : 'user'}`, () => {
      for (const sample of samples) {
        if (sample.formats === 'toml') continue;
        it(`R1.7 R14.3 ${sample.what}: nothing changes unasked, and giving back restores it`, async () => {
          const { path } = lay(sample, index);
          for (const source of sources) if (source.path !== path) rmSync(source.path);
          const start = everything();
          const { offers = [] } = sample;
          const name = typeof offers === 'number' ? 's7' : offers[0];
          if (name === undefined) {
            disk.answer = 'Apply';
            assert.equal(await library.adoptServer(context, 'mine'), false);
            assert.equal(await library.adoptServer(context, undefined), false);
            assert.equal(everything(), start);
            if (sample.problem !== undefined)
              assert.ok(
                disk.messages.some((message) => message.includes(path) && sample.problem?.test(message)),
                disk.messages.join('\n'),
              );
            return;
          }
          for (const answer of [undefined, 'Cancel'] as const) {
            disk.answer = answer;
            assert.equal(await library.adoptServer(context, name), false);
            assert.equal(everything(), start);
          }
          for (const refused of sample.refused ?? []) {
            disk.answer = 'Apply';
            assert.equal(await library.adoptServer(context, refused), false);
            assert.match(disk.messages.at(-1) ?? '', /was left alone: ./);
            assert.equal(everything(), start);
          }
          disk.answer = 'Apply';
          const isTaken = await library.adoptServer(context, name);
          if (sample.what.includes('twice')) {
            assert.equal(isTaken, false);
            assert.match(disk.messages.at(-1) ?? '', /look for a name that is there twice/);
            assert.equal(everything(), start);
            return;
          }
          assert.equal(isTaken, true, disk.messages.at(-1));
          const left = readJson(readFileSync(path, 'utf8')) as { value: { servers: object } };
          assert.ok(!Object.hasOwn(left.value.servers, name));
          assert.notEqual(everything(), start);
          assert.equal(await library.giveBackServer(context, name), true, disk.messages.at(-1));
          // A settings file that was begun for it stays, without it.
          const settings = join(home, 'workspace', '.vscode', 'settings.json');
          if (existsSync(settings)) {
            assert.deepEqual(readJson(readFileSync(settings, 'utf8')), {
              value: { 'mcpLifeline.servers': {} },
            });
            rmSync(settings);
          }
          assert.equal(everything(), start);
        });
      }
    });
});
