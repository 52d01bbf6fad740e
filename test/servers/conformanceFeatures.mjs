// Everything that the server scenarios of @modelcontextprotocol/conformance ask for: which tools, prompts and resources, under
// which names, is told by their descriptions (`conformance server --scenario NAME`). Handlers are set on a plain SDK server, so
// that schemas go out as they are written here.
import { setTimeout as wait } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  CreateMessageResultSchema,
  ElicitResultSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

const stepMs = 50;
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** One red pixel. */
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const wav = silence(8).toString('base64');

/** @returns {Buffer} a WAV file with so many samples of silence: mono, 8 kHz, 8 bit */
function silence(samples) {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(8_000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples, 40);
  return Buffer.concat([header, Buffer.alloc(samples, 128)]);
}

const text = (value) => ({ type: 'text', text: value });
const image = { type: 'image', data: png, mimeType: 'image/png' };
const embedded = (uri, mimeType, value) => ({ type: 'resource', resource: { uri, mimeType, text: value } });
const answer = (...content) => ({ content });
const object = (properties = {}, required = []) => ({ type: 'object', properties, required });

/**
 * What a tool gets: its arguments, the SDK's `extra`, and the session.
 * @typedef {{ args: Record<string, any>, extra: any, session: { level: string } }} Call
 */

/** Tells the client over the stream of the call, as far as its log level allows. */
async function log({ extra, session }, level, data) {
  if (levels.indexOf(level) < levels.indexOf(session.level)) return;
  await extra.sendNotification({
    method: 'notifications/message',
    params: { level, logger: 'conformance', data },
  });
}

/** Asks the client's user. */
async function elicit({ extra }, message, requestedSchema) {
  const { action, content = {} } = await extra.sendRequest(
    { method: 'elicitation/create', params: { mode: 'form', message, requestedSchema } },
    ElicitResultSchema,
  );
  return answer(text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`));
}

const options = (...values) => values.map(([value, title]) => ({ const: value, title }));

/** @type {Record<string, { description: string, inputSchema?: object, run: (call: Call) => unknown }>} */
const tools = {
  test_simple_text: {
    description: 'Answers with one text',
    run: () => answer(text('This is a simple text response for testing.')),
  },
  test_image_content: { description: 'Answers with a picture', run: () => answer(image) },
  test_audio_content: {
    description: 'Answers with a sound',
    run: () => answer({ type: 'audio', data: wav, mimeType: 'audio/wav' }),
  },
  test_embedded_resource: {
    description: 'Answers with a resource inside',
    run: () =>
      answer(embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.')),
  },
  test_multiple_content_types: {
    description: 'Answers with text, picture and resource',
    run: () =>
      answer(
        text('Multiple content types test:'),
        image,
        embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
      ),
  },
  test_tool_with_logging: {
    description: 'Logs three times before it answers',
    run: async (call) => {
      await log(call, 'info', 'Tool execution started');
      await wait(stepMs);
      await log(call, 'info', 'Tool processing data');
      await wait(stepMs);
      await log(call, 'info', 'Tool execution completed');
      return answer(text('Logged three messages.'));
    },
  },
  test_tool_with_progress: {
    description: 'Reports its progress three times before it answers',
    run: async ({ extra }) => {
      const progressToken = extra._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progress > 0) await wait(stepMs);
        if (progressToken === undefined) continue;
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      }
      return answer(text(`Reported progress for ${String(progressToken)}.`));
    },
  },
  test_error_handling: {
    description: 'Always fails',
    run: () => ({ isError: true, ...answer(text('This tool intentionally returns an error for testing')) }),
  },
  test_reconnection: {
    description: 'Closes the stream of its call before it answers, where the transport can take it up again',
    run: async ({ extra }) => {
      extra.closeSSEStream?.();
      await wait(2 * stepMs);
      return answer(text('Answered after the stream was closed.'));
    },
  },
  test_sampling: {
    description: 'Asks the model of the client',
    inputSchema: object({ prompt: { type: 'string', description: 'What the model is asked' } }, ['prompt']),
    run: async ({ args, extra }) => {
      const { content } = await extra.sendRequest(
        {
          method: 'sampling/createMessage',
          params: { messages: [{ role: 'user', content: text(args.prompt) }], maxTokens: 100 },
        },
        CreateMessageResultSchema,
      );
      return answer(text(`LLM response: ${content.text ?? content.type}`));
    },
  },
  test_elicitation: {
    description: 'Asks the user of the client',
    inputSchema: object({ message: { type: 'string', description: 'What the user is shown' } }, ['message']),
    run: (call) =>
      elicit(
        call,
        call.args.message,
        object(
          {
            username: { type: 'string', description: 'Name of the user' },
            email: { type: 'string', description: 'Address of the user' },
          },
          ['username', 'email'],
        ),
      ),
  },
  test_elicitation_sep1034_defaults: {
    description: 'Asks for one value of each primitive type, each with a default',
    run: (call) =>
      elicit(
        call,
        'Please look at the defaults',
        object({
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        }),
      ),
  },
  test_elicitation_sep1330_enums: {
    description: 'Asks for one value of each kind of enumeration',
    run: (call) => {
      const plain = ['option1', 'option2', 'option3'];
      const titled = options(
        ['value1', 'First Choice'],
        ['value2', 'Second Choice'],
        ['value3', 'Third Choice'],
      );
      return elicit(
        call,
        'Please choose',
        object({
          untitledSingle: { type: 'string', enum: plain },
          titledSingle: { type: 'string', oneOf: titled },
          legacyEnum: {
            type: 'string',
            enum: ['opt1', 'opt2', 'opt3'],
            enumNames: ['Option One', 'Option Two', 'Option Three'],
          },
          untitledMulti: { type: 'array', items: { type: 'string', enum: plain } },
          titledMulti: { type: 'array', items: { anyOf: titled } },
        }),
      );
    },
  },
  json_schema_2020_12_tool: {
    description: 'Has a schema with keywords of JSON Schema 2020-12',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: {
          type: 'object',
          properties: { street: { type: 'string' }, city: { type: 'string' } },
        },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
    run: ({ args }) => answer(text(JSON.stringify(args))),
  },
};

const resources = {
  'test://static-text': {
    name: 'Static text',
    mimeType: 'text/plain',
    read: { text: 'This is the content of the static text resource.' },
  },
  'test://static-binary': { name: 'Static picture', mimeType: 'image/png', read: { blob: png } },
  'test://watched-resource': {
    name: 'Watched resource',
    mimeType: 'text/plain',
    read: { text: 'To subscribe to.' },
  },
};
const template = /^test:\/\/template\/([^/]+)\/data$/;

function readResource(uri) {
  const resource = resources[uri];
  if (resource !== undefined) return { uri, mimeType: resource.mimeType, ...resource.read };
  const id = template.exec(uri)?.[1];
  if (id === undefined) throw new McpError(-32002, `There is no resource ${uri}`, { uri });
  const data = { id, templateTest: true, data: `Data for ID: ${id}` };
  return { uri, mimeType: 'application/json', text: JSON.stringify(data) };
}

const user = (content) => ({ role: 'user', content });
const argument = (name, description) => ({ name, description, required: true });

/** @type {Record<string, { description: string, arguments?: object[], get: (args: Record<string, string>) => object[] }>} */
const prompts = {
  test_simple_prompt: {
    description: 'A prompt without arguments',
    get: () => [user(text('This is a simple prompt for testing.'))],
  },
  test_prompt_with_arguments: {
    description: 'A prompt with two arguments',
    arguments: [argument('arg1', 'First test argument'), argument('arg2', 'Second test argument')],
    get: ({ arg1, arg2 }) => [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
  },
  test_prompt_with_embedded_resource: {
    description: 'A prompt with a resource inside',
    arguments: [argument('resourceUri', 'Which resource')],
    get: ({ resourceUri }) => [
      user(embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.')),
      user(text('Please process the embedded resource above.')),
    ],
  },
  test_prompt_with_image: {
    description: 'A prompt with a picture inside',
    get: () => [user(image), user(text('Please analyze the image above.'))],
  },
};

function find(table, kind, name) {
  if (Object.hasOwn(table, name)) return table[name];
  throw new McpError(ErrorCode.InvalidParams, `There is no ${kind} ${name}`);
}

/** @returns {Server} one session of the server, not connected yet */
export function createServer() {
  const session = { level: 'debug' };
  const subscribed = new Set();
  const server = new Server(
    { name: 'conformance-server', title: 'Conformance Server', version: '1.0.0' },
    {
      capabilities: {
        completions: {},
        logging: {},
        prompts: {},
        resources: { subscribe: true },
        tools: {},
      },
    },
  );

  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(tools).map(([name, { description, inputSchema = object() }]) => ({
      name,
      description,
      inputSchema,
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) =>
    find(tools, 'tool', params.name).run({ args: params.arguments ?? {}, extra, session }),
  );

  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: Object.entries(resources).map(([uri, { name, mimeType }]) => ({
      uri,
      name,
      description: name,
      mimeType,
    })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [
      {
        uriTemplate: 'test://template/{id}/data',
        name: 'Template',
        description: 'Data of an id',
        mimeType: 'application/json',
      },
    ],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
    contents: [readResource(params.uri)],
  }));
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscribed.add(params.uri);
    return {};
  });
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    if (subscribed.delete(params.uri)) return {};
    throw new McpError(ErrorCode.InvalidParams, `There is no subscription to ${params.uri}`);
  });

  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(prompts).map(([name, { description, arguments: args = [] }]) => ({
      name,
      description,
      arguments: args,
    })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => ({
    messages: find(prompts, 'prompt', params.name).get(params.arguments ?? {}),
  }));

  server.setRequestHandler(CompleteRequestSchema, ({ params }) => {
    const values = ['test', 'testValue1', 'testValue2', 'other'].filter((value) =>
      value.startsWith(params.argument.value),
    );
    return { completion: { values, total: values.length, hasMore: false } };
  });
  server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    session.level = params.level;
    return {};
  });
  return server;
}
