// What the package exports against tests/vectors/api.json: each verb has its name, and every public method is a verb of the file or is listed here.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import * as libvault from '../index.mjs';
import { PACKAGE, readVectors } from './support.mjs';

const { verbs, options, example_tasks: tasks } = readVectors('api.json');
const names = new Set(verbs.flatMap((verb) => verb.node ?? []));
const classes = ['Vault', 'DecryptReader'];

// What JavaScript and Node expect of a class, beside the verbs.
const CONVENTIONS = new Set([
  'constructor', 'toString', 'toJSON', 'once', 'off', 'addListener', 'removeListener',
  'DecryptReader.close', 'DecryptReader.length',
]);

test('every verb is there', () => {
  for (const name of names) {
    const [owner, member] = name.split('.');
    const value = member === undefined ? libvault[owner] : libvault[owner]?.prototype[member] ?? libvault[owner]?.[member];
    assert.notEqual(value, undefined, name);
  }
});

test('nothing else is public', () => {
  for (const owner of classes) {
    const { prototype } = libvault[owner];
    const members = [...Object.getOwnPropertyNames(prototype), ...Object.getOwnPropertyNames(libvault[owner]).filter((name) => typeof libvault[owner][name] === 'function')];
    for (const member of members) {
      assert.ok(names.has(`${owner}.${member}`) || CONVENTIONS.has(member) || CONVENTIONS.has(`${owner}.${member}`), `${owner}.${member}`);
    }
  }
  const values = Object.entries(libvault).filter(([, value]) => !(value?.prototype instanceof Error) && value !== libvault.VaultError);
  const expected = [...names].filter((name) => !name.includes('.'));
  assert.deepEqual(values.map(([name]) => name).sort(), [...expected, ...classes, 'Context', 'DataKey', 'default'].sort());
});

test('every option is declared', () => {
  const types = readFileSync(path.join(PACKAGE, 'index.d.ts'), 'utf8');
  for (const { node } of options) assert.match(types, new RegExp(`^  ${/\w+/.exec(node)[0]}\\?: `, 'm'), node);
});

test('every task has an example', { skip: !existsSync(path.join(PACKAGE, '../../examples/node')) }, () => {
  const examples = readdirSync(path.join(PACKAGE, '../../examples/node'));
  for (const task of tasks) assert.ok(examples.includes(`${task}.mjs`), task);
});
