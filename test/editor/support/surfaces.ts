import type { Frame, JSHandle, Page } from 'playwright-core';
import { extensionId, statusItemId } from '../../../src/shared/contributions.ts';
import type { EditorWindow } from './window.ts';

/** The three places that show a server's health at the same time. */
export const surfaces = ['status bar', 'tree', 'dashboard'] as const;
export type Surface = (typeof surfaces)[number];

/** What a surface showed from `at` on (wall-clock milliseconds of this machine). */
export interface Sight {
  readonly at: number;
  /** As its colour tells it. */
  readonly weight: 'normal' | 'warning' | 'error';
  /** As a screen reader tells it; of the status bar, of all servers. */
  readonly words: string;
}

/**
 * Notes what each surface shows of one server, in the pages themselves and at the moment when it changes there: nothing is asked from
 * outside, so no figure has the time of a question in it. All three have to be in sight.
 */
export class SurfaceWatch {
  readonly #seen: Readonly<Record<Surface, JSHandle<Sight[]>>>;

  private constructor(seen: Readonly<Record<Surface, JSHandle<Sight[]>>>) {
    this.#seen = seen;
  }

  /** @param dashboard the frame of the page that is watched */
  static async start(window: EditorWindow, dashboard: Frame, server: string): Promise<SurfaceWatch> {
    return new SurfaceWatch({
      'status bar': await watchStatusBar(window.page),
      tree: await watchTree(window.page, server),
      dashboard: await watchCard(dashboard, server),
    });
  }

  /** What a surface has shown, from what it showed at the beginning to what it shows now. */
  async sights(surface: Surface): Promise<Sight[]> {
    return this.#seen[surface].jsonValue();
  }

  /** When each surface first showed this weight after a moment; `undefined` where one has not. */
  async firstAfter(moment: number, weight: Sight['weight']): Promise<Record<Surface, number | undefined>> {
    const first = async (surface: Surface): Promise<number | undefined> =>
      (await this.sights(surface)).find((sight) => sight.at >= moment && sight.weight === weight)?.at;
    return {
      'status bar': await first('status bar'),
      tree: await first('tree'),
      dashboard: await first('dashboard'),
    };
  }

  /** What each surface shows now. */
  async now(): Promise<(Sight | undefined)[]> {
    return Promise.all(surfaces.map(async (surface) => (await this.sights(surface)).at(-1)));
  }
}

function watchStatusBar(page: Page): Promise<JSHandle<Sight[]>> {
  return page.evaluateHandle((id) => {
    const seen: Sight[] = [];
    const look = (): void => {
      const item = document.getElementById(id);
      const has = (kind: string): boolean => item?.classList.contains(`${kind}-kind`) === true;
      const weight = has('error') ? 'error' : has('warning') ? 'warning' : 'normal';
      const words = item?.querySelector('[aria-label]')?.getAttribute('aria-label') ?? '';
      const last = seen.at(-1);
      if (last?.weight !== weight || last.words !== words) seen.push({ at: Date.now(), weight, words });
    };
    look();
    const part = document.querySelector('.part.statusbar')!;
    new MutationObserver(look).observe(part, { subtree: true, childList: true, attributes: true });
    return seen;
  }, `${extensionId}.${statusItemId}`);
}

function watchTree(page: Page, server: string): Promise<JSHandle<Sight[]>> {
  return page.evaluateHandle((name) => {
    const seen: Sight[] = [];
    const colorOf = (variable: string): string => {
      const probe = document.createElement('i');
      probe.style.color = `var(--vscode-${variable})`;
      document.querySelector('.monaco-workbench')!.append(probe);
      const { color } = getComputedStyle(probe);
      probe.remove();
      return color;
    };
    const [error, warning] = [colorOf('list-errorForeground'), colorOf('list-warningForeground')];
    const look = (): void => {
      const rows = [...document.querySelectorAll('.sidebar .monaco-list-row')];
      const row = rows.find((one) => one.getAttribute('aria-label')?.startsWith(`${name},`) === true);
      const icon = row?.querySelector('.custom-view-tree-node-item-icon');
      // While a row is drawn anew it is gone for a moment.
      if (row === undefined || icon === null || icon === undefined) return;
      const { color } = getComputedStyle(icon);
      const weight = color === error ? 'error' : color === warning ? 'warning' : 'normal';
      const words = row.getAttribute('aria-label') ?? '';
      const last = seen.at(-1);
      if (last?.weight !== weight || last.words !== words) seen.push({ at: Date.now(), weight, words });
    };
    look();
    const part = document.querySelector('.part.sidebar')!;
    new MutationObserver(look).observe(part, { subtree: true, childList: true, attributes: true });
    return seen;
  }, server);
}

function watchCard(frame: Frame, server: string): Promise<JSHandle<Sight[]>> {
  return frame.evaluateHandle((name) => {
    const seen: Sight[] = [];
    const look = (): void => {
      const card = document.querySelector(`article[data-server="${name}"]`);
      if (card === null) return;
      const has = (tone: string): boolean => card.classList.contains(tone);
      const weight = has('error') ? 'error' : has('warning') ? 'warning' : 'normal';
      const words = card.querySelector('.state')?.textContent ?? '';
      const last = seen.at(-1);
      if (last?.weight !== weight || last.words !== words) seen.push({ at: Date.now(), weight, words });
    };
    look();
    const page = { subtree: true, childList: true, attributes: true, characterData: true };
    new MutationObserver(look).observe(document.body, page);
    return seen;
  }, server);
}
