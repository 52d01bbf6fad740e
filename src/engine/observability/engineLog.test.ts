import assert from 'node:assert/strict';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import { retainedMb } from '../../../test/support/retained.ts';
import { EngineLog } from './engineLog.ts';

describe('the log of the engine', () => {
  let clock: FakeClock;
  let log: EngineLog;
  const messages = (): string[] => log.remembered.map(({ message }) => message);

  beforeEach(() => {
    clock = new FakeClock();
    log = new EngineLog({ clock });
  });

  it('R14.3 however much a server says, what is logged of its state is there', () => {
    for (let line = 0; line < 10_000; line += 1) log.quote('info', `stderr: ${line}`, 's');
    log.write('warn', 'broken', 's');
    assert.equal(messages().at(-1), 'broken');
    assert.equal(messages().length, 201);
  });

  it('R14.3 what was left out is told when the second is over, also when nothing follows', async () => {
    for (let line = 0; line < 1_000; line += 1) log.quote('info', `stderr: ${line}`, 's');
    await clock.advance(1_000);
    assert.equal(messages().at(-1), '(800 lines were left out)');
    assert.equal(log.remembered.at(-1)?.server, 's');
    log.quote('info', 'stderr: once more', 's');
    await clock.advance(2_000);
    assert.equal(messages().at(-1), 'stderr: once more');
    assert.equal(messages().filter((text) => text.includes('left out')).length, 1);
  });

  it('R14.3 a line that is remembered does not keep all that was said with it', async () => {
    const mb: number[] = [];
    for (let second = 0; second < 5; second += 1) {
      mb.push(
        retainedMb(() => {
          for (let n = 0; n < 100; n += 1) {
            const said = `${second} ${n} ${'x'.repeat(65_536)}`;
            log.quote('info', `stderr: ${said}`, 's');
          }
        }),
      );
      await clock.advance(1_000);
    }
    const all = mb.reduce((sum, one) => sum + one, 0);
    assert.ok(all < 10, `${all.toFixed(1)} MB are kept of 500 lines`);
  });

  it('one server that floods costs another nothing', () => {
    for (let line = 0; line < 1_000; line += 1) log.quote('info', `stderr: ${line}`, 'loud');
    log.quote('info', 'stderr: hello', 'quiet');
    assert.equal(messages().at(-1), 'stderr: hello');
  });
});
