import assert from 'node:assert/strict';
import {
  isTelemetryOn,
  OTLP_FROM_ENVIRONMENT,
  parseTelemetry,
  telemetryDefaults,
} from './telemetrySettings.ts';

describe('telemetry settings', () => {
  const parse = (value: unknown) => parseTelemetry(value, 'lifeline.telemetry');
  const places = (value: unknown): string[] => parse(value).problems.map(({ path }) => path);

  it('R11.8 nothing is on without a setting, nor with one that cannot be used', () => {
    for (const value of [undefined, {}, null, 'on', [], { otlp: '' }, { otlp: false }, { otlp: 'x' }])
      assert.equal(isTelemetryOn(parse(value).settings), false, JSON.stringify(value));
    assert.deepEqual(parse({}).settings, telemetryDefaults);
  });

  it('R11.8 takes everything that the contract has', () => {
    const { settings, problems } = parse({
      prometheus: true,
      otlp: 'http://127.0.0.1:4318',
      headers: { 'x-team': 'a b' },
      interval: 5,
      sampling: 0.5,
      toolNames: true,
    });
    assert.deepEqual(problems, []);
    assert.deepEqual(settings, {
      prometheus: true,
      otlp: 'http://127.0.0.1:4318',
      headers: { 'x-team': 'a b' },
      intervalSeconds: 5,
      sampling: 0.5,
      toolNames: true,
    });
    assert.equal(parse({ otlp: true }).settings.otlp, OTLP_FROM_ENVIRONMENT);
  });

  it('R2.2 what cannot be used is named with its place, and the default used', () => {
    assert.deepEqual(
      places({
        prometheus: 'yes',
        otlp: 'ftp://x',
        headers: { 'bad name': 'x', good: 'x', line: 'a\nb' },
        interval: 0,
        sampling: 2,
        toolNames: 1,
        other: 1,
      }),
      [
        'other',
        'prometheus',
        'otlp',
        'headers.bad name',
        'headers.line',
        'interval',
        'sampling',
        'toolNames',
      ].map((key) => `lifeline.telemetry.${key}`),
    );
    assert.deepEqual(parse({ headers: { good: 'x', line: 'a\nb' } }).settings.headers, { good: 'x' });
    assert.equal(parse({ interval: NaN }).settings.intervalSeconds, 60);
  });

  it('R14.4 an address with a password, or what would be cut off, is refused', () => {
    for (const otlp of ['http://me:secret@host:4318', 'http://host:4318/?key=1', 'http://host/#x'])
      assert.deepEqual(places({ otlp }), ['lifeline.telemetry.otlp'], otlp);
    assert.ok(!JSON.stringify(parse({ otlp: 'http://me:secret@host' }).problems).includes('secret'));
  });

  it('R14.3 garbage of any size costs nothing but itself', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`h${index}`, 'x']));
    const { settings, problems } = parse({ headers: many, otlp: `http://${'a'.repeat(5_000)}` });
    assert.equal(Object.keys(settings.headers).length, 32);
    assert.equal(settings.otlp, undefined);
    assert.equal(problems.length, 2);
    for (const headers of [null, [], 'x', 1]) assert.deepEqual(parse({ headers }).settings.headers, {});
  });
});
