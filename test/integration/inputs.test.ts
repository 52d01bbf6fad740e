import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GivenInputs } from '../../src/shared/protocol/engineMessages.ts';
import { textOf } from '../support/lineClient.ts';
import { RawSession, StandaloneBed } from '../support/standalone.ts';
import { scripted, TestBed, until } from '../support/testEngine.ts';

const give = (values: Record<string, string>, secret = false): GivenInputs => ({
  values: Object.entries(values).map(([id, value]) => ({ id, value, secret })),
});

describe('inputs of a server', () => {
  let bed: TestBed;
  beforeEach(() => (bed = new TestBed()));
  afterEach(() => bed.dispose());

  const starts = (): number => {
    try {
      return readFileSync(join(bed.home, 'starts'), 'utf8').split('\n').filter(Boolean).length;
    } catch {
      return 0;
    }
  };

  it('R1.4 variables are filled in where the server is started', async () => {
    bed.workspaceFolder = bed.home;
    bed.configure({
      s: {
        ...scripted({ NAME: '${env:LIFELINE_TEST_NAME}' }),
        cwd: '${workspaceFolder}/endpoints',
      },
      bad: scripted({ NAME: '${env:LIFELINE_TEST_NONE}' }),
    });
    const { control } = await bed.startEngine({ env: { LIFELINE_TEST_NAME: 'called' } });
    const client = await bed.session('s');
    assert.equal(textOf(await client.call('cwd', {})), join(bed.home, 'endpoints'));
    const shown = await control.server('s', ({ catalogue }) => catalogue !== undefined);
    assert.equal(shown.catalogue?.serverTitle, 'called');
    assert.deepEqual(
      (await control.snapshot()).problems.map(({ path }) => path),
      ['mcpLifeline.servers.bad.env.NAME'],
    );
  });

  it('R1.4 are asked for once, when a call needs the server, for all its sessions', async () => {
    bed.configure({ s: scripted({ NAME: '${input:who}', STARTS: join(bed.home, 'starts') }) });
    const { control } = await bed.startEngine();
    let answer: (given: GivenInputs) => void = () => undefined;
    control.onInputsNeeded = ({ why }) =>
      why === 'start' ? { values: [] } : new Promise<GivenInputs>((resolve) => (answer = resolve));
    const first = bed.bridge('s');
    const clients = [first, bed.bridge('s')];
    for (const client of clients) await client.initialize();
    // Nobody waits for it: nobody is interrupted.
    const waiting = await control.server('s', ({ state }) => state === 'needsSignIn');
    assert.deepEqual(waiting.needsInput, ['who']);
    assert.equal(starts(), 0);
    const calls = clients.map((client, index) => client.call('echo', { key: `e${index}` }));
    await until('a question', () => control.asked.some(({ why }) => why === 'call'));
    const asking = await control.server('s', ({ state }) => state === 'connecting');
    assert.match(asking.sentence, /waits for the value of the input "who"/);
    answer(give({ who: 'nobody' }));
    assert.deepEqual((await Promise.all(calls)).map(textOf), ['e0', 'e1']);
    assert.equal(control.asked.filter(({ why }) => why === 'call').length, 1);
    const ready = await control.server('s', ({ state }) => state === 'ready');
    assert.equal(ready.needsInput, undefined);
    assert.equal(starts(), 2);
    // What is known is not asked for again.
    const before = control.asked.length;
    await control.recover('s', 'restart');
    assert.equal(textOf(await first.call('echo', { key: 'again' })), 'again');
    assert.equal(control.asked.length, before);
  });

  it('R1.4 that are not given leave the call with an honest answer, and the server waiting', async () => {
    bed.configure({ s: scripted({ NAME: '${input:who}', STARTS: join(bed.home, 'starts') }) });
    const { control } = await bed.startEngine();
    control.onInputsNeeded = () => ({ values: [], declined: true, message: 'It was not entered.' });
    const client = bed.bridge('s');
    await client.initialize();
    const result = await client.call('record', { key: 'r' });
    assert.equal(result.isError, true);
    assert.match(
      textOf(result),
      /"s" needs the value of the input "who"\. It was not entered\. The tool "record" was not carried out/,
    );
    const asked = control.asked.length;
    await client.call('record', { key: 'r' });
    assert.equal(control.asked.length, asked, 'a call asks nobody who has turned the question down');
    const shown = await control.server('s', ({ state }) => state === 'needsSignIn');
    assert.equal(shown.lastError?.code, 'inputNeeded');
    assert.equal(starts(), 0);
    // Given after all: it starts by itself.
    control.onInputsNeeded = () => give({ who: 'me' });
    await control.tellInputsChanged('s');
    await control.server('s', ({ state }) => state === 'ready');
    assert.equal(starts(), 1);
  });

  it('R1.4 that change restart their server once, and the same value does not', async () => {
    bed.configure({
      s: scripted({ NAME: '${input:who}', STARTS: join(bed.home, 'starts') }),
      other: scripted({}),
    });
    const { control } = await bed.startEngine();
    let who = 'first';
    control.onInputsNeeded = () => give({ who });
    const client = await bed.session('s');
    await client.call('echo', { key: 'e' });
    await control.tellInputsChanged('s', 'other');
    await client.call('echo', { key: 'e' });
    assert.equal(starts(), 1);
    who = 'second';
    await control.tellInputsChanged('s');
    await until('a restart', () => starts() === 2);
    await control.server(
      's',
      ({ state, catalogue }) => state === 'ready' && catalogue?.serverTitle === 'second',
    );
    await client.call('echo', { key: 'e' });
    assert.equal(starts(), 2);
  });

  it('R1.4 R14.4 that are secret reach the server, and no log, whatever it says', async () => {
    const secret = 'swordfish forever';
    bed.configure({ s: scripted({ STDERR: 'I got ${input:key}', NAME: 'quiet' }) });
    const { control } = await bed.startEngine();
    control.onInputsNeeded = () => give({ key: secret }, true);
    const client = await bed.session('s');
    await client.call('echo', { key: 'e' });
    const log = await until('the line', () => {
      const text = readFileSync(join(bed.home, 'logs', `${bed.window}.log`), 'utf8');
      return text.includes('I got') ? text : undefined;
    });
    assert.ok(!log.includes(secret));
    assert.ok(!JSON.stringify(await control.snapshot()).includes(secret));
  });

  it('R1.4 settings that need no input any more, while it is asked for, start the server', async () => {
    bed.configure({ s: scripted({ NAME: '${input:who}', STARTS: join(bed.home, 'starts') }) });
    const { control } = await bed.startEngine();
    control.onInputsNeeded = ({ why }) => (why === 'start' ? { values: [] } : new Promise(() => undefined));
    const client = bed.bridge('s');
    await client.initialize();
    const call = client.call('echo', { key: 'e' });
    await until('a question', () => control.asked.some(({ why }) => why === 'call'));
    await control.configure(
      bed.configure({ s: scripted({ NAME: 'me', STARTS: join(bed.home, 'starts') }) }).configuration,
    );
    assert.equal(textOf(await call), 'e');
    assert.equal(starts(), 1);
  });

  it('R1.4 R14.4 that were given for one entry are asked for anew when another takes its place', async () => {
    const seen = (): string[] => {
      try {
        return readFileSync(join(bed.home, 'seen'), 'utf8').split('\n');
      } catch {
        return [];
      }
    };
    const entry = (where: string): ReturnType<typeof scripted> =>
      scripted({ NAME: '${input:key}', STARTS: join(bed.home, where) });
    bed.configure({ s: entry('mine') });
    const { control } = await bed.startEngine();
    control.onInputsNeeded = () => give({ key: 'a value for mine' }, true);
    const client = await bed.session('s');
    await client.call('echo', { key: 'e' });
    // A folder's settings have an entry of the same name, and their own inputs: the editor gives it nothing of mine.
    control.onInputsNeeded = () => ({ values: [], message: 'It is not defined.' });
    const asked = control.asked.length;
    await control.configure(bed.configure({ s: entry('seen') }).configuration);
    await control.server('s', ({ state }) => state === 'needsSignIn');
    assert.ok(control.asked.length > asked);
    assert.deepEqual(seen(), []);
  });

  it('R1.4 with a value that cannot be used leave the server waiting, and say why', async () => {
    bed.configure({ web: { url: 'http://127.0.0.1:${input:port}/mcp' } });
    const { control } = await bed.startEngine();
    control.onInputsNeeded = () => give({ port: 'my secret port' }, true);
    const client = bed.bridge('web');
    await client.initialize();
    const shown = await control.server('web', ({ state }) => state === 'needsSignIn');
    assert.match(shown.sentence, /With the value that was given, "url" must be the address/);
    assert.ok(!shown.sentence.includes('my secret'));
  });

  it('R1.4 an editor that leaves while it is asked leaves nobody waiting', async () => {
    bed.configure({ s: scripted({ NAME: '${input:who}' }) });
    const { control } = await bed.startEngine();
    control.onInputsNeeded = () => new Promise(() => undefined);
    const client = bed.bridge('s');
    const initialized = client.initialize();
    await until('a question', () => control.asked.length > 0);
    control.destroy();
    await initialized;
    const log = (): string => readFileSync(join(bed.home, 'logs', `${bed.window}.log`), 'utf8');
    await until('an end of the question', () => log().includes('could not be asked'));
  });
});

describe('inputs of a stand-alone engine', () => {
  const bed = new StandaloneBed();
  after(() => bed.dispose());

  it('R1.4 R15.1 come from the environment; one that is missing is named', async () => {
    const { ready } = await bed.serve(
      {
        servers: {
          given: scripted({ NAME: '${input:my-name}' }),
          missing: scripted({ NAME: '${input:other}' }),
        },
        inputs: [{ id: 'my-name', type: 'promptString' }],
      },
      { env: { MCP_LIFELINE_INPUT_MY_NAME: 'given name' } },
    );
    const ask = async (server: string): Promise<string> => {
      const session = new RawSession(ready.servers[server]?.url ?? '', ready.token);
      await session.initialize();
      return (await session.call(7, 'echo', { key: 'e' })).text;
    };
    assert.match(await ask('given'), /"text":"e"/);
    assert.match(
      await ask('missing'),
      /needs the value of the input \\"other\\"\. Set \\"MCP_LIFELINE_INPUT_other\\" in the environment/,
    );
  });
});
