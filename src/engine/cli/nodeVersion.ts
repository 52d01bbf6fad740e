import { UsageError } from './arguments.ts';

/** What the engine's libraries need; `src/package.json` has no say in a program that is installed by hand. */
const OLDEST = { major: 22, minor: 19 };

/** Throws a sentence instead of letting the engine fail somewhere in its middle. `version` as in `process.versions.node`. */
export function requireNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor)) return;
  throw new UsageError(
    `MCP Lifeline needs Node ${OLDEST.major}.${OLDEST.minor} or later; this is ${version.slice(0, 32)}.`,
  );
}
