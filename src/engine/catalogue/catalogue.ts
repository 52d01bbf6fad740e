import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { LRUCache } from 'lru-cache';
import * as z from 'zod/mini';
import { catalogueFile } from '../../endpoint/location.ts';
import type { ToolHints } from '../pipeline/retryClass.ts';
import { writeFileAtomically } from '../state/privateFolder.ts';

/**
 * What a server last said of itself: its `initialize` result and its lists. It answers while the server is down, and
 * tells which tools may be retried.
 */

const namesSchema = z.record(z.string(), z.array(z.string()).check(z.maxLength(20_000)));
const catalogueSchema = z.object({
  version: z.literal(1),
  server: z.string(),
  /** Hash over what decides what a server lists: its configuration, the client's capabilities and protocol version. */
  key: z.string(),
  initialize: z.record(z.string(), z.unknown()),
  /** By list member: `tools`, `prompts`, `resources`, `resourceTemplates`. */
  lists: z.record(z.string(), z.array(z.unknown()).check(z.maxLength(100_000))),
  /** By list, the names that were there before a start and are not there since (requirements R5.10); absent when nothing is missing. */
  missing: z.optional(namesSchema),
  /** By list that the server itself has changed since, the names it had come up with: what a new process is compared with. */
  startedWith: z.optional(namesSchema),
  /** Wall-clock milliseconds. */
  savedAt: z.number(),
});
export type Catalogue = z.infer<typeof catalogueSchema>;

const MAX_FILE_BYTES = 33_554_432;

/** The key under which a server's catalogue is valid: other capabilities of the client may give other lists. */
export function catalogueKey(configuration: string, initializeParams: string): string {
  let capabilities: unknown;
  let protocolVersion: unknown;
  try {
    const params = JSON.parse(initializeParams) as Record<string, unknown>;
    ({ capabilities, protocolVersion } = params);
  } catch {
    capabilities = initializeParams;
  }
  const text = JSON.stringify([configuration, capabilities, protocolVersion]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** A digest of what a client can see; changes exactly when a tool, prompt or resource does. */
export function catalogueDigest(catalogue: Catalogue): string {
  let digest = digests.get(catalogue);
  if (digest === undefined) {
    const { initialize, lists } = catalogue;
    const ofLists = Object.entries(lists).map(([member, list]) => [member, listDigest(list)]);
    digest = digestOf(JSON.stringify([initialize['serverInfo'], initialize['capabilities'], ofLists]));
    digests.set(catalogue, digest);
  }
  return digest;
}

/** A digest is asked for with every snapshot. */
const digests = new WeakMap<Catalogue, string>();

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Ten thousand tools take 50 ms to write out, while everybody waits; so each list is written out once. */
function listDigest(list: readonly unknown[]): string {
  return listDigests.get(list) ?? noteDigest(list, JSON.stringify(list));
}

const listDigests = new WeakMap<readonly unknown[], string>();

function noteDigest(list: readonly unknown[], json: string): string {
  const digest = digestOf(json);
  listDigests.set(list, digest);
  return digest;
}

/** Whether two lists say the same; the order of members within an item says nothing. */
export function isSameList(one: readonly unknown[] | undefined, other: readonly unknown[]): boolean {
  if (one === undefined) return false;
  // Nearly always the whole answer: comparing in depth takes five times as long.
  return listDigest(one) === listDigest(other) || isDeepStrictEqual(one, other);
}

/** The catalogue as text, its lists noted on the way. */
function written(catalogue: Catalogue): string {
  const lists = Object.entries(catalogue.lists).map(([member, list]) => {
    const json = JSON.stringify(list);
    if (!listDigests.has(list)) noteDigest(list, json);
    return `${JSON.stringify(member)}:${json}`;
  });
  return `${JSON.stringify({ ...catalogue, lists: undefined }).slice(0, -1)},"lists":{${lists.join(',')}}}`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The hints of every tool, by name. */
export function toolHints(tools: readonly unknown[]): ReadonlyMap<string, ToolHints> {
  const hints = new Map<string, ToolHints>();
  for (const tool of tools) {
    if (!isRecord(tool) || typeof tool['name'] !== 'string') continue;
    const annotations = isRecord(tool['annotations']) ? tool['annotations'] : {};
    hints.set(tool['name'], {
      readOnly: annotations['readOnlyHint'] === true,
      idempotent: annotations['idempotentHint'] === true,
    });
  }
  return hints;
}

function withoutMissing(catalogue: Catalogue): Catalogue {
  const { missing, ...rest } = catalogue;
  return missing === undefined ? catalogue : rest;
}

/** The catalogues of one window, in memory and on disk. A file that cannot be read counts as none. */
export class CatalogueStore {
  readonly #home: string;
  readonly #window: string;
  readonly #log: (text: string) => void;
  readonly #memory = new LRUCache<string, Catalogue>({ max: 200 });

  constructor(home: string, window: string, log: (text: string) => void) {
    this.#home = home;
    this.#window = window;
    this.#log = log;
  }

  /** The catalogue under exactly this key. */
  find(server: string, key: string): Catalogue | undefined {
    const known = this.#memory.get(`${server}\0${key}`);
    if (known !== undefined) return known;
    const last = this.last(server);
    return last?.key === key ? last : undefined;
  }

  /** The newest catalogue of a server, whatever its key: for display only. */
  last(server: string): Catalogue | undefined {
    const known = this.#memory.get(`${server}\0`);
    if (known !== undefined) return known;
    const file = catalogueFile(this.#home, this.#window, server);
    try {
      if (statSync(file).size > MAX_FILE_BYTES) return undefined;
      const catalogue = catalogueSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
      if (catalogue.server !== server) return undefined;
      this.#remember(catalogue);
      return catalogue;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#log(`the remembered catalogue of "${server}" cannot be read and is learnt anew`);
      }
      return undefined;
    }
  }

  /** Remembers a catalogue, on disk too; a disk that refuses costs only the memory of it. */
  save(catalogue: Catalogue): void {
    this.#remember(catalogue);
    const text = written(catalogue);
    if (text.length > MAX_FILE_BYTES) return;
    try {
      mkdirSync(join(this.#home, 'catalogue'), { recursive: true, mode: 0o700 });
      writeFileAtomically(catalogueFile(this.#home, this.#window, catalogue.server), text);
    } catch (error) {
      this.#log(`the catalogue of "${catalogue.server}" cannot be saved: ${(error as Error).message}`);
    }
  }

  /** What is missing is not missed any more, in every catalogue of a server. Answers whether anything was. */
  acceptMissing(server: string): boolean {
    const last = this.last(server);
    let accepted = last?.missing !== undefined;
    for (const [key, catalogue] of this.#memory.entries()) {
      if (catalogue.server !== server || catalogue.missing === undefined) continue;
      accepted = true;
      this.#memory.set(key, withoutMissing(catalogue));
    }
    if (last?.missing !== undefined) this.save(withoutMissing(last));
    return accepted;
  }

  #remember(catalogue: Catalogue): void {
    this.#memory.set(`${catalogue.server}\0${catalogue.key}`, catalogue);
    this.#memory.set(`${catalogue.server}\0`, catalogue);
  }
}
