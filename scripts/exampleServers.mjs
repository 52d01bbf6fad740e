/**
 * Real MCP servers from the npm registry, as settings for `mcpLifeline.servers`.
 */
import path from 'node:path';
import { projectRoot } from './install.mjs';

const program = (name) =>
  path.join(projectRoot, 'node_modules', '@modelcontextprotocol', `server-${name}`, 'dist', 'index.js');

/**
 * @param {object} options
 * @param {string} options.folder what the file system server may touch
 * @param {string} options.memoryFile where the memory server keeps its graph
 * @param {string} [options.node] the Node to run them with
 */
export function exampleServers({ folder, memoryFile, node = process.execPath }) {
  return {
    everything: { type: 'stdio', command: node, args: [program('everything'), 'stdio'] },
    filesystem: { type: 'stdio', command: node, args: [program('filesystem'), folder] },
    memory: {
      type: 'stdio',
      command: node,
      args: [program('memory')],
      env: { MEMORY_FILE_PATH: memoryFile },
    },
  };
}
