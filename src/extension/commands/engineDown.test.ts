import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FakeClock, settle } from '../../../test/support/fakeClock.ts';
import { loadWithFakeVscode, registered, shown } from '../../../test/support/fakeVscode.ts';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { commands } from '../../shared/contributions.ts';
import { EngineClient } from '../engineClient/engineClient.ts';
import type { EngineStatus } from '../engineClient/supervisor.ts';
import { untranslated } from '../translate.ts';
import { MuteList } from '../notifications/muteList.ts';
import type { CommandContext, SettingUpContext } from './commandContext.ts';

const manifest = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', '..', 'package.json'), 'utf8'),
) as { contributes: { commands: { command: string }[] } };
const ids = manifest.contributes.commands.map(({ command }) => command);

describe('every command while the engine is down', () => {
  before(async () => {
    const load = async () => {
      // While the editor's stand-in is there; otherwise it would be loaded when its commands are run.
      await import('./settingUp.ts');
      await import('../firstUse.ts');
      return import('./registerCommands.ts');
    };
    const { registerCommands } = await loadWithFakeVscode(load);
    register = registerCommands;
  });
  let register: (context: CommandContext) => { dispose(): void };
  let client: EngineClient;
  let context: CommandContext;
  let clock: FakeClock;
  const opened: string[] = [];

  beforeEach(() => {
    shown.length = 0;
    opened.length = 0;
    registered.clear();
    clock = new FakeClock();
    client = new EngineClient({
      clock,
      onError: () => undefined,
      open: () => Promise.reject(new Error('no engine can be started')),
    });
    context = {
      clock,
      engine: client,
      model: {
        // The last that was known, as the views go on showing it.
        get view() {
          return viewOf([serverSnapshot('git'), serverSnapshot('files')], { engine: client.status });
        },
        onDidChange: () => ({ dispose: () => undefined }),
      } as unknown as CommandContext['model'],
      logs: { show: (server: string | undefined) => opened.push(`log ${server ?? ''}`) } as never,
      inputs: {
        answer: () => Promise.resolve({ values: [] }),
        enter: () => Promise.resolve(false),
        stateOf: () => Promise.resolve([]),
        serversWithInputs: () => [],
        clear: () => Promise.resolve(0),
        keepSecret: () => Promise.resolve(),
        forgetSecret: () => Promise.resolve(),
        secretValues: () => Promise.resolve([]),
      },
      importing: () =>
        Promise.resolve({
          editorFiles: () => [],
          serverNames: () => [],
          find: () => Promise.resolve({ found: [], problems: [] }),
          takenNames: () => Promise.resolve([]),
          lastImport: { list: () => [] },
          adoptions: { list: () => Promise.resolve([]) },
        } as unknown as SettingUpContext['importing']),
      diagnostics: {
        collect: () => Promise.resolve('# Diagnostics'),
        show: (text: string) => Promise.resolve(void opened.push(text)),
      },
      dashboard: { open: () => Promise.resolve(void opened.push('dashboard')) },
      mutes: new MuteList({ read: () => undefined, write: () => Promise.resolve() }),
      t: untranslated,
    };
    register(context);
  });
  afterEach(async () => {
    await client.stop(0);
    client.dispose();
  });

  const states: [EngineStatus['kind'], () => Promise<unknown>][] = [
    ['starting', () => Promise.resolve()],
    [
      'recovering',
      async () => {
        client.start();
        await settle();
      },
    ],
    ['stopped', () => client.stop(0)],
  ];

  it('R6.3 there is one for each of the manifest', () => {
    assert.deepEqual([...registered.keys()].sort(), [...ids].sort());
  });

  for (const [kind, reach] of states) {
    for (const id of ids) {
      it(`R6.3 ${id} answers while it is ${kind}`, async () => {
        await reach();
        assert.equal(client.status.kind, kind);
        for (const argument of [undefined, 'git', { server: 'git' }]) {
          const before = shown.length + opened.length;
          let answer: unknown = 'nothing yet';
          void Promise.resolve(registered.get(id)?.(argument)).then(
            (value) => (answer = value),
            (error: unknown) => (answer = error),
          );
          // No time passes: nobody is made to wait for an engine.
          await settle();
          assert.notEqual(answer, 'nothing yet');
          assert.ok(!(answer instanceof Error), String(answer));
          // It shows something, or answers with something.
          assert.ok(shown.length + opened.length > before || answer !== undefined, JSON.stringify(argument));
        }
      });
    }
  }

  it('R6.3 the words say that the engine is down, and offer to try now and the log', async () => {
    client.start();
    await settle();
    await registered.get(commands.forceRecoveryAll)?.(undefined);
    const [warning] = shown;
    assert.equal(warning?.what, 'window.showWarningMessage');
    assert.match(String(warning.args[0]), /engine.* Servers can be recovered once it runs\./);
    assert.deepEqual(warning.args.slice(1), ['Try Now', 'Show Log']);
  });
});
