// The verbs, with promises and at once, on managed keys.
import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';

import {
  AuthenticationFailed,
  BufferTooSmall,
  Closed,
  Conflict,
  ContextMismatch,
  DataKey,
  decryptedLength,
  init,
  initSync,
  inspect,
  Malformed,
  UnsupportedFormat,
  Vault,
} from '../index.mjs';
import { MANAGED, managedVault, temporaryDirectory } from './support.mjs';

const vault = managedVault();
const context = vault.context(MANAGED);
const other = { organization_id: 'org_other' };
const aad = Buffer.from('record 7');
const LENGTHS = [0, 1, 64, 4096, 65_536, 1_048_577];

test('what was encrypted decrypts, by promise and at once, in every combination', async () => {
  for (const length of LENGTHS) {
    const data = Buffer.alloc(length, 0xa5);
    for (const options of [undefined, {}, { aad }]) {
      for (const envelope of [await vault.encrypt(data, context, options), vault.encryptSync(data, MANAGED, options)]) {
        assert.ok(Buffer.isBuffer(envelope));
        assert.equal(decryptedLength(envelope), length);
        for (const plaintext of [await vault.decrypt(envelope, MANAGED, options), vault.decryptSync(envelope, context, options)]) {
          assert.ok(Buffer.isBuffer(plaintext));
          assert.ok(plaintext.equals(data));
        }
      }
    }
  }
});

test('plaintext has memory of its own', () => {
  const plaintext = vault.decryptSync(vault.encryptSync(Buffer.from('secret'), context), context);
  assert.equal(plaintext.buffer.byteLength, plaintext.length);
});

test('into the caller’s memory', async () => {
  const data = Buffer.from('into');
  const limit = vault.encryptedLengthLimit(data.length, context);
  const output = Buffer.alloc(limit + 16, 0xee);
  for (const encryptInto of ['encryptInto', 'encryptIntoSync']) {
    for (const decryptInto of ['decryptInto', 'decryptIntoSync']) {
      const length = await vault[encryptInto](data, context, output.subarray(8), { aad });
      assert.equal(length, limit);
      assert.deepEqual([...output.subarray(0, 8)], Array(8).fill(0xee));
      assert.deepEqual([...output.subarray(8 + limit)], Array(8).fill(0xee));
      const plaintext = new Uint8Array(data.length + 2).fill(0xee);
      assert.equal(await vault[decryptInto](output.subarray(8, 8 + length), context, plaintext, { aad }), data.length);
      assert.deepEqual([...plaintext], [...data, 0xee, 0xee]);
    }
  }
});

test('an output may overlap its input', async () => {
  const data = Buffer.from('the same memory, several times over');
  for (const offset of [0, 1, 17]) {
    const memory = Buffer.alloc(vault.encryptedLengthLimit(data.length, context) + offset);
    data.copy(memory, offset);
    const length = vault.encryptIntoSync(memory.subarray(offset, offset + data.length), context, memory);
    const decrypted = vault.decryptIntoSync(memory.subarray(0, length), context, memory.subarray(offset));
    assert.ok(memory.subarray(offset, offset + decrypted).equals(data));
    assert.equal(await vault.encryptInto(memory.subarray(offset, offset + data.length), context, memory), length);
    assert.ok(vault.decryptSync(memory.subarray(0, length), context).equals(data));
  }
});

test('too small an output says what it needs', async () => {
  const data = Buffer.alloc(100);
  const envelope = vault.encryptSync(data, context);
  const wanted = (neededLength) => (error) => error instanceof BufferTooSmall && error.neededLength === neededLength;
  assert.throws(() => vault.encryptIntoSync(data, context, Buffer.alloc(10)), wanted(envelope.length));
  assert.throws(() => vault.decryptIntoSync(envelope, context, Buffer.alloc(99)), wanted(100));
  await assert.rejects(vault.encryptInto(data, context, Buffer.alloc(10)), wanted(envelope.length));
  await assert.rejects(vault.decryptInto(envelope, context, Buffer.alloc(99)), wanted(100));
});

test('a failed decryption leaves no plaintext in the output', async () => {
  const envelope = vault.encryptSync(Buffer.alloc(64, 0xa5), context);
  envelope[envelope.length - 1] ^= 1;
  const output = Buffer.alloc(64);
  assert.throws(() => vault.decryptIntoSync(envelope, context, output), AuthenticationFailed);
  await assert.rejects(vault.decryptInto(envelope, context, output), AuthenticationFailed);
  assert.ok(!output.includes(0xa5));
});

test('what is not what it was made with is refused, with one error in both forms', async () => {
  const data = Buffer.from('data');
  const envelope = vault.encryptSync(data, context, { aad });
  const altered = Buffer.from(envelope);
  altered[altered.length - 1] ^= 1;
  const cases = [
    [envelope, other, { aad }, ContextMismatch],
    [envelope, context, {}, AuthenticationFailed],
    [envelope, context, { aad: Buffer.from('record 8') }, AuthenticationFailed],
    [altered, context, { aad }, AuthenticationFailed],
    [envelope.subarray(0, envelope.length - 1), context, { aad }, undefined],
    [envelope.subarray(0, 20), context, { aad }, Malformed],
    [Buffer.from('not an envelope at all, but long enough to be one'), context, { aad }, UnsupportedFormat],
    [Buffer.alloc(0), context, { aad }, undefined],
  ];
  for (const [bytes, expected, options, errorClass] of cases) {
    const atOnce = thrown(() => vault.decryptSync(bytes, expected, options));
    const awaited = await vault.decrypt(bytes, expected, options).then(() => assert.fail('decrypted'), (error) => error);
    assert.equal(awaited.number, atOnce.number);
    assert.equal(awaited.message, atOnce.message);
    if (errorClass !== undefined) assert.ok(atOnce instanceof errorClass, `${atOnce}`);
  }
});

test('data keys', async () => {
  for (const made of [await vault.createDataKey(context), vault.createDataKeySync(MANAGED)]) {
    assert.ok(made instanceof DataKey);
    assert.equal(made.key.length, 32);
    for (const found of [await vault.decryptDataKey(made.bundle, MANAGED), vault.decryptDataKeySync(made.bundle, context)]) {
      assert.ok(found.key.equals(made.key));
    }
    await assert.rejects(vault.decryptDataKey(made.bundle, other), ContextMismatch);
    assert.throws(() => vault.decryptDataKeySync(made.bundle, other), ContextMismatch);
    const inspection = inspect(made.bundle);
    assert.deepEqual([inspection.purpose, inspection.policy, inspection.context], ['data_key', 'managed', { ...MANAGED }]);
    made.wipe();
    assert.ok(made.key.equals(Buffer.alloc(32)));
  }
});

test('an envelope and a data key are not taken for each other', () => {
  const envelope = vault.encryptSync(Buffer.alloc(32), context);
  assert.throws(() => vault.decryptDataKeySync(envelope, context), { kind: 'input' });
  assert.throws(() => vault.decryptSync(vault.createDataKeySync(context).bundle, context), { kind: 'input' });
});

test('inspect tells the structure without keys', () => {
  const inspection = inspect(vault.encryptSync(Buffer.alloc(100), context));
  assert.deepEqual(
    { ...inspection, dataKeyId: undefined, shares: inspection.shares.length },
    {
      purpose: 'envelope',
      version: 1,
      suite: inspection.suite,
      form: 'one_shot',
      frameSize: null,
      policy: 'managed',
      moved: false,
      dataKeyId: undefined,
      context: null,
      shares: 1,
      payloadLength: 100,
    },
  );
  assert.match(inspection.dataKeyId, /^[0-9a-f]{64}$/);
  assert.equal(inspection.shares[0].binding, 'managed');
  assert.equal(inspection.shares[0].wraps[0].keyIds.length, 1);
  assert.throws(() => inspect(Buffer.from('nothing')), { kind: 'input' });
});

test('the decision for a context without a customer key', () => {
  assert.deepEqual(vault.matchContext(context), { policy: 'managed', bindings: [] });
});

test('counters count', () => {
  const before = vault.stats();
  vault.encryptSync(Buffer.alloc(1), context);
  const after = vault.stats();
  assert.equal(after.managedWraps, before.managedWraps + 1);
  assert.deepEqual([after.kmsWraps, after.kmsUnwraps], [0, 0]);
  for (const count of Object.values(after)) assert.ok(Number.isSafeInteger(count));
});

test('after a restored snapshot the vault works on', () => {
  const restored = managedVault();
  const envelope = restored.encryptSync(Buffer.from('x'), context);
  restored.afterRestore();
  assert.equal(restored.decryptSync(envelope, context).toString(), 'x');
  assert.equal(restored.decryptSync(restored.encryptSync(Buffer.from('y'), context), context).toString(), 'y');
  restored.close();
  assert.throws(() => restored.afterRestore(), Closed);
});

test('a closed vault answers Closed', async () => {
  const closing = managedVault();
  const envelope = closing.encryptSync(Buffer.alloc(1), context);
  closing.close();
  closing.close();
  assert.throws(() => closing.encryptSync(Buffer.alloc(1), context), Closed);
  assert.throws(() => closing.decryptSync(envelope, context), Closed);
  assert.throws(() => closing.createDataKeySync(context), Closed);
  await assert.rejects(closing.encrypt(Buffer.alloc(1), context), Closed);
  await assert.rejects(closing.decrypt(envelope, context), Closed);
});

test('a vault and a data key are disposable', { skip: Symbol.dispose === undefined }, () => {
  const disposable = managedVault();
  const dataKey = disposable.createDataKeySync(context);
  dataKey[Symbol.dispose]();
  assert.ok(dataKey.key.equals(Buffer.alloc(32)));
  disposable[Symbol.dispose]();
  assert.throws(() => disposable.encryptSync(Buffer.alloc(1), context), Closed);
});

test('a vault can be disposed of by await using', { skip: Symbol.asyncDispose === undefined }, async () => {
  const disposable = managedVault();
  await disposable[Symbol.asyncDispose]();
  assert.throws(() => disposable.encryptSync(Buffer.alloc(1), context), Closed);
});

test('init makes a root key of mode 0600, a store and a configuration, once', async () => {
  for (const makeIn of [init, async (directory) => initSync(directory)]) {
    const directory = temporaryDirectory();
    const made = await makeIn(directory);
    assert.deepEqual(Object.values(made).map((file) => [path.dirname(file), existsSync(file)]), Array(3).fill([directory, true]));
    assert.equal(statSync(made.rootKey).mode & 0o777, 0o600);
    await assert.rejects(makeIn(pathToFileURL(`${directory}/`)), Conflict);
    const opened = await Vault.open(pathToFileURL(made.config));
    assert.equal(opened.decryptSync(opened.encryptSync(Buffer.from('x'), context), context).toString(), 'x');
  }
});

function thrown(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}
