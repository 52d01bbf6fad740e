/**
 * What other rooms of the engine tell the alerts (requirements R11.3, R11.6, R11.7): rules whose measure is not the alerts' own. Cheap, and may be called as
 * often as there is something new; when a notification comes of it, and for how long, is the rules' business (docs/policies/alerts.md).
 */
export interface AlertHook {
  /**
   * A watched value of a server is beyond its threshold. `subject` names the watch, `sentence` says what is the case, without the server's name:
   * `The watched value "phi" is 0.021, below its threshold of 0.03.`. Said again it replaces the sentence.
   */
  raiseWatched(server: string, subject: string, sentence: string): void;
  /** It is within its threshold again, or is not watched any more. */
  clearWatched(server: string, subject: string): void;
  /** The continuity index Φ over all servers, 0 to 1; `undefined` while there is nothing to tell it from. */
  reportContinuity(phi: number | undefined): void;
}
