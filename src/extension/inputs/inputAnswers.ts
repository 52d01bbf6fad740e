import { MAX_INPUT_VALUE, type InputDefinition } from '../../shared/settings/inputs.ts';
import type { GivenInputs, NeededInputs } from '../../shared/protocol/engineMessages.ts';
import type { ServerInput } from '../config/mergeServers.ts';
import type { InputPlace } from './inputStore.ts';

export interface InputAnswersOptions {
  /** Every input that an entry names, as the settings say now. */
  readonly inputs: () => readonly ServerInput[];
  readonly store: {
    get(place: InputPlace, isSecret: boolean): Promise<string | undefined>;
    set(place: InputPlace, isSecret: boolean, value: string): Promise<void>;
  };
  /** Asks a person; `undefined`: turned down. Waits for as long as the person takes. */
  readonly prompt: (
    input: InputDefinition,
    server: string,
    current: string | undefined,
  ) => Promise<string | undefined>;
  /** A server could not be started for want of values, and nobody is to be interrupted. */
  readonly onWanted: (server: string, inputs: readonly InputDefinition[]) => void;
  /** These servers may be started, or have to be restarted, with other values. */
  readonly tellEngine: (servers: readonly string[]) => void;
}

/**
 * Gives the engine values of inputs (requirements R1.4): what is stored, at once; the rest is asked for only when somebody waits for the server. One
 * prompt at a time, and one for an input however many ask for it.
 */
export class InputAnswers {
  readonly #options: InputAnswersOptions;
  readonly #asking = new Map<string, Promise<string | undefined>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: InputAnswersOptions) {
    this.#options = options;
  }

  /** Words that end in the engine's answers are English, as all of those. */
  async answer({ server, inputs: ids, why }: NeededInputs): Promise<GivenInputs> {
    const known = this.#inputsOf(server);
    const values: GivenInputs['values'][number][] = [];
    const missing: ServerInput[] = [];
    for (const id of ids) {
      const input = known.find((one) => one.id === id);
      const definition = input?.definition;
      if (input === undefined || definition === undefined)
        return {
          values: [],
          message: `"mcpLifeline.inputs" of the same settings does not define "${id.slice(0, 100)}".`,
        };
      const value = await this.#options.store.get(input, definition.isSecret);
      // The engine would not take the answer at all, and could not say why.
      if (value !== undefined && value.length > MAX_INPUT_VALUE)
        return {
          values,
          message: `The value of "${id.slice(0, 100)}" has over ${MAX_INPUT_VALUE} characters. "MCP Lifeline: Enter Input Value" takes a shorter one.`,
        };
      if (value === undefined) missing.push(input);
      else values.push({ id, value, secret: definition.isSecret });
    }
    if (missing.length === 0) return { values };
    if (why === 'start') {
      this.#options.onWanted(
        server,
        missing.flatMap(({ definition }) => definition ?? []),
      );
      return { values };
    }
    for (const input of missing) {
      const { definition } = input;
      if (definition === undefined) continue;
      const value = await this.#ask(input, definition, server);
      if (value === undefined)
        return {
          values,
          declined: true,
          message: 'It was not entered. "MCP Lifeline: Enter Input Value" asks for it again.',
        };
      values.push({ id: input.id, value, secret: definition.isSecret });
    }
    // Other servers may have waited for the same.
    this.#tellOthers(missing, server);
    return { values };
  }

  /** Asks for one value, whatever is stored, and has it used. Answers whether it was given. */
  async enter(server: string, id: string): Promise<boolean> {
    const input = this.#inputsOf(server).find((one) => one.id === id);
    if (input?.definition === undefined) return false;
    const value = await this.#ask(input, input.definition, server);
    if (value === undefined) return false;
    this.#options.tellEngine(this.#serversOf([input]));
    return true;
  }

  /** Of one server, those without a value first. */
  async stateOf(
    server: string,
  ): Promise<readonly { readonly input: InputDefinition; readonly isGiven: boolean }[]> {
    const states = await Promise.all(
      this.#inputsOf(server).flatMap(({ definition, ...place }) =>
        definition === undefined
          ? []
          : this.#options.store
              .get(place, definition.isSecret)
              .then((value) => ({ input: definition, isGiven: value !== undefined })),
      ),
    );
    return states.sort((one, other) => Number(one.isGiven) - Number(other.isGiven));
  }

  #ask(input: ServerInput, definition: InputDefinition, server: string): Promise<string | undefined> {
    const key = JSON.stringify([input.scope, input.id]);
    const open = this.#asking.get(key);
    if (open !== undefined) return open;
    const { store, prompt } = this.#options;
    const turn = this.#last.then(async () => {
      // A secret is never shown again, not even to its owner.
      const current = definition.isSecret ? undefined : await store.get(input, false);
      const value = await prompt(definition, server, current);
      if (value !== undefined) await store.set(input, definition.isSecret, value);
      return value;
    });
    const answer = turn.finally(() => this.#asking.delete(key));
    this.#asking.set(key, answer);
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  #inputsOf(server: string): ServerInput[] {
    return this.#options.inputs().filter((input) => input.server === server);
  }

  #serversOf(inputs: readonly ServerInput[]): string[] {
    const isOne = (other: ServerInput): boolean =>
      inputs.some(({ scope, id }) => scope === other.scope && id === other.id);
    return [
      ...new Set(
        this.#options
          .inputs()
          .filter(isOne)
          .map(({ server }) => server),
      ),
    ];
  }

  #tellOthers(inputs: readonly ServerInput[], asked: string): void {
    const others = this.#serversOf(inputs).filter((server) => server !== asked);
    if (others.length > 0) this.#options.tellEngine(others);
  }
}
