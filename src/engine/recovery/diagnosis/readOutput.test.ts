import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import fc from 'fast-check';
import type { OutputCause } from './outputPatterns.ts';
import { portInText } from './portInText.ts';
import { readOutput } from './readOutput.ts';

type Row = readonly [cause: OutputCause | undefined, output: string, detail?: string | number];

/** Captured on Linux from Node 24, Python 3.11, Java 17, Rust 1.95, Perl 5.36, dash, bash and ld.so, or the well-known wording of what was not at hand. */
const rows: Readonly<Record<string, readonly Row[]>> = {
  'an address in use': [
    [
      'portInUse',
      'Traceback (most recent call last):\n  File "s.py", line 1, in <module>\nOSError: [Errno 98] Address already in use',
    ],
    [
      'portInUse',
      "OSError: [Errno 98] error while attempting to bind on address ('127.0.0.1', 45871): address already in use",
      45_871,
    ],
    [
      'portInUse',
      "OSError: [Errno 48] error while attempting to bind on address ('::1', 8080, 0, 0): address already in use",
      8_080,
    ],
    [
      'portInUse',
      "INFO:     Started server process [4242]\nERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use\nINFO:     Waiting for application shutdown.",
      8_000,
    ],
    [
      'portInUse',
      'OSError: [WinError 10048] Only one usage of each socket address (protocol/network address/port) is normally permitted',
    ],
    [
      'portInUse',
      "OSError: [Errno 10048] error while attempting to bind on address ('127.0.0.1', 8000): only one usage of each socket address (protocol/network address/port) is normally permitted",
      8_000,
    ],
    [
      'portInUse',
      "Error: listen EADDRINUSE: address already in use :::3000\n    at Server.setupListenHandle [as _listen2] (node:net:1940:16)\n  code: 'EADDRINUSE',\n  errno: -98,\n  port: 3000\n}\n\nNode.js v24.21.0",
      3_000,
    ],
    ['portInUse', 'Error: listen EADDRINUSE: address already in use 127.0.0.1:45871', 45_871],
    ['portInUse', 'Error: listen EADDRINUSE: address already in use ::1:3000', 3_000],
    [
      'portInUse',
      "Error: listen EADDRINUSE\n    at foo (bar.js:1:2) {\n  code: 'EADDRINUSE',\n  errno: -98,\n  syscall: 'listen',\n  address: '::',\n  port: 45871\n}",
      45_871,
    ],
    ['portInUse', '2026/11/21 12:30:45 listen tcp :8080: bind: address already in use', 8_080],
    [
      'portInUse',
      'panic: listen tcp 127.0.0.1:9090: bind: address already in use\n\ngoroutine 1 [running]:\nmain.main()',
      9_090,
    ],
    ['portInUse', 'listen tcp [::1]:9091: bind: address already in use', 9_091],
    [
      'portInUse',
      'listen tcp 127.0.0.1:8080: bind: Only one usage of each socket address (protocol/network address/port) is normally permitted.',
      8_080,
    ],
    [
      'portInUse',
      'Exception in thread "main" java.net.BindException: Address already in use\n\tat java.base/sun.nio.ch.Net.bind0(Native Method)',
    ],
    [
      'portInUse',
      'java.io.IOException: Failed to bind to /0.0.0.0:8080\nCaused by: java.net.BindException: Address already in use',
      8_080,
    ],
    ['portInUse', 'Web server failed to start. Port 8080 was already in use.', 8_080],
    [
      'portInUse',
      'System.IO.IOException: Failed to bind to address http://127.0.0.1:5000: address already in use.\n ---> Microsoft.AspNetCore.Connections.AddressInUseException: Address already in use',
      5_000,
    ],
    [
      'portInUse',
      'thread \'main\' panicked at b.rs:1:58:\ncalled `Result::unwrap()` on an `Err` value: Os { code: 98, kind: AddrInUse, message: "Address already in use" }\nstack backtrace:\n   0: __rustc::rust_begin_unwind',
    ],
    ['portInUse', 'Error: Os { code: 98, kind: AddrInUse, message: "Address already in use" }'],
    [
      'portInUse',
      'error binding to 127.0.0.1:7000: error creating server listener: Address already in use (os error 98)',
      7_000,
    ],
    ['portInUse', 'Address already in use - bind(2) for "127.0.0.1" port 3000 (Errno::EADDRINUSE)', 3_000],
    ['portInUse', 'Failed to listen on localhost:8000 (reason: Address already in use)', 8_000],
    ['portInUse', 'cannot listen: Address already in use'],
    ['portInUse', 'error: Failed to start server. Is port 3000 in use?', 3_000],
    ['portInUse', 'Error: Port 5173 is already in use', 5_173],
    [
      'portInUse',
      'Error: listen EADDRINUSE: address already in use :::3000\nBrokenPipeError: [Errno 32] Broken pipe',
      3_000,
    ],
  ],
  'memory that ran out': [
    [
      'outOfMemory',
      '<--- Last few GCs --->\n\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n----- Native stack trace -----\n\n 1: 0x931db0  [node]',
    ],
    [
      'outOfMemory',
      'Traceback (most recent call last):\n  File "<string>", line 1, in <module>\nMemoryError',
    ],
    ['outOfMemory', 'numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.28 TiB for an array'],
    [
      'outOfMemory',
      'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space\n\tat O.main(O.java:1)',
    ],
    [
      'outOfMemory',
      'Unhandled exception. System.OutOfMemoryException: Array dimensions exceeded supported range.',
    ],
    ['outOfMemory', 'fatal error: runtime: out of memory\n\nruntime stack:\nruntime.throw({0x1, 0x2})'],
    ['outOfMemory', 'memory allocation of 1099511627776 bytes failed'],
    [
      'outOfMemory',
      "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
    ],
    ['outOfMemory', 'OSError: [Errno 12] Cannot allocate memory'],
  ],
  'a module, library or package that is missing': [
    ['dependencyMissing', "ModuleNotFoundError: No module named 'foo_bar'", 'foo_bar'],
    ['dependencyMissing', '/usr/bin/python3: No module named mcp_server_missing', 'mcp_server_missing'],
    [
      'dependencyMissing',
      "ImportError: cannot import name 'nothing' from 'json' (/usr/lib/python3.11/json/__init__.py)",
    ],
    [
      'dependencyMissing',
      'OSError: libnope.so: cannot open shared object file: No such file or directory',
      'libnope.so',
    ],
    [
      'dependencyMissing',
      "node:internal/modules/cjs/loader:1568\n  throw err;\n  ^\n\nError: Cannot find module 'missing-package'\nRequire stack:\n- /srv/[eval]\n    at Module._resolveFilename (node:internal/modules/cjs/loader:1564:15) {\n  code: 'MODULE_NOT_FOUND',\n  requireStack: [ '/srv/[eval]' ]\n}",
      'missing-package',
    ],
    [
      'dependencyMissing',
      "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'missing-package' imported from /srv/[eval]\n  code: 'ERR_MODULE_NOT_FOUND'",
      'missing-package',
    ],
    [
      'dependencyMissing',
      "Error: Cannot find module @rollup/rollup-linux-x64-gnu. npm has a bug related to optional dependencies.\n  [cause]: Error: Cannot find module '@rollup/rollup-linux-x64-gnu'",
      '@rollup/rollup-linux-x64-gnu',
    ],
    [
      'dependencyMissing',
      'Exception in thread "main" java.lang.ClassNotFoundException: com.example.Missing\n\tat java.base/x',
      'com.example.Missing',
    ],
    ['dependencyMissing', 'Error: Unable to access jarfile missing.jar', 'missing.jar'],
    [
      'dependencyMissing',
      'Error: Could not find or load main class Missing\nCaused by: java.lang.ClassNotFoundException: Missing',
      'Missing',
    ],
    [
      'dependencyMissing',
      "Unhandled exception. System.IO.FileNotFoundException: Could not load file or assembly 'Newtonsoft.Json, Version=13.0.0.0, Culture=neutral, PublicKeyToken=30ad4fe6b2a6aeed'. The system cannot find the file specified.",
      'Newtonsoft.Json',
    ],
    [
      'dependencyMissing',
      "You must install or update .NET to run this application.\n\nApp: /srv/app.dll\nArchitecture: x64\nFramework: 'Microsoft.NETCore.App', version '8.0.0' (x64)",
      'Microsoft.NETCore.App',
    ],
    [
      'dependencyMissing',
      './usez: error while loading shared libraries: libzz.so: cannot open shared object file: No such file or directory',
      'libzz.so',
    ],
    [
      'dependencyMissing',
      'dyld[123]: Library not loaded: @rpath/libfoo.1.dylib\n  Referenced from: /srv/a',
      '@rpath/libfoo.1.dylib',
    ],
    [
      'dependencyMissing',
      "/srv/tool: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by /srv/tool)",
      'GLIBC_2.38',
    ],
    [
      'dependencyMissing',
      "Can't locate Missing/Module.pm in @INC (you may need to install the Missing::Module module) (@INC contains: /etc/perl) at -e line 1.\nBEGIN failed--compilation aborted at -e line 1.",
      'Missing/Module.pm',
    ],
    [
      'dependencyMissing',
      "<internal:kernel>:136:in `require': cannot load such file -- nokogiri (LoadError)",
      'nokogiri',
    ],
    [
      'dependencyMissing',
      'npm error code E404\nnpm error 404 Not Found - GET https://registry.example.com/no-such-package-xyz - Not found',
      'https://registry.example.com/no-such-package-xyz',
    ],
    [
      'dependencyMissing',
      '  × No solution found when resolving tool dependencies:\n  ╰─▶ Because no-such-tool was not found in the package registry and you require no-such-tool, we can conclude that your requirements are unsatisfiable.',
      'no-such-tool',
    ],
    [
      'dependencyMissing',
      "browserType.launch: Executable doesn't exist at /home/user/.cache/ms-playwright/chromium-1/chrome-linux/chrome",
      '/home/user/.cache/ms-playwright/chromium-1/chrome-linux/chrome',
    ],
  ],
  'a command that is missing, or no program': [
    ['commandMissing', 'sh: 1: no-such-command-x: not found', 'no-such-command-x'],
    ['commandMissing', 'bash: line 1: no-such-command-x: command not found', 'no-such-command-x'],
    ['commandMissing', 'zsh: command not found: uvx', 'uvx'],
    ['commandMissing', '/usr/bin/env: ‘node’: No such file or directory', 'node'],
    [
      'commandMissing',
      "'uvx' is not recognized as an internal or external command,\r\noperable program or batch file.",
      'uvx',
    ],
    [
      'commandMissing',
      "/usr/bin/python3: can't open file '/srv/nofile.py': [Errno 2] No such file or directory",
      '/srv/nofile.py',
    ],
    ['commandMissing', 'exec: "git": executable file not found in $PATH'],
    [
      'commandMissing',
      'Error: spawn uvx ENOENT\n    at ChildProcess._handle.onexit (node:internal/child_process:285:19)',
      'uvx',
    ],
    ['notExecutable', 'sh: 1: /srv/server.rs: Permission denied', '/srv/server.rs'],
    ['notExecutable', 'bash: line 1: /srv/tool: cannot execute binary file: Exec format error'],
  ],
  credentials: [
    ['badCredentials', 'Error: 401 Unauthorized'],
    ['badCredentials', 'Error: API key is missing'],
    ['badCredentials', 'Error: invalid api key provided'],
    ['badCredentials', 'GITHUB_PERSONAL_ACCESS_TOKEN not set'],
    ['badCredentials', 'Error: BRAVE_API_KEY environment variable is required'],
    ['badCredentials', 'Please set the OPENAI_API_KEY environment variable'],
    [
      'badCredentials',
      'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nKeyError: \'API_KEY\'',
    ],
    ['badCredentials', 'FATAL:  password authentication failed for user "me"'],
    [
      'badCredentials',
      'requests.exceptions.HTTPError: 401 Client Error: Unauthorized for url: https://api.example/',
    ],
    ['badCredentials', 'AxiosError: Request failed with status code 401'],
    [
      'badCredentials',
      'google.auth.exceptions.DefaultCredentialsError: Your default credentials were not found.',
    ],
    [
      'badCredentials',
      'Unable to locate credentials. You can configure credentials by running "aws configure".',
    ],
    ['badCredentials', 'panic: SLACK_BOT_TOKEN must be set'],
  ],
  settings: [
    ['badConfiguration', "KeyError: 'DATABASE_URL'"],
    ['badConfiguration', 'Error: the environment variable DATABASE_URL is not set'],
    [
      'badConfiguration',
      'json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)',
    ],
    [
      'badConfiguration',
      "SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ],
    ['badConfiguration', 'yaml.parser.ParserError: while parsing a flow node'],
    ['badConfiguration', 'yaml: line 3: mapping values are not allowed in this context'],
    ['badConfiguration', 'tomllib.TOMLDecodeError: Invalid value (at end of document)'],
    ['badConfiguration', 'TOML parse error at line 1, column 5'],
    ['badConfiguration', "invalid character 'x' looking for beginning of object key string"],
    ['badConfiguration', 'usage: server.py [-h]\nserver.py: error: unrecognized arguments: --foo'],
    [
      'badConfiguration',
      'usage: server.py [-h] --db DB\nserver.py: error: the following arguments are required: --db',
    ],
    ['badConfiguration', "error: unexpected argument '--foo' found"],
    ['badConfiguration', "error: unknown option '--foo'"],
    ['badConfiguration', 'flag provided but not defined: -foo\nUsage of ./server:'],
    ['badConfiguration', 'node: bad option: --foo'],
    [
      'badConfiguration',
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\nurl\n  Field required',
    ],
    ['badConfiguration', 'Error: config file not found: /srv/config.yaml'],
    ['badConfiguration', 'failed to load configuration: open config.toml: no such file or directory'],
  ],
  'a service that cannot be reached': [
    ['unreachable', 'Error: connect ECONNREFUSED 127.0.0.1:5432'],
    ['unreachable', 'ConnectionRefusedError: [Errno 111] Connection refused'],
    ['unreachable', 'dial tcp 127.0.0.1:6379: connect: connection refused'],
    ['unreachable', 'java.net.ConnectException: Connection refused'],
    ['unreachable', 'Error: getaddrinfo ENOTFOUND db.internal'],
    ['unreachable', 'ConnectionResetError: [Errno 104] Connection reset by peer'],
    ['unreachable', 'System.Net.Sockets.SocketException (111): Connection refused'],
  ],
  'a broken pipe': [
    ['brokenPipe', 'BrokenPipeError: [Errno 32] Broken pipe'],
    ['brokenPipe', '[Errno 32] Broken pipe'],
    [
      'brokenPipe',
      "Error: write EPIPE\n    at WriteWrap.onWriteComplete [as oncomplete] (node:internal/stream_base_commons:87:19) {\n  errno: -32,\n  code: 'EPIPE',\n  syscall: 'write'\n}\n\nNode.js v24.21.0",
    ],
    ['brokenPipe', 'write |1: broken pipe'],
    ['brokenPipe', 'failed printing to stdout: Broken pipe (os error 32)'],
    ['brokenPipe', 'java.io.IOException: Broken pipe'],
    ['brokenPipe', 'Unhandled exception. System.IO.IOException: Broken pipe'],
    ['brokenPipe', 'Unhandled exception. System.IO.IOException: Pipe is broken.'],
    ['brokenPipe', 'failed printing to stdout: The pipe is being closed. (os error 232)'],
    ['brokenPipe', 'OSError: [WinError 109] The pipe has been ended'],
    ['brokenPipe', 'write: Broken pipe'],
  ],
  'nothing that is known': [
    [undefined, ''],
    [undefined, 'ValueError: bad thing'],
    [undefined, 'Segmentation fault (core dumped)'],
    [undefined, 'INFO: server started on port 3000'],
    [undefined, 'WARNING: No module named uvloop, falling back to asyncio\nValueError: bad thing'],
    [undefined, 'npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory.'],
    [undefined, '2026-01-01 12:00:00,123 - mcp - WARNING - Broken pipe while sending a ping'],
    [undefined, '{"level":"info","msg":"retry after ECONNREFUSED"}'],
    [undefined, '    at readConfig (/srv/broken pipe/EADDRINUSE.js:1:2)'],
    [undefined, 'FATAL ERROR: assertion failed'],
  ],
};

describe('what a server wrote before it ended', () => {
  for (const [what, table] of Object.entries(rows)) {
    it(`R2.3 tells of ${what}, in the words of each language`, () => {
      for (const [cause, output, detail] of table) {
        const found = readOutput(output);
        assert.equal(found?.cause, cause, output);
        if (detail !== undefined) assert.equal(found?.port ?? found?.missing, detail, output);
      }
    });
  }

  it('R2.3 the same words as programs here write them', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    try {
      for (const [command, args, cause, detail] of programs(port)) {
        const { stderr, status, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 });
        if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
          assert.equal(command, 'python3'); // the only one of them that a machine may lack
          continue;
        }
        const found = readOutput(stderr);
        assert.equal(found?.cause, cause, `${args.join(' ')} (${status}): ${stderr}`);
        if (detail !== undefined) assert.equal(found.port ?? found.missing, detail, stderr);
      }
    } finally {
      await closed(holder);
    }
  });

  it('R2.3 R14.3 whatever the text, never throws and costs little', () => {
    const fragment = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom(
        'invalid ',
        'token ',
        'config ',
        'port ',
        ':1',
        "('",
        '\n',
        'Error: ',
        'KEY_',
        ' ',
        'required ',
      ),
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 60 }), (parts) => {
        const found = readOutput(parts.join(''));
        assert.ok(found === undefined || found.line.length <= 300);
        assert.ok(found?.port === undefined || (found.port > 0 && found.port <= 65_535));
      }),
      { numRuns: 300 },
    );
  });

  it('R14.3 a text that is made to be slow is not', () => {
    for (const piece of [
      'invalid a-b ',
      'x_',
      'API_',
      'port:',
      ':1',
      'a.b/',
      'config ',
      'credentials ',
      ' - ',
      '2026-01-01 ',
      "('a",
    ]) {
      const line = piece.repeat(Math.ceil(1_000 / piece.length));
      const startedAt = performance.now();
      readOutput(`${line}\n`.repeat(400));
      assert.ok(performance.now() - startedAt < 2_000, piece);
    }
  });

  it('R5.5 finds the port and not the time of day', () => {
    for (const [line, port] of [
      ['2026-11-21T12:30:45 could not bind [::]:8080', 8_080],
      ['listen tcp 0.0.0.0:65535: bind: address already in use', 65_535],
      ['address already in use :::70000', undefined],
      ['12:30:45 Address already in use', undefined],
      ['Address already in use: /127.0.0.1:8080', 8_080],
    ] as const)
      assert.equal(portInText(line), port, line);
  });
});

type Program = readonly [command: string, args: string[], cause: OutputCause, detail?: string | number];

function programs(port: number): Program[] {
  const node = (script: string, ...flags: string[]): [string, string[]] => [
    process.execPath,
    [...flags, '-e', script],
  ];
  const python = (script: string): [string, string[]] => ['python3', ['-c', script]];
  return [
    [...node(`require('net').createServer().listen(${port}, '127.0.0.1')`), 'portInUse', port],
    [...node("require('no-such-package')"), 'dependencyMissing', 'no-such-package'],
    [...node("import 'no-such-package'", '--input-type=module'), 'dependencyMissing', 'no-such-package'],
    [...node("JSON.parse('{x')"), 'badConfiguration'],
    [...node("require('net').connect(1, '127.0.0.1')"), 'unreachable'],
    ['/bin/sh', ['-c', 'no-such-command-x'], 'commandMissing', 'no-such-command-x'],
    ['/bin/sh', ['-c', '/etc/passwd'], 'notExecutable', '/etc/passwd'],
    [...python(`import socket; socket.socket().bind(('127.0.0.1', ${port}))`), 'portInUse'],
    [...python('import no_such_module'), 'dependencyMissing', 'no_such_module'],
    [...python("import os; os.environ['SOME_API_KEY']"), 'badCredentials'],
    [...python("import os; os.environ['SOME_URL']"), 'badConfiguration'],
    [...python("import json; json.loads('{x')"), 'badConfiguration'],
    [...python('bytearray(1 << 62)'), 'outOfMemory'],
    [...python("import os; r, w = os.pipe(); os.close(r); os.write(w, b'x')"), 'brokenPipe'],
  ];
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
