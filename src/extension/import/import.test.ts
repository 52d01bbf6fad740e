import assert from 'node:assert/strict';
import { readJson } from '../../shared/settings/jsonc.ts';
import { freeName, planImport, withoutPlainSecrets } from './importPlan.ts';
import { MAX_SOURCE_BYTES, readSource } from './readSource.ts';
import { importSources, type SourceSurroundings } from './sources.ts';

const at = (changes: Partial<SourceSurroundings>): string[] =>
  importSources({
    platform: 'linux',
    home: '/home/me',
    env: {},
    userFolder: undefined,
    workspaceFolders: [],
    ...changes,
  }).map(({ client, scope, path }) => `${client} ${scope} ${path}`);

describe('files of other clients', () => {
  it('R1.2 are where each client keeps them on Linux', () => {
    assert.deepEqual(at({ userFolder: '/data/User', workspaceFolders: ['/w'] }), [
      'VS Code workspace /w/.vscode/mcp.json',
      'Claude Code workspace /w/.mcp.json',
      'Cursor workspace /w/.cursor/mcp.json',
      'Roo Code workspace /w/.roo/mcp.json',
      'Codex workspace /w/.codex/config.toml',
      'VS Code user /data/User/mcp.json',
      'Cline user /data/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
      'Roo Code user /data/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json',
      'Claude Desktop user /home/me/.config/Claude/claude_desktop_config.json',
      'Cursor user /home/me/.cursor/mcp.json',
      'Windsurf user /home/me/.codeium/windsurf/mcp_config.json',
      'Codex user /home/me/.codex/config.toml',
    ]);
    const moved = at({ env: { XDG_CONFIG_HOME: '/conf', CODEX_HOME: '/codex' } });
    assert.ok(moved.includes('Claude Desktop user /conf/Claude/claude_desktop_config.json'));
    assert.ok(moved.includes('Codex user /codex/config.toml'));
    assert.ok(at({ env: { CODEX_HOME: 'relative' } }).includes('Codex user /home/me/.codex/config.toml'));
  });

  it('R1.2 are where each client keeps them on macOS and on Windows', () => {
    assert.ok(
      at({ platform: 'darwin', home: '/Users/me' }).includes(
        'Claude Desktop user /Users/me/Library/Application Support/Claude/claude_desktop_config.json',
      ),
    );
    const home = 'C:\\Users\\me';
    const windows = at({
      platform: 'win32',
      home,
      env: { APPDATA: 'D:\\Roaming' },
      workspaceFolders: ['C:\\w'],
    });
    assert.ok(windows.includes('Claude Desktop user D:\\Roaming\\Claude\\claude_desktop_config.json'));
    assert.ok(windows.includes('VS Code workspace C:\\w\\.vscode\\mcp.json'));
    assert.ok(windows.includes('Windsurf user C:\\Users\\me\\.codeium\\windsurf\\mcp_config.json'));
    assert.ok(
      at({ platform: 'win32', home }).includes(
        'Claude Desktop user C:\\Users\\me\\AppData\\Roaming\\Claude\\claude_desktop_config.json',
      ),
    );
  });
});

describe('a file of another client', () => {
  const entries = (text: string, format: Parameters<typeof readSource>[1]) =>
    Object.fromEntries(
      readSource(text, format).servers.map(({ name, entry, reason }) => [name, entry ?? reason]),
    );

  it('R1.2 of VS Code is read with its inputs', () => {
    const { servers, problems } = readSource(
      `{ "servers": { "a": { "command": "c", "args": ["\${input:k}"] }, "b": { "command": "c", "dev": {} },
         "d": { "command": "\${input:none}" }, },
         "inputs": [{ "id": "k", "type": "promptString" }] } // end`,
      'vscode',
    );
    assert.deepEqual(problems, []);
    assert.deepEqual(servers[0]?.inputs, [{ id: 'k', type: 'promptString' }]);
    assert.match(servers[1]?.reason ?? '', /"dev"/);
    assert.match(servers[2]?.reason ?? '', /names the input "none"/);
  });

  it('R1.2 of Claude Code has variables of its own', () => {
    const text = '{ "mcpServers": { "a": { "command": "${HOME}/x", "env": { "K": "${KEY:-none}" } } } }';
    assert.deepEqual(entries(text, 'claudeCode'), {
      a: { command: '${env:HOME}/x', env: { K: '${env:KEY}' } },
    });
    assert.match(
      readSource(text, 'claudeCode').servers[0]?.notes.join() ?? '',
      /default of the variable "KEY"/,
    );
  });

  it('R1.2 of Claude Desktop, Cursor, Windsurf, Cline and Roo is read, however it calls an address', () => {
    const text = JSON.stringify({
      mcpServers: {
        desktop: { command: 'npx', args: ['-y', 'x'], env: { A: '1' } },
        cursor: { url: 'https://c/mcp', headers: { X: '1' } },
        windsurf: { serverUrl: 'https://w/mcp', disabled: true },
        cline: { command: 'c', timeout: 90, autoApprove: ['x'], alwaysAllow: [], transportType: 'stdio' },
        roo: { type: 'streamable-http', url: 'https://r/mcp' },
        old: { type: 'sse', url: 'https://o/sse' },
        more: { command: 'c', color: 'red' },
        long: { command: 'c', timeout: 1_800 },
        milliseconds: { command: 'c', timeout: 90_000 },
        __proto__x: { command: 'c' },
      },
    }).replace('__proto__x', '__proto__');
    const found = entries(text, 'mcpServers');
    assert.deepEqual(found['desktop'], { command: 'npx', args: ['-y', 'x'], env: { A: '1' } });
    assert.deepEqual(found['cursor'], { headers: { X: '1' }, url: 'https://c/mcp' });
    assert.deepEqual(found['windsurf'], { url: 'https://w/mcp', lifeline: { enabled: false } });
    assert.deepEqual(found['cline'], {
      type: 'stdio',
      command: 'c',
      lifeline: { connection: { requestTimeout: 90 } },
    });
    assert.deepEqual(found['roo'], { type: 'http', url: 'https://r/mcp' });
    assert.match(JSON.stringify(found['old']), /HTTP\+SSE/);
    assert.deepEqual(found['more'], { command: 'c' });
    assert.deepEqual(
      ['long', 'milliseconds'].map((name) => found[name]),
      [600, 90].map((requestTimeout) => ({ command: 'c', lifeline: { connection: { requestTimeout } } })),
    );
    assert.match(readSource(text, 'mcpServers').servers.at(-1)?.reason ?? '', /__proto__/);
    assert.match(readSource(text, 'mcpServers').servers[6]?.notes.join() ?? '', /Left out: color/);
  });

  it('R1.2 of Codex is TOML', () => {
    const text = `model = "x"
[mcp_servers.local]
command = "npx"
args = ["-y", "pkg"]
startup_timeout_sec = 20
tool_timeout_sec = 45
[mcp_servers.local.env]
"API" = "v"
[mcp_servers.remote]
url = "https://r/mcp"
bearer_token_env_var = "TOKEN"
http_headers = { "X-A" = "1" }
env_http_headers = { "X-B" = "B" }
enabled = false
`;
    assert.deepEqual(entries(text, 'codex'), {
      local: {
        command: 'npx',
        args: ['-y', 'pkg'],
        env: { API: 'v' },
        lifeline: { connection: { requestTimeout: 45 } },
      },
      remote: {
        url: 'https://r/mcp',
        headers: { 'X-A': '1', 'X-B': '${env:B}', Authorization: 'Bearer ${env:TOKEN}' },
        lifeline: { enabled: false },
      },
    });
  });

  it('R1.2 says what is left out or means something else', () => {
    const notesOf = (text: string, format: Parameters<typeof readSource>[1]): string =>
      readSource(text, format).servers[0]?.notes.join(' ') ?? '';
    const codex = '[mcp_servers.a]\ncommand = "c"\n';
    assert.equal(notesOf(codex, 'codex'), '');
    assert.match(notesOf(`${codex}startup_timeout_sec = 5\n`, 'codex'), /How long its start may take/);
    assert.match(notesOf(`${codex}startup_timeout_ms = 5\n`, 'codex'), /How long its start may take/);
    assert.match(notesOf(`${codex}enabled = false\n`, 'codex'), /disabled there, and stays so/);
    const disabled = '{"mcpServers":{"a":{"command":"c","disabled":true}}}';
    assert.match(notesOf(disabled, 'mcpServers'), /disabled there, and stays so/);
  });

  it('R1.2 a time limit is taken for seconds up to 600, and for milliseconds beyond', () => {
    for (const [timeout, seconds] of [
      [600, 600],
      [60_000, 60],
      [9_000_000, 600],
    ]) {
      const text = JSON.stringify({ mcpServers: { a: { command: 'c', timeout } } });
      assert.deepEqual(entries(text, 'mcpServers')['a'], {
        command: 'c',
        lifeline: { connection: { requestTimeout: seconds } },
      });
    }
  });

  it('R14.3 that is malformed is told with its place and without its secrets, and the rest goes on', () => {
    const json = readSource('{\n "mcpServers": { "a": { "env": { "K": "sesame-open" } }\n', 'mcpServers');
    assert.match(json.problems.join(), /cannot be read: .* in line \d/);
    const toml = readSource('[mcp_servers.a]\ncommand = "sesame-open\n', 'codex');
    assert.match(toml.problems.join(), /a mistake in line 2/);
    assert.ok(!JSON.stringify([json, toml]).includes('sesame'));
    for (const text of ['', '7', '[]', 'null', '{"mcpServers":7}', '{"mcpServers":[]}'])
      assert.equal(readSource(text, 'mcpServers').problems.length, 1, text);
    assert.deepEqual(readSource('{}', 'mcpServers'), { servers: [], problems: [] });
    const found = entries(
      '{"mcpServers":{"a":7,"b":{"command":7},"c":{"command":"c","args":"x"},"d":{"command":"d"}}}',
      'mcpServers',
    );
    assert.deepEqual(found['d'], { command: 'd' });
    for (const name of ['a', 'b', 'c']) assert.equal(typeof found[name], 'string', name);
    assert.equal(readSource(' '.repeat(MAX_SOURCE_BYTES + 1), 'mcpServers').problems.length, 1);
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, n) => [`s${n}`, { command: 'c' }]));
    const read = readSource(JSON.stringify({ mcpServers: many }), 'mcpServers');
    assert.deepEqual([read.servers.length, read.problems.length], [500, 1]);
  });
});

describe('plan of an import', () => {
  const found = (name: string, entry: Record<string, unknown>, inputs: unknown[] = []) => ({
    name,
    entry,
    reason: undefined,
    notes: [],
    inputs,
  });

  it('R1.2 finds another name where one is taken, ignoring case', () => {
    assert.equal(freeName('Git', ['git', 'GIT-2']), 'Git-3');
    const { additions } = planImport({
      found: [found('git', { command: 'a' }), found('GIT', { command: 'b' })],
      names: ['Git'],
      settings: { servers: {}, inputs: [] },
      hideSecrets: true,
    });
    assert.deepEqual(Object.keys(additions.servers), ['git-2', 'GIT-3']);
  });

  it('R1.2 R14.4 makes inputs of plain-text secrets, and leaves other values', () => {
    const { entry, inputs, secrets } = withoutPlainSecrets(
      'web',
      {
        url: 'https://x',
        headers: { Authorization: 'Bearer abcdef123456', 'X-Mode': 'fast' },
        env: { API_KEY: 'sk-1234567890abcdefABCDEF', LEVEL: 'debug', REF: '${env:KEY}' },
      },
      ['web-API_KEY'],
    );
    assert.deepEqual(entry, {
      url: 'https://x',
      headers: { Authorization: 'Bearer ${input:web-Authorization}', 'X-Mode': 'fast' },
      env: { API_KEY: '${input:web-API_KEY-2}', LEVEL: 'debug', REF: '${env:KEY}' },
    });
    assert.deepEqual(secrets.map(({ id, value }) => [id, value]).sort(), [
      ['web-API_KEY-2', 'sk-1234567890abcdefABCDEF'],
      ['web-Authorization', 'abcdef123456'],
    ]);
    assert.equal(inputs.length, 2);
    assert.ok(!JSON.stringify([entry, inputs]).includes('abcdef'));
  });

  it('R1.2 R14.4 makes inputs of secrets within addresses and arguments too', () => {
    const { entry, secrets } = withoutPlainSecrets(
      'web',
      {
        url: 'https://me:hunter22secret@h/mcp?token=q1w2e3r4t5&mode=fast',
        args: [
          'mcp-remote',
          '--header',
          'Authorization: Bearer abcdef123456',
          '--api-key',
          'sk-12345-67890',
          '--fast',
        ],
        env: { DATABASE_URL: 'postgres://u:sEcret99@db/x', KEPT: 'postgres://u:${input:x}@db/x' },
      },
      [],
    );
    assert.deepEqual(entry, {
      url: 'https://me:${input:web-url}@h/mcp?token=${input:web-url-2}&mode=fast',
      args: [
        'mcp-remote',
        '--header',
        'Authorization: ${input:web-args}',
        '--api-key',
        '${input:web-args-2}',
        '--fast',
      ],
      env: {
        DATABASE_URL: 'postgres://u:${input:web-DATABASE_URL}@db/x',
        KEPT: 'postgres://u:${input:x}@db/x',
      },
    });
    assert.deepEqual(Object.fromEntries(secrets.map(({ id, value }) => [id, value])), {
      'web-url': 'hunter22secret',
      'web-url-2': 'q1w2e3r4t5',
      'web-args': 'Bearer abcdef123456',
      'web-args-2': 'sk-12345-67890',
      'web-DATABASE_URL': 'sEcret99',
    });
  });

  it('R1.2 keeps inputs apart whose new id is another one of the same entry', () => {
    const inputs = ['token', 'token-2'].map((id) => ({ id, type: 'promptString', description: `of ${id}` }));
    const { additions } = planImport({
      found: [found('a', { command: 'c', args: ['${input:token}', '${input:token-2}'] }, inputs)],
      names: [],
      settings: { servers: {}, inputs: [{ id: 'token', type: 'promptString' }] },
      hideSecrets: false,
    });
    const { args } = additions.servers['a'] as { args: readonly string[] };
    assert.deepEqual(
      args.map((arg) =>
        additions.inputs.find((input) => arg === `\${input:${(input as { id: string }).id}}`),
      ),
      inputs.map((input, index) => ({ ...input, id: index === 0 ? 'token-3' : 'token-2' })),
    );
  });

  it('R1.2 takes an input over under another id where that is taken', () => {
    const input = { id: 'key', type: 'promptString' };
    const { additions } = planImport({
      found: [
        found('a', { command: '${input:key}' }, [input]),
        found('b', { command: '${input:key}' }, [input]),
      ],
      names: [],
      settings: { servers: {}, inputs: [{ ...input, password: true }] },
      hideSecrets: false,
    });
    const text = JSON.stringify(additions);
    assert.ok('value' in readJson(text));
    assert.match(text, /"a":\{"command":"\$\{input:key-2\}"\}/);
    assert.match(text, /"id":"key-2"/);
  });

  it('R1.2 two inputs of a server stay two, whatever ids are taken', () => {
    const inputs = ['key', 'key-2'].map((id) => ({ id, type: 'promptString' }));
    const { additions } = planImport({
      found: [found('a', { command: 'c', args: ['${input:key}', '${input:key-2}'] }, inputs)],
      names: [],
      settings: { servers: {}, inputs: [{ id: 'key', type: 'promptString', password: true }] },
      hideSecrets: false,
    });
    assert.deepEqual(additions.servers['a'], { command: 'c', args: ['${input:key-3}', '${input:key-2}'] });
    assert.deepEqual(
      additions.inputs.map((input) => (input as { id: string }).id),
      ['key-3', 'key-2'],
    );
  });

  it('R1.2 an input that is there in the same words is used by all, and added once', () => {
    const input = { id: 'key', type: 'promptString' };
    const servers = ['a', 'b'].map((name) => found(name, { command: '${input:key}' }, [input]));
    for (const inputs of [[], [input]]) {
      const added = inputs.length === 0 ? [input] : [];
      const settings = { servers: {}, inputs };
      const { additions } = planImport({ found: servers, names: [], settings, hideSecrets: true });
      assert.deepEqual(additions.inputs, added);
      assert.deepEqual(additions.servers, {
        a: { command: '${input:key}' },
        b: { command: '${input:key}' },
      });
    }
  });

  it('R1.2 R14.4 keeps secrets out of the settings when asked to, and as they are when not', () => {
    const env = { API_KEY: 'sk-1234567890abcdefABCDEF' };
    const plan = (hideSecrets: boolean) =>
      planImport({
        found: [found('web', { command: 'c', env })],
        names: [],
        settings: { servers: {}, inputs: [] },
        hideSecrets,
      });
    const hidden = plan(true);
    assert.ok(!JSON.stringify(hidden.additions).includes(env.API_KEY));
    assert.deepEqual(hidden.secrets, [
      { server: 'web', place: 'env.API_KEY', id: 'web-API_KEY', value: env.API_KEY },
    ]);
    const open = plan(false);
    assert.deepEqual(open.additions.servers, { web: { command: 'c', env } });
    assert.deepEqual(open.secrets, []);
  });
});
