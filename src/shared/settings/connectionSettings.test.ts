import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  connectionSettingNames,
  connectionSettingSpecs,
  environmentLayer,
  parseConnectionSettings,
  type SettingsLayer,
} from './connectionSettings.ts';

const layer = (path: string, values: unknown): SettingsLayer => ({ path, values });

describe('connection settings', () => {
  it('R2 have the defaults of the table, others for remote servers', () => {
    const { settings, problems } = parseConnectionSettings([]);
    for (const name of connectionSettingNames)
      assert.equal(settings[name], connectionSettingSpecs[name].default, name);
    assert.deepEqual(problems, []);
    const remote = parseConnectionSettings([], { remote: true }).settings;
    assert.deepEqual(remote, { ...settings, failureThreshold: 5, recoveryTimeout: 60 });
  });

  it('R2.2 take each value from the strongest layer that has it', () => {
    const { settings } = parseConnectionSettings([
      layer('own', { maxRetries: 1 }),
      layer('workspace', undefined),
      layer('user', { maxRetries: 2, requestTimeout: 2 }),
      layer('environment', { maxRetries: 3, requestTimeout: 3, readTimeout: 3 }),
    ]);
    assert.deepEqual(
      [settings.maxRetries, settings.requestTimeout, settings.readTimeout, settings.connectionTimeout],
      [1, 2, 3, 10],
    );
  });

  it('R2.2 a value out of range is reported at its place, and the default used, not a weaker layer’s value', () => {
    const { settings, problems } = parseConnectionSettings(
      [
        layer('own', { requestTimeout: 601, failureThreshold: 1.5 }),
        layer('user', { requestTimeout: 5, failureThreshold: 9 }),
      ],
      { remote: true },
    );
    assert.deepEqual([settings.requestTimeout, settings.failureThreshold], [60, 5]);
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['own.requestTimeout', 'own.failureThreshold'],
    );
  });

  it('R2.2 take their limits themselves, and nothing beyond', () => {
    for (const name of connectionSettingNames) {
      const { minimum, maximum } = connectionSettingSpecs[name];
      const problemsOf = (value: unknown): number =>
        parseConnectionSettings([layer('own', { [name]: value })]).problems.length;
      assert.deepEqual([minimum, maximum].map(problemsOf), [0, 0], name);
      const outside = [minimum - 1, maximum + 1, Number.NaN, Infinity, '5', null, true, {}];
      assert.deepEqual(
        outside.map(problemsOf),
        outside.map(() => 1),
        name,
      );
    }
  });

  it('report keys that nobody knows, also those that every object has', () => {
    const { problems } = parseConnectionSettings([
      layer('own', JSON.parse('{"nonsense":1,"toString":2,"__proto__":3}')),
    ]);
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['own.nonsense', 'own.toString', 'own.__proto__'],
    );
  });

  it('R2 read the environment’s numbers, and report what is none', () => {
    const environment = environmentLayer({ MCP_MAX_RETRIES: ' 7 ', MCP_READ_TIMEOUT: '', PATH: '/bin' });
    assert.equal(Object.keys(environment.values as object).length, 2);
    const right = parseConnectionSettings([environment]);
    assert.deepEqual([right.settings.maxRetries, right.settings.readTimeout, right.problems], [7, 30, []]);
    const wrong = environmentLayer({ MCP_MAX_RETRIES: 'many', MCP_REQUEST_TIMEOUT: '-1' });
    const { settings, problems } = parseConnectionSettings([wrong]);
    assert.deepEqual([settings.maxRetries, settings.requestTimeout], [5, 60]);
    assert.deepEqual(problems.map(({ path }) => path).sort(), [
      'environment.MCP_MAX_RETRIES',
      'environment.MCP_REQUEST_TIMEOUT',
    ]);
  });

  it('R2 R2.2 can all be set by a server, in general and by the environment, and are reported there', () => {
    for (const name of connectionSettingNames) {
      const { minimum, maximum, environment } = connectionSettingSpecs[name];
      const layers = (value: number): SettingsLayer[] => [
        layer('own', { [name]: value }),
        environmentLayer({ [environment]: String(value) }),
      ];
      const places = ['own.' + name, 'environment.' + environment];
      for (const [index, one] of layers(minimum).entries()) {
        assert.equal(parseConnectionSettings([one]).settings[name], minimum, name);
        const { settings, problems } = parseConnectionSettings([layers(maximum + 1)[index] ?? one]);
        assert.deepEqual(
          [settings[name], problems.map(({ path }) => path)],
          [connectionSettingSpecs[name].default, [places[index]]],
        );
      }
    }
  });

  it('R14.3 name a bounded number of keys that nobody knows', () => {
    const values = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, 1]));
    const { problems } = parseConnectionSettings([layer('file', { maxRetries: 2, ...values })]);
    assert.equal(problems.length, 100);
  });

  it('R14.3 never throw; every value is within its limits', () => {
    const values = fc.oneof(
      fc.anything(),
      fc.dictionary(
        fc.constantFrom(...connectionSettingNames),
        fc.oneof(fc.double(), fc.integer(), fc.anything()),
      ),
    );
    fc.assert(
      fc.property(fc.array(values), fc.boolean(), (layers, remote) => {
        const { settings } = parseConnectionSettings(
          layers.map((item, index) => layer(String(index), item)),
          { remote },
        );
        for (const name of connectionSettingNames) {
          const { minimum, maximum } = connectionSettingSpecs[name];
          assert.ok(settings[name] >= minimum && settings[name] <= maximum);
        }
      }),
    );
  });
});
