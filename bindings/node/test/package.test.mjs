// What the package exports, in both module systems and in its types.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'node:test';

import libvault, * as names from '../index.mjs';
import { PACKAGE, readVectors } from './support.mjs';

const require = createRequire(import.meta.url);
const TABLE = readVectors('errors.json').errors;

test('both module systems give the same things', () => {
  const required = require('../index.js');
  assert.equal(libvault, required);
  const { default: _, ...exported } = names;
  assert.deepEqual(Object.keys(exported).sort(), Object.keys(required).sort());
  for (const [name, value] of Object.entries(exported)) assert.equal(value, required[name], name);
});

test('a package of this name finds itself', async () => {
  const imported = await import('libvault');
  assert.equal(imported.Vault, libvault.Vault);
  assert.equal(require('libvault'), libvault);
});

test('every row of the error table is a class with its number, kind and advice to retry', () => {
  assert.ok(TABLE.length > 0);
  for (const row of TABLE) {
    const errorClass = libvault[row.name];
    const error = new errorClass('message', { field: 'a.b' });
    assert.ok(error instanceof libvault.VaultError && error instanceof Error, row.name);
    assert.deepEqual(
      [error.name, error.code, error.number, error.kind, error.retryable, error.message, error.field],
      [row.name, row.name, row.code, row.kind, row.retryable, 'message', 'a.b'],
    );
    assert.deepEqual([errorClass.code, errorClass.number], [row.name, row.code]);
  }
  const classes = Object.values(libvault).filter((value) => value?.prototype instanceof libvault.VaultError);
  assert.equal(classes.length, TABLE.length);
});

test('the types declare every export, and every error with its number and advice', () => {
  const types = readFileSync(path.join(PACKAGE, 'index.d.ts'), 'utf8');
  for (const name of Object.keys(libvault)) {
    assert.match(types, new RegExp(`^export (class|function|const) ${name}\\b`, 'm'));
  }
  for (const row of TABLE) {
    const declared = `/** ${row.action} */\nexport class ${row.name} extends VaultError {\n  static readonly code: '${row.name}';\n  static readonly number: ${row.code};\n`;
    assert.ok(types.includes(declared), row.name);
  }
});

test('the addon and the package have one version', () => {
  const { version } = JSON.parse(readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
  assert.equal(libvault.version, version);
});

test('features are told by name', () => {
  assert.equal(libvault.hasFeature('aws'), true);
  assert.equal(libvault.hasFeature('sqlite'), true);
  assert.equal(libvault.hasFeature('no such feature'), false);
  assert.throws(() => libvault.hasFeature(1), TypeError);
});

test('the tarball holds what index.js needs and nothing else', () => {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: PACKAGE, encoding: 'utf8' });
  const [{ files }] = JSON.parse(output);
  const packed = files.map((file) => file.path).sort();
  const expected = ['README.md', 'errors.js', 'index.d.mts', 'index.d.ts', 'index.js', 'index.mjs', 'package.json'];
  for (const name of expected) assert.ok(packed.includes(name), name);
  assert.ok(packed.some((name) => /^libvault\..*\.node$/.test(name)));
  const others = packed.filter((name) => !expected.includes(name) && !/^(lib\/[a-z-]+\.js|libvault\.[a-z0-9-]+\.node|LICENSE)$/.test(name));
  assert.deepEqual(others, []);
});

test('a missing addon is named', () => {
  const script = `
    const fs = require('node:fs');
    fs.existsSync = () => false;
    try { require(${JSON.stringify(path.join(PACKAGE, 'index.js'))}); } catch (error) { console.log(error.message); }`;
  const message = execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.match(message, new RegExp(`no native addon for ${process.platform}-${process.arch}.*\\.node is missing in .*npm run build`));
});
