import type { DashboardModel } from '../../shared/protocol/dashboardMessages.ts';
import { element } from './dom.ts';

/** Tells a screen reader of changes of states, politely. Figures and times that move on stay silent. */
export class Announcer {
  readonly root = element('div', { class: 'spoken', role: 'status' });
  #last: ReadonlyMap<string, string> | undefined;

  update(model: DashboardModel): void {
    const states = statesOf(model);
    const last = this.#last;
    this.#last = states;
    // What is there at first is read like any page.
    if (last === undefined) return;
    const news = [...states].filter(([key, words]) => last.get(key) !== words).map(([, words]) => words);
    if (news.length > 0) this.root.textContent = news.join(' ');
  }
}

/** What is worth telling, by what it is about. */
export function statesOf({ cards, notices, alerts }: DashboardModel): Map<string, string> {
  return new Map([
    ...notices.map(({ key, text }) => [`notice:${key}`, text] as const),
    ...alerts.map(({ key, text }) => [`alert:${key}`, text] as const),
    ...cards.map(({ name, state, recovery }): readonly [string, string] => [
      `card:${name}`,
      recovery === undefined ? `${name}: ${state}.` : `${name}: ${state}. ${recovery.text}`,
    ]),
  ]);
}
