/**
 * Mocha's spec output for people, and one line of JSON for each test in the file that `TEST_RESULTS_FILE` names. The
 * lines are appended at once, so the results of a run that was ended from outside are not lost; only a run that came to
 * its end has the closing line.
 */
import { appendFileSync } from 'node:fs';
import Mocha from 'mocha';

const LEAK_AFTER_MS = 5_000;

/** @type {Set<{ timer: any, stack: string }>} Timers that have been set, with the place; only of a recorded run. */
const timers = new Set();

/** Remembers where each timer was set: of one that is left at the end nothing else can be found out. */
function watchTimers() {
  for (const name of /** @type {const} */ (['setTimeout', 'setInterval'])) {
    const original = globalThis[name];
    const watched = (/** @type {any[]} */ ...args) => {
      const timer = Reflect.apply(original, globalThis, args);
      if (timers.size > 2_000) for (const one of timers) if (one.timer._destroyed) timers.delete(one);
      timers.add({ timer, stack: new Error().stack?.split('\n').slice(2, 6).join(' ') ?? '' });
      return timer;
    };
    // `util.promisify` finds the promise's version there.
    Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
    globalThis[name] = /** @type {any} */ (watched);
  }
}

/** @returns {string} what keeps this process from ending */
function whatIsOpen() {
  // Undocumented, but it alone tells the handles themselves; the documented list of names stands in for it elsewhere.
  const handles = process['_getActiveHandles']?.() ?? [];
  const described = handles.map((/** @type {any} */ handle) => {
    const { localAddress, localPort, remotePort, spawnfile, pid, fd } = handle;
    return JSON.stringify({
      kind: handle.constructor?.name,
      localAddress,
      localPort,
      remotePort,
      spawnfile,
      pid,
      fd,
    });
  });
  const places = [...timers]
    .filter(({ timer }) => !timer._destroyed && timer.hasRef())
    .map(({ timer, stack }) => `timer of ${timer._idleTimeout} ms, set ${stack.trim()}`);
  return [...described, ...process.getActiveResourcesInfo(), ...places].join('\n  ');
}

/**
 * @param {Pick<typeof Mocha, 'Runner' | 'reporters'>} mocha the one that is running
 * @returns {typeof Mocha.reporters.Spec}
 */
export function recordingReporter({ Runner, reporters }) {
  const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_RUN_END } = Runner.constants;
  return class RecordingReporter extends reporters.Spec {
    /**
     * @param {Mocha.Runner} runner
     * @param {Mocha.MochaOptions} options
     */
    constructor(runner, options) {
      super(runner, options);
      const file = process.env['TEST_RESULTS_FILE'];
      if (file === undefined) return;
      watchTimers();
      const write = (/** @type {object} */ entry) => appendFileSync(file, `${JSON.stringify(entry)}\n`);
      const describe = (/** @type {Mocha.Test} */ test) => ({
        title: test.fullTitle(),
        durationMs: test.duration,
      });
      runner.on(EVENT_TEST_PASS, (test) => write({ result: 'passed', ...describe(test) }));
      runner.on(EVENT_TEST_PENDING, (test) => write({ result: 'pending', ...describe(test) }));
      // A failing hook arrives here too.
      runner.on(EVENT_TEST_FAIL, (test, error) =>
        write({ result: 'failed', ...describe(test), error: error.stack ?? error.message }),
      );
      runner.once(EVENT_RUN_END, () => {
        write({ result: 'end' });
        // A run that goes on after its last test has leaked something: say what, while it can still be seen.
        setTimeout(() => console.error(`Still open: ${whatIsOpen()}`), LEAK_AFTER_MS).unref();
      });
    }
  };
}

export default recordingReporter(Mocha);
