/** The files in which people already have MCP servers (requirements R1.2). */

export type SourceFormat = 'vscode' | 'mcpServers' | 'claudeCode' | 'codex';

export interface ImportSource {
  /** Who writes the file; a proper name. */
  readonly client: string;
  readonly path: string;
  readonly format: SourceFormat;
  /** Where its servers go. */
  readonly scope: 'user' | 'workspace';
  /** The workspace folder it is in. */
  readonly folder?: string;
}

export interface SourceSurroundings {
  readonly platform: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the editor: `…/User`. Absent where the editor keeps it on no disk. */
  readonly userFolder: string | undefined;
  readonly workspaceFolders: readonly string[];
}

/** Every file that may be there, in the order in which they are shown. A pure function of the surroundings. */
export function importSources({
  platform,
  home,
  env,
  userFolder,
  workspaceFolders,
}: SourceSurroundings): readonly ImportSource[] {
  const separator = platform === 'win32' ? '\\' : '/';
  const join = (...parts: string[]): string => parts.join(separator);
  const absolute = (value: string | undefined): string | undefined =>
    value !== undefined && (platform === 'win32' ? /^(?:[A-Za-z]:[\\/]|\\\\)/ : /^\//).test(value)
      ? value
      : undefined;
  const claudeDesktop =
    platform === 'win32'
      ? join(absolute(env['APPDATA']) ?? join(home, 'AppData', 'Roaming'), 'Claude')
      : platform === 'darwin'
        ? join(home, 'Library', 'Application Support', 'Claude')
        : join(absolute(env['XDG_CONFIG_HOME']) ?? join(home, '.config'), 'Claude');
  const codex = absolute(env['CODEX_HOME']) ?? join(home, '.codex');
  const user = (client: string, format: SourceFormat, path: string): ImportSource => ({
    client,
    path,
    format,
    scope: 'user',
  });
  const own = workspaceFolders.flatMap((folder): ImportSource[] =>
    (
      [
        ['VS Code', 'vscode', join(folder, '.vscode', 'mcp.json')],
        ['Claude Code', 'claudeCode', join(folder, '.mcp.json')],
        ['Cursor', 'mcpServers', join(folder, '.cursor', 'mcp.json')],
        ['Roo Code', 'mcpServers', join(folder, '.roo', 'mcp.json')],
        ['Codex', 'codex', join(folder, '.codex', 'config.toml')],
      ] as const
    ).map(([client, format, path]) => ({ client, format, path, scope: 'workspace', folder })),
  );
  const storage = userFolder === undefined ? undefined : join(userFolder, 'globalStorage');
  return [
    ...own,
    ...(userFolder === undefined || storage === undefined
      ? []
      : [
          user('VS Code', 'vscode', join(userFolder, 'mcp.json')),
          user(
            'Cline',
            'mcpServers',
            join(storage, 'saoudrizwan.claude-dev', 'settings', 'cline_mcp_settings.json'),
          ),
          user(
            'Roo Code',
            'mcpServers',
            join(storage, 'rooveterinaryinc.roo-cline', 'settings', 'mcp_settings.json'),
          ),
        ]),
    user('Claude Desktop', 'mcpServers', join(claudeDesktop, 'claude_desktop_config.json')),
    user('Cursor', 'mcpServers', join(home, '.cursor', 'mcp.json')),
    user('Windsurf', 'mcpServers', join(home, '.codeium', 'windsurf', 'mcp_config.json')),
    user('Codex', 'codex', join(codex, 'config.toml')),
  ];
}
