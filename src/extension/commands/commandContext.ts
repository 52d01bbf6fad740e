import type { Clock } from '../../shared/base/clock.ts';
import type { EngineClient } from '../engineClient/engineClient.ts';
import type { HealthModel } from '../health/healthModel.ts';
import type { Importing } from '../import/importing.ts';
import type { ServerInputs } from '../inputs/serverInputs.ts';
import type { LogChannels } from '../log/logChannels.ts';
import type { MuteList } from '../notifications/muteList.ts';
import type { Translate } from '../translate.ts';

/** What commands work with. */
export interface CommandContext {
  readonly clock: Clock;
  readonly engine: EngineClient;
  readonly model: HealthModel;
  readonly logs: LogChannels;
  readonly dashboard: { open(): Promise<void> };
  readonly inputs: ServerInputs;
  readonly mutes: MuteList;
  /** What the commands that set servers up work with; made when it is asked for. */
  readonly importing: () => Promise<Importing>;
  readonly diagnostics: {
    /** Never rejects for want of an engine: what it would have told is missing then, and says so. */
    collect(signal?: AbortSignal): Promise<string>;
    /** Shows it, read-only. */
    show(text: string): Promise<void>;
  };
  /** The person was told that these servers are well again. */
  readonly onRecovered?: (servers: readonly string[]) => void;
  readonly t: Translate;
}

/** What commands that set servers up work with. */
export interface SettingUpContext extends Omit<CommandContext, 'importing'> {
  readonly importing: Importing;
}
