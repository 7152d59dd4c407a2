// Opening: what a configuration may be, and how a bad one is refused.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import { Conflict, initSync, InvalidConfig, Vault, VaultError } from '../index.mjs';
import { newConfig, PACKAGE, temporaryDirectory } from './support.mjs';

async function refused(config) {
  const awaited = await Vault.open(config).then(() => assert.fail('opened'), (error) => error);
  assert.throws(() => Vault.openSync(config), (error) => error.number === awaited.number && error.message === awaited.message);
  return awaited;
}

const key = { id: 'key_a', provider: 'local', path: 'customer.key' };
const binding = { id: 'bnd_a', owner: 'a', selector: { organization_id: 'a' }, keys: [key] };

test('without a configuration the error says how to make one', async () => {
  const error = await refused(undefined);
  assert.ok(error instanceof InvalidConfig);
  assert.match(error.message, /init/);
});

test('a bad field is refused by its path', async () => {
  const cases = [
    [{ surprise: true }, 'surprise'],
    [{ bindings: [{ ...binding, surprise: true }] }, 'bindings[0].surprise'],
    [{ bindings: [{ ...binding, keys: [{ id: 'key_a', provider: 'aws', arn: 'arn:aws:s3:::bucket' }] }] }, 'bindings[0].keys[0].arn'],
    [{ fallback: 'hope' }, 'fallback'],
    [{ timeouts: { total: 0 } }, 'timeouts.total'],
  ];
  for (const [changes, field] of cases) {
    const error = await refused(newConfig(changes));
    assert.ok(error instanceof InvalidConfig, `${error}`);
    assert.equal(error.field, field);
  }
});

test('what JSON would drop or change is refused: a missing value must not become a default', async () => {
  const cases = [
    [{ fallback: undefined }, 'fallback'],
    [{ strict_names: null }, 'strict_names'],
    [{ timeouts: { total: NaN } }, 'timeouts.total'],
    [{ bindings: [{ ...binding, policy: undefined }] }, 'bindings[0].policy'],
    [{ bindings: [{ ...binding, selector: new Map() }] }, 'bindings[0].selector'],
    [{ required_names: [Symbol('name')] }, 'required_names[0]'],
    [{ store: new Date() }, 'store'],
    [{ store: 1n }, 'store'],
  ];
  for (const [changes, field] of cases) {
    const error = await refused(newConfig(changes));
    assert.ok(error instanceof InvalidConfig, `${error}`);
    assert.equal(error.field, field);
  }
});

test('records that contradict one another are a Conflict', async () => {
  const directory = temporaryDirectory();
  const { rootKey } = initSync(directory);
  for (const name of ['a.key', 'b.key']) writeFileSync(path.join(directory, name), readFileSync(rootKey), { mode: 0o600 });
  const keyOf = (name) => ({ id: `key_${name}`, provider: 'local', path: path.join(directory, `${name}.key`) });
  const bindings = [
    { ...binding, keys: [keyOf('a')] },
    { ...binding, id: 'bnd_b', owner: 'b', keys: [keyOf('b')] },
  ];
  assert.ok((await refused(newConfig({ bindings }))) instanceof Conflict);
});

test('a missing file, a root key for everyone and a broken file are refused', async () => {
  const directory = temporaryDirectory();
  const made = initSync(directory);
  assert.ok((await refused(path.join(directory, 'missing.toml'))) instanceof VaultError);
  chmodSync(made.rootKey, 0o644);
  assert.ok((await refused(made.config)) instanceof InvalidConfig);
  chmodSync(made.rootKey, 0o600);
  writeFileSync(made.config, 'this is = not [ TOML');
  assert.ok((await refused(made.config)) instanceof InvalidConfig);
});

test('relative paths of an object start at the working directory', () => {
  const directory = temporaryDirectory();
  initSync(directory);
  const script = `
    const { Vault } = require(${JSON.stringify(PACKAGE)});
    const vault = Vault.openSync({ store: 'vault.db', root_key: { provider: 'local', path: 'root.key' } });
    console.log(vault.matchContext({ organization_id: 'a' }).policy);`;
  assert.equal(execFileSync(process.execPath, ['-e', script], { cwd: directory, encoding: 'utf8' }), 'managed\n');
});

test('warnings go to process.emitWarning', async () => {
  const warned = new Promise((resolve) => process.once('warning', resolve));
  await Vault.open(newConfig({ aws: { endpoint: 'http://127.0.0.1:9' }, development: { allow_endpoint: true } }));
  const warning = await warned;
  assert.equal(warning.name, 'LibvaultWarning');
  assert.match(warning.message, /^development: /);
});
