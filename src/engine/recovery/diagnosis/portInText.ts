/** Where the part of a line begins that tells an address; before it there may be a time of day, which looks like one. */
const beginning = /\b(?:listen|bind|binding|bound|address|port|in use|EADDRINUSE)\b/i;
/** Most telling first. */
const forms: readonly RegExp[] = [
  // "Port 3000 is in use", `"127.0.0.1" port 3000`, "port: 3000", "port=3000"
  /\bport["']?[ =:#]{1,3}(?<port>\d{1,5})(?!\d)/gi,
  // Python: ('127.0.0.1', 8080), ('::1', 8080, 0, 0)
  /\('[^']{0,64}', (?<port>\d{1,5})[,)]/g,
  // 127.0.0.1:8080, [::1]:8080, :8080, :::3000, null:3000, *:3000, http://localhost:5000
  /:(?<port>\d{1,5})(?![\d\]]|:[\da-f]|\.\d)/gi,
];

const isPort = (value: number): boolean => value >= 1 && value <= 65_535;

/** The port that a line about an address in use names; `undefined` when it names none. */
export function portInText(line: string): number | undefined {
  const at = line.search(beginning);
  const text = at < 0 ? line : line.slice(at);
  for (const form of forms) {
    // The last one: what comes before it are parts of an IPv6 address.
    const found = [...text.matchAll(form)].map(({ groups }) => Number(groups?.['port'])).findLast(isPort);
    if (found !== undefined) return found;
  }
  return undefined;
}
