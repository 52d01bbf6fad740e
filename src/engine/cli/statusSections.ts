import type { ServerSnapshot, Snapshot } from '../../shared/model/snapshot.ts';
import { alertSection } from './statusAlerts.ts';
import { conditionSection } from './statusConditions.ts';
import { continuitySection } from './statusContinuity.ts';
import type { Colour } from './table.ts';

/** A line of `status`; what it quotes of servers is made printable, and wrapped, by who prints it. */
export interface StatusLine {
  readonly text: string;
  readonly colour?: Colour;
}

/** What one concern has to say in `status`, below the table. */
export interface StatusSection {
  /** Of one server; below the table each line is preceded by its name, in `status SERVER` it is not. `now`: wall-clock milliseconds. */
  readonly ofServer?: (server: ServerSnapshot, now: number) => readonly StatusLine[];
  /** Of the engine, or of all servers together. */
  readonly ofAll?: (snapshot: Snapshot, now: number) => readonly StatusLine[];
}

/** All sections, in the order in which they are shown. A concern with something to say adds its own, from a file of its own, here. */
export const statusSections: readonly StatusSection[] = [conditionSection, alertSection, continuitySection];
