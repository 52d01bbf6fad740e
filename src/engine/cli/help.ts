export const HELP = `Usage: mcp-lifeline COMMAND

  serve --config FILE [--port N | --socket PATH] [--log-level LEVEL] [--json]
      Runs the servers of FILE and serves them over HTTP on 127.0.0.1, until it is stopped.
      Prints one JSON line when it is ready; logs go to stderr, with --json as JSON lines.
      LEVEL is debug, info, warn or error; else lifeline.logLevel of FILE counts, then MCP_LIFELINE_LOG, then info.
      The token is MCP_LIFELINE_TOKEN when that is set, else a random one.
      SIGHUP reads FILE again; SIGTERM stops.
  bridge --server NAME [--endpoint FILE | --window ID]
      A stdio MCP server that stands for NAME; for clients that start servers by a command.
  status [SERVER] [--watch [SECONDS]] [--endpoint FILE | --window ID] [--json]
      What the engine knows of its servers, or of one in detail. --watch: again and again, every 2 s, until Ctrl-C; an engine
      that goes away is waited for. Colours go to a terminal only; NO_COLOR and FORCE_COLOR are honoured.
  recover [SERVER] [--yes] [--endpoint FILE | --window ID] [--json]
      Starts a broken server afresh, or all that are broken. Of all, those that run calls only with --yes.
  verify-audit [FILE|FOLDER…] [--endpoint FILE | --window ID] [--json]
      Checks the audit trail: of every engine of this user unless one is named. Names the first broken line.
  --help, --version

--endpoint takes the file that serve printed as "endpoint"; without it, and without --window, the only engine that runs is taken.
Exit codes: 0 well, 1 something is unhealthy, 2 wrong usage, 3 no engine.
`;
