import type { AuditVerdict } from '../../../shared/protocol/engineMessages.ts';
import { auditFiles } from './auditFolder.ts';
import { verifyFolder, type Break } from './verifyAudit.ts';

/** Where the first broken line is, and what is wrong with it. */
export function breakText({ file, line, kind, message }: Break): string {
  return `${file}:${line}: ${kind}: ${message}`;
}

/** What the trail in a folder is worth. Never rejects for a folder that is not there. */
export async function verdictOf(folder: string): Promise<AuditVerdict> {
  if (!hasTrail(folder)) return { kind: 'absent', lines: 0, message: '', folder };
  const { broken, lines } = await verifyFolder(folder);
  return broken === undefined
    ? { kind: 'whole', lines, message: '', folder }
    : { kind: 'broken', lines, message: breakText(broken).slice(0, 8_000), folder };
}

export function hasTrail(folder: string): boolean {
  try {
    return auditFiles(folder).length > 0;
  } catch {
    return false; // there is no such folder
  }
}
