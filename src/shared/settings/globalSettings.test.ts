import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  connectionSettingNames,
  connectionSettingSpecs,
  parseConnectionSettings,
  type ConnectionSettings,
} from './connectionSettings.ts';
import { parseConnectionFile } from './connectionFileText.ts';
import { globalSettingsLayer, snakeCase } from './globalSettings.ts';
import type { SettingsProblem } from '../model/snapshot.ts';

const file = (handling: unknown, more: Record<string, unknown> = {}): string =>
  JSON.stringify({ global_settings: { connection_handling: handling, ...more } });

function read(text: string): { settings: ConnectionSettings; problems: readonly SettingsProblem[] } {
  const { settings: found, problems } = parseConnectionFile(text, 'f.json');
  const parsed = parseConnectionSettings(found === undefined ? [] : [globalSettingsLayer(found)]);
  return { settings: parsed.settings, problems: [...problems, ...parsed.problems] };
}
const places = (text: string): string[] => read(text).problems.map(({ path }) => path);

describe('a file with global_settings', () => {
  it('R2.1 is taken as it is: every setting of the table, in snake case', () => {
    const text = `// of the old deployment
{ "global_settings": { "connection_handling": {
    "request_timeout": 45, "connection_timeout": 11, "read_timeout": 31, "max_retries": 4,
    "retry_backoff_base": 2, "retry_backoff_max": 50, "retry_backoff_jitter": 0.2,
    "failure_threshold": 4, "success_threshold": 3, "recovery_timeout": 40,
    "max_connections": 8, "min_connections": 2, "max_keepalive_connections": 4, "keepalive_expiry": 6,
    "health_check_interval": 20, "recovery_interval": 12, "force_recovery_after": 200, "max_restart_attempts": 6,
} } }`;
    const { settings, problems } = read(text);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      connectionSettingNames.map((name) => settings[name]),
      [45, 11, 31, 4, 2, 50, 20, 4, 3, 40, 8, 2, 4, 6, 20, 12, 200, 6],
    );
  });

  it('R2.1 has a key for each setting that nobody has to guess', () => {
    assert.deepEqual(connectionSettingNames.map(snakeCase), [
      ...new Set(connectionSettingNames.map(snakeCase)),
    ]);
    assert.equal(snakeCase('maxKeepaliveConnections'), 'max_keepalive_connections');
    // The settings' own names are not the file's.
    assert.deepEqual(places(file({ requestTimeout: 5 })), [
      'f.json: global_settings.connection_handling.requestTimeout',
    ]);
  });

  it('R2.1 takes a jitter up to 1 for a ratio, and a greater one for percent', () => {
    const jitter = (value: number): number =>
      read(file({ retry_backoff_jitter: value })).settings.retryBackoffJitter;
    assert.deepEqual([0, 0.07, 0.1, 0.5, 1, 10, 25, 100].map(jitter), [0, 7, 10, 50, 100, 10, 25, 100]);
    for (const wrong of [-0.1, 101])
      assert.deepEqual(places(file({ retry_backoff_jitter: wrong })), [
        'f.json: global_settings.connection_handling.retry_backoff_jitter',
      ]);
  });

  it('R2.2 has what is out of range reported at its place, and the default used', () => {
    const { settings, problems } = read(file({ request_timeout: 0, max_retries: '5', read_timeout: null }));
    assert.deepEqual([settings.requestTimeout, settings.maxRetries, settings.readTimeout], [60, 5, 30]);
    assert.deepEqual(problems.map(({ path }) => path).sort(), [
      'f.json: global_settings.connection_handling.max_retries',
      'f.json: global_settings.connection_handling.request_timeout',
    ]);
  });

  it('R2.1 leaves alone what is other programs’, and says so once', () => {
    const text = JSON.stringify({
      mcpServers: { a: { command: 'x' } },
      global_settings: { logging: { level: 'debug' }, cache: {}, connection_handling: { max_retries: 2 } },
      version: 3,
    });
    const { settings, problems } = read(text);
    assert.equal(settings.maxRetries, 2);
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['f.json', 'f.json: global_settings'],
    );
    assert.match(problems[0]?.message ?? '', /"mcpServers", "version"/);
    assert.match(problems[1]?.message ?? '', /"logging", "cache"/);
  });

  it('says what cannot be used at all', () => {
    for (const text of [
      '{',
      '[]',
      '{}',
      '{"global_settings":1}',
      '{"global_settings":{"connection_handling":[]}}',
    ])
      assert.equal(read(text).problems.length, 1, text);
    assert.deepEqual(read('{"global_settings":{}}').problems, []);
  });

  it('R14.3 R14.4 never throws, stays within limits, and quotes nothing of a broken file', () => {
    const secret = read('{\n "global_settings": SECRETTOKEN123');
    assert.doesNotMatch(JSON.stringify(secret.problems), /SECRET/);
    assert.equal(
      read(file({}, Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`k${n}`, 1])))).problems
        .length,
      1,
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc
            .dictionary(fc.constantFrom(...connectionSettingNames.map(snakeCase)), fc.anything())
            .map((handling) => file(handling)),
        ),
        (text) => {
          const { settings } = read(text);
          for (const name of connectionSettingNames) {
            const { minimum, maximum } = connectionSettingSpecs[name];
            assert.ok(settings[name] >= minimum && settings[name] <= maximum);
          }
        },
      ),
    );
  });
});
