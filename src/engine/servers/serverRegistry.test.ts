import assert from 'node:assert/strict';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FakeClock } from '../../../test/support/fakeClock.ts';
import type { EngineConfiguration } from '../../shared/protocol/engineMessages.ts';
import { CatalogueStore } from '../catalogue/catalogue.ts';
import { Tide } from '../policies/backoff/tide.ts';
import { ServerRecovery } from '../recovery/serverRecovery.ts';
import { ServerRegistry } from './serverRegistry.ts';

type Entry = EngineConfiguration['servers'][number];

function given(
  servers: readonly Entry[],
  changes: Partial<EngineConfiguration> = {},
  environment: NodeJS.ProcessEnv = {},
) {
  const clock = new FakeClock();
  const tide = new Tide(clock);
  const registry = new ServerRegistry({
    clock,
    store: new CatalogueStore(join(tmpdir(), 'there-is-no-such-folder'), 'w', () => undefined),
    environment,
    recovery: (name) => new ServerRecovery(name, { clock, random: () => 0.5, tide }),
    onListenerError: (error) => {
      throw error;
    },
  });
  registry.configure({
    servers: [...servers],
    connection: { user: {}, workspace: {} },
    trusted: true,
    ...changes,
  });
  return registry;
}

const stdio = (name: string, entry: Record<string, unknown> = {}, more: Partial<Entry> = {}): Entry => ({
  name,
  entry: { command: 'x', ...entry },
  origin: 'user',
  ...more,
});

describe('the folder that a server starts in', () => {
  const workspaceFolder = resolve('first');
  const folder = resolve('second');
  const cwdOf = (entry: Entry, changes: Partial<EngineConfiguration> = { workspaceFolder }) => {
    const config = given([entry], changes).find(entry.name)?.config;
    return config?.type === 'stdio' ? config.cwd : 'no process';
  };

  it('R1.8 is left open when the entry says nothing: the workspace’s', () => {
    assert.equal(cwdOf(stdio('a')), undefined);
  });

  it('R1.8 is the folder of several that configures it', () => {
    assert.equal(cwdOf(stdio('a', {}, { origin: 'folder', folder })), folder);
  });

  it('begins at that folder, or the workspace’s, or the home folder, when its entry has a relative one', () => {
    const relative = stdio('a', { cwd: join('tools', 'here') });
    assert.equal(cwdOf({ ...relative, folder }), join(folder, 'tools', 'here'));
    assert.equal(cwdOf(relative), join(workspaceFolder, 'tools', 'here'));
    assert.equal(cwdOf(relative, {}), join(homedir(), 'tools', 'here'));
  });

  it('is an absolute one of the entry, as it is', () => {
    assert.equal(cwdOf(stdio('a', { cwd: resolve('/else') }, { folder })), resolve('/else'));
  });
});

describe('the connection settings of a server', () => {
  const retries = (
    ...layers: ('own' | 'workspace' | 'user' | 'file' | 'environment')[]
  ): number | undefined => {
    const of = (layer: (typeof layers)[number], maxRetries: number) =>
      layers.includes(layer) ? { maxRetries } : {};
    const registry = given(
      [stdio('a', { lifeline: { connection: of('own', 1) } })],
      {
        connection: {
          workspace: of('workspace', 2),
          user: of('user', 3),
          ...(layers.includes('file') ? { file: { place: 'f', values: { max_retries: 7 } } } : {}),
        },
      },
      layers.includes('environment') ? { MCP_MAX_RETRIES: '4' } : {},
    );
    return registry.find('a')?.settings.maxRetries;
  };

  it('R2.1 R2.2 come from its entry, else workspace, user, file, environment, default', () => {
    assert.equal(retries('own', 'workspace', 'user', 'environment'), 1);
    assert.equal(retries('workspace', 'user', 'environment'), 2);
    assert.equal(retries('user', 'file', 'environment'), 3);
    assert.equal(retries('file', 'environment'), 7);
    assert.equal(retries('environment'), 4);
    assert.equal(retries(), 5);
  });

  it('R1.6 do not come from an untrusted workspace', () => {
    const registry = given([stdio('a')], {
      connection: { workspace: { maxRetries: 9 }, user: {} },
      trusted: false,
    });
    assert.equal(registry.find('a')?.settings.maxRetries, 5);
  });

  it('R2 have other defaults for a server of another machine', () => {
    const thresholds = (url: string) => {
      const settings = given([{ name: 'a', entry: { url }, origin: 'user' }]).find('a')?.settings;
      return [settings?.failureThreshold, settings?.recoveryTimeout];
    };
    assert.deepEqual(thresholds('https://example.com/mcp'), [5, 60]);
    assert.deepEqual(thresholds('http://localhost:3000/mcp'), [3, 30]);
  });
});
