import { createHash } from 'node:crypto';
import type { RuntimeConfiguration } from './serverRuntime.ts';

/** What decides how a server is started, without the values that a person gives. Hashed, because it may hold secrets. */
export function digestOf({ config, inputs }: RuntimeConfiguration): string {
  if (config === undefined) return '';
  const { enabled } = config.lifeline;
  const text =
    config.type === 'stdio'
      ? JSON.stringify([config.command, config.args, config.env, config.cwd, enabled])
      : JSON.stringify([config.url, config.headers, enabled, ...config.lifeline.endpoints]);
  const digest = createHash('sha256').update(text);
  if (inputs !== undefined) digest.update(inputs.template);
  return digest.digest('hex').slice(0, 32);
}
