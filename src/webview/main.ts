import './browserLanguage.ts';
import { systemClock } from '../shared/base/clock.ts';
import type { PageWords } from '../shared/protocol/dashboardMessages.ts';
import { openChannel } from './channel.ts';
import { HostTime } from './hostTime.ts';
import { Moments } from './moments.ts';
import { Page } from './page.ts';

const TICK_MS = 1_000;

const { words = '{}', title = '' } = document.body.dataset;
const time = new HostTime(systemClock);
const channel = openChannel((message) => {
  if (message.kind === 'model') time.set(message.model.now);
  page.show(message);
});
const page = new Page(title, {
  // Made by the host, into this very page.
  words: JSON.parse(words) as PageWords,
  moments: new Moments(document.documentElement.lang),
  clock: systemClock,
  send: (message) => channel.send(message),
  kept: channel.kept,
  keep: (state) => channel.keep(state),
});
page.attach(document.body);
tick();
channel.send({ kind: 'ready', range: channel.kept.range });

function tick(): void {
  if (time.now !== undefined) page.tick(time.now);
  systemClock.setTimer(TICK_MS, tick);
}
