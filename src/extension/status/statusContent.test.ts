import assert from 'node:assert/strict';
import { serverSnapshot, viewOf } from '../../../test/support/healthBuilders.ts';
import { untranslated } from '../translate.ts';
import { statusContent } from './statusContent.ts';

const show = (...args: Parameters<typeof viewOf>) => statusContent(viewOf(...args), untranslated);

describe('status bar item', () => {
  it('R12.1 is neutral while all servers are healthy or idle', () => {
    const { text, severity, label } = show([serverSnapshot('a'), serverSnapshot('b', { state: 'idle' })]);
    assert.equal(text, '$(pulse) MCP 2/2');
    assert.equal(severity, 'normal');
    assert.equal(label, 'MCP Lifeline: 1 healthy, 1 idle.');
  });

  it('warns, and names the server, while one is recovering', () => {
    const { text, severity, label } = show([
      serverSnapshot('a'),
      serverSnapshot('b', { state: 'recovering' }),
    ]);
    assert.equal(text, '$(sync~spin) MCP 1/2');
    assert.equal(severity, 'warning');
    assert.equal(label, 'MCP Lifeline: Recovering: b. 1 of 2 healthy or idle.');
  });

  it('is an error only when a server keeps failing', () => {
    const { text, severity } = show([
      serverSnapshot('a', { state: 'crashLoop' }),
      serverSnapshot('b', { state: 'recovering' }),
    ]);
    assert.equal(text, '$(error) MCP 0/2');
    assert.equal(severity, 'error');
  });

  it('R12.1 is an error as soon as a server could not be brought back', () => {
    const recovery = { outages: 1, attempts: 1, successes: 0, abandoned: 0, since: 1, failures: 1 };
    const { text, severity, label } = show([
      serverSnapshot('a'),
      serverSnapshot('b', { state: 'recovering', metrics: { recovery } }),
    ]);
    assert.equal(text, '$(error) MCP 1/2');
    assert.equal(severity, 'error');
    assert.equal(label, 'MCP Lifeline: Failing: b. 1 of 2 healthy or idle.');
  });

  it('warns when a breaker is open though the server is up', () => {
    const { severity, label } = show([serverSnapshot('a', { breaker: { state: 'open', failures: 3 } })]);
    assert.equal(severity, 'warning');
    assert.equal(label, 'MCP Lifeline: Trouble answering: a. 0 of 1 healthy or idle.');
  });

  it('R6.3 says that the engine is being restarted, and why', () => {
    const { text, label, tooltip } = show([serverSnapshot('a')], {
      engine: { kind: 'recovering', reason: 'lost', failedTries: 0, retryAt: undefined },
    });
    assert.equal(text, '$(sync~spin) MCP');
    assert.match(label, /engine is being restarted/);
    assert.match(tooltip, /being restarted: lost/);
  });

  it('says Restricted Mode before anything else', () => {
    const { text, label } = show([], { trusted: false, engine: { kind: 'starting' } });
    assert.equal(text, '$(shield) MCP');
    assert.match(label, /Restricted Mode/);
  });

  it('shows no count without servers', () => {
    assert.equal(show([]).text, '$(pulse) MCP');
  });

  it('shows and speaks of settings that cannot be used', () => {
    const { text, severity, label } = show([serverSnapshot('a')], {
      problems: [{ path: 'x', message: 'y' }],
    });
    assert.equal(text, '$(pulse) MCP 1/1 $(warning)');
    assert.equal(severity, 'normal');
    assert.match(label, /One setting needs attention/);
  });

  it('R11.5 shows and speaks of an audit trail and a journal that cannot be written', () => {
    const { text, severity, label, tooltip } = show([serverSnapshot('a')], {
      troubles: [
        { kind: 'auditTrail', sentence: 'The audit trail cannot be written: no space.' },
        { kind: 'journal', sentence: undefined },
      ],
    });
    assert.equal(text, '$(pulse) MCP 1/1 $(warning)');
    assert.equal(severity, 'normal');
    assert.match(label, /cannot be written: no space\. The journal of calls cannot be written\.$/);
    assert.match(tooltip, /\$\(warning\) The audit trail cannot be written: no space/);
  });

  it('R12.1 speaks of so many servers as fit into a sentence, by names that are not too long', () => {
    const names = [...Array.from({ length: 50 }, (_, index) => `s${index}`), 'x'.repeat(256)].reverse();
    const { label } = show(names.map((name) => serverSnapshot(name, { state: 'crashLoop' })));
    assert.equal(
      label,
      `MCP Lifeline: Failing: ${'x'.repeat(39)}…, s49, s48 and 48 more. 0 of 51 healthy or idle.`,
    );
  });
});
