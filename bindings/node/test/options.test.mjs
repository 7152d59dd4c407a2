// Timeouts, cancelling and the actor, on every verb with a promise.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import vm from 'node:vm';

import { Cancelled, Timeout, Vault, WouldBlock } from '../index.mjs';
import { CUSTOMER, kmsConfig, MANAGED, newConfig, PATIENT, silentServer, temporaryDirectory, vaultWithKms } from './support.mjs';

const data = Buffer.from('data');
const LIMIT = { timeout: 120_000 };
const VERBS = {
  encrypt: (vault, options) => vault.encrypt(data, CUSTOMER, options),
  encryptInto: (vault, options) => vault.encryptInto(data, CUSTOMER, new Uint8Array(4096), options),
  createDataKey: (vault, options) => vault.createDataKey(CUSTOMER, options),
};

function isCancelledBy(reason) {
  return (error) => {
    assert.ok(error instanceof Cancelled, error.stack);
    assert.deepEqual([error.name, error.code, error.number, error.retryable], ['AbortError', 'Cancelled', 601, false]);
    assert.equal(error.cause, reason);
    return true;
  };
}

test('aborting ends the call and its KMS request', LIMIT, async (t) => {
  const { server, port } = await silentServer(t);
  const vault = vaultWithKms(port, PATIENT);
  for (const start of Object.values(VERBS)) {
    const controller = new AbortController();
    const reason = new Error('the user left');
    const pending = start(vault, { signal: controller.signal });
    const [socket] = await once(server, 'connection');
    const hungUp = once(socket, 'close');
    controller.abort(reason);
    await assert.rejects(pending, isCancelledBy(reason));
    await hungUp;
  }
});

test('a signal of a timer, of another realm, and one for many calls', LIMIT, async (t) => {
  const { port } = await silentServer(t);
  const vault = vaultWithKms(port, PATIENT);
  const timer = AbortSignal.timeout(50);
  await assert.rejects(vault.encrypt(data, CUSTOMER, { signal: timer }), (error) => isCancelledBy(timer.reason)(error) && error.cause.name === 'TimeoutError');

  const controller = new AbortController();
  const signal = vm.runInNewContext('signal', { signal: controller.signal });
  const pending = Array.from({ length: 20 }, () => vault.encrypt(data, CUSTOMER, { signal }));
  setImmediate(() => controller.abort());
  for (const outcome of await Promise.allSettled(pending)) isCancelledBy(controller.signal.reason)(outcome.reason);
});

test('an aborted signal starts nothing, in no verb', LIMIT, async (t) => {
  const { server, port } = await silentServer(t);
  server.on('connection', () => assert.fail('the KMS was called'));
  const vault = vaultWithKms(port, PATIENT);
  const signal = AbortSignal.abort('before');
  for (const start of Object.values(VERBS)) await assert.rejects(start(vault, { signal }), isCancelledBy('before'));
  assert.throws(() => vault.encryptSync(data, MANAGED, { signal }), isCancelledBy('before'));
  assert.throws(() => vault.createDataKeySync(MANAGED, { signal }), isCancelledBy('before'));
});

test('a signal keeps no listener of a call that is over', async () => {
  const vault = Vault.openSync(newConfig());
  const { signal } = new AbortController();
  let listeners = 0;
  for (const [method, step] of [['addEventListener', 1], ['removeEventListener', -1]]) {
    const original = signal[method];
    signal[method] = function count(...parameters) {
      listeners += step;
      return original.apply(this, parameters);
    };
  }
  const envelope = await vault.encrypt(data, MANAGED, { signal });
  assert.ok((await vault.decrypt(envelope, MANAGED, { signal })).equals(data));
  await assert.rejects(vault.decrypt(data, MANAGED, { signal }));
  assert.equal(listeners, 0);
});

test('a timeout of one call', LIMIT, async (t) => {
  const { port } = await silentServer(t);
  const vault = vaultWithKms(port, PATIENT);
  for (const start of Object.values(VERBS)) await assert.rejects(start(vault, { timeout: 100 }), Timeout);
  assert.throws(() => vault.encryptSync(data, CUSTOMER, { timeout: 100 }), WouldBlock);
});

test('the actor is in the audit trail', async () => {
  const trail = path.join(temporaryDirectory(), 'audit.jsonl');
  const vault = Vault.openSync({ ...kmsConfig(9, PATIENT), audit: { sink: 'file', path: trail } });
  await vault.encrypt(data, MANAGED, { actor: 'job 17' });
  vault.encryptSync(data, MANAGED, { actor: 'ünïcode' });
  await vault.createDataKey(MANAGED);
  const actors = readFileSync(trail, 'utf8').trim().split('\n').map((line) => JSON.parse(line).actor ?? null);
  assert.deepEqual([...new Set(actors)], ['job 17', 'ünïcode', null]);
});

test('an option of the wrong type or size is refused by name', async () => {
  const vault = Vault.openSync(newConfig());
  const cases = [
    [{ timeout: '5' }, TypeError, /^timeout must be a number/],
    [{ timeout: 0 }, RangeError, /^timeout must be above 0/],
    [{ timeout: -1 }, RangeError, /^timeout must be above 0/],
    [{ timeout: Number.NaN }, RangeError, /^timeout must be above 0/],
    [{ timeout: Number.POSITIVE_INFINITY }, RangeError, /^timeout must be above 0/],
    [{ signal: new AbortController() }, TypeError, /^signal must be an AbortSignal/],
    [{ signal: null }, TypeError, /^signal must be an AbortSignal, not null/],
    [{ actor: 7 }, TypeError, /^actor must be a string/],
    [{ actor: '' }, RangeError, /^actor must have 1 to 200 characters/],
    [{ actor: 'x'.repeat(201) }, RangeError, /^actor must have 1 to 200 characters/],
    [{ timeOut: 5 }, TypeError, /^unknown option "timeOut": the options are .*timeout/],
  ];
  for (const [options, errorClass, message] of cases) {
    const isRefused = (error) => error instanceof errorClass && message.test(error.message);
    assert.throws(() => vault.encryptSync(data, MANAGED, options), isRefused);
    await assert.rejects(vault.encrypt(data, MANAGED, options), isRefused);
    await assert.rejects(vault.createDataKey(MANAGED, options), isRefused);
  }
  await assert.rejects(vault.createDataKey(MANAGED, { aad: data }), /^TypeError: unknown option "aad": the options are timeout, signal, actor/);
  assert.ok(vault.encryptSync(data, MANAGED, { timeout: 0.5, actor: '😀'.repeat(200), signal: undefined }));
});
