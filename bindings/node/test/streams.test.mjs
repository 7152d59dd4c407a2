// Streams of Node and of the web: what comes out, what is refused, and what is left behind.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { AuthenticationFailed, Cancelled, Closed, ContextMismatch, inspect, KeySuspended, Timeout, Vault, VaultError } from '../index.mjs';
import { CUSTOMER, customerKey, MANAGED, managedVault, newConfig, PATIENT, silentServer, vaultWithKms } from './support.mjs';

const LIMIT = { timeout: 120_000 };
const FRAME = 4_096;
const vault = managedVault();
const context = vault.context(MANAGED);
const aad = Buffer.from('record 7');

/** Pieces that begin and end anywhere. */
function* pieces(bytes, length) {
  for (let start = 0; start < bytes.length; start += length) yield bytes.subarray(start, start + length);
}

async function encrypted(data, options = {}, length = 10_000) {
  return buffer(Readable.from(pieces(data, length)).pipe(vault.createEncryptStream(context, { frameSize: FRAME, ...options })));
}

/** What a decrypting stream pushed, and the error with which the pipeline ended. */
async function decrypted(envelope, options = {}, length = 10_000) {
  const received = [];
  const sink = new Writable({
    write(chunk, _encoding, callback) {
      received.push(chunk);
      callback();
    },
  });
  const error = await pipeline(Readable.from(pieces(envelope, length)), vault.createDecryptStream(options.context ?? context, { aad: options.aad }), sink).then(
    () => null,
    (reason) => reason,
  );
  return { data: Buffer.concat(received), error };
}

async function throughWeb(data, transform, length = 10_000) {
  const chunks = [];
  for await (const chunk of ReadableStream.from(pieces(data, length)).pipeThrough(transform)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('every length around a frame, in every size of chunk, by both sorts of streams', LIMIT, async () => {
  for (const length of [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME + 1, 200_000]) {
    const data = randomBytes(length);
    for (const chunk of [1_000, 70_000, 1 << 20]) {
      const envelopes = [
        await encrypted(data, { aad }, chunk),
        await throughWeb(data, vault.encryptWebStream(context, { aad, frameSize: FRAME }), chunk),
      ];
      for (const envelope of envelopes) {
        const { form, frameSize } = inspect(envelope);
        assert.deepEqual([form, frameSize], ['framed', FRAME]);
        assert.ok(vault.decryptSync(envelope, context, { aad }).equals(data));
        const outcome = await decrypted(envelope, { aad }, chunk);
        assert.ifError(outcome.error);
        assert.ok(outcome.data.equals(data));
        assert.ok((await throughWeb(envelope, vault.decryptWebStream(context, { aad }), chunk)).equals(data));
      }
    }
  }
});

test('chunks of many megabytes, and envelopes of the one-shot form', LIMIT, async () => {
  const data = randomBytes(5_000_001);
  const envelope = await encrypted(data, {}, data.length);
  for (const bytes of [envelope, vault.encryptSync(data, context)]) {
    for (const chunk of [bytes.length, 65_536]) {
      const outcome = await decrypted(bytes, {}, chunk);
      assert.ifError(outcome.error);
      assert.ok(outcome.data.equals(data));
    }
  }
});

test('strings are written in their encoding, as with every stream of Node', LIMIT, async () => {
  const stream = vault.createEncryptStream(context);
  stream.write('grüße');
  stream.end('6869', 'hex');
  assert.equal(vault.decryptSync(await buffer(stream), context).toString(), 'grüßehi');
});

test('truncated at any frame, altered, swapped, or of another context: the pipeline rejects, and only authenticated bytes came out', LIMIT, async () => {
  const data = randomBytes(5 * FRAME + 100);
  const envelope = await encrypted(data, { aad });
  const header = envelope.length - data.length - 6 * 16;
  const at = (frame) => header + frame * (FRAME + 16);
  const changed = Buffer.from(envelope);
  changed[at(3) + 5] ^= 1;
  const swapped = Buffer.concat([envelope.subarray(0, at(1)), envelope.subarray(at(2), at(3)), envelope.subarray(at(1), at(2)), envelope.subarray(at(3))]);
  const cases = [
    ...Array.from({ length: 6 }, (_, frame) => [envelope.subarray(0, at(frame)), VaultError]),
    [envelope.subarray(0, -1), AuthenticationFailed],
    [envelope.subarray(0, 20), VaultError],
    [Buffer.concat([envelope, Buffer.from([0])]), VaultError],
    [changed, AuthenticationFailed],
    [swapped, AuthenticationFailed],
    [Buffer.alloc(0), VaultError],
  ];
  for (const [bytes, errorClass] of cases) {
    for (const chunk of [1_000, 1 << 20]) {
      const outcome = await decrypted(bytes, { aad }, chunk);
      assert.ok(outcome.error instanceof errorClass, `${outcome.error}`);
      assert.ok(outcome.data.length < data.length && outcome.data.equals(data.subarray(0, outcome.data.length)));
      await assert.rejects(throughWeb(bytes, vault.decryptWebStream(context, { aad }), chunk), errorClass);
    }
  }
  const wrongAad = await decrypted(envelope);
  assert.ok(wrongAad.error instanceof AuthenticationFailed);
  const wrongContext = await decrypted(envelope, { aad, context: { organization_id: 'another' } });
  assert.ok(wrongContext.error instanceof ContextMismatch);
  assert.equal(wrongAad.data.length + wrongContext.data.length, 0);
});

test('back pressure: what nobody reads is not worked on', LIMIT, async () => {
  const stream = vault.createEncryptStream(context);
  let written = 0;
  const source = new Readable({
    read() {
      written += 65_536;
      this.push(Buffer.alloc(65_536));
    },
  });
  source.pipe(stream);
  for (let turn = 0; turn < 200; turn += 1) await nextTurn();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(written < 2_000_000, `${written} bytes were taken from the source`);
  source.destroy();
  stream.destroy();
});

test('destroying a stream in the middle is clean, at every moment', LIMIT, async () => {
  const envelope = await encrypted(Buffer.alloc(300_000));
  for (const make of [() => vault.createEncryptStream(context), () => vault.createDecryptStream(context)]) {
    for (const moment of ['at once', 'constructed', 'written', 'in the pool']) {
      for (const reason of [undefined, new Error('on purpose')]) {
        const stream = make();
        const errors = [];
        stream.on('error', (error) => errors.push(error));
        if (moment !== 'at once') await nextTurn();
        if (moment === 'written' || moment === 'in the pool') stream.write(envelope);
        if (moment === 'in the pool') await nextTurn();
        stream.destroy(reason);
        if (!stream.closed) await once(stream, 'close').catch(() => {});
        await nextTurn();
        assert.deepEqual(errors, reason === undefined ? [] : [reason]);
      }
    }
  }
});

test('an AbortSignal ends a stream that waits for its KMS, and its request', LIMIT, async (t) => {
  const { server, port } = await silentServer(t);
  const distant = vaultWithKms(port, PATIENT);
  const uses = [
    (signal) => pipeline(Readable.from([Buffer.alloc(10)]), distant.createEncryptStream(CUSTOMER, { signal }), async (source) => buffer(source)),
    (signal) => throughWeb(Buffer.alloc(10), distant.encryptWebStream(CUSTOMER, { signal })),
  ];
  for (const use of uses) {
    const controller = new AbortController();
    const pending = use(controller.signal);
    const [socket] = await once(server, 'connection');
    const hungUp = once(socket, 'close');
    controller.abort('enough');
    await assert.rejects(pending, (error) => error instanceof Cancelled && error.name === 'AbortError' && error.cause === 'enough');
    await hungUp;
  }
  const aborted = AbortSignal.abort('before');
  for (const use of uses) await assert.rejects(use(aborted), (error) => error instanceof Cancelled && error.cause === 'before');
  await assert.rejects(buffer(distant.createEncryptStream(CUSTOMER, { timeout: 100 })), Timeout);
});

test('a signal ends a stream between two chunks, and a destroyed stream ends its KMS request', LIMIT, async (t) => {
  const controller = new AbortController();
  const stream = vault.createEncryptStream(context, { signal: controller.signal });
  stream.write(Buffer.alloc(10));
  await nextTurn();
  const failed = once(stream, 'error');
  controller.abort('enough');
  const [error] = await failed;
  assert.ok(error instanceof Cancelled && error.cause === 'enough');

  const { server, port } = await silentServer(t);
  const waiting = vaultWithKms(port, PATIENT).createEncryptStream(CUSTOMER);
  const [socket] = await once(server, 'connection');
  const hungUp = once(socket, 'close');
  waiting.destroy();
  await hungUp;
});

test('closing the vault and suspending a binding end streams that are open', LIMIT, async () => {
  const config = newConfig();
  const closing = Vault.openSync(config);
  const stream = closing.createEncryptStream(MANAGED);
  stream.write('x');
  await nextTurn();
  await new Promise((resolve) => setTimeout(resolve, 50));
  closing.close();
  await assert.rejects(buffer(stream.end('y')), Closed);

  const suspending = Vault.openSync(config);
  const open = suspending.createEncryptStream(MANAGED);
  open.resume();
  await new Promise((resolve) => open.write('x', resolve));
  const key = { id: 'key_a', provider: 'local', path: customerKey(config) };
  await suspending.reload({ ...config, bindings: [{ id: 'bnd_a', owner: 'a', selector: MANAGED, state: 'suspended', keys: [key] }] });
  const failed = once(open, 'error');
  open.end('y');
  assert.ok((await failed)[0] instanceof KeySuspended);
});

test('chunks that are no bytes, or that were transferred away, are refused', LIMIT, async () => {
  for (const chunk of ['text', 7, null, [1]]) {
    await assert.rejects(throughOne(vault.encryptWebStream(context), chunk), TypeError);
  }
  const memory = new Uint8Array(10);
  structuredClone(memory.buffer, { transfer: [memory.buffer] });
  await assert.rejects(throughOne(vault.encryptWebStream(context), memory), TypeError);
  assert.throws(() => vault.createEncryptStream(context).write(memory), TypeError);
});

test('wrong options are refused at once', () => {
  const cases = [
    [{ frameSize: 5_000 }, RangeError, /power of two/],
    [{ frameSize: 2_048 }, RangeError, /power of two/],
    [{ frameSize: '4096' }, TypeError, /^frameSize must be a number/],
    [{ highWaterMark: 5 }, TypeError, /^unknown option "highWaterMark"/],
    [{ aad: 'text' }, TypeError, /^aad must be/],
  ];
  for (const [options, errorClass, message] of cases) {
    for (const verb of ['createEncryptStream', 'encryptWebStream']) {
      assert.throws(() => vault[verb](context, options), (error) => error instanceof errorClass && message.test(error.message));
    }
  }
  assert.throws(() => vault.createDecryptStream(context, { frameSize: FRAME }), TypeError);
  assert.throws(() => vault.createEncryptStream({ organization_id: '' }), VaultError);
});

test('a stream uses the additional data of the moment at which it was made', LIMIT, async () => {
  const mine = Buffer.from(aad);
  const stream = vault.createEncryptStream(context, { aad: mine });
  mine.fill(0);
  assert.equal(vault.decryptSync(await buffer(stream.end('x')), context, { aad }).toString(), 'x');
});

async function throughOne(transform, chunk) {
  const writer = transform.writable.getWriter();
  const reading = buffer(Readable.fromWeb(transform.readable));
  reading.catch(() => {});
  await writer.write(chunk);
  await writer.close();
  return reading;
}
