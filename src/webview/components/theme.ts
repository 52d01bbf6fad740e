/** Colours of the editor's theme for what is drawn on a canvas, where a style sheet does not reach. */
export interface ThemeColors {
  readonly foreground: string;
  readonly muted: string;
  readonly first: string;
  readonly bad: string;
  readonly font: string;
}

let known: ThemeColors | undefined;
const listeners = new Set<() => void>();

/** As they are now. */
export function themeColors(): ThemeColors {
  known ??= readColors();
  return known;
}

/** Tells when the person has chosen another theme. */
export function onThemeChange(listener: () => void): void {
  if (listeners.size === 0) {
    // The editor changes the class of the body and the variables of the root.
    const observer = new MutationObserver(() => {
      known = undefined;
      for (const told of listeners) told();
    });
    observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  }
  listeners.add(listener);
}

export function forgetThemeListener(listener: () => void): void {
  listeners.delete(listener);
}

function readColors(): ThemeColors {
  const style = getComputedStyle(document.body);
  // The person's own colours are in place of the theme's, which are still in its variables.
  const isForced = matchMedia('(forced-colors: active)').matches;
  const foreground = style.color;
  const variable = (...names: readonly string[]): string => {
    for (const name of isForced ? [] : names) {
      const value = style.getPropertyValue(`--vscode-${name}`).trim();
      if (value !== '') return value;
    }
    return foreground;
  };
  return {
    foreground,
    muted: variable('descriptionForeground'),
    first: variable('charts-blue'),
    bad: variable('list-errorForeground', 'errorForeground'),
    font: `11px ${style.fontFamily}`,
  };
}
