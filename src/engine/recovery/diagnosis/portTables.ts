/** Parsers of what systems tell about listening sockets. Pure; each takes real output, and gives nothing for what it does not understand. */

/** `/proc/net/tcp` and `tcp6`: inodes of the sockets that listen on a port. Columns: sl, local, remote, st, …, inode (proc(5)). */
export function listeningInodes(text: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text.split('\n').flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const [, local = '', , state] = columns;
    const inode = columns[9];
    return state === '0A' && local.endsWith(wanted) && inode !== undefined && inode !== '0' ? [inode] : [];
  });
}

/** The first process in the output of `lsof -nP -iTCP:PORT -sTCP:LISTEN -Fpc`: lines `p<pid>`, then `c<program>`. */
export function firstOfLsof(text: string): { readonly pid: number; readonly program: string } | undefined {
  const [, pid, program = ''] = /^p(\d+)\r?\n(?:[^pc\n].*\n)*c(.*)$/m.exec(text) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), program: program.trim() };
}

/** The process that listens on a port, in the output of `netstat -ano`. The name of the state is in the system's language; a foreign port 0 is not. */
export function pidInNetstat(text: string, port: number): number | undefined {
  for (const line of text.split(/\r?\n/)) {
    const [, local, pid] = /^\s*TCP\s+\S+:(\d+)\s+\S+:0\s+\S.*?\s(\d+)\s*$/i.exec(line) ?? [];
    if (Number(local) === port && Number(pid) > 0) return Number(pid);
  }
  return undefined;
}

/** The program in the output of `tasklist /FI "PID eq …" /FO CSV /NH`; `undefined` when there is no such process. */
export function programInTasklist(text: string): string | undefined {
  return /^"([^"]+)","\d+"/m.exec(text)?.[1];
}
