import assert from 'node:assert/strict';
import { Fault, faultCodes, type ExitStatus, type FaultCode } from '../../../shared/model/fault.ts';
import { crashCauses, parseSnapshot, type CrashCause } from '../../../shared/model/snapshot.ts';
import { diagnose } from './diagnose.ts';
import { codeOfErrno } from './errno.ts';
import { exitFault } from './exitFault.ts';

const ended = (exit: ExitStatus, output = '', wasUp = false): Fault =>
  exitFault({ server: 's', exit, output, wasUp });
const portTaken = 'Error: listen EADDRINUSE: address already in use :::3000';

describe('the end of a process', () => {
  it('R2.3 has the code that its output or its exit status gives it', () => {
    for (const [exit, output, code, message] of [
      [{ code: 3 }, '', 'exited', /^The MCP server "s" ended unexpectedly \(exit code 3\)\.$/],
      [{ code: 1 }, portTaken, 'portInUse', /\(exit code 1\): port 3000 is in use\.$/],
      [
        { code: 1 },
        "No module named 'x'\nModuleNotFoundError: No module named 'x'",
        'dependencyMissing',
        /not found \("x"\)/,
      ],
      [
        { signal: 'SIGABRT' },
        'FATAL ERROR: JavaScript heap out of memory',
        'outOfMemory',
        /signal SIGABRT\): it ran out of memory/,
      ],
      [{ code: 1 }, 'BrokenPipeError: [Errno 32] Broken pipe', 'brokenPipe', /a pipe that was closed/],
      [{ code: 1 }, 'Error: invalid API key', 'exited', /credentials/],
      [{ signal: 'SIGKILL' }, '', 'exited', /signal SIGKILL\): it was killed, by somebody or by the system/],
      [{ code: 137 }, '', 'exited', /it was killed/],
      [{ code: 127 }, '', 'exited', /was not found/],
      [{ code: 126 }, '', 'exited', /may not be executed/],
      [{ code: 0xc0_00_01_35 }, '', 'dependencyMissing', /a library that it needs was not found/],
    ] as const) {
      const fault = ended(exit, output);
      assert.equal(fault.code, code);
      assert.match(fault.message, message);
      assert.deepEqual(fault.exit, exit);
    }
  });

  it('R2.3 of one that was killed is not explained by what it wrote before', () => {
    const fault = ended({ signal: 'SIGKILL' }, portTaken);
    assert.equal(fault.code, 'exited');
    assert.doesNotMatch(fault.message, /3000/);
  });

  it('R5.1 of one that was up counts against the breaker, whatever it wrote', () => {
    for (const output of [
      portTaken,
      "Error: Cannot find module 'x'",
      'MemoryError',
      'write: broken pipe',
      '',
    ]) {
      const fault = ended({ code: 1 }, output, true);
      assert.equal(fault.traits.countsAgainstBreaker, true, output);
      assert.equal(fault.traits.endsLaunch, true, output);
    }
    assert.equal(ended({ code: 1 }, 'MemoryError', true).code, 'outOfMemory');
  });

  it('R5.5 of one that was up is not explained by the trouble of a call', () => {
    assert.equal(ended({ code: 1 }, 'Error: 401 Unauthorized', true).message.includes('credentials'), false);
    const long = `MemoryError\n${'a line\n'.repeat(60)}`;
    assert.equal(ended({ code: 1 }, long, true).code, 'exited');
  });
});

describe('the diagnosis of a server that is down', () => {
  const causes: [Fault, string, CrashCause, RegExp][] = [
    [ended({ code: 1 }, portTaken), portTaken, 'portInUse', /Free the port/],
    [new Fault('spawnFailed', 'no', { cause: { code: 'ENOENT' } }), '', 'commandMissing', /Check "command"/],
    [new Fault('spawnFailed', 'no', { cause: { code: 'ENOTDIR' } }), '', 'badConfiguration', /"cwd"/],
    [ended({ code: 127 }), 'sh: 1: uvx: not found', 'commandMissing', /Install the command/],
    [ended({ code: 127 }), '', 'commandMissing', /Install the command/],
    [ended({ code: 1 }), "Error: Cannot find module 'x'", 'dependencyMissing', /Install what is missing/],
    [ended({ code: 1 }), "KeyError: 'API_KEY'", 'badCredentials', /keys and tokens/],
    [ended({ code: 2 }), "error: unknown option '--foo'", 'badConfiguration', /"args" and "env"/],
    [ended({ code: 134 }), 'JavaScript heap out of memory', 'outOfMemory', /more memory/],
    [ended({ code: 1 }), 'Error: connect ECONNREFUSED 127.0.0.1:5432', 'crash', /service it needs/],
    [ended({ signal: 'SIGKILL' }), '', 'crash', /memory of this machine/],
    [ended({ code: 0 }), '', 'crash', /goes on running/],
    [ended({ code: 1 }), 'ValueError: x', 'crash', /Read its output/],
    [new Fault('startTimeout', 'late'), '', 'startTimeout', /waits for something/],
    [
      new Fault('startTimeout', 'late'),
      'Please set the X_API_KEY variable',
      'badCredentials',
      /keys and tokens/,
    ],
    [new Fault('authRequired', 'no'), '', 'badCredentials', /Sign in/],
    [new Fault('connectionRefused', 'no'), '', 'unknown', /"url"/],
  ];

  it('R5.5 names the cause and what can be done', () => {
    for (const [fault, output, cause, advice] of causes) {
      const diagnosis = diagnose({ fault, output, wasUp: false });
      assert.equal(diagnosis.cause, cause, `${fault.message} ${output}`);
      assert.match(diagnosis.advice, advice);
      assert.ok(diagnosis.sentence.startsWith(fault.message));
    }
    assert.deepEqual(
      new Set(causes.map(([, , cause]) => cause)),
      new Set(crashCauses),
      'each cause has its case',
    );
  });

  it('R5.5 tells the port, and what the server said', () => {
    const diagnosis = diagnose({ fault: ended({ code: 1 }, portTaken), output: portTaken, wasUp: false });
    assert.equal(diagnosis.port, 3_000);
    assert.match(diagnosis.sentence, /It said: "Error: listen EADDRINUSE/);
  });

  it('R5.5 of a hung server that was given up does not go by what it wrote at work', () => {
    const fault = new Fault('exited', 'given up');
    assert.equal(diagnose({ fault, output: 'MemoryError', wasUp: true }).cause, 'crash');
  });

  it('R14.3 fits a snapshot, however long the fault', () => {
    const { sentence, advice } = diagnose({
      fault: new Fault('startTimeout', 'x'.repeat(10_000)),
      output: '',
      wasUp: false,
    });
    assert.ok(sentence.length <= 4_000 && advice.length <= 1_000);
    assert.throws(() => parseSnapshot({}));
  });
});

describe('the taxonomy of faults', () => {
  it('R2.3 knows what the errors of the system mean', () => {
    const expected: readonly (readonly [string, FaultCode | undefined])[] = [
      ['EPIPE', 'brokenPipe'],
      ['ECONNRESET', 'connectionReset'],
      ['ECONNREFUSED', 'connectionRefused'],
      ['ENOTFOUND', 'connectionRefused'],
      ['ETIMEDOUT', 'connectTimeout'],
      ['ENOENT', 'spawnFailed'],
      ['EACCES', 'spawnFailed'],
      ['EADDRINUSE', 'portInUse'],
      ['ENOMEM', 'outOfMemory'],
      ['HPE_INVALID_CONSTANT', 'protocolGarbage'],
      ['ABORT_ERR', 'cancelled'],
      ['toString', undefined],
      ['', undefined],
    ];
    for (const [errno, code] of expected) assert.equal(codeOfErrno(errno), code, errno);
  });

  it('R2.3 says of each code what a person can do, in one line that a snapshot takes', () => {
    for (const code of faultCodes) {
      const { advice } = new Fault(code, code).traits;
      assert.match(advice, /^[A-Z].{10,200}\.$/, code);
    }
  });
});
