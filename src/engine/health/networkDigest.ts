import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

/** What the machine's networks look like now: another text means another network, a VPN that came or went, a cable. Empty where it does not tell. */
export function networkDigest(read: typeof networkInterfaces = networkInterfaces): string {
  const networks = Object.entries(interfaces(read)).flatMap(([name, addresses]) =>
    (addresses ?? []).filter(({ internal }) => !internal).map((address) => `${name} ${networkOf(address)}`),
  );
  return [...new Set(networks)].sort().join('\n');
}

/** The call fails where a sandbox forbids it (Android, some containers: "uv_interface_addresses returned Unknown system error 13"). */
function interfaces(read: typeof networkInterfaces): ReturnType<typeof networkInterfaces> {
  try {
    return read();
  } catch {
    return {};
  }
}

/** Temporary IPv6 addresses (RFC 8981) come and go by themselves, and take no connection with them: their prefix stays. */
function networkOf({ family, address, netmask }: NetworkInterfaceInfo): string {
  return family === 'IPv4' ? `${address}/${netmask}` : address.split(':').slice(0, 4).join(':');
}
