import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { legalAlertMoves } from '../../src/engine/observability/alerts/alertState.ts';
import { rulesOf } from '../../src/engine/observability/alerts/rules.ts';
import { legalBreakerMoves } from '../../src/engine/policies/breaker/breaker.ts';
import { TripRule } from '../../src/engine/policies/breaker/tripRule.ts';
import { legalMoves } from '../../src/shared/model/connectionState.ts';
import { Fault, faultCodes } from '../../src/shared/model/fault.ts';
import {
  alertRuleIds,
  alertRuleSpecs,
  parseAlertSettings,
  type AlertRuleId,
  type AlertValueSpec,
} from '../../src/shared/settings/alertSettings.ts';
import {
  connectionSettingNames,
  connectionSettingSpecs,
  connectionSettingsWithoutEffect,
  type ConnectionSettingName,
} from '../../src/shared/settings/connectionSettings.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const policies = readdirSync(join(root, 'docs', 'policies')).sort();
const sorted = (items: Iterable<string>): string[] => [...items].sort();

/** The text of one section of a document. */
function section(text: string, title: string): string {
  const start = text.indexOf(`\n## ${title}\n`);
  assert.ok(start >= 0, `no section "${title}"`);
  const end = text.indexOf('\n## ', start + 1);
  return text.slice(start, end < 0 ? undefined : end);
}

/** The rows of every table in a text, without heads; cells without back quotes. */
function rows(text: string): string[][] {
  const cells = (line: string): string[] =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''));
  const lines = text.split('\n');
  return lines.flatMap((line, index) => {
    const isBody = line.startsWith('|') && !/^\|[\s:|-]+$/.test(line);
    const isHead = /^\|[\s:|-]+$/.test(lines[index + 1] ?? '');
    return isBody && !isHead ? [cells(line)] : [];
  });
}

/** The value of a constant that a module keeps to itself. `where`: `NAME in folder/file.ts`, below `src/engine`. */
function constant(where: string): number {
  const [name = '', , file = ''] = where.split(' ');
  const { groups } =
    new RegExp(`const ${name} = (?<value>[\\d_.]+);`).exec(read('src', 'engine', findFile(file))) ?? {};
  assert.ok(groups?.['value'], `no ${where}`);
  return Number(groups['value'].replaceAll('_', ''));
}

function findFile(end: string): string {
  const all = readdirSync(join(root, 'src', 'engine'), { recursive: true, encoding: 'utf8' });
  const [file, ...others] = all.filter((name) => `/${name.replaceAll('\\', '/')}`.endsWith(`/${end}`));
  assert.ok(file !== undefined && others.length === 0, end);
  return file;
}

/** What the code says of a row of a defaults table. */
function defaultInCode(name: string, where: string): { value: number; unit?: string } {
  if (where === 'setting') {
    const { default: value, unit } = connectionSettingSpecs[name as ConnectionSettingName];
    return { value, unit };
  }
  if (where === 'alert') {
    const [rule = '', value = ''] = name.split('.');
    const specs: Readonly<Record<string, AlertValueSpec>> = alertRuleSpecs[rule as AlertRuleId].values;
    const spec = specs[value];
    assert.ok(spec !== undefined, name);
    return { value: spec.default, unit: spec.unit };
  }
  if (where.startsWith('TripRule.')) return { value: TripRule[name as 'windowSize'] };
  return { value: constant(where) };
}

/** The arrows of a state diagram, as `from -> to`, without those of the start and the end. */
function arrows(text: string): string[] {
  const found = [...text.matchAll(/^\s*(\w+) --> (\w+)/gm)].map(([, from, to]) => `${from} -> ${to}`);
  return sorted(found);
}

function movesOf(table: Readonly<Record<string, readonly string[]>>): string[] {
  return sorted(
    Object.entries(table).flatMap(([from, targets]) => [...new Set(targets)].map((to) => `${from} -> ${to}`)),
  );
}

describe('documents of the policies', () => {
  for (const policy of policies) {
    const text = read('docs', 'policies', policy);

    it(`${policy} has the sections that a reader looks for`, () => {
      const titles = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
      assert.deepEqual(titles, ['About', 'Defaults', 'State diagram', 'Events', "Don't / Why / Do"]);
    });

    it(`${policy} tells the defaults of the code`, () => {
      const table = rows(section(text, 'Defaults'));
      assert.ok(table.length > 0);
      for (const [name = '', value, unit, where = ''] of table) {
        const inCode = defaultInCode(name, where);
        assert.equal(Number(value), inCode.value, name);
        if (inCode.unit !== undefined) assert.equal(unit, inCode.unit, name);
      }
    });
  }

  it('name every setting that has an effect, and none that has none', () => {
    const named = policies
      .flatMap((policy) => rows(section(read('docs', 'policies', policy), 'Defaults')))
      .filter(([, , , where]) => where === 'setting')
      .map(([name = '']) => name);
    const expected = connectionSettingNames.filter((name) => !connectionSettingsWithoutEffect.includes(name));
    assert.deepEqual(sorted(named), sorted(expected));
  });

  it('R11.3 tell of every alert what it is about, how severe it is, and what hides it', () => {
    const text = read('docs', 'policies', 'alerts.md');
    const rules = rulesOf(parseAlertSettings([]).settings);
    const inCode = rules.map(({ id, severity, inhibitedBy, isAftermathOf = [] }) => [
      id,
      alertRuleSpecs[id].scope,
      severity,
      [...inhibitedBy, ...isAftermathOf].join(', '),
    ]);
    const told = rows(section(text, 'About')).map(([id = '', about = '', severity = '', , , hidden = '']) => [
      id,
      about,
      severity,
      hidden.replace(/, also afterwards$/, ''),
    ]);
    assert.deepEqual(told, inCode);
    const values = alertRuleIds.flatMap((id) =>
      Object.keys(alertRuleSpecs[id].values).map((name) => `${id}.${name}`),
    );
    const listed = rows(section(text, 'Defaults')).filter(([, , , where]) => where === 'alert');
    assert.deepEqual(sorted(listed.map(([name = '']) => name)), sorted(values));
  });

  it('draw exactly the legal moves of an alert', () => {
    const drawn = arrows(section(read('docs', 'policies', 'alerts.md'), 'State diagram'));
    assert.deepEqual(drawn, movesOf(legalAlertMoves));
  });

  it('list exactly the faults after which a call may be tried again', () => {
    const about = section(read('docs', 'policies', 'retry.md'), 'About');
    const [, list = ''] = /Faults that are tried again:([^.]+)\./.exec(about.replaceAll('\n', ' ')) ?? [];
    const listed = [...list.matchAll(/`(\w+)`/g)].map(([, code = '']) => code);
    assert.deepEqual(
      sorted(listed),
      sorted(faultCodes.filter((code) => new Fault(code, code).traits.retryable)),
    );
  });

  it('R2.3 tell of every fault whether it is retryable, counts against the breaker, and what can be done', () => {
    const told = rows(section(read('docs', 'policies', 'faults.md'), 'About'));
    const inCode = faultCodes.map((code) => {
      const { retryable, countsAgainstBreaker, advice } = new Fault(code, code).traits;
      return [code, retryable ? 'yes' : 'no', countsAgainstBreaker ? 'counts' : 'no', advice];
    });
    assert.deepEqual(told, inCode);
  });

  it('draw exactly the legal moves of the breaker', () => {
    const drawn = arrows(section(read('docs', 'policies', 'breaker.md'), 'State diagram'));
    assert.deepEqual(drawn, movesOf(legalBreakerMoves));
  });

  it('draw no move of a connection that is not legal', () => {
    const drawn = arrows(section(read('docs', 'policies', 'restart.md'), 'State diagram'));
    // Two steps of the start are left out there.
    const known = new Set([...movesOf(legalMoves), 'connecting -> ready']);
    assert.deepEqual(
      drawn.filter((move) => !known.has(move)),
      [],
    );
  });
});

describe('links', () => {
  const documents = [
    'README.md',
    'CHANGELOG.md',
    ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => join('docs', name)),
  ];
  for (const document of documents) {
    it(`${document} leads to what exists`, () => {
      const targets = read(document).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g);
      for (const [, target = ''] of targets) {
        assert.ok(existsSync(join(root, dirname(document), target)), target);
      }
    });
  }
});

describe('docs/architecture.md', () => {
  it('draws exactly the legal moves of a connection', () => {
    const text = read('docs', 'architecture.md');
    const start = text.indexOf('### Connection');
    const diagram = text.slice(start, text.indexOf('```\n', text.indexOf('```mermaid', start) + 3));
    // Every state may be isolated, stopped or left idle; three arrows from each would hide the others.
    const shown = Object.fromEntries(
      Object.entries(legalMoves).map(([from, targets]) => [
        from,
        targets.filter((to) => from === 'isolated' || !['isolated', 'stopped', 'idle'].includes(to)),
      ]),
    );
    assert.deepEqual(arrows(diagram), movesOf(shown));
  });

  it('names files that exist', () => {
    for (const file of ['README.md', join('docs', 'architecture.md')]) {
      const names = read(file).matchAll(/`((?:src|docs|scripts|test|media)\/[\w./-]+\.\w+)`/g);
      for (const [, name = ''] of names) assert.doesNotThrow(() => read(name), `${file}: ${name}`);
    }
  });

  it('tells the limits of the code', () => {
    const table = rows(section(read('docs', 'architecture.md'), 'Bounds'));
    assert.ok(table.length > 30);
    for (const [name = '', value = '', where = ''] of table) {
      const source = read('src', ...where.split('/'));
      const { groups } = new RegExp(`\\b${name}\\b(?: =|:) (?<value>[\\d_]+)`).exec(source) ?? {};
      assert.equal(groups?.['value']?.replaceAll('_', ''), value, `${name} in ${where}`);
    }
  });
});

describe('README.md', () => {
  it('tells every connection setting with its default, limits and variable, and which have no effect', () => {
    const table = rows(section(read('README.md'), 'Settings'));
    for (const [name, spec] of Object.entries(connectionSettingSpecs)) {
      const row = table.find(([first]) => first === name);
      const unit = { seconds: ' s', count: '', percent: ' %' }[spec.unit];
      const hasEffect = !connectionSettingsWithoutEffect.includes(name as ConnectionSettingName);
      assert.ok(row !== undefined, name);
      assert.deepEqual(row.slice(1, 4), [
        `${spec.default}${unit}`,
        `${spec.minimum} to ${spec.maximum}`,
        spec.environment,
      ]);
      assert.equal(row[4] === 'No effect yet', !hasEffect, name);
    }
  });

  it('is short', () => {
    assert.ok(read('README.md').split('\n').length <= 200);
  });
});
