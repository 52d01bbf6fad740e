import { access, constants, stat } from 'node:fs/promises';
import { platform } from 'node:os';
import * as vscode from 'vscode';
import { commands } from '../../shared/contributions.ts';
import { refusalOf } from '../import/adopt.ts';
import { applyImport, planChanges, type PlannedPart } from '../import/applyImport.ts';
import { placesOf, readCommandLine, remarkOnCommandLine, type Remark } from '../import/commandLine.ts';
import { freeName, planImport } from '../import/importPlan.ts';
import {
  asSourceText,
  nameOfCommand,
  nameOfEntry,
  nameOfUrl,
  readPair,
  remarkOnName,
  remarkOnPair,
  remarkOnUrl,
} from '../import/newServer.ts';
import type { FoundServer } from '../import/readSource.ts';
import { plainSecretsOf, secretItems } from '../import/secretChoice.ts';
import { readSettings, type SettingsScope } from '../import/settingsAccess.ts';
import { pickStep, runSteps, textStep, type Step, type StepFrame } from '../import/steps.ts';
import { editorServers } from '../mcp/editorServers.ts';
import type { SettingUpContext } from './commandContext.ts';
import { counted } from '../figures.ts';

/** What has been said so far; going back overwrites it. */
interface Draft {
  entry: Readonly<Record<string, unknown>>;
  /** What else a pasted text had: definitions of inputs, further servers. */
  found: readonly FoundServer[];
  pairs: { readonly name: string; readonly value: string }[];
  name: string;
  /** What was typed in a step, shown again by whoever goes back. */
  commandLine: string;
  url: string;
  pasted: string;
  hideSecrets: boolean;
  scope: SettingsScope;
}

/**
 * `mcpLifeline.addServer`: a server from a command, an address or a piece of JSON, step by step with a way back, into the settings (requirements R12.4). Nothing is written
 * before the last step; "Undo Import" takes it back. Works without an engine. Answers the names of what was added.
 */
export async function addServer(context: SettingUpContext): Promise<readonly string[]> {
  const wizard = new Wizard(context, await context.importing.takenNames());
  const isDone = await runSteps(context.t('Add MCP Server'), wizard.kind);
  return isDone ? wizard.write() : [];
}

class Wizard {
  readonly #context: SettingUpContext;
  readonly #taken: readonly string[];
  readonly #draft: Draft = {
    entry: {},
    found: [],
    pairs: [],
    name: '',
    commandLine: '',
    url: '',
    pasted: '',
    hideSecrets: true,
    scope: 'user',
  };

  constructor(context: SettingUpContext, taken: readonly string[]) {
    this.#context = context;
    this.#taken = taken;
  }

  readonly kind: Step = async (frame) => {
    const { t } = this.#context;
    const answer = await pickStep(frame, {
      placeholder: t('How is the server reached?'),
      items: [
        {
          iconPath: new vscode.ThemeIcon('terminal'),
          label: t('Command'),
          detail: t('A program on this machine, such as {0}', 'npx -y @modelcontextprotocol/server-memory'),
          next: this.#commandLine,
        },
        {
          iconPath: new vscode.ThemeIcon('globe'),
          label: t('URL'),
          detail: t('A server reached by Streamable HTTP, such as {0}', 'https://example.com/mcp'),
          next: this.#url,
        },
        {
          iconPath: new vscode.ThemeIcon('json'),
          label: t('JSON'),
          detail: t('What a manual shows for mcp.json, or for another client'),
          next: this.#paste,
        },
      ],
    });
    return typeof answer === 'string' ? answer : answer.value.next;
  };

  readonly #commandLine: Step = async (frame) => {
    const { t } = this.#context;
    const answer = await textStep(
      frame,
      {
        prompt: t(
          'The command with its arguments, as in a terminal. Variables before it are set for the server.',
        ),
        placeholder: 'npx -y @modelcontextprotocol/server-memory',
        value: this.#draft.commandLine,
        check: (text) => remarkOnCommandLine(text, platform(), isProgram, t),
      },
      t,
    );
    if (typeof answer === 'string') return answer;
    this.#draft.commandLine = answer.value;
    const line = readCommandLine(answer.value, platform());
    if (line === undefined) return 'cancelled';
    const { command, args, env } = line;
    this.#draft.entry = { type: 'stdio', command, ...(args.length === 0 ? {} : { args }) };
    this.#draft.pairs = Object.entries(env).map(([name, value]) => ({ name, value }));
    this.#draft.name = nameOfCommand(line);
    return this.#pairs('env', this.#draft.pairs.length);
  };

  readonly #url: Step = async (frame) => {
    const { t } = this.#context;
    const answer = await textStep(
      frame,
      {
        prompt: t('The address of the server'),
        placeholder: 'https://example.com/mcp',
        value: this.#draft.url,
        check: (text) => remarkOnUrl(text, t),
      },
      t,
    );
    if (typeof answer === 'string') return answer;
    this.#draft.url = answer.value;
    this.#draft.entry = { type: 'http', url: answer.value.trim() };
    this.#draft.pairs = [];
    this.#draft.name = nameOfUrl(answer.value.trim());
    return this.#pairs('headers', 0);
  };

  /** Asked for until nothing more is given; a step back takes the last one back. */
  #pairs(kind: 'env' | 'headers', count: number): Step {
    return async (frame: StepFrame) => {
      const { t } = this.#context;
      this.#draft.pairs.length = count;
      const known = this.#draft.pairs.map(({ name }) => name).join(', ');
      const answer = await textStep(
        frame,
        {
          prompt:
            (kind === 'env'
              ? t('An environment variable for the server. Press Enter without one to go on.')
              : t('A header for every request. Press Enter without one to go on.')) +
            (known === '' ? '' : ` ${t('So far: {0}.', known)}`),
          placeholder: kind === 'env' ? 'API_KEY=…' : 'Authorization: Bearer …',
          check: (text) => remarkOnPair(text, kind, t),
        },
        t,
      );
      if (typeof answer === 'string') return answer;
      const pair = readPair(answer.value, kind);
      if (pair !== undefined) {
        this.#draft.pairs.push(pair);
        return this.#pairs(kind, count + 1);
      }
      const { entry, pairs } = this.#draft;
      const rest = Object.entries(entry).filter(([key]) => key !== kind);
      this.#draft.entry =
        pairs.length === 0
          ? Object.fromEntries(rest)
          : {
              ...Object.fromEntries(rest),
              [kind]: Object.fromEntries(pairs.map(({ name, value }) => [name, value])),
            };
      this.#draft.found = [];
      return this.#name;
    };
  }

  readonly #paste: Step = async (frame) => {
    const { t } = this.#context;
    // Its TOML parser is loaded when somebody pastes.
    const { readSource } = await import('../import/readSource.ts');
    const read = (
      text: string,
    ): { readonly found: readonly FoundServer[] } | { readonly problem: string } => {
      const source = asSourceText(text);
      if ('problem' in source) return { problem: t('It cannot be used: {0}', source.problem) };
      const { servers, problems } = readSource(source.text, source.format);
      const [first] = servers;
      if (first === undefined)
        return { problem: t('It cannot be used: {0}', problems[0] ?? t('it has no server in it.')) };
      const refused = servers.find(({ entry }) => entry === undefined);
      if (refused !== undefined) return { problem: `"${refused.name}": ${refused.reason ?? ''}` };
      if (!source.isBare) return { found: servers };
      return { found: [{ ...first, name: nameOfEntry(first.entry ?? {}) }] };
    };
    const check = (text: string): Remark | undefined => {
      const result = text.trim() === '' ? { problem: t('Paste the JSON of a server.') } : read(text);
      if ('problem' in result) return { severity: 'error', message: result.problem };
      const notes = result.found.flatMap(({ notes: own }) => own);
      return notes.length === 0 ? undefined : { severity: 'warning', message: notes.join(' ') };
    };
    const answer = await textStep(
      frame,
      {
        prompt: t(
          'The JSON of one or more servers. The button reads it from the clipboard, with its line breaks.',
        ),
        placeholder: '{ "servers": { "memory": { "command": "npx", "args": ["…"] } } }',
        value: this.#draft.pasted,
        check,
        fill: {
          button: { iconPath: new vscode.ThemeIcon('clippy'), tooltip: t('Read from Clipboard') },
          read: () => vscode.env.clipboard.readText(),
        },
      },
      t,
    );
    if (typeof answer === 'string') return answer;
    this.#draft.pasted = answer.value;
    const result = read(answer.value);
    if ('problem' in result) return 'cancelled';
    this.#draft.found = result.found;
    const [only, ...others] = result.found;
    if (only?.entry === undefined || others.length > 0) return this.#afterName();
    this.#draft.entry = only.entry;
    this.#draft.name = only.name;
    return this.#name;
  };

  readonly #name: Step = async (frame) => {
    const { t } = this.#context;
    const answer = await textStep(
      frame,
      {
        prompt: t('The name of the server, as VS Code and the chat show it'),
        placeholder: t('Name'),
        value: freeName(this.#draft.name, this.#taken),
        check: (text) => remarkOnName(text, this.#taken, t) ?? this.#remarkOnEntry(text.trim()),
      },
      t,
    );
    if (typeof answer === 'string') return answer;
    this.#draft.name = answer.value.trim();
    const { entry, name, found } = this.#draft;
    const inputs = found[0]?.inputs ?? [];
    this.#draft.found = [{ name, entry, reason: undefined, notes: [], inputs }];
    return this.#afterName();
  };

  /** What the parser says of the whole entry, which no single step has seen. */
  #remarkOnEntry(name: string): Remark | undefined {
    const reason = refusalOf(name, this.#draft.entry);
    return reason === undefined ? undefined : { severity: 'error', message: reason };
  }

  #afterName(): Step {
    this.#draft.hideSecrets = true;
    return plainSecretsOf(this.#draft.found).length === 0 ? this.#scope : this.#secrets;
  }

  readonly #secrets: Step = async (frame) => {
    const { t } = this.#context;
    const answer = await pickStep(frame, {
      placeholder: t('There are secrets in plain text'),
      items: secretItems(plainSecretsOf(this.#draft.found), t),
    });
    if (typeof answer === 'string') return answer;
    this.#draft.hideSecrets = answer.value.hide;
    return this.#scope;
  };

  readonly #scope: Step = async (frame) => {
    const { t } = this.#context;
    const { isTrusted, workspaceFolders = [] } = vscode.workspace;
    const items = [
      {
        iconPath: new vscode.ThemeIcon('account'),
        label: t('User settings'),
        detail: t('In every window. Comments inside mcpLifeline.servers are lost: VS Code writes it anew.'),
        scope: 'user' as const,
      },
      // What a workspace says counts only where it is trusted (requirements R1.6).
      ...(workspaceFolders.length > 0 && isTrusted
        ? [
            {
              iconPath: new vscode.ThemeIcon('root-folder'),
              label: t('Workspace settings'),
              detail: t('Only here, and for everybody who gets the folder. Comments are kept.'),
              scope: 'workspace' as const,
            },
          ]
        : []),
    ];
    const names = this.#draft.found.map(({ name }) => name).join(', ');
    const answer = await pickStep(frame, { placeholder: t('Where is "{0}" kept?', names), items });
    if (typeof answer === 'string') return answer;
    this.#draft.scope = answer.value.scope;
    return 'done';
  };

  /** Adds what was said, and offers to start it. */
  async write(): Promise<readonly string[]> {
    const { importing, t } = this.#context;
    const { found, scope, hideSecrets } = this.#draft;
    let part: PlannedPart;
    try {
      const settings = await readSettings(scope);
      part = { scope, ...planImport({ found, names: this.#taken, settings, hideSecrets }) };
      await applyImport(importing, await planChanges([part]));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      void vscode.window.showErrorMessage(t('The server could not be added: {0}', why));
      return [];
    }
    const names = Object.keys(part.additions.servers);
    const start = t('Start');
    const undo = t('Undo');
    void vscode.window
      .showInformationMessage(
        counted(t, names.length, 'Added one server: {1}', 'Added {0} servers: {1}', names.join(', ')),
        start,
        undo,
      )
      .then(async (chosen) => {
        if (chosen === undo) await vscode.commands.executeCommand(commands.undoImport);
        else if (chosen === start) await startServers(names, this.#context);
      });
    return names;
  }
}

async function startServers(names: readonly string[], { t }: SettingUpContext): Promise<void> {
  for (const name of names) {
    const options = {
      location: vscode.ProgressLocation.Notification,
      title: t('Starting "{0}"…', name),
    };
    try {
      await vscode.window.withProgress(options, () => editorServers.startByHand(name));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      void vscode.window.showWarningMessage(t('"{0}" could not be started: {1}', name, why));
    }
  }
}

/** Whether there is a program of this name where VS Code runs. */
async function isProgram(command: string): Promise<boolean> {
  const folder = vscode.workspace.workspaceFolders?.find(({ uri }) => uri.scheme === 'file')?.uri.fsPath;
  for (const place of placesOf(command, { platform: platform(), env: process.env, folder })) {
    try {
      await access(place, platform() === 'win32' ? constants.F_OK : constants.X_OK);
      if ((await stat(place)).isFile()) return true;
    } catch {
      // not here; the next place is looked at
    }
  }
  return false;
}
