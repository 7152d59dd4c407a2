// Handles and secrets stay where they are: they are not shown, turned into JSON or cloned.
import assert from 'node:assert/strict';
import test from 'node:test';
import { format, inspect } from 'node:util';
import { MessageChannel } from 'node:worker_threads';

import { managedVault } from './support.mjs';

const vault = managedVault();
const context = vault.context({ organization_id: 'org_secret' });
const dataKey = vault.createDataKeySync(context);
const secrets = ['org_secret', dataKey.key.toString('hex'), dataKey.key.toString('base64'), [...dataKey.key].join(','), inspect(dataKey.key)];

test('no way of showing one shows a secret', () => {
  for (const value of [vault, context, dataKey]) {
    const shown = [
      inspect(value, { showHidden: true, depth: 10, getters: true }),
      format('%s %o %O %j', value, value, value, value),
      `${value}`,
      String(Object.entries(value)),
      JSON.stringify({ value }),
    ].join('\n');
    for (const secret of secrets) assert.ok(!shown.includes(secret), shown);
    assert.match(shown, /(Vault|Context|DataKey) \{/);
  }
  assert.equal(inspect(context), 'Context { organization_id }');
  assert.deepEqual(context.names, ['organization_id']);
});

test('none of them can be cloned or posted', () => {
  const { port1, port2 } = new MessageChannel();
  for (const value of [vault, context, dataKey]) {
    assert.throws(() => structuredClone(value), { name: 'DataCloneError' });
    assert.throws(() => structuredClone({ nested: [value] }), { name: 'DataCloneError' });
    assert.throws(() => port1.postMessage(value), { name: 'DataCloneError' });
  }
  port1.close();
  port2.close();
});

test('they are ordinary objects of their class otherwise', () => {
  assert.equal(vault.constructor.name, 'Vault');
  assert.equal(vault.add, undefined);
  assert.equal(vault.has, undefined);
  assert.ok(!(vault instanceof WeakSet));
  assert.deepEqual(Object.keys(vault), []);
});
