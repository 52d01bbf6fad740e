import assert from 'node:assert/strict';
import { alertRuleIds, alertRuleSpecs, parseAlertSettings, type AlertValueSpec } from './alertSettings.ts';

const parse = (...values: unknown[]) =>
  parseAlertSettings(values.map((value, index) => ({ path: `layer${index}`, values: value })));
const defaults = parse().settings;

describe('alert settings', () => {
  it('R11.3 has the defaults of the requirements', () => {
    assert.deepEqual([defaults.brokenPipes.threshold, defaults.brokenPipes.window], [5, 60]);
    assert.equal(defaults.retryRate.threshold, 30);
    assert.equal(defaults.continuity.threshold, 0.95);
    assert.ok(alertRuleIds.every((rule) => defaults[rule].enabled));
  });

  it('R2.2 takes the strongest layer, and the default where it cannot be used', () => {
    const { settings, problems } = parse(
      { brokenPipes: { threshold: 7 }, retryRate: { threshold: 101 } },
      {
        brokenPipes: { threshold: 9, window: 30 },
        retryRate: { threshold: 50 },
        crashLoop: { enabled: false },
      },
    );
    assert.deepEqual(settings.brokenPipes, { enabled: true, threshold: 7, window: 30 });
    assert.equal(settings.retryRate.threshold, 30);
    assert.equal(settings.crashLoop.enabled, false);
    assert.deepEqual(problems, [
      {
        path: 'layer0.retryRate.threshold',
        message: 'must be between 1 and 100 (percent); the default is used',
      },
    ]);
  });

  it('R2.2 checks every value at both of its limits', () => {
    for (const rule of alertRuleIds)
      for (const [name, spec] of Object.entries<AlertValueSpec>(alertRuleSpecs[rule].values))
        for (const [value, isFine] of [
          [spec.minimum, true],
          [spec.maximum, true],
          [spec.minimum - 0.001, false],
          [spec.maximum + 1, false],
          [Number.NaN, false],
          ['5', false],
        ] as const) {
          const { settings, problems } = parse({ [rule]: { [name]: value } });
          const used = (settings[rule] as unknown as Record<string, unknown>)[name];
          assert.equal(used, isFine ? value : spec.default, `${rule}.${name} ${value}`);
          assert.deepEqual(
            problems.map(({ path }) => path),
            isFine ? [] : [`layer0.${rule}.${name}`],
          );
        }
  });

  it('reports what it does not know, and what is of another shape, and uses the rest', () => {
    const { settings, problems } = parse(
      [],
      { nothing: {}, brokenPipes: { threshhold: 1, window: 20 }, journal: true, auditTrail: { enabled: 1 } },
      JSON.parse('{"__proto__":{"enabled":false},"constructor":{}}'),
    );
    assert.equal(settings.brokenPipes.window, 20);
    assert.equal(settings.auditTrail.enabled, true);
    assert.deepEqual(
      problems.map(({ path, message }) => `${path} ${message}`),
      [
        'layer0 must be an object of alert rules; it is ignored',
        'layer1.nothing is not a known alert; it is ignored',
        'layer1.brokenPipes.threshhold is not a known setting; it is ignored',
        'layer1.journal must be an object; it is ignored',
        'layer2.__proto__ is not a known alert; it is ignored',
        'layer2.constructor is not a known alert; it is ignored',
        'layer1.auditTrail.enabled must be true or false; true is used',
      ],
    );
  });

  it('a server’s entry cannot set what is about all servers', () => {
    const values = { journal: { enabled: false }, crashLoop: { enabled: false } };
    const { settings, problems } = parseAlertSettings([{ path: 'own', values, isServer: true }]);
    assert.deepEqual([settings.journal.enabled, settings.crashLoop.enabled], [true, false]);
    assert.deepEqual(problems, [
      { path: 'own.journal', message: 'is about all servers, and cannot be set for one; it is ignored' },
    ]);
  });

  it('R14.3 names some of many unknown keys only', () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`k${index}`.repeat(99), 1]));
    const { problems } = parse(many);
    assert.equal(problems.length, 20);
    assert.ok(problems.every(({ path }) => path.length < 100));
  });
});
