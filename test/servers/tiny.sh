# The MCP server that starts fastest, for runs with thousands of processes: a shell, one tool "safe". Ids of requests must be first or last in a line.
while IFS= read -r line; do
  case "$line" in
    *'"id":'*'"method":'* | *'"method":'*'"id":'*) ;;
    *) continue ;;
  esac
  id="${line#*\"id\":}"
  id="${id%%[,\}]*}"
  case "$line" in
    *'"method":"initialize"'*)
      result='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"tiny","version":"1"}}' ;;
    *'"method":"tools/list"'*)
      result='{"tools":[{"name":"safe","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}}]}' ;;
    *'"method":"tools/call"'*)
      key="${line#*\"key\":\"}"
      result="{\"content\":[{\"type\":\"text\",\"text\":\"${key%%\"*}\"}]}" ;;
    *) result='{}' ;;
  esac
  printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done
