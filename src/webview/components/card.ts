import type {
  CardAction,
  CardFact,
  CardRecovery,
  DashboardCard,
  DashboardWatched,
  PageCommand,
  PageWords,
} from '../../shared/protocol/dashboardMessages.ts';
import type { Clock } from '../../shared/base/clock.ts';
import type { Asks } from '../asks.ts';
import type { FrameQueue } from '../frameQueue.ts';
import type { KnownHistory } from '../historyStore.ts';
import type { Moments } from '../moments.ts';
import { element, KeyedList, setAttribute, setHidden, setText, type Item } from './dom.ts';
import { FigureTable } from './figureTable.ts';
import { Icon } from './icon.ts';
import { LateProgress } from './lateProgress.ts';
import { MomentText } from './momentText.ts';
import { ServerGraph } from './serverGraph.ts';
import { WatchedGraphs } from './watchedGraphs.ts';

export interface CardContext {
  readonly words: PageWords;
  readonly moments: Moments;
  readonly clock: Clock;
  readonly queue: FrameQueue;
  readonly asks: Asks;
  /** Whether the figures of a server are shown as a table, as a person left it; and that they changed it. */
  readonly isOpen: (server: string) => boolean;
  readonly onToggle: (server: string, isOpen: boolean) => void;
}

let lastId = 0;

/** One server. */
export class Card implements Item<DashboardCard> {
  readonly root: HTMLElement;
  readonly #context: CardContext;
  readonly #icon = new Icon();
  readonly #state = element('span', { class: 'state' });
  readonly #recent: MomentText;
  readonly #sentence = element('p', { class: 'sentence' });
  readonly #graph: ServerGraph;
  readonly #table: FigureTable;
  readonly #watched: WatchedGraphs;
  readonly #asked: LateProgress;
  readonly #factList = element('dl', { class: 'facts' });
  readonly #facts: KeyedList<CardFact>;
  readonly #factItems = new Map<string, Fact>();
  readonly #recoveryText = element('span');
  readonly #progress = element('div', { class: 'progress', role: 'progressbar' });
  readonly #recovery: HTMLElement;
  readonly #recover: HTMLButtonElement;
  readonly #log: HTMLButtonElement;
  readonly #actionButtons = element('span', { class: 'actions' });
  readonly #actions: KeyedList<CardAction>;
  readonly #name: string;
  #canRecover = false;
  #isRecovering = false;
  #asking = 0;

  constructor(card: DashboardCard, context: CardContext) {
    const { name } = card;
    const { words, moments, clock } = context;
    this.#context = context;
    this.#name = name;
    this.#recent = new MomentText(moments, 'recent');
    this.#graph = new ServerGraph(context);
    this.#table = new FigureTable({
      words,
      moments,
      server: name,
      isOpen: context.isOpen(name),
      onToggle: (isOpen) => context.onToggle(name, isOpen),
    });
    this.#watched = new WatchedGraphs(context);
    this.#asked = new LateProgress(clock);
    this.#facts = new KeyedList(
      this.#factList,
      ({ key }) => key,
      (fact) => this.#makeFact(fact),
    );
    lastId += 1;
    const headingId = `card-${lastId}`;
    this.#recover = button(
      words.forceRecovery,
      words.forceRecoveryOf.replace('{0}', () => name),
      () => {
        if (this.#canRecover) this.#ask({ kind: 'forceRecovery', server: name });
      },
    );
    this.#log = button(
      words.showLog,
      words.showLogOf.replace('{0}', () => name),
      () => this.#ask({ kind: 'showLog', server: name }),
    );
    this.#log.classList.add('secondary');
    this.#recovery = element('div', { class: 'recovery' }, this.#progress, this.#recoveryText);
    this.#actions = new KeyedList(
      this.#actionButtons,
      ({ id }) => id,
      ({ id }) => new ActionButton(() => this.#ask({ kind: 'act', action: id, server: name })),
    );
    this.root = element(
      'article',
      { 'aria-labelledby': headingId, 'data-server': name },
      element('h2', { id: headingId }, name),
      element('p', { class: 'status' }, this.#icon.root, this.#state, this.#recent.root),
      this.#sentence,
      this.#recovery,
      this.#asked.root,
      this.#graph.root,
      this.#table.root,
      this.#watched.root,
      this.#factList,
      element('div', { class: 'buttons' }, this.#recover, this.#actionButtons, this.#log),
    );
  }

  update(card: DashboardCard): void {
    setAttribute(this.root, 'class', `card ${card.tone}`);
    this.#icon.update(card.icon);
    setText(this.#state, card.state);
    this.#recent.update(card.recent);
    setText(this.#sentence, card.sentence);
    setHidden(this.#sentence, card.sentence === '');
    this.#facts.update(card.facts);
    setHidden(this.#graph.root, card.latency === undefined);
    const hasFigures = /\d/.test(card.latency ?? '');
    this.#graph.updateFigures(card.latency ?? '', hasFigures);
    setHidden(this.#table.root, card.latency === undefined);
    this.#showRecovery(card.recovery);
    this.#canRecover = card.canRecover && card.recovery?.kind !== 'running';
    // Not `disabled`: that would take the focus away from the button that was just used.
    setAttribute(this.#recover, 'aria-disabled', this.#canRecover ? undefined : 'true');
    setHidden(this.#recover, !card.offersRecovery);
    this.#recover.classList.toggle('secondary', !card.isUnwell);
    this.#showActions(card.actions);
  }

  /** What was done is not offered any more: the keyboard goes on from the button beside it. */
  #showActions(actions: readonly CardAction[]): void {
    const hadFocus = this.#actionButtons.contains(document.activeElement);
    this.#actions.update(actions);
    if (!hadFocus || this.#actionButtons.contains(document.activeElement)) return;
    (this.#recover.hidden ? this.#log : this.#recover).focus();
  }

  #ask(command: PageCommand): void {
    const { asks, words } = this.#context;
    this.#asking += 1;
    asks.ask(command, () => {
      this.#asking -= 1;
      if (this.#asking === 0) this.#asked.update(undefined);
    });
    if (!this.#isRecovering) this.#asked.update(words.underWay);
  }

  get name(): string {
    return this.#name;
  }

  updateHistory(history: KnownHistory): void {
    this.#graph.updateHistory(this.#name, history);
    this.#table.update(history);
  }

  updateWatched(watched: DashboardWatched): void {
    this.#watched.update(watched);
  }

  dispose(): void {
    this.#graph.dispose();
    this.#asked.dispose();
    this.#context.queue.remove(this);
    this.#watched.dispose();
  }

  /** Time has moved on. */
  tick(now: number): void {
    this.#recent.tick(now);
    for (const fact of this.#factItems.values()) if (fact.root.isConnected) fact.tick(now);
  }

  #makeFact({ key }: CardFact): Fact {
    const fact = new Fact(this.#context.moments);
    this.#factItems.set(key, fact);
    return fact;
  }

  #showRecovery(recovery: CardRecovery | undefined): void {
    this.#isRecovering = recovery?.kind === 'running';
    // It is said already, and better.
    if (this.#isRecovering) this.#asked.update(undefined);
    setHidden(this.#recovery, recovery === undefined);
    setHidden(this.#progress, recovery?.kind !== 'running');
    setAttribute(this.#recovery, 'class', `recovery ${recovery?.kind ?? ''}`);
    setText(this.#recoveryText, recovery?.text ?? '');
    setAttribute(this.#progress, 'aria-label', `${this.#name}: ${recovery?.text ?? ''}`);
  }
}

/** A label, and what it says now. */
class Fact implements Item<CardFact> {
  readonly root: HTMLElement;
  readonly #label = element('dt');
  readonly #phrase: MomentText;
  readonly #detail = element('span', { class: 'detail' });

  constructor(moments: Moments) {
    this.#phrase = new MomentText(moments, 'phrase');
    this.root = element('div', {}, this.#label, element('dd', {}, this.#phrase.root, this.#detail));
  }

  update({ label, phrase, detail }: CardFact): void {
    setText(this.#label, label);
    this.#phrase.update(phrase);
    setText(this.#detail, detail ?? '');
    setHidden(this.#detail, detail === undefined);
  }

  tick(now: number): void {
    this.#phrase.tick(now);
  }
}

/** Something that can be done about the server's condition. */
class ActionButton implements Item<CardAction> {
  readonly root: HTMLButtonElement;

  constructor(onClick: () => void) {
    this.root = button('', '', onClick);
    this.root.classList.add('secondary');
  }

  update({ label, spoken }: CardAction): void {
    setText(this.root, label);
    setAttribute(this.root, 'aria-label', spoken);
  }
}

function button(text: string, label: string, onClick: () => void): HTMLButtonElement {
  const made = element('button', { type: 'button', 'aria-label': label }, text);
  made.addEventListener('click', onClick);
  return made;
}
