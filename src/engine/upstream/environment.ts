/**
 * The environment of upstream processes (requirements R1.8): the user's, without the editor's own variables, which
 * would make a Node or Electron server misbehave, and without our secrets; then what the server's entry sets.
 */
const removed = [
  /^ELECTRON_/,
  /^VSCODE_/,
  /^NODE_OPTIONS$/,
  /^MCP_LIFELINE_/,
  /^CHROME_DESKTOP$/,
  /^GDK_PIXBUF_/,
];

export function upstreamEnvironment(
  own: NodeJS.ProcessEnv,
  entry: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    if (value === undefined || removed.some((pattern) => pattern.test(name))) continue;
    // An exported shell function: nothing that a server should evaluate.
    if (value.startsWith('()')) continue;
    environment[name] = value;
  }
  for (const [name, value] of Object.entries(entry)) {
    if (value !== null) environment[name] = value;
  }
  return Object.fromEntries(Object.entries(environment).filter(([name]) => entry[name] !== null));
}
