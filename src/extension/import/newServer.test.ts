import assert from 'node:assert/strict';
import { untranslated as t } from '../translate.ts';
import { placesOf, readCommandLine, remarkOnCommandLine, splitWords } from './commandLine.ts';
import {
  asSourceText,
  nameOfCommand,
  nameOfEntry,
  nameOfUrl,
  readPair,
  remarkOnName,
  remarkOnPair,
  remarkOnUrl,
} from './newServer.ts';
import { readSource } from './readSource.ts';

const severity = (remark: { severity: string } | undefined): string => remark?.severity ?? 'fine';

describe('add server: a command line', () => {
  it('R12.4 is taken apart as a terminal would, without a shell', () => {
    assert.deepEqual(splitWords(`npx  -y "a b" c'd e'f ""`, 'linux'), ['npx', '-y', 'a b', 'cd ef', '']);
    assert.deepEqual(splitWords('a\\ b "c\\"d" \'e\\f\' g\\n', 'linux'), ['a b', 'c"d', 'e\\f', 'g\\n']);
    assert.deepEqual(splitWords('C:\\tools\\x.exe "C:\\My Files\\"', 'win32'), undefined);
    assert.deepEqual(splitWords('C:\\tools\\x.exe "C:\\My Files"', 'win32'), [
      'C:\\tools\\x.exe',
      'C:\\My Files',
    ]);
    assert.equal(splitWords('npx "open', 'linux'), undefined);
  });

  it('R12.4 sets variables that stand before the command', () => {
    assert.deepEqual(readCommandLine('A=1 TOKEN="x y" node s.js --k=v', 'linux'), {
      command: 'node',
      args: ['s.js', '--k=v'],
      env: { A: '1', TOKEN: 'x y' },
    });
    assert.equal(readCommandLine('A=1', 'linux'), undefined);
  });

  it('R12.4 is checked as it is typed', async () => {
    const check = (text: string, there = true) =>
      remarkOnCommandLine(text, 'linux', () => Promise.resolve(there), t);
    assert.equal(severity(await check('node server.js')), 'fine');
    assert.equal(severity(await check('  ')), 'error');
    assert.equal(severity(await check('node "x')), 'error');
    assert.equal(severity(await check('A=1')), 'error');
    assert.equal(severity(await check('node a.js && node b.js')), 'warning');
    assert.match((await check('nodd server.js', false))?.message ?? '', /"nodd" was not found/);
    assert.equal(severity(await check('${workspaceFolder}/x', false)), 'fine');
  });

  it('R12.4 names a program that is looked for where it would be started from', () => {
    const on = (command: string, platform = 'linux', env: Record<string, string> = { PATH: '/a::/b' }) =>
      placesOf(command, { platform, env, folder: platform === 'win32' ? 'D:\\w' : '/w' });
    assert.deepEqual(on('x'), ['/a/x', '/b/x']);
    assert.deepEqual(on('./bin/x'), ['/w/./bin/x']);
    assert.deepEqual(on('/opt/x'), ['/opt/x']);
    assert.deepEqual(on('x', 'win32', { Path: 'C:\\a', PATHEXT: '.EXE;.CMD' }), [
      'C:\\a\\x',
      'C:\\a\\x.EXE',
      'C:\\a\\x.CMD',
    ]);
    assert.deepEqual(on('x'), on('x', 'linux', { PATH: '/a:/b' }));
  });
});

describe('add server: what else is typed', () => {
  it('R12.4 an address must be one, and http:// to another machine is warned of', () => {
    for (const fine of [
      'https://a.example/mcp',
      'http://localhost:3000/mcp',
      'http://127.0.0.1:1/',
      'https://${input:h}/mcp',
    ])
      assert.equal(severity(remarkOnUrl(fine, t)), 'fine', fine);
    for (const wrong of ['', 'a.example/mcp', 'ftp://a.example', 'https://', 'https://me:pw@a.example/'])
      assert.equal(severity(remarkOnUrl(wrong, t)), 'error', wrong);
    assert.match(remarkOnUrl('http://a.example/mcp', t)?.message ?? '', /unencrypted/);
    assert.match(remarkOnUrl('http://127.evil.example/mcp', t)?.message ?? '', /unencrypted/);
    assert.match(remarkOnUrl('https://a.example/sse', t)?.message ?? '', /HTTP\+SSE/);
  });

  it('R12.4 a name that another server has is refused, whatever its case', () => {
    assert.equal(severity(remarkOnName('git', ['files'], t)), 'fine');
    assert.match(remarkOnName(' GitHub ', ['github'], t)?.message ?? '', /"github" already/);
    for (const wrong of ['', '  ', '.', '..', 'a\u0007b', 'x'.repeat(1_000)])
      assert.equal(severity(remarkOnName(wrong, [], t)), 'error', JSON.stringify(wrong));
  });

  it('R12.4 variables and headers are checked as the parser would', () => {
    assert.deepEqual(readPair('API_KEY= a=b ', 'env'), { name: 'API_KEY', value: ' a=b ' });
    assert.deepEqual(readPair('Authorization:  Bearer x ', 'headers'), {
      name: 'Authorization',
      value: 'Bearer x',
    });
    for (const fine of ['', 'A=1', 'A=']) assert.equal(severity(remarkOnPair(fine, 'env', t)), 'fine', fine);
    for (const wrong of ['A', '=1', '__proto__=1'])
      assert.equal(severity(remarkOnPair(wrong, 'env', t)), 'error', wrong);
    for (const wrong of ['x', 'Host: y', 'Mcp-Session-Id: 1', 'a(b: c'])
      assert.equal(severity(remarkOnPair(wrong, 'headers', t)), 'error', wrong);
    assert.equal(severity(remarkOnPair('X-Key: ${input:k}', 'headers', t)), 'fine');
  });

  it('R12.4 proposes the name that a person would give', () => {
    const ofCommand = (text: string) => nameOfCommand(readCommandLine(text, 'linux')!);
    assert.equal(ofCommand('npx -y @modelcontextprotocol/server-memory'), 'memory');
    assert.equal(ofCommand('npx -y @playwright/mcp@latest'), 'playwright');
    assert.equal(ofCommand('uvx mcp-server-git --repository .'), 'git');
    assert.equal(ofCommand('docker run -i --rm ghcr.io/github/github-mcp-server:1.2'), 'github');
    assert.equal(ofCommand('node dist/weather.js'), 'weather');
    assert.equal(ofCommand('/usr/bin/time-mcp --x'), 'time');
    assert.equal(nameOfUrl('https://mcp.linear.app/mcp'), 'linear');
    assert.equal(nameOfUrl('http://localhost:3000/mcp'), 'local-3000');
    assert.equal(nameOfUrl('https://${input:x}/'), 'server');
  });
});

describe('add server: a piece of JSON', () => {
  const found = (pasted: string) => {
    const source = asSourceText(pasted);
    if ('problem' in source) return source.problem;
    return readSource(source.text, source.format).servers.map(({ name, entry, inputs }) => ({
      name: source.isBare ? nameOfEntry(entry ?? {}) : name,
      command: entry?.['command'] ?? entry?.['url'],
      inputs: inputs.length,
    }));
  };
  const problem = (pasted: string): string => {
    const result = found(pasted);
    return typeof result === 'string' ? result : '';
  };
  const one = [{ name: 'git', command: 'uvx', inputs: 0 }];

  it('R12.4 may be any shape in which manuals show it', () => {
    assert.deepEqual(found('{"servers": {"git": {"command": "uvx"}}}'), one);
    assert.deepEqual(found('{"mcpServers": {"git": {"command": "uvx"}}}'), one);
    assert.deepEqual(found('{"mcp": {"servers": {"git": {"command": "uvx"}}}}'), one);
    assert.deepEqual(found('{"mcpLifeline.servers": {"git": {"command": "uvx"}}}'), one);
    assert.deepEqual(found('{"git": {"command": "uvx"}}'), one);
    assert.deepEqual(found('"git": {\n // theirs\n "command": "uvx",\n},\n'), one);
    assert.deepEqual(found('{"name": "git", "command": "uvx"}'), one);
    assert.deepEqual(found('{"command": "uvx", "args": ["mcp-server-git"]}'), one);
    assert.deepEqual(found('[mcp_servers.git]\ncommand = "uvx"\n'), one);
    assert.deepEqual(found('{"url": "https://mcp.linear.app/mcp"}'), [
      { name: 'linear', command: 'https://mcp.linear.app/mcp', inputs: 0 },
    ]);
    const withInput =
      '{"inputs": [{"id": "k", "type": "promptString"}], "servers": {"a": {"command": "x", "env": {"K": "${input:k}"}}}}';
    assert.deepEqual(found(withInput), [{ name: 'a', command: 'x', inputs: 1 }]);
  });

  it('R12.4 says what is wrong with one that cannot be used', () => {
    assert.match(problem('{"servers": '), /line 1/);
    assert.match(problem('[]'), /not an object/);
    assert.match(problem('{"editor.tabSize": 3}'), /no server/);
    assert.match(problem('hello'), /line 1/);
  });
});
