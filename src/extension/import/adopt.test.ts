import assert from 'node:assert/strict';
import { readJson } from '../../shared/settings/jsonc.ts';
import { parseAdoption, planAdoption, planGiveBack, refusalOf, type Adoption } from './adopt.ts';
import { editSettingsText, withAdditions, withoutServers, type SettingsPart } from './settingsPart.ts';

const file = `\ufeff{\r
\t// my servers\r
\t"servers": {\r
\t\t"git": { "command": "git-mcp", /* fast */ "args": ["--fast"] }, // the first\r
\t\t"web": {\r
\t\t\t"type": "http",\r
\t\t\t"url": "https://example.com/mcp",\r
\t\t\t"headers": { "Authorization": "Bearer \${input:key}" },\r
\t\t\t"gallery": "x"\r
\t\t},\r
\t},\r
\t"inputs": [\r
\t\t{ "id": "key", "type": "promptString", "password": true }, // hush\r
\t\t{ "id": "other", "type": "promptString" }\r
\t]\r
}\r
`;
const none: SettingsPart = { servers: {}, inputs: [] };
const value = (text: string): Record<string, unknown> => {
  const read = readJson(text);
  assert.ok('value' in read, JSON.stringify(read));
  return read.value as Record<string, unknown>;
};

function plan(name: string, changes: Partial<Parameters<typeof planAdoption>[0]> = {}) {
  return planAdoption({
    name,
    file: 'file:///mcp.json',
    scope: 'workspace',
    text: file,
    names: [],
    settings: none,
    ...changes,
  });
}
function planned(...args: Parameters<typeof plan>) {
  const verdict = plan(...args);
  assert.ok(verdict.kind === 'plan', JSON.stringify(verdict));
  return verdict;
}
const reasonOf = (...args: Parameters<typeof plan>): string => {
  const verdict = plan(...args);
  return verdict.kind === 'refused' ? verdict.reason : '';
};
const given = (adoption: Adoption, text: string | undefined) => {
  const verdict = planGiveBack(adoption, text);
  assert.ok(verdict.kind === 'plan', JSON.stringify(verdict));
  return verdict;
};

describe('adopting an entry of mcp.json', () => {
  it('R1.7 takes entry and inputs over, and leaves everything else as it stands', () => {
    const { adoption, additions } = planned('web');
    assert.deepEqual(additions, {
      servers: {
        web: {
          type: 'http',
          url: 'https://example.com/mcp',
          headers: { Authorization: 'Bearer ${input:key}' },
        },
      },
      inputs: [{ id: 'key', type: 'promptString', password: true }],
    });
    assert.deepEqual(Object.keys(value(adoption.after)['servers'] as object), ['git']);
    assert.deepEqual(value(adoption.after)['inputs'], [{ id: 'other', type: 'promptString' }]);
    for (const kept of ['// my servers', '/* fast */', '\ufeff', '\r\n'])
      assert.ok(adoption.after.includes(kept), kept);
  });

  it('R1.7 two inputs of an entry stay two, whatever ids are taken', () => {
    const text = JSON.stringify({
      servers: { web: { command: 'c', args: ['${input:key}', '${input:key-web}'] } },
      inputs: ['key', 'key-web'].map((id) => ({ id, type: 'promptString' })),
    });
    const settings = { servers: {}, inputs: [{ id: 'key', type: 'promptString', password: true }] };
    const { additions } = planned('web', { text, settings });
    assert.deepEqual(additions.servers['web'], {
      command: 'c',
      args: ['${input:key-2}', '${input:key-web}'],
    });
    assert.deepEqual(
      additions.inputs.map((input) => (input as { id: string }).id),
      ['key-2', 'key-web'],
    );
  });

  it('R1.7 leaves an input that another entry names too', () => {
    const text = file.replace('"--fast"', '"${input:key}"');
    const { adoption } = planned('web', { text });
    assert.equal((value(adoption.after)['inputs'] as unknown[]).length, 2);
  });

  it('R1.4 R1.7 in a workspace of several folders it goes on meaning the folder of its file', () => {
    const [one, two] = ['/w/one', '/w/two'];
    const folders = [
      { name: 'one', path: one },
      { name: 'two', path: two },
    ];
    const text = JSON.stringify({
      servers: {
        a: {
          command: '${workspaceFolder}/bin/a',
          args: ['--root=${workspaceFolder}', '${workspaceFolder:one}', '${workspaceFolderBasename}'],
          env: { ROOT: '${workspaceRoot}' },
        },
        here: { command: 'c', cwd: 'server' },
        there: { command: 'c', cwd: '${userHome}' },
        web: { type: 'http', url: 'https://example.com/mcp' },
      },
    });
    const inTwo = (name: string, changes: object = {}): unknown =>
      planned(name, { text, folder: two, folders, ...changes }).entry;
    assert.deepEqual(inTwo('a'), {
      command: '${workspaceFolder:two}/bin/a',
      args: ['--root=${workspaceFolder:two}', '${workspaceFolder:one}', '${workspaceFolderBasename:two}'],
      env: { ROOT: '${workspaceRoot:two}' },
      cwd: '${workspaceFolder:two}',
    });
    assert.deepEqual(inTwo('here'), { command: 'c', cwd: '${workspaceFolder:two}/server' });
    for (const name of ['there', 'web'])
      assert.deepEqual(inTwo(name), (value(text)['servers'] as Record<string, unknown>)[name]);
    // Of the user's file there is no folder; of one folder there is nothing to tell apart.
    for (const changes of [{ folder: undefined }, { folders: folders.slice(1) }])
      assert.deepEqual(inTwo('here', changes), { command: 'c', cwd: 'server' });
    for (const name of ['one', 'a}b', '']) {
      const unclear = {
        text,
        folder: two,
        folders: [
          { name: 'one', path: one },
          { name, path: two },
        ],
      };
      assert.match(reasonOf('a', unclear), /belongs to the folder "\/w\/two".*give that folder a name/);
      assert.equal(reasonOf('web', unclear), '');
    }
    const back = given(planned('a', { text, folder: two, folders }).adoption, undefined).text;
    assert.ok(back.includes('"${workspaceFolder}/bin/a"'), back);
  });

  it('R1.7 an entry of which another file has one of the same name is left alone', () => {
    assert.match(reasonOf('git', { otherNames: ['web', 'GIT'] }), /another mcp.json has a server "GIT" too/);
    assert.equal(reasonOf('git', { otherNames: ['web'] }), '');
  });

  it('R1.7 an id that the settings use for something else gets another name', () => {
    const settings = { servers: {}, inputs: [{ id: 'key', type: 'promptString' }] };
    const { additions } = planned('web', { settings });
    assert.match(JSON.stringify(additions), /Bearer \$\{input:key-web\}.*"id":"key-web"/);
    const same = { servers: {}, inputs: [{ id: 'key', type: 'promptString', password: true }] };
    assert.match(JSON.stringify(planned('web', { settings: same }).additions), /Bearer \$\{input:key\}/);
  });

  it('R1.7 keeps inputs apart whose new id is another one of the same entry', () => {
    const definitions = ['key', 'key-s'].map((id) => ({ id, type: 'promptString', description: `of ${id}` }));
    const text = JSON.stringify({
      servers: { s: { command: 'c', args: ['${input:key}', '${input:key-s}'] } },
      inputs: definitions,
    });
    const { additions } = planned('s', {
      text,
      settings: { servers: {}, inputs: [{ id: 'key', type: 'promptString' }] },
    });
    const { args } = additions.servers['s'] as { args: readonly string[] };
    assert.deepEqual(
      args.map((arg) =>
        additions.inputs.find((input) => arg === `\${input:${(input as { id: string }).id}}`),
      ),
      definitions.map((input) => (input.id === 'key' ? { ...input, id: 'key-2' } : input)),
    );
  });

  it('R1.7 refuses a file that would not be the same without the entry', () => {
    const [one, two] = ['{"command":"one"}', '{"command":"two"}'];
    for (const text of [
      `{"servers":{"a":${one},"a":${two}}}`,
      `{"servers":{"a":${one}},"servers":{"a":${two}}}`,
      `{"servers":{"a":${one},"a":${two},/* c */}}`,
    ])
      assert.match(reasonOf('a', { text }), /there twice/);
    assert.match(reasonOf('__proto__', { text: `{"servers":{"__proto__":${one}}}` }), /__proto__/);
  });

  it('R1.7 refuses what cannot be served, with the reason', () => {
    const entry = { command: 'c' };
    for (const [member, word] of Object.entries({
      sandbox: 'sandbox',
      dev: 'dev',
      envFile: 'envFile',
      oauth: 'sign-in',
    }))
      assert.match(refusalOf('it', { ...entry, [member]: {} }) ?? '', new RegExp(word), member);
    assert.match(refusalOf('it', { type: 'sse', url: 'https://x' }) ?? '', /HTTP\+SSE/);
    assert.match(refusalOf('it', { ...entry, unheard: 1 }) ?? '', /unheard/);
    assert.match(refusalOf('it', { ...entry, env: { A: '${command:x}' } }) ?? '', /only the editor/);
    assert.match(refusalOf('it', 7) ?? '', /not an object/);
    assert.equal(refusalOf('it', { ...entry, sandboxEnabled: false, gallery: 'x' }), undefined);
    assert.match(reasonOf('git', { names: ['GIT'] }), /has a server "GIT" already/);
    assert.match(reasonOf('nobody'), /not in the file/);
    assert.match(reasonOf('git', { text: '{ "servers": { "git": ' }), /cannot be read/);
    assert.match(reasonOf('git', { text: file.replace('"--fast"', '"${input:none}"') }), /does not define/);
    const command = file
      .replace('"--fast"', '"${input:other}"')
      .replace('"other", "type": "promptString"', '"other", "type": "command"');
    assert.match(reasonOf('git', { text: command }), /"command"/);
  });
});

describe('giving an entry back', () => {
  it('R1.7 restores the file byte for byte when nothing else changed in it', () => {
    for (const name of ['git', 'web']) {
      const { adoption } = planned(name);
      assert.notEqual(adoption.after, file);
      const back = given(adoption, adoption.after);
      assert.equal(back.text, file);
      assert.equal(back.exact, true);
    }
  });

  it('R1.7 restores it over several entries, in the order back', () => {
    const first = planned('git').adoption;
    const second = planned('web', { text: first.after }).adoption;
    assert.equal(given(first, given(second, second.after).text).text, file);
  });

  it('R1.7 puts only the entry back when something else changed, with its comments', () => {
    const { adoption } = planned('git');
    const changed = adoption.after
      .replace('// my servers', '// our servers')
      .replace('example.com', 'example.org');
    const { text, exact } = given(adoption, changed);
    assert.equal(exact, false);
    assert.ok(text.includes('// our servers') && text.includes('/* fast */') && text.includes('example.org'));
    assert.deepEqual((value(text)['servers'] as Record<string, unknown>)['git'], {
      command: 'git-mcp',
      args: ['--fast'],
    });
    const web = planned('web').adoption;
    const again = given(web, web.after.replace('// my servers', ''));
    assert.deepEqual((value(again.text)['inputs'] as { id: string }[]).map(({ id }) => id).sort(), [
      'key',
      'other',
    ]);
  });

  it('R1.7 makes the file anew when it is gone, and refuses when the name is taken or the file is broken', () => {
    const { adoption } = planned('web');
    const { servers, inputs } = value(given(adoption, undefined).text);
    assert.deepEqual([Object.keys(servers as object), (inputs as unknown[]).length], [['web'], 1]);
    assert.equal(planGiveBack(adoption, '{ "servers": { "WEB": {} } }').kind, 'refused');
    assert.equal(planGiveBack(adoption, '{ broken').kind, 'refused');
    assert.equal(planGiveBack(adoption, '[]').kind, 'refused');
    assert.equal(planGiveBack(adoption, '{ "servers": [] }').kind, 'refused');
  });

  it('R1.7 R14.3 a name that is there twice is left alone: the editor reads the last, and a change may go into the first', () => {
    const entry = '{ "command": "a" }';
    const twice = /look for a name that is there twice/;
    for (const text of [
      `{ "servers": { "git": ${entry}, "git": { "command": "b" } } }`,
      `{ "servers": {}, "servers": { "git": ${entry} } }`,
      `{ "servers": { "git": ${entry} }, "servers": { "git": ${entry} } }`,
      `{ "servers": { "git": ${entry} }, "servers": { "git": ${entry}, "web": ${entry} } }`,
    ])
      assert.match(reasonOf('git', { text }), twice, text);
    const two =
      '{ "servers": { "git": { "command": "${input:k}" } }, "inputs": [{ "id": "x", "type": "promptString" }], "inputs": [{ "id": "k", "type": "promptString" }] }';
    assert.match(reasonOf('git', { text: two }), twice);
    // A member of the entry itself may be: the entry goes as a whole, and comes back as it was written.
    const inside = '{ "servers": { "git": { "command": "x", "command": "y" } } }';
    const { adoption, entry: taken } = planned('git', { text: inside });
    assert.deepEqual(taken, { command: 'y' });
    assert.equal(given(adoption, adoption.after).text, inside);
    const put = given(adoption, `${adoption.after} // changed`).text;
    assert.ok(put.includes('"command": "x", "command": "y"'), put);
    // Given back into a file that has got a second "servers" meanwhile, it would be in neither.
    for (const text of [
      '{ "servers": {}, "servers": { "web": { "command": "w" } } }',
      '{ "servers": { "web": { "command": "v" } }, "servers": { "web": { "command": "w" } } }',
      '{ // "mcp-lifeline: is put back here"\n "servers": {} }',
    ]) {
      const verdict = planGiveBack(adoption, text);
      assert.match(verdict.kind === 'refused' ? verdict.reason : '', twice, text);
    }
    for (const text of ['', ' \n', undefined])
      assert.deepEqual(value(given(adoption, text).text), { servers: { git: { command: 'y' } } });
    const { adoption: web } = planned('web');
    const noList = planGiveBack(web, '{ "servers": {}, "inputs": "none" }');
    assert.equal(noList.kind === 'refused' && noList.reason, '"inputs" in its file is not a list any more.');
  });

  it('R14.3 takes saved state that is garbage for none', () => {
    const { adoption } = planned('web');
    assert.deepEqual(parseAdoption(JSON.parse(JSON.stringify(adoption))), adoption);
    for (const saved of [undefined, 7, {}, { ...adoption, scope: 'x' }, { ...adoption, inputs: [7] }])
      assert.equal(parseAdoption(saved), undefined);
  });
});

describe('settings of one scope', () => {
  const text = `{
  // mine
  "editor.fontSize": 14,
  "mcpLifeline.servers": {
    // the old one
    "old": { "command": "o" }
  }
}
`;
  const before: SettingsPart = { servers: { old: { command: 'o' } }, inputs: [] };
  const more: SettingsPart = {
    servers: { web: { url: '${input:key}' } },
    inputs: [
      { id: 'key', type: 'promptString' },
      { id: 'two', type: 'promptString' },
    ],
  };

  it('R1.2 R1.7 are changed with their comments kept, there and back', () => {
    const after = withAdditions(before, more);
    const edited = editSettingsText(text, before, after);
    assert.ok(edited.includes('// mine') && edited.includes('// the old one'));
    assert.deepEqual(value(edited)['mcpLifeline.servers'], after.servers);
    assert.deepEqual(value(edited)['mcpLifeline.inputs'], more.inputs);
    const back = withoutServers(after, ['web'], more.inputs);
    assert.deepEqual(back, before);
    const restored = value(editSettingsText(edited, after, back));
    assert.deepEqual(restored['mcpLifeline.servers'], before.servers);
    assert.deepEqual(restored['mcpLifeline.inputs'], []);
  });

  it('R1.7 an input that another server names stays', () => {
    const after = withAdditions(before, {
      ...more,
      servers: { ...more.servers, too: { url: '${input:key}' } },
    });
    assert.deepEqual(withoutServers(after, ['web'], more.inputs).inputs, [more.inputs[0]]);
  });

  it('R1.2 a file that is not there yet is begun', () => {
    assert.deepEqual(value(editSettingsText('', { servers: {}, inputs: [] }, more)), {
      'mcpLifeline.servers': more.servers,
      'mcpLifeline.inputs': more.inputs,
    });
  });

  it('R1.2 an input that is there in the same words is not added again, and one that is exchanged is', () => {
    const [key, two] = more.inputs;
    const withBoth = withAdditions({ servers: {}, inputs: [key, two] }, more);
    assert.deepEqual(withBoth.inputs, more.inputs);
    const start = editSettingsText('', none, withBoth);
    const third = { id: 'three', type: 'promptString' };
    const exchanged = { ...withBoth, inputs: [two, third] };
    assert.deepEqual(value(editSettingsText(start, withBoth, exchanged))['mcpLifeline.inputs'], [two, third]);
    // What stood there was no list, and so no input.
    const broken = '{ "mcpLifeline.inputs": 7 }';
    assert.deepEqual(value(editSettingsText(broken, none, withBoth))['mcpLifeline.inputs'], more.inputs);
  });
});
