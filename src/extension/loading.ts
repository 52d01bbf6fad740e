import type * as FirstUse from './firstUse.ts';
import type { Translate } from './translate.ts';

const NAME = 'McpLifelineLoadError';

/** Whether a part of the extension could not be loaded. The message is for people. */
export function isLoadError(error: unknown): error is Error {
  return error instanceof Error && error.name === NAME;
}

/**
 * Waits for code that is loaded when it is needed. Its file can be gone: an update removes the files of the version that still runs. The rejection says
 * so, and what to do; the next use tries again.
 */
export async function loaded<T>(library: Promise<T>, t: Translate): Promise<T> {
  try {
    return await library;
  } catch (error) {
    // Node adds the stack of who wanted it, over several lines.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    const failure = new Error(
      t(
        'A part of MCP Lifeline could not be loaded. Reload the window; if that does not help, install the extension again. ({0})',
        reason.slice(0, 300),
      ),
      { cause: error },
    );
    failure.name = NAME;
    throw failure;
  }
}

/** What is not needed before somebody uses it. */
export function loadFirstUse(t: Translate): Promise<typeof FirstUse> {
  return loaded(import('./firstUse.ts'), t);
}

/** Makes something when it is asked for, once; what could not be made is tried again. */
export function onFirstUse<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    if (made !== undefined) return made;
    const making = make();
    made = making;
    making.catch(() => {
      if (made === making) made = undefined;
    });
    return making;
  };
}
