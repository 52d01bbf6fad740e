/**
 * What programs write to stderr when they fail, by the language they are written in. Each pattern is tried on one line of at most
 * `MAX_LINE` characters (`readOutput.ts`), has no nested quantifier, and bounds every run in its middle.
 */

export type OutputCause =
  | 'portInUse'
  | 'outOfMemory'
  | 'dependencyMissing'
  | 'commandMissing'
  | 'notExecutable'
  | 'badCredentials'
  | 'badConfiguration'
  | 'unreachable'
  | 'brokenPipe';

export interface OutputPattern {
  readonly cause: OutputCause;
  /** A group `what` names what is missing. */
  readonly pattern: RegExp;
}

/**
 * How much a cause tells, most first: a server that cannot bind its port may also write to a pipe that is gone, and one without a module
 * may end with a usage message. Among equals the last line counts.
 */
export const precision: Readonly<Record<OutputCause, number>> = {
  portInUse: 3,
  outOfMemory: 3,
  dependencyMissing: 3,
  commandMissing: 3,
  notExecutable: 3,
  badCredentials: 2,
  badConfiguration: 2,
  unreachable: 1,
  brokenPipe: 0,
};

/** Words of every system for the same error: libc, Winsock, and the names that runtimes give it. */
const portInUse: readonly RegExp[] = [
  /\bEADDRINUSE\b/,
  // Python, Go, Java (BindException), .NET, Perl, Ruby, PHP, nginx; Rust: `Os { code: 98, kind: AddrInUse, … }`.
  /\baddress(?: is)? already in use\b/i,
  /\bAddrInUse\b/,
  /\bAddress already bound\b/i,
  // Winsock, as Python, Go, Java, .NET and Rust quote it.
  /\bWinError 10048\b|\bWSAEADDRINUSE\b|\bos error 10048\b|\bErrno 10048\b/,
  /\bOnly one usage of each socket address\b/i,
  // Spring Boot, Vite, Bun, Flask and many others.
  /\bport:? \d{1,5} (?:is|was)(?: already)? (?:in use|being used|taken|allocated|occupied)\b/i,
  /\bIs port \d{1,5} in use\?/i,
  /\bport (?:is )?already (?:in use|allocated)\b/i,
];

const outOfMemory: readonly RegExp[] = [
  /\bJavaScript heap out of memory\b/,
  /\bERR_WORKER_OUT_OF_MEMORY\b/,
  // Python; numpy: `numpy.core._exceptions._ArrayMemoryError: Unable to allocate …`.
  /(?:^|[\s.])_?(?:Array)?MemoryError\b/,
  /\bjava\.lang\.OutOfMemoryError\b/,
  /\bThere is insufficient memory for the Java Runtime Environment\b/,
  /\bSystem\.OutOfMemoryException\b/,
  // Go
  /^fatal error: (?:runtime: )?(?:out of memory|cannot allocate memory)/,
  // Rust
  /^memory allocation of \d+ bytes failed/,
  /\bstd::bad_alloc\b/,
  /\bCannot allocate memory\b|\bENOMEM\b/,
  /\b(?:Out of memory!|Out of memory: Killed process)/,
];

const dependencyMissing: readonly RegExp[] = [
  // Python
  /\bModuleNotFoundError: No module named '?(?<what>[\w.-]+)/,
  /: No module named (?<what>[\w.-]+)$/,
  /\bImportError: (?<what>.{1,200})/,
  // Node; Bun and Deno below
  /\bCannot find (?:module|package) '(?<what>[^']{1,300})'/,
  /\bCannot find module "(?<what>[^"]{1,300})"/,
  /\bERR_MODULE_NOT_FOUND\b|\bcode: 'MODULE_NOT_FOUND'/,
  /\bERR_DLOPEN_FAILED\b|\bwas compiled against a different Node\.js version\b/,
  /^error: Module not found "(?<what>[^"]{1,300})"/,
  /^error: Could not resolve(?::)? "(?<what>[^"]{1,300})"/,
  // Java
  /\b(?:java\.lang\.)?(?:ClassNotFoundException|NoClassDefFoundError): (?<what>[\w.$/-]{1,200})/,
  /\bCould not find or load main class (?<what>\S{1,200})/,
  /\bUnable to access jarfile (?<what>.{1,300})/,
  /\bjava\.lang\.module\.FindException: Module (?<what>\S{1,200}) not found/,
  /\bUnsupportedClassVersionError\b/,
  // .NET
  /\bCould not load file or assembly '(?<what>[^',]{1,200})/,
  /\bFileNotFoundException: .{0,40}assembly '(?<what>[^',]{1,200})/,
  /\bYou must install or update \.NET\b|\bYou must install \.NET to run\b/,
  /\b(?:The framework|Framework:) '(?<what>Microsoft\.[^']{1,100})'/,
  /\bDllNotFoundException: .{0,40}'(?<what>[^']{1,200})'/,
  // The dynamic loaders of Linux, macOS and Windows
  /\berror while loading shared libraries: (?<what>[^:]{1,200})/,
  /^(?:\w{1,20}Error: )?(?<what>lib[^:\s]{1,200}): cannot open shared object file/,
  /\bLibrary not loaded: (?<what>\S{1,300})/,
  /\bversion `(?<what>GLIBC(?:XX)?_[\d.]{1,10})' not found/,
  /\bbecause (?<what>[\w.-]{1,100}\.dll) was not found\b/i,
  // Perl, Ruby, PHP, Lua, R
  /\bCan't locate (?<what>\S{1,200}) in @INC\b/,
  /\bcannot load such file -- (?<what>\S{1,200})/,
  /\bClass "(?<what>[^"]{1,200})" not found in\b/,
  /\bmodule '(?<what>[^']{1,200})' not found:?$/,
  /\bthere is no package called .(?<what>[\w.]{1,100})/,
  // Package runners: npx, uvx, pipx, cargo, docker
  /^npm (?:ERR!|error) (?:code (?:E404|ENOTCACHED|ETARGET|ENOVERSIONS)\b|404 .{0,20}Not Found - GET (?<what>\S{1,300}))/,
  /^npm (?:ERR!|error) could not determine executable to run/,
  /\bNo solution found when resolving (?:tool dependencies|script dependencies|dependencies)\b/,
  /\bBecause (?<what>\S{1,100}) was not found in the package registry\b/,
  /\bNo matching distribution found for (?<what>\S{1,100})/,
  /\bpull access denied for (?<what>[^,\s]{1,200})/,
  // Playwright, Puppeteer
  /\bExecutable doesn't exist at (?<what>\S{1,300})/,
  /\bCould not find (?<what>Chrome|Chromium|Firefox)\b/,
];

const commandMissing: readonly RegExp[] = [
  /(?:^|: )(?:line )?\d+: (?<what>[^:]{1,200}): (?:command )?not found$/,
  /^(?:\S{1,100}: )?(?:command not found: (?<what>\S{1,200})|(?<what2>[^:\s]{1,200}): command not found)$/,
  /\benv: ['‘"]?(?<what>[^:'’"‘]{1,200})['’"]?: No such file or directory$/,
  /'(?<what>[^']{1,200})' is not recognized as an internal or external command\b/,
  /\bcan't open file '(?<what>[^']{1,300})': \[Errno 2\]/,
  /\bexecutable file not found in (?:\$PATH|%PATH%)/,
  /\bspawn (?<what>\S{1,200}) ENOENT\b/,
  /^(?:error: )?(?:Failed to spawn: |Script not found )[`"](?<what>[^`"]{1,200})[`"]/,
  /^error: Module not found .{0,10}file:\/\/(?<what>\S{1,300})/,
  /\bCannot connect to the Docker daemon\b/,
];

const notExecutable: readonly RegExp[] = [
  /(?:^|: )(?:line )?\d+: (?<what>[^:]{1,200}): Permission denied$/,
  /\b(?:exec format error|cannot execute binary file|bad CPU type in executable)\b/i,
  /\bspawn (?<what>\S{1,200}) EACCES\b/,
  /\bbad interpreter: (?<what>.{1,200}): (?:no such file|permission denied)/i,
];

const credential =
  '(?:api[ _-]?keys?|access[ _-]?keys?|secret[ _-]?keys?|(?:access|auth|bearer|api|refresh|bot|github|personal access)[ _-]?tokens?|token|credentials?|password|client[ _-]?secret|secret)';
const credentialVariable = '\\w{0,80}(?:_KEY|_TOKEN|_SECRET|_PASSWORD|_PAT|_CREDENTIALS|APIKEY)\\w{0,20}';

const badCredentials: readonly RegExp[] = [
  /\b401 (?:Client Error: )?Unauthorized\b|\bHTTP(?:\/[\d.]+)? (?:error )?401\b|\bstatus(?: ?code)?["']?[ :=]{1,3}401\b/i,
  /\b(?:authentication|login|sign-in) (?:failed|error|required)\b|\bAuthenticationError\b|\bUnauthenticated\b|\bUnauthorizedError\b/i,
  /\b(?:password authentication failed|Access denied for user|bad credentials|invalid_grant|invalid_client|could not load the default credentials|Unable to locate credentials|NoCredentialsError)\b/i,
  new RegExp(
    `\\b(?:invalid|incorrect|wrong|expired|revoked|bad|malformed|no|missing) (?:or missing )?(?:[\\w-]{1,30} ){0,2}${credential}\\b`,
    'i',
  ),
  new RegExp(
    `\\b${credential}\\b.{0,60}\\b(?:missing|required|not set|not provided|not found|not configured|not valid|invalid|expired|revoked|must be (?:set|provided|specified)|undefined|empty)\\b`,
    'i',
  ),
  new RegExp(
    `\\b(?:please )?(?:provide|set|specify|configure|supply|export)\\b.{0,40}\\b${credential}\\b`,
    'i',
  ),
  new RegExp(`\\bKeyError: '${credentialVariable}'`),
  new RegExp(
    `\\b${credentialVariable}\\b.{0,60}\\b(?:missing|required|not set|not provided|not found|not defined|must be (?:set|provided)|undefined|unset|empty)\\b`,
  ),
  new RegExp(
    `\\b(?:missing|required|provide|set|specify|export|need|needs|unset|undefined)\\b.{0,60}\\b${credentialVariable}\\b`,
    'i',
  ),
];

const badConfiguration: readonly RegExp[] = [
  // A variable of the environment that is not there: Python's os.environ; others in words.
  /\bKeyError: '[A-Z][A-Z0-9_]{2,80}'$/,
  /\benvironment variables?\b.{0,80}\b(?:missing|required|not set|not provided|not found|not defined|must be|undefined|unset|empty)\b/i,
  /\b(?:missing|required|provide|set|specify|export|unset|undefined)\b.{0,60}\benvironment variables?\b/i,
  /^\/?[\w./-]{0,200}: (?:line )?\d{0,6}:? ?[A-Z_][A-Z0-9_]{1,80}: (?:unbound variable|parameter not set)/,
  // Parsers of configuration files
  /\bJSONDecodeError\b|\bin JSON at position \d+|\bUnexpected end of JSON input\b|\bUnexpected token .{1,12} (?:in|is not valid) JSON\b/,
  /\bExpected property name or '\}' in JSON\b/,
  /\bcom\.fasterxml\.jackson\.core\.\w{0,20}(?:Parse|Processing)Exception\b|\bcom\.google\.gson\.\w{0,20}Exception\b/,
  /\bSystem\.Text\.Json\.Json(?:Reader)?Exception\b|\bNewtonsoft\.Json\.\w{0,20}Exception\b/,
  /\binvalid character .{1,12} (?:looking for|after|in) .{0,60}\b(?:beginning of value|object key|string|array element)/,
  /\bserde_(?:json|yaml)\b.{0,40}\bError\b/,
  /\byaml\.(?:scanner|parser|composer|constructor|reader)\.\w{1,20}Error\b|\bYAML(?:ParseError|Exception|SyntaxError|SemanticError)\b|\byaml: (?:line \d+|unmarshal errors)/,
  /\bTOMLDecodeError\b|\bTOML parse error\b|\btoml: (?:line|expected|invalid)\b|\bTomlDecodeError\b/,
  /\bconfigparser\.\w{1,30}Error\b/,
  /\b(?:invalid|bad|malformed|missing|unknown|unrecognized|unsupported) (?:[\w-]{1,30} )?(?:configuration|config|settings?)\b/i,
  /\b(?:configuration|config|settings?)(?: file| error)?\b.{0,40}\b(?:not found|does not exist|is invalid|is missing|could not be (?:read|loaded|parsed|found)|invalid|malformed)\b/i,
  /\b(?:failed|unable|could not|cannot|error) (?:to )?(?:load|loading|parse|parsing|read|reading|open|opening|find)(?: the)? (?:[\w.-]{1,60} )?(?:configuration|config|settings)\b/i,
  /\bValidationError: \d+ validation errors? for \w{1,80}|\bZodError\b/,
  // Arguments that the program does not know, or lacks
  /\berror: (?:unrecognized arguments?|the following arguments are required|argument \S{1,60}: |unexpected argument|required option|unknown option|missing required argument|invalid value)/i,
  /\b(?:unknown|unrecognized|unrecognised|illegal|invalid|bad) (?:command[ -]line )?(?:option|flag|argument|switch)s?\b/i,
  /\bflag provided but not defined: |\bflag needs an argument\b|\bno such option: /i,
  /^(?:node|java|python\d?(?:\.\d+)?): bad option\b|\bUnrecognized option: -/,
  /\bthe path argument must be of type string\b|\bERR_INVALID_URL\b|^(?:TypeError: )?Invalid URL\b/i,
];

const unreachable: readonly RegExp[] = [
  /\bECONNREFUSED\b|\bECONNRESET\b|\bETIMEDOUT\b|\bENOTFOUND\b|\bEAI_AGAIN\b|\bEHOSTUNREACH\b|\bENETUNREACH\b/,
  /\bConnection refused\b|\bConnectionRefusedError\b|\bConnectionResetError\b|\bconnection reset by peer\b|\bConnectException\b|\bSocketException\b/i,
  /\b(?:getaddrinfo failed|Name or service not known|nodename nor servname provided|no such host|No route to host|Network is unreachable|Temporary failure in name resolution|UnknownHostException)\b/i,
  /\b(?:WinError|os error|Errno) 100(?:5[04]|6[015])\b/,
  /\bdial tcp\b.{0,200}\b(?:refused|timeout|no such host)\b/,
];

const brokenPipe: readonly RegExp[] = [
  // "[Errno 32] Broken pipe", "BrokenPipeError", "write: broken pipe", "Broken pipe (os error 32)", "java.io.IOException: Broken pipe"
  /\bbroken pipe\b/i,
  /\bBrokenPipe(?:Error)?\b/,
  /\bEPIPE\b/,
  /\bErrno 32\b/,
  // Windows: ERROR_BROKEN_PIPE 109, ERROR_NO_DATA 232
  /\b(?:WinError|os error|Errno) (?:109|232)\b|\bThe pipe (?:has been ended|is being closed)\b|\bPipe is broken\b/i,
  /\bERR_STREAM_DESTROYED\b|\bSystem\.IO\.IOException: .{0,80}\bpipe\b/i,
];

const table: readonly (readonly [OutputCause, readonly RegExp[]])[] = [
  ['portInUse', portInUse],
  ['outOfMemory', outOfMemory],
  ['notExecutable', notExecutable],
  ['commandMissing', commandMissing],
  ['dependencyMissing', dependencyMissing],
  ['badCredentials', badCredentials],
  ['badConfiguration', badConfiguration],
  ['unreachable', unreachable],
  ['brokenPipe', brokenPipe],
];

/** In the order in which they are tried on a line: the first that matches names its cause. */
export const outputPatterns: readonly OutputPattern[] = table.flatMap(([cause, patterns]) =>
  patterns.map((pattern) => ({ cause, pattern })),
);
