import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { extensionId, views, walkthroughId } from '../../../src/shared/contributions.ts';
import { InstalledEditor, until, type EditorWindow } from '../support/window.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const readWords = (path: string): Record<string, string> =>
  JSON.parse(readFileSync(join(root, path), 'utf8')) as Record<string, string>;
const steps = ['servers', 'adopt', 'health', 'recovery', 'alerts', 'dashboard'];

/** Titles of the buttons in a step's description. */
const buttonsIn = (description: string): string[] =>
  [...description.matchAll(/^\[([^\]]+)\]\(/gm)].map(([, title]) => title!);

/** The walkthrough, open in a window. */
class Walkthrough {
  readonly window: EditorWindow;
  readonly words: Record<string, string>;

  constructor(window: EditorWindow, words: Record<string, string>) {
    this.window = window;
    this.words = words;
  }

  async open(): Promise<void> {
    await this.window.runCommand(`MCP Lifeline: ${this.words['command.getStarted.title']!}`);
    await this.#page.getByText(this.words['walkthrough.title']!).first().waitFor();
  }

  get #page(): Locator {
    return this.window.page.locator('.gettingStartedContainer');
  }

  step(id: string): Locator {
    return this.#page.locator(`[data-step-id="${extensionId}#${walkthroughId}#${id}"]`);
  }

  async select(id: string): Promise<Locator> {
    const step = this.step(id);
    // Selected again, it would close.
    if (!/\bexpanded\b/.test((await step.getAttribute('class')) ?? '')) await step.click();
    await step.locator('.step-description-container').getByRole('button').first().waitFor();
    return step;
  }

  async press(id: string, button: number): Promise<void> {
    const step = await this.select(id);
    await step.locator('.step-description-container').getByRole('button').nth(button).click();
  }

  async isDone(id: string): Promise<boolean> {
    return (await this.step(id).locator('.codicon-getting-started-step-checked.complete').count()) > 0;
  }
}

describe('the walkthrough', function () {
  this.timeout(180_000);
  let editor: InstalledEditor;

  before(async () => {
    editor = await InstalledEditor.start({
      'mcpLifeline.servers': {},
      'workbench.colorTheme': 'Default Dark Modern',
    });
  });
  after(() => editor.stop());

  for (const [name, language, file] of [
    ['English', undefined, 'package.nls.json'],
    ['Portuguese', 'pt-br', 'package.nls.pt-br.json'],
  ] as const) {
    it(`R1.5 shows its steps, their buttons and pictures in ${name}, and never opens unasked`, async () => {
      const words = readWords(file);
      editor.changeSettings({
        'workbench.colorTheme': language === undefined ? 'Default Dark Modern' : 'Default Light Modern',
      });
      const window = await editor.openWindow(editor.folder(name), language);
      await window.untilStatus(/MCP Lifeline/);
      assert.equal(await window.page.locator('.gettingStartedContainer').count(), 0);
      const walkthrough = new Walkthrough(window, words);
      await walkthrough.open();
      for (const id of steps) {
        const step = await walkthrough.select(id);
        const shown = (await step.innerText()).replace(/\s+/g, ' ');
        assert.ok(shown.includes(words[`walkthrough.${id}.title`]!), shown);
        const description = words[`walkthrough.${id}.description`]!;
        const buttons = await step.locator('.step-description-container').getByRole('button').allInnerTexts();
        assert.deepEqual(buttons, buttonsIn(description));
        await untilPictureIsThere(window, words, id);
        await window.page.waitForTimeout(300);
        await window.screenshot(`walkthrough-${name}-${id}`);
      }
    });
  }

  it('R1.5 does what its buttons say, and checks off what was done', async () => {
    const window = await editor.openWindow(editor.folder('deeds'));
    const { page } = window;
    await window.untilStatus(/MCP Lifeline/);
    const walkthrough = new Walkthrough(window, readWords('package.nls.json'));
    await walkthrough.open();
    const picker = page.locator('.quick-input-widget:visible');
    const leave = async (): Promise<void> => {
      await page.keyboard.press('Escape');
      await page.locator('.quick-input-widget').waitFor({ state: 'hidden' });
    };

    await walkthrough.press('servers', 0);
    await picker
      .getByText('How is the server reached?')
      .or(picker.getByText('Add MCP Server'))
      .first()
      .waitFor();
    await leave();
    await walkthrough.press('servers', 1);
    await until('the import says what there is', async () => {
      const isAsking = await picker.isVisible();
      return (
        isAsking ||
        (await window.notifications()).some((text) => text.includes('No MCP servers of other clients'))
      );
    });
    await leave();
    // A button that was pressed and left adds no server.
    assert.equal(await walkthrough.isDone('servers'), false);

    await walkthrough.press('adopt', 0);
    await until('adopting says that there is nothing', async () =>
      (await window.notifications()).some((text) => text.includes('There is no server in the mcp.json')),
    );
    await page.keyboard.press('Escape');
    await until('adopting is checked off', () => walkthrough.isDone('adopt'));

    await walkthrough.press('health', 0);
    await page.locator('.sidebar .pane-header[aria-label^="Servers"]').waitFor();
    await until('the view is checked off', () => walkthrough.isDone('health'));

    await walkthrough.press('recovery', 0);
    await until('recovery is checked off', () => walkthrough.isDone('recovery'));

    await walkthrough.press('alerts', 1);
    await until('muted alerts are checked off', () => walkthrough.isDone('alerts'));
    await walkthrough.press('alerts', 0);
    await page.locator('.settings-editor').getByText('Alerts', { exact: false }).first().waitFor();
    await page.keyboard.press('Control+F4').catch(() => undefined);

    await walkthrough.open();
    await walkthrough.press('dashboard', 0);
    await page
      .locator(`.tab[data-resource-name*="ashboard"], .tab[aria-label*="Dashboard"]`)
      .first()
      .waitFor();
    assert.ok(views.dashboard);

    editor.changeSettings({ 'mcpLifeline.servers': { notes: { command: 'no-such-program' } } });
    await window.reload();
    await walkthrough.open();
    await until('adding servers is checked off', () => walkthrough.isDone('servers'), 45_000);
    assert.ok(await walkthrough.isDone('dashboard'));
    await window.screenshot('walkthrough-done');
  });
});

/** A picture is loaded, or a drawing is in its own page. */
async function untilPictureIsThere(
  window: EditorWindow,
  words: Record<string, string>,
  id: string,
): Promise<void> {
  const alt = words[`walkthrough.${id}.alt`]!;
  await until(`the picture of ${id} is there`, async () => {
    const image = window.page.locator(`.getting-started-media img`);
    if ((await image.count()) > 0) {
      const [text, width] = await image.evaluate((element) => [
        element.getAttribute('alt'),
        (element as unknown as { naturalWidth: number }).naturalWidth,
      ]);
      return text === alt && width !== 0;
    }
    for (const frame of window.page.frames()) {
      if (
        (await frame
          .locator('svg[role="presentation"]')
          .count()
          .catch(() => 0)) > 0
      )
        return true;
    }
    return false;
  });
}
