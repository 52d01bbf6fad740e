import { createHash, randomBytes } from 'node:crypto';

/**
 * The name of this window's engine. The storage folder differs per live window and stays the same over a reload;
 * a window without one (no folder open) gets a random name, so that it never meets another window's engine.
 */
export function windowIdOf(storageUri: string | undefined): string {
  if (storageUri === undefined || storageUri === '') return `r${randomBytes(12).toString('hex')}`;
  return `w${createHash('sha256').update(storageUri).digest('hex').slice(0, 24)}`;
}
