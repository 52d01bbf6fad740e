/** Which ways are compared with which, and in which cases. */
import type { Alone } from './alone.ts';
import type { Case, Group } from './compare.ts';
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
import type { Leg } from './leg.ts';
import { httpToHttpPeers, httpToStdioPeers, stdioToHttpPeers } from './peers.ts';
import { bridged, directStdio, relayed, socketRelayed, type StdioServer } from './stdioLegs.ts';

const stdioLegs = (server: StdioServer): Leg[] => [
  directStdio(server),
  relayed(server),
  socketRelayed(server),
  bridged(server),
  bridged(server, 'write'),
];

/** Several clients of ours share one process only where the settings say so. */
const shared = endpointToStdio({ instances: 'single' });

const SESSIONS = 100;

export function groupsOf(sizes: readonly number[], concurrencies: readonly number[]): readonly Group[] {
  const cases = (of: readonly number[]): Case[] =>
    of.flatMap((size) => concurrencies.map((concurrency) => ({ size, concurrency })));
  const all = cases(sizes);
  const smallest = cases(sizes.slice(0, 1));
  const inSessions = { size: sizes[0]!, concurrency: SESSIONS, sessions: true };
  const sessions: readonly Case[] = [inSessions, { ...inSessions, perSecond: 500 }];
  return [
    {
      name: 'stdio',
      title: 'Stdio client to a stdio server that writes each answer by itself, as those on the SDKs do',
      legs: stdioLegs('each'),
      cases: all,
    },
    {
      name: 'stdio-batch',
      title: 'Stdio client to a stdio server that writes answers together',
      legs: stdioLegs('batch'),
      cases: smallest,
    },
    {
      name: 'stdio-sdk',
      title: 'Stdio client to a stdio server on the official SDK',
      legs: stdioLegs('sdk'),
      cases: smallest,
    },
    {
      name: 'http-stdio',
      title: 'HTTP client to a stdio server',
      legs: [directBelow, bareHttpToStdio, endpointToStdio(), ...httpToStdioPeers],
      cases: all,
    },
    {
      name: 'http-http',
      title: 'HTTP client to an HTTP server',
      legs: [directHttp, bareHttpToHttp, endpointToHttp, ...httpToHttpPeers],
      cases: all,
    },
    {
      name: 'stdio-http',
      title: 'Stdio client to an HTTP server',
      legs: [directHttp, bareStdioToHttp, bridgedToHttp, ...stdioToHttpPeers],
      cases: all,
    },
    {
      name: 'sessions-stdio',
      title: '100 HTTP clients with a session each to a stdio server',
      legs: [bareHttpToStdio, endpointToStdio(), shared, ...httpToStdioPeers],
      cases: sessions,
    },
    {
      name: 'sessions-http',
      title: '100 HTTP clients with a session each to an HTTP server',
      legs: [directHttp, bareHttpToHttp, endpointToHttp, ...httpToHttpPeers],
      cases: sessions,
    },
  ];
}

/** What is measured by itself; the first of each kind of client is what an editor has without us. */
export const aloneLegs: readonly Alone[] = [
  ...[directStdio('each'), socketRelayed('each'), bridged('each'), bridged('each', 'write')].map((leg) => ({
    leg,
    route: 'stdio, stdio',
  })),
  ...[bareHttpToStdio, endpointToStdio(), ...httpToStdioPeers].map((leg) => ({ leg, route: 'HTTP, stdio' })),
  ...[directHttp, bareHttpToHttp, endpointToHttp, ...httpToHttpPeers].map((leg) => ({
    leg,
    route: 'HTTP, HTTP',
  })),
  ...[bareStdioToHttp, bridgedToHttp, ...stdioToHttpPeers].map((leg) => ({ leg, route: 'stdio, HTTP' })),
];
