import type { Clock } from '../../shared/base/clock.ts';
import type { Random } from '../../shared/base/random.ts';
import type { Observations } from '../observability/observations.ts';
import type { Tracing } from '../pipeline/callTrace.ts';
import type { ServerRuntime } from '../servers/serverRuntime.ts';
import type { Journal } from '../state/journal.ts';
import type { ServerLink } from '../upstream/serverLink.ts';

/** What the open calls of a session work with. */
export interface CallTableDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly journal: Journal;
  readonly session: string;
  readonly runtime: ServerRuntime;
  readonly connection: () => ServerLink | undefined;
  readonly catalogueKey: () => string;
  /** An engine before this one had the session run tools. */
  readonly hasRunTools: boolean;
  readonly nextNumber: () => number;
  readonly answer: (id: string, message: Uint8Array | string, flushed?: () => void) => void;
  readonly redact: (text: string) => string;
  /** Is told of every call that comes to its end, after it was answered. */
  readonly observations?: Observations;
  readonly tracing?: Tracing;
  /** `kind`: what other lines it is one of, and what they are called in a summary. */
  readonly log: (
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    server: string,
    kind?: { readonly kind: string; readonly label: string },
  ) => void;
}
