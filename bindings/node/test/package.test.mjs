// What the package exports, in both module systems and in its types.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'node:test';

import libvault, * as names from '../index.mjs';
import { PACKAGE, readVectors, temporaryDirectory } from './support.mjs';

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

test('a missing addon is named, with the builds that are there', () => {
  const here = `${process.platform}-${process.arch}`;
  const cases = [
    ["Object.defineProperty(process, 'arch', { value: 'arm64' })", /no native addon for linux-arm64-gnu: libvault\.linux-arm64-gnu\.node is missing in .*, which has only .*npm run build/],
    // A Node of another C library; the loader's name in its executable is what tells.
    ["fs.readSync = (_, bytes) => bytes.write('/lib/ld-musl-x86_64.so.1', 800)", /no native addon for linux-[a-z0-9]+-musl: .*which has only/],
    ["Object.defineProperty(process, 'platform', { value: 'sunos' })", /no native addon for sunos-[a-z0-9]+: libvault\.sunos-[a-z0-9]+\.node is missing/],
    ['fs.existsSync = () => false; fs.readdirSync = () => []', new RegExp(`no native addon for ${here}.*which has no build at all`)],
  ];
  for (const [change, expected] of cases) {
    const script = `
      const fs = require('node:fs');
      ${change};
      try { require(${JSON.stringify(path.join(PACKAGE, 'index.js'))}); } catch (error) { console.log(error.message); }`;
    assert.match(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }), expected);
  }
});

test('an addon that does not load says why', () => {
  const directory = temporaryDirectory();
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: PACKAGE, encoding: 'utf8' });
  for (const { path: name } of JSON.parse(output)[0].files) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    if (name.endsWith('.node')) writeFileSync(path.join(directory, name), 'not a library');
    else copyFileSync(path.join(PACKAGE, name), path.join(directory, name));
  }
  assert.throws(() => require(directory), /the native addon for .* does not load: .*libvault\..*\.node/);
});
