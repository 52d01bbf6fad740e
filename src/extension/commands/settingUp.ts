/** The commands that set servers up, and what only they need: loaded when one of them is run for the first time. */
export { Importing } from '../import/importing.ts';
export { addServer } from './addServer.ts';
export { adoptServer } from './adoptServer.ts';
export { giveBackServer } from './giveBackServer.ts';
export { importServers } from './importServers.ts';
export { disableServer, enableServer } from './switchServer.ts';
export { undoImport } from './undoImport.ts';
