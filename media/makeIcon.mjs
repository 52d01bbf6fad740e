// Draws media/icon.png (128 × 128): a pulse line with a plug's end on a round square. Run: node media/makeIcon.mjs
import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const SIZE = 128;
const SAMPLES = 4;
const corner = 28;
const pulse = [
  [14, 68],
  [40, 68],
  [52, 36],
  [72, 98],
  [84, 58],
  [90, 68],
  [104, 68],
];
const dot = { x: 106, y: 68, radius: 9 };

/** Distance of a point from the line between two others. */
function distance(x, y, [x1, y1], [x2, y2]) {
  const along = ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x1 - t * (x2 - x1), y - y1 - t * (y2 - y1));
}

function isInside(x, y) {
  const dx = Math.max(corner - x, x - (SIZE - corner), 0);
  const dy = Math.max(corner - y, y - (SIZE - corner), 0);
  return Math.hypot(dx, dy) <= corner;
}

function colorAt(x, y) {
  if (!isInside(x, y)) return [0, 0, 0, 0];
  if (Math.hypot(x - dot.x, y - dot.y) <= dot.radius) return [126, 231, 170, 255];
  for (let i = 1; i < pulse.length; i += 1) {
    if (distance(x, y, pulse[i - 1], pulse[i]) <= 4.5) return [126, 231, 170, 255];
  }
  const shade = y / SIZE;
  return [Math.round(20 + 8 * shade), Math.round(54 - 20 * shade), Math.round(74 - 18 * shade), 255];
}

const rows = [];
for (let y = 0; y < SIZE; y += 1) {
  rows.push(0); // PNG: this row is not filtered
  for (let x = 0; x < SIZE; x += 1) {
    const sum = [0, 0, 0, 0];
    for (let i = 0; i < SAMPLES ** 2; i += 1) {
      const [r, g, b, a] = colorAt(
        x + ((i % SAMPLES) + 0.5) / SAMPLES,
        y + (Math.floor(i / SAMPLES) + 0.5) / SAMPLES,
      );
      for (const [channel, value] of [r, g, b].entries()) sum[channel] += value * (a / 255);
      sum[3] += a;
    }
    const cover = sum[3] / 255;
    for (let channel = 0; channel < 3; channel += 1) {
      rows.push(cover === 0 ? 0 : Math.round(sum[channel] / cover));
    }
    rows.push(Math.round(sum[3] / SAMPLES ** 2));
  }
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length);
  const check = Buffer.alloc(4);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, check]);
}

const header = Buffer.alloc(13);
header.writeUInt32BE(SIZE, 0);
header.writeUInt32BE(SIZE, 4);
header.set([8, 6, 0, 0, 0], 8); // 8 bits, red green blue alpha
writeFileSync(
  new URL('icon.png', import.meta.url),
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.from(rows), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]),
);
