import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { findPortHolder } from './portHolder.ts';
import { firstOfLsof, listeningInodes, pidInNetstat, programInTasklist } from './portTables.ts';

const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:B32F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1462921 1 000000 100 0 0 10 0
   1: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77 1 000000 100 0 0 10 0
   2: 0100007F:B32F 0100007F:0BB8 01 00000000:00000000 00:00000000 00000000     0        0 999 1 000000 20 4 30 10 -1
`;
const tcp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000000000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 88 1 000000 100 0 0 10 0
`;
const netstat = `
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         1104
  TCP    127.0.0.1:3000         127.0.0.1:50222        HERGESTELLT     7
  TCP    127.0.0.1:3000         0.0.0.0:0              ABHÖREN         4242
  TCP    [::]:8080              [::]:0                 ABHÖREN         5252
  UDP    0.0.0.0:3000           *:*                                    99
`;

describe('who listens on a port', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });
  const listening = async (host: string): Promise<number> => {
    const server = createServer().listen(0, host);
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  it('R5.5 is found on this machine, over IPv4 and IPv6, with its program and without its arguments', async () => {
    for (const host of ['127.0.0.1', '::']) {
      const holder = await findPortHolder(await listening(host));
      assert.equal(holder?.pid, process.pid, host);
      assert.match(holder.program, /^node/);
    }
  });

  it('R5.5 is nobody when the port is free', async () => {
    const port = await listening('127.0.0.1');
    const [server] = servers.splice(0);
    server?.close();
    assert.equal(await findPortHolder(port), undefined);
  });

  it('R5.5 is another process', async () => {
    const script =
      "const s=require('net').createServer().listen(0,'127.0.0.1',()=>console.log(s.address().port))";
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      assert.equal((await findPortHolder(Number(line.toString())))?.pid, child.pid);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('R5.5 is read from the tables of Linux, macOS and Windows', () => {
    assert.deepEqual(listeningInodes(tcp, 45_871), ['1462921']);
    assert.deepEqual(listeningInodes(tcp, 3_000), ['77']);
    assert.deepEqual(listeningInodes(tcp6, 3_000), ['88']);
    assert.deepEqual(listeningInodes(tcp, 80), []);
    assert.deepEqual(firstOfLsof('p3118\ncMainThread\nf21\np3184\ncnode\nf20\n'), {
      pid: 3_118,
      program: 'MainThread',
    });
    assert.deepEqual(firstOfLsof('p501\ng1\ncPython\n'), { pid: 501, program: 'Python' });
    assert.equal(firstOfLsof(''), undefined);
    assert.equal(pidInNetstat(netstat, 3_000), 4_242);
    assert.equal(pidInNetstat(netstat, 8_080), 5_252);
    assert.equal(pidInNetstat(netstat, 99), undefined);
    assert.equal(programInTasklist('"node.exe","4242","Console","1","50.000 K"\r\n'), 'node.exe');
    assert.equal(
      programInTasklist('INFO: No tasks are running which match the specified criteria.'),
      undefined,
    );
  });
});
