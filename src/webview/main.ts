import { systemClock } from '../shared/base/clock.ts';
import type { PageMessage, PageWords } from '../shared/protocol/dashboardMessages.ts';
import { openChannel } from './channel.ts';
import { HostTime } from './hostTime.ts';
import { Moments } from './moments.ts';
import { Page } from './page.ts';

const TICK_MS = 1_000;

const { words = '{}', title = '' } = document.body.dataset;
const time = new HostTime(systemClock);
const page = new Page(title, {
  // Made by the host, into this very page.
  words: JSON.parse(words) as PageWords,
  moments: new Moments(document.documentElement.lang),
  send: (message: PageMessage) => channel.send(message),
});
page.attach(document.body);
const channel = openChannel((message) => {
  time.set(message.kind === 'model' ? message.model.now : message.history.now);
  page.show(message);
});
tick();
channel.send({ kind: 'ready' });

function tick(): void {
  if (time.now !== undefined) page.tick(time.now);
  systemClock.setTimer(TICK_MS, tick);
}
