// Memory that changes under a call: written by other threads, resized, shrunk away or transferred.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { Worker } from 'node:worker_threads';

import { VaultError } from '../index.mjs';
import { MANAGED, managedVault } from './support.mjs';

const LIMIT = { timeout: 300_000 };
const ROUNDS = 200;
const vault = managedVault();
const context = vault.context(MANAGED);
const canResize = 'resize' in ArrayBuffer.prototype && { timeout: 60_000 };

/** Memory that another thread flips between zeros and ones for as long as the test runs. */
async function flickering(t, length) {
  const shared = new SharedArrayBuffer(length);
  const script = `
    const { workerData, parentPort } = require('node:worker_threads');
    const bytes = new Uint8Array(workerData);
    for (let round = 0; ; round += 1) {
      bytes.fill(round & 1 ? 0xff : 0);
      if (round === 2) parentPort.postMessage('writing');
    }`;
  const worker = new Worker(script, { eval: true, workerData: shared });
  t.after(() => worker.terminate());
  await once(worker, 'message');
  return new Uint8Array(shared);
}

test('data that another thread writes meanwhile is read once: some mixture of what it wrote, under a tag that fits', LIMIT, async (t) => {
  const data = await flickering(t, 100_000);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const envelope of [vault.encryptSync(data, context), await vault.encrypt(data, context)]) {
      const plaintext = vault.decryptSync(envelope, context);
      assert.equal(plaintext.length, data.length);
      assert.ok(plaintext.every((byte) => byte === 0 || byte === 0xff));
    }
  }
});

test('so is additional data', LIMIT, async (t) => {
  const aad = await flickering(t, 1);
  const tried = [Buffer.from([0]), Buffer.from([0xff])];
  for (let round = 0; round < ROUNDS; round += 1) {
    const envelope = vault.encryptSync(Buffer.from('x'), context, { aad });
    const opened = tried.filter((value) => {
      try {
        return vault.decryptSync(envelope, context, { aad: value });
      } catch {
        return false;
      }
    });
    assert.equal(opened.length, 1);
  }
});

test('an envelope that another thread overwrites either opens or is refused', LIMIT, async (t) => {
  const data = Buffer.from('the plaintext');
  const envelope = vault.encryptSync(data, context);
  const shared = await flickering(t, envelope.length);
  for (let round = 0; round < ROUNDS; round += 1) {
    shared.set(envelope);
    for (const form of [() => vault.decryptSync(shared, context), () => vault.decrypt(shared, context)]) {
      try {
        assert.ok((await form()).equals(data));
      } catch (error) {
        assert.ok(error instanceof VaultError, error.stack);
      }
    }
  }
});

test('a view of a resizable buffer is read as long as it is at the call', { skip: !canResize, ...canResize }, async () => {
  const memory = new ArrayBuffer(8, { maxByteLength: 64 });
  const tracking = new Uint8Array(memory);
  const fixed = new Uint8Array(memory, 2, 4);
  tracking.fill(7);
  assert.equal(vault.decryptSync(vault.encryptSync(tracking, context), context).length, 8);
  memory.resize(64);
  assert.equal(vault.decryptSync(vault.encryptSync(tracking, context), context).length, 64);
  assert.equal(vault.decryptSync(vault.encryptSync(memory, context), context).length, 64);
  assert.ok(vault.decryptSync(vault.encryptSync(fixed, context), context).equals(Buffer.alloc(4, 7)));

  const pending = vault.encrypt(tracking, context);
  memory.resize(3);
  assert.equal(vault.decryptSync(await pending, context).length, 64);
  assert.equal(vault.decryptSync(vault.encryptSync(tracking, context), context).length, 3);
});

test('a view that its buffer no longer holds is refused, not taken for an empty message', { skip: !canResize, ...canResize }, async () => {
  const memory = new ArrayBuffer(8, { maxByteLength: 64 });
  const outside = [new Uint8Array(memory, 2, 4), new DataView(memory, 2, 4), new Uint8Array(memory, 6), new Float32Array(memory, 4, 1)];
  memory.resize(3);
  for (const view of outside) {
    assert.throws(() => vault.encryptSync(view, context), TypeError);
    await assert.rejects(vault.encrypt(view, context), TypeError);
    assert.throws(() => vault.encryptSync(Buffer.alloc(1), context, { aad: view }), TypeError);
  }
  assert.throws(() => vault.encryptIntoSync(Buffer.alloc(1), context, outside[0]), TypeError);

  const output = new ArrayBuffer(1024, { maxByteLength: 1024 });
  const pending = vault.encryptInto(Buffer.alloc(1), context, new Uint8Array(output, 512));
  output.resize(16);
  await assert.rejects(pending, TypeError);
});

test('shared memory that grows', { skip: !canResize, ...canResize }, async () => {
  const memory = new SharedArrayBuffer(8, { maxByteLength: 64 });
  const tracking = new Uint8Array(memory);
  const pending = vault.encrypt(tracking, context);
  memory.grow(64);
  assert.equal(vault.decryptSync(await pending, context).length, 8);
  assert.equal(vault.decryptSync(vault.encryptSync(tracking, context), context).length, 64);
  assert.equal(vault.decryptSync(vault.encryptSync(memory, context), context).length, 64);
});
