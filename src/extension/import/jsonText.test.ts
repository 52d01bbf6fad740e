import assert from 'node:assert/strict';
import { rawAt, withRaw, withValue } from './jsonText.ts';

describe('changes of JSON texts', () => {
  it('R1.7 a member that is removed takes its line with it, and nothing of its neighbours', () => {
    const text = '{\n  "a": 1, // one\n  "b": 2,\n  "c": 3\n}\n';
    assert.equal(withValue(text, ['b'], undefined), '{\n  "a": 1, // one\n  "c": 3\n}\n');
    assert.equal(withValue(text, ['c'], undefined), '{\n  "a": 1, // one\n  "b": 2\n}\n');
    assert.equal(withValue('{"a":1, "b":2}\n', ['a'], undefined), '{ "b":2}\n');
    assert.equal(withValue('{\n"a":1, "b":2\n}', ['b'], undefined), '{\n"a":1 \n}');
    assert.equal(withValue('{\r\n\t"a": 1,\r\n}\r\n', ['a'], undefined), '{\r\n}\r\n');
    assert.equal(withValue(text, ['d'], undefined), text);
  });

  it('R1.7 what is added is indented as the file is', () => {
    assert.equal(
      withValue('{\n\t"a": {\n\t\t"x": 1\n\t}\n}', ['a', 'y'], 2),
      '{\n\t"a": {\n\t\t"x": 1,\n\t\t"y": 2\n\t}\n}',
    );
    assert.equal(withValue('{\n    "a": 1\n}', ['b'], 2), '{\n    "a": 1,\n    "b": 2\n}');
    assert.equal(withValue('{\r\n  "a": 1\r\n}', ['b'], 2), '{\r\n  "a": 1,\r\n  "b": 2\r\n}');
  });

  it('R1.7 takes out and puts back what is written, patterns and comments included', () => {
    const raw = '{ "x": "$& $1" /* why */ }';
    const text = `\ufeff{\n  "a": ${raw},\n}\n`;
    assert.equal(rawAt(text, ['a']), raw);
    assert.equal(rawAt(text, ['b']), undefined);
    assert.equal(rawAt(withRaw('{}', ['a'], raw), ['a']), raw);
  });
});
