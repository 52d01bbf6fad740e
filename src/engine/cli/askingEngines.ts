/** The commands that ask an engine, or look at what one has left: no engine needs their code. */
export { recoverServers } from './recover.ts';
export { status } from './status.ts';
export { verifyAuditTrails } from './verifyAudit.ts';
