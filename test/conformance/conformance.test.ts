import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { enginePath, projectRoot } from '../support/testEngine.ts';
import { expectedFailures, type Leg } from './expectedFailures.ts';
import {
  end,
  listScenarios,
  runSuite,
  startProgram,
  verdicts,
  type Check,
  type SuiteRun,
  type Target,
} from './officialSuite.ts';
import { scenarios, type Scenario } from './scenarios.ts';

const serverPath = join(projectRoot, 'test/servers/conformance.mjs');
const suiteLimitMs = 60_000;
const legs: readonly Leg[] = ['http', 'stdio'];

/** The test server directly, and our stand-alone program in front of it, which reaches it over HTTP and over stdio. */
class TestBed {
  readonly #folder = mkdtempSync(join(tmpdir(), 'lifeline-conformance-'));
  readonly #children: ChildProcess[] = [];

  async startServer(): Promise<Target> {
    const { child, ready } = await startProgram([serverPath]);
    this.#children.push(child);
    return ready as Target;
  }

  async startEndpoint(server: Target): Promise<Record<Leg, Target>> {
    const home = join(this.#folder, 'home');
    mkdirSync(home, { mode: 0o700 });
    const config = join(this.#folder, 'mcp.json');
    const servers = {
      http: { type: 'http', url: server.url },
      stdio: { type: 'stdio', command: process.execPath, args: [serverPath, 'stdio'] },
    };
    writeFileSync(config, JSON.stringify({ servers }));
    const { child, ready } = await startProgram([enginePath, 'serve', '--config', config], {
      MCP_LIFELINE_HOME: home,
    });
    this.#children.push(child);
    const { token, servers: urls } = ready as { token: string; servers: Record<Leg, Target> };
    return { http: { ...urls.http, token }, stdio: { ...urls.stdio, token } };
  }

  run(target: Target, name: string): Promise<SuiteRun> {
    return runSuite(target, join(this.#folder, name), suiteLimitMs);
  }

  async dispose(): Promise<void> {
    for (const child of this.#children.toReversed()) await end(child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function checksOf(run: SuiteRun, scenario: Scenario): readonly Check[] {
  const checks = run.checks.get(scenario);
  if (checks !== undefined) return checks;
  const why = run.timedOut ? `the suite did not come to it within ${suiteLimitMs} ms` : run.output;
  throw new Error(`${scenario} has no result: ${why}`);
}

/** Scenarios whose details tell how a message travelled; those of the others tell what the client was given. */
const aboutTransport: readonly Scenario[] = [
  'server-initialize',
  'server-sse-polling',
  'server-sse-multiple-streams',
  'dns-rebinding-protection',
];

/** What must not change on the way. */
function seen(scenario: Scenario, checks: readonly Check[]): unknown {
  if (aboutTransport.includes(scenario)) return verdicts(checks);
  return checks.map(({ id, status, details }) => ({ id, status, details }));
}

/** What did not succeed, with all that the suite tells about it. */
function explain(checks: readonly Check[]): string {
  const failed = checks.filter(({ status }) => status === 'FAILURE' || status === 'WARNING');
  return JSON.stringify(failed.length === 0 ? checks : failed, undefined, 2);
}

describe('the official conformance suite', function () {
  this.timeout(15_000);
  const bed = new TestBed();
  let direct: SuiteRun;
  let endpoint: Record<Leg, Target>;
  let through: Record<Leg, SuiteRun>;

  before(async function () {
    this.timeout(suiteLimitMs + 20_000);
    const server = await bed.startServer();
    endpoint = await bed.startEndpoint(server);
    // Two at a time: stdio, where each scenario starts a process, beside the other two.
    const [http, stdio] = await Promise.all([
      bed.run(server, 'direct').then((run) => {
        direct = run;
        return bed.run(endpoint.http, 'http');
      }),
      bed.run(endpoint.stdio, 'stdio'),
    ]);
    through = { http, stdio };
  });

  after(async function () {
    this.timeout(30_000);
    await bed.dispose();
  });

  it('has the scenarios that are listed here', async () => {
    assert.deepEqual(await listScenarios(), [...scenarios]);
  });

  for (const scenario of scenarios) {
    it(`conformance ${scenario}: the test server passes`, () => {
      const checks = checksOf(direct, scenario);
      assert.ok(checks.length > 0);
      const failed = checks.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO');
      assert.deepEqual(verdicts(failed), [], explain(checks));
    });
  }

  it('R14.2 a foreign Host is refused as such, although the token is right', () => {
    for (const leg of legs) {
      const checks = checksOf(through[leg], 'dns-rebinding-protection');
      const refused = checks.find(({ id }) => id === 'localhost-host-rebinding-rejected');
      assert.equal((refused?.details as { statusCode?: number }).statusCode, 403);
    }
  });

  for (const leg of legs) {
    it(`R3.5 a call is answered although the server closes its stream, server over ${leg}`, async () => {
      // The scenario about that only looks for streams of the endpoint's own.
      const { url, token } = endpoint[leg];
      const client = new Client({ name: 'conformance', version: '1.0.0' });
      const headers = { authorization: `Bearer ${token}` };
      await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
      try {
        const { content } = await client.callTool({ name: 'test_reconnection' });
        assert.deepEqual(content, [{ type: 'text', text: 'Answered after the stream was closed.' }]);
      } finally {
        await client.close();
      }
    });

    for (const scenario of scenarios) {
      const expected = expectedFailures.find(
        (entry) => entry.scenario === scenario && entry.legs.includes(leg),
      );
      if (expected === undefined) {
        it(`R3.5 conformance ${scenario}: the same through the endpoint, server over ${leg}`, () => {
          const checks = checksOf(through[leg], scenario);
          const wanted = checksOf(direct, scenario);
          assert.deepEqual(verdicts(checks), verdicts(wanted), explain(checks));
          assert.deepEqual(seen(scenario, checks), seen(scenario, wanted));
        });
      } else {
        it(`conformance ${scenario}: needs ${expected.needs}, as listed, server over ${leg}`, () => {
          const checks = checksOf(through[leg], scenario);
          const found = verdicts(checks);
          assert.notDeepEqual(found, verdicts(checksOf(direct, scenario)), 'the entry is stale');
          assert.deepEqual(found, expected.instead, explain(checks));
        });
      }
    }
  }
});
