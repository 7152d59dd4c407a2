// The log is an event of the vault, and reloading is seen in it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { on, once } from 'node:events';
import path from 'node:path';
import test from 'node:test';

import { InvalidConfig, KeySuspended, Vault } from '../index.mjs';
import { customerKey, kmsConfig, newConfig, PACKAGE, PATIENT } from './support.mjs';

const LIMIT = { timeout: 60_000 };
const local = { organization_id: 'org_local' };

test('who listens at once after opening gets what was logged at opening, and no warning is emitted', LIMIT, async (t) => {
  const warned = [];
  const note = (warning) => warned.push(warning);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  for (const open of [(config) => Vault.open(config), async (config) => Vault.openSync(config)]) {
    const vault = await open(kmsConfig(9, PATIENT));
    const records = [];
    vault.on('log', (record) => records.push(record));
    await new Promise(setImmediate);
    assert.deepEqual([...new Set(records.map(({ level, event }) => `${level} ${event}`))], ['warning development']);
    assert.match(records[0].message, /allow_endpoint/);
  }
  assert.deepEqual(warned, []);
});

test('a warning that nobody listens to is a warning of the process', LIMIT, async () => {
  const warned = once(process, 'warning');
  await Vault.open(kmsConfig(9, PATIENT));
  const [warning] = await warned;
  assert.deepEqual([warning.name, warning.code], ['LibvaultWarning', 'development']);
});

test('records of later calls arrive, in either form of the events module', LIMIT, async () => {
  const config = newConfig();
  const vault = await Vault.open(config);
  const next = once(vault, 'log');
  const iterator = on(vault, 'log');
  await vault.reload(config);
  const [record] = await next;
  assert.deepEqual([record.level, record.event], ['info', 'reloaded']);
  assert.equal((await iterator.next()).value[0].event, 'reloaded');
  await iterator.return();
  const unheard = () => assert.fail('was removed');
  vault.on('log', unheard).off('log', unheard);
  vault.reloadSync(config);
  assert.equal((await once(vault, 'log'))[0].event, 'reloaded');
  assert.equal(vault.stats().reloads, 2);
});

test('a reload holds from the moment it returns; an invalid one changes nothing and is logged', LIMIT, async () => {
  const config = newConfig();
  const vault = await Vault.open(config);
  const binding = {
    id: 'bnd_local',
    owner: 'local',
    selector: local,
    state: 'suspended',
    keys: [{ id: 'key_local', provider: 'local', path: customerKey(config) }],
  };
  const envelope = vault.encryptSync(Buffer.from('x'), local);
  await vault.reload({ ...config, bindings: [binding] });
  assert.throws(() => vault.encryptSync(Buffer.from('x'), local), KeySuspended);
  await assert.rejects(vault.decrypt(envelope, local), KeySuspended);

  await assert.rejects(vault.reload({ ...config, surprise: true }), (error) => error instanceof InvalidConfig && error.field === 'surprise');
  const wrongType = { name: 'TypeError', message: /^config must be/ };
  await assert.rejects(vault.reload(7), wrongType);
  assert.throws(() => vault.reloadSync(7), wrongType);
  assert.throws(() => vault.encryptSync(Buffer.from('x'), local), KeySuspended);

  vault.reloadSync(config);
  assert.equal(vault.decryptSync(envelope, local).toString(), 'x');
});

test('a vault with listeners keeps no process alive, and a listener that throws is an uncaught exception', LIMIT, () => {
  const program = (body) => `
    const { Vault } = require(${JSON.stringify(path.join(PACKAGE, 'index.js'))});
    const config = ${JSON.stringify(newConfig())};
    const vault = Vault.openSync(config);
    ${body}`;
  const run = (body) => execFileSync(process.execPath, ['-e', program(body)], { encoding: 'utf8', timeout: 50_000 });
  assert.equal(run("vault.on('log', () => {}); console.log('done');"), 'done\n');
  const throwing = `
    process.on('uncaughtException', (error) => { console.log(error.message); process.exit(0); });
    vault.on('log', () => { throw new Error('on purpose'); });
    vault.reloadSync(config);
    setTimeout(() => {}, 30_000);`;
  assert.equal(run(throwing), 'on purpose\n');
});
