// Rewrap, reencrypt and rekey, with promises and at once.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Cancelled, ContextMismatch, DowngradeRefused, inspect, Vault, WouldBlock } from '../index.mjs';
import { CUSTOMER, customerKey, kmsConfig, MANAGED, managedVault, newConfig, PATIENT } from './support.mjs';

const aad = Buffer.from('record 7');
const data = Buffer.from('data');
const other = { organization_id: 'org_other' };

/** Both forms of a verb, as functions that give promises. */
function forms(vault, verb) {
  return [async (...parameters) => vault[verb](...parameters), async (...parameters) => vault[`${verb}Sync`](...parameters)];
}

/** A vault with MANAGED unbound, and one on the same store with MANAGED bound to a key file. */
function beforeAndAfter() {
  const config = newConfig();
  const key = { id: 'key_a', provider: 'local', path: customerKey(config) };
  const bound = { ...config, bindings: [{ id: 'bnd_a', owner: 'a', selector: MANAGED, keys: [key] }] };
  return { managed: Vault.openSync(config), customer: Vault.openSync(bound) };
}

test('rewrap keeps the data key', async () => {
  const vault = managedVault();
  for (const rewrap of forms(vault, 'rewrap')) {
    const envelope = vault.encryptSync(data, MANAGED, { aad });
    const rewrapped = await rewrap(envelope, MANAGED);
    assert.ok(Buffer.isBuffer(rewrapped) && !rewrapped.equals(envelope));
    assert.equal(inspect(rewrapped).dataKeyId, inspect(envelope).dataKeyId);
    assert.ok(vault.decryptSync(rewrapped, MANAGED, { aad }).equals(data));
    const { key, bundle } = vault.createDataKeySync(MANAGED);
    assert.ok(vault.decryptDataKeySync(await rewrap(bundle, MANAGED), MANAGED).key.equals(key));
    await assert.rejects(rewrap(envelope, other), ContextMismatch);
  }
  assert.equal(vault.stats().rewraps, 4);
});

test('a rewrap of managed data under a customer’s key has to be meant; what it gives up has to be allowed', async () => {
  const { managed, customer } = beforeAndAfter();
  for (const rewrap of forms(customer, 'rewrap')) {
    const envelope = managed.encryptSync(data, MANAGED);
    await assert.rejects(rewrap(envelope, MANAGED), DowngradeRefused);
    const rewrapped = await rewrap(envelope, MANAGED, { keepDataKey: true });
    assert.deepEqual([inspect(rewrapped).policy, inspect(rewrapped).moved], ['customer_gated', true]);
    assert.ok(customer.decryptSync(rewrapped, MANAGED).equals(data));
  }
});

test('reencrypt makes a new data key', async () => {
  const { managed, customer } = beforeAndAfter();
  for (const reencrypt of forms(customer, 'reencrypt')) {
    const envelope = managed.encryptSync(data, MANAGED, { aad });
    const anew = await reencrypt(envelope, MANAGED, { aad });
    assert.notEqual(inspect(anew).dataKeyId, inspect(envelope).dataKeyId);
    assert.deepEqual([inspect(anew).policy, inspect(anew).moved], ['customer_gated', false]);
    assert.ok(customer.decryptSync(anew, MANAGED, { aad }).equals(data));
    await assert.rejects(reencrypt(envelope, MANAGED), { code: 'AuthenticationFailed' });
  }
  assert.equal(customer.stats().reencryptions, 2);
});

test('rekey moves a data key to another context', async () => {
  const vault = managedVault();
  for (const rekey of forms(vault, 'rekey')) {
    const { key, bundle } = vault.createDataKeySync(MANAGED);
    const moved = await rekey(bundle, vault.context(MANAGED), other);
    assert.ok(vault.decryptDataKeySync(moved, other).key.equals(key));
    assert.throws(() => vault.decryptDataKeySync(moved, MANAGED), ContextMismatch);
    await assert.rejects(rekey(vault.encryptSync(data, MANAGED), MANAGED, other), { kind: 'input' });
  }
});

test('they take the options of every call, and refuse the rest', async () => {
  const vault = Vault.openSync(kmsConfig(9, PATIENT));
  const envelope = vault.encryptSync(data, MANAGED);
  const { bundle } = vault.createDataKeySync(MANAGED);
  const calls = {
    rewrap: (verb, options) => vault[verb](envelope, MANAGED, options),
    reencrypt: (verb, options) => vault[verb](envelope, MANAGED, options),
    rekey: (verb, options) => vault[verb](bundle, MANAGED, other, options),
  };
  for (const [verb, call] of Object.entries(calls)) {
    for (const name of [verb, `${verb}Sync`]) {
      const refusal = async (options) => call(name, options);
      await assert.rejects(refusal({ signal: AbortSignal.abort() }), Cancelled);
      await assert.rejects(refusal({ allowDowngrade: 'yes' }), /^TypeError: allowDowngrade must be a boolean/);
      await assert.rejects(refusal({ allow_downgrade: true }), /^TypeError: unknown option "allow_downgrade"/);
      assert.ok(Buffer.isBuffer(await refusal({ timeout: 1_000, actor: 'job 17', allowDowngrade: false })));
    }
  }
  assert.throws(() => vault.rekeySync(bundle, MANAGED, CUSTOMER), WouldBlock);
});
