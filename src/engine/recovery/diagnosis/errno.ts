import type { FaultCode } from '../../../shared/model/fault.ts';

/** What the errors of libuv, and of undici's connections, mean (requirements R2.3). */
const codes: Readonly<Record<string, FaultCode>> = {
  EPIPE: 'brokenPipe',
  ERR_STREAM_DESTROYED: 'brokenPipe',
  ERR_STREAM_WRITE_AFTER_END: 'brokenPipe',
  ECONNRESET: 'connectionReset',
  ECONNABORTED: 'connectionReset',
  ENETRESET: 'connectionReset',
  UND_ERR_SOCKET: 'connectionReset',
  ECONNREFUSED: 'connectionRefused',
  ENOTFOUND: 'connectionRefused',
  EAI_AGAIN: 'connectionRefused',
  EHOSTUNREACH: 'connectionRefused',
  EHOSTDOWN: 'connectionRefused',
  ENETUNREACH: 'connectionRefused',
  ENETDOWN: 'connectionRefused',
  ETIMEDOUT: 'connectTimeout',
  UND_ERR_CONNECT_TIMEOUT: 'connectTimeout',
  UND_ERR_HEADERS_TIMEOUT: 'readTimeout',
  UND_ERR_BODY_TIMEOUT: 'readTimeout',
  ENOENT: 'spawnFailed',
  EACCES: 'spawnFailed',
  EPERM: 'spawnFailed',
  ENOTDIR: 'spawnFailed',
  ENOEXEC: 'spawnFailed',
  E2BIG: 'spawnFailed',
  EMFILE: 'spawnFailed',
  EAGAIN: 'spawnFailed',
  EADDRINUSE: 'portInUse',
  ENOMEM: 'outOfMemory',
  ABORT_ERR: 'cancelled',
};

/** The fault behind an error's `code`; `undefined` when it says nothing about servers and ways to them. */
export function codeOfErrno(errno: string): FaultCode | undefined {
  if (errno.startsWith('HPE_')) return 'protocolGarbage';
  return Object.hasOwn(codes, errno) ? codes[errno] : undefined;
}
