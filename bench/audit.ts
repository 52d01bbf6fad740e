import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { auditFileName, HEAD_FILE } from '../src/engine/observability/audit/auditFolder.ts';
import { NO_HASH, sealLine } from '../src/engine/observability/audit/auditLine.ts';
import { verifyFolder } from '../src/engine/observability/audit/verifyAudit.ts';

/** How long the verification of a long audit trail takes: `node bench/audit.ts [lines]`. */
const wanted = Number(process.argv[2] ?? 1_000_000);
const LINES_A_FILE = 50_000;

const folder = mkdtempSync(join(tmpdir(), 'audit-bench-'));
mkdirSync(folder, { recursive: true });
const digest = `{"bytes":120,"sha256":"${'a'.repeat(64)}"}`;
let hash = NO_HASH;
let seq = 0;
while (seq < wanted) {
  const first = seq + 1;
  const lines: string[] = [];
  while (lines.length < LINES_A_FILE && seq < wanted) {
    seq += 1;
    const body = `"at":1700000000000,"type":"call","server":"git","session":"s1","method":"tools/call","tool":"status","class":"safe","call":"c${seq.toString(36)}","outcome":"ok","ms":1.234,"attempts":1,"request":${digest},"answer":${digest}`;
    const line = sealLine(seq, hash, body);
    hash = line.hash;
    lines.push(line.text);
  }
  writeFileSync(join(folder, auditFileName(first)), lines.join(''));
}
writeFileSync(join(folder, HEAD_FILE), JSON.stringify({ version: 1, seq, hash }));
try {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const { broken, lines } = await verifyFolder(folder);
  const { user, system } = process.cpuUsage(cpu);
  if (broken !== undefined || lines !== wanted) throw new Error(`broken: ${JSON.stringify(broken)}`);
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(
    `${lines} lines verified in ${seconds.toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of processor time)`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
