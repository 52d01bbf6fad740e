/**
 * `npm run bench`: what the layer costs, beside nothing at all, a bare bridge and the programs from npm that do the same job. The ways to one server take
 * turns within one run; every answer is checked. Prints the tables, and writes them into docs/benchmarks.md when everything was run. Ends with 1 when a way could not be
 * run or gave a wrong answer; a target that is not reached stands in the table.
 *
 * `--only=stdio,…` some parts; `--legs=direct,lifeline,…` ways whose names contain that; `--concurrency=1,10`, `--sizes=100` some cases; `--rounds=N`, `--ms=N`
 * the number of rounds and the length of one; `--quick` shorter ones, `--no-peers` without the programs from npm.
 */
import { compare, tableOf, type Case, type Group, type GroupResult } from './compare.ts';
import { option } from '../page.ts';
import { bridged, directStdio, relayed, socketRelayed, type StdioServer } from './stdioLegs.ts';
import type { Leg } from './leg.ts';
import {
  bareHttpToHttp,
  bareHttpToStdio,
  bareStdioToHttp,
  bridgedToHttp,
  directBelow,
  directHttp,
  endpointToHttp,
  endpointToStdio,
} from './httpLegs.ts';
import { httpToHttpPeers, httpToStdioPeers, prepare, stdioToHttpPeers } from './peers.ts';

const isQuick = process.argv.includes('--quick');
const list = (name: string): string[] | undefined => option(name)?.split(',');
const only = list('only');
const legs = list('legs');
const settings = {
  rounds: Number(option('rounds') ?? (isQuick ? 3 : 5)),
  forMs: Number(option('ms') ?? (isQuick ? 200 : 400)),
};
const concurrencies = list('concurrency')?.map(Number) ?? [1, 10, 100];
const sizes = list('sizes')?.map(Number) ?? [100, 10_000, 1_000_000];
const cases = (of: readonly number[]): Case[] =>
  of.flatMap((size) => concurrencies.map((concurrency) => ({ size, concurrency })));

const stdioLegs = (server: StdioServer): Leg[] => [
  directStdio(server),
  relayed(server),
  socketRelayed(server),
  bridged(server),
  bridged(server, 'write'),
];
const small = cases(sizes.filter((size) => size === 100));
const groups: readonly Group[] = [
  {
    name: 'stdio',
    title: 'Through the bridge to a stdio server that writes each answer by itself',
    legs: stdioLegs('each'),
    cases: cases(sizes),
  },
  {
    name: 'stdio-batch',
    title: 'Through the bridge to a stdio server that writes its answers together',
    legs: stdioLegs('batch'),
    cases: small,
  },
  {
    name: 'stdio-sdk',
    title: 'Through the bridge to a server on the official SDK',
    legs: stdioLegs('sdk'),
    cases: small,
  },
  {
    name: 'http-stdio',
    title: 'From an HTTP client to a stdio server',
    legs: [directBelow, bareHttpToStdio, endpointToStdio(), ...httpToStdioPeers],
    cases: cases(sizes),
  },
  {
    name: 'http-http',
    title: 'From an HTTP client to an HTTP server',
    legs: [directHttp, bareHttpToHttp, endpointToHttp, ...httpToHttpPeers],
    cases: cases(sizes),
  },
  {
    name: 'stdio-http',
    title: 'From a stdio client to an HTTP server',
    legs: [directHttp, bareStdioToHttp, bridgedToHttp, ...stdioToHttpPeers],
    cases: cases(sizes),
  },
];

const chosen = groups
  .filter(({ name }) => only === undefined || only.includes(name))
  .map((group) => ({
    ...group,
    legs: group.legs.filter(
      ({ name, kind }) =>
        (kind !== 'peer' || !process.argv.includes('--no-peers')) &&
        (legs === undefined || legs.some((part) => name.toLowerCase().includes(part))),
    ),
  }));
if (chosen.some(({ legs }) => legs.some(({ kind }) => kind === 'peer'))) await prepare();
const results: GroupResult[] = [];
for (const group of chosen) {
  const result = await compare(group, settings);
  results.push(result);
  console.log(`\n${group.title}\n\n${tableOf(result)}`);
}
const failures = results.flatMap(({ group, results }) =>
  results.flatMap(({ leg, failure, rounds }) => {
    const errors = [...rounds.values()].flat().reduce((sum, round) => sum + round.errors, 0);
    return failure === undefined && errors === 0
      ? []
      : [`${group.name}, ${leg.name}: ${failure ?? `${errors} errors`}`];
  }),
);
for (const failure of failures) console.error(failure);
process.exit(failures.length === 0 ? 0 : 1);
