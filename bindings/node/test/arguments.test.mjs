// What the verbs accept, and what they say to the rest.
import assert from 'node:assert/strict';
import test from 'node:test';
import vm from 'node:vm';

import { decryptedLength, init, inspect, InvalidContext, Vault } from '../index.mjs';
import { MANAGED, managedVault } from './support.mjs';

const vault = managedVault();
const context = vault.context(MANAGED);
const text = 'the quick brown fox jumps over the lazy dog 0123456789!';

test('every view of memory is read as the bytes it shows', async () => {
  const memory = new ArrayBuffer(64);
  Buffer.from(text).copy(Buffer.from(memory), 8);
  const shared = new SharedArrayBuffer(64);
  new Uint8Array(shared).set(new Uint8Array(memory));
  const views = [
    new Uint8Array(memory, 8, 24),
    Buffer.from(memory, 8, 24),
    Buffer.from(memory).subarray(8, 32),
    new Int16Array(memory, 8, 12),
    new Float64Array(memory, 8, 3),
    new BigUint64Array(memory, 8, 3),
    new Uint8ClampedArray(memory, 8, 24),
    new DataView(memory, 8, 24),
    memory.slice(8, 32),
    new Uint8Array(shared, 8, 24),
    new Float64Array(shared, 8, 3),
    vm.runInNewContext('new Uint8Array(memory, 8, 24)', { memory }),
  ];
  const expected = Buffer.from(text).subarray(0, 24);
  for (const view of views) {
    for (const envelope of [vault.encryptSync(view, context), await vault.encrypt(view, context)]) {
      assert.ok(vault.decryptSync(envelope, context).equals(expected), view.constructor.name);
    }
    const withAad = vault.encryptSync(expected, context, { aad: view });
    assert.ok((await vault.decrypt(withAad, context, { aad: expected })).equals(expected), view.constructor.name);
  }
  const sharedOnly = new SharedArrayBuffer(5);
  new Uint8Array(sharedOnly).set(Buffer.from('hello'));
  assert.equal(vault.decryptSync(vault.encryptSync(sharedOnly, context), context).toString(), 'hello');
});

test('a promise works on the bytes of the moment of the call', async () => {
  const data = Buffer.alloc(32, 1);
  const additional = Buffer.alloc(8, 1);
  const pending = vault.encrypt(data, context, { aad: additional });
  data.fill(2);
  additional.fill(2);
  const envelope = await pending;
  assert.ok(vault.decryptSync(envelope, context, { aad: Buffer.alloc(8, 1) }).equals(Buffer.alloc(32, 1)));

  const memory = new Uint8Array(envelope).buffer;
  const decrypting = vault.decrypt(memory, context, { aad: Buffer.alloc(8, 1) });
  structuredClone(memory, { transfer: [memory] });
  assert.ok((await decrypting).equals(Buffer.alloc(32, 1)));
});

test('detached memory is refused: it must not be taken for an empty message', async () => {
  const detached = (make) => {
    const memory = new ArrayBuffer(32);
    const view = make(memory);
    structuredClone(memory, { transfer: [memory] });
    return view;
  };
  for (const make of [(memory) => new Uint8Array(memory), (memory) => new DataView(memory), (memory) => new Float64Array(memory), (memory) => memory]) {
    assert.throws(() => vault.encryptSync(detached(make), context), TypeError);
    await assert.rejects(vault.encrypt(detached(make), context), TypeError);
    assert.throws(() => vault.encryptSync(Buffer.alloc(1), context, { aad: detached(make) }), TypeError);
  }
  assert.throws(() => vault.encryptIntoSync(Buffer.alloc(1), context, detached((memory) => new Uint8Array(memory))), TypeError);
  await assert.rejects(vault.encryptInto(Buffer.alloc(1), context, detached((memory) => new Uint8Array(memory))), TypeError);

  const output = new Uint8Array(1024);
  const pending = vault.encryptInto(Buffer.alloc(1), context, output);
  structuredClone(output.buffer, { transfer: [output.buffer] });
  await assert.rejects(pending, TypeError);
});

test('memory that a getter detaches during the call is refused as well', () => {
  const memory = new Uint8Array(32);
  const options = {
    get aad() {
      structuredClone(memory.buffer, { transfer: [memory.buffer] });
      return Buffer.alloc(1);
    },
  };
  assert.throws(() => vault.encryptSync(memory, context, options), TypeError);
});

test('an argument of the wrong type is a TypeError that names it; a promise rejects and never throws', async () => {
  const data = Buffer.alloc(4);
  const envelope = vault.encryptSync(data, context);
  const calls = [
    ['encrypt', ['text', context], /^data must be .* not a string: encode it first/],
    ['encrypt', [undefined, context], /^data must be .* not undefined/],
    ['encrypt', [null, context], /^data must be .* not null/],
    ['encrypt', [[1, 2], context], /^data must be .* not Array/],
    ['encrypt', [data], /^context must be .* not undefined/],
    ['encrypt', [data, 'organization_id'], /^context must be .* not a string/],
    ['encrypt', [data, [['organization_id', 'x']]], /^context must be .* not Array/],
    ['encrypt', [data, new Map([['organization_id', 'x']])], /^context must be .* not Map/],
    ['encrypt', [data, { organization_id: 7 }], /^context item "organization_id" must be a string, not a number/],
    ['encrypt', [data, { organization_id: undefined }], /^context item "organization_id" must be a string, not undefined/],
    ['encrypt', [data, { organization_id: null }], /^context item "organization_id" must be a string, not null/],
    ['encrypt', [data, { organization_id: {} }], /^context item "organization_id" must be a string, not Object/],
    ['encrypt', [data, context, null], /^options must be .* not null/],
    ['encrypt', [data, context, Buffer.alloc(1)], /^options must be .* not Uint8Array/],
    ['encrypt', [data, context, { AAD: Buffer.alloc(1) }], /^unknown option "AAD"/],
    ['encrypt', [data, context, { aad: 'record' }], /^aad must be .* not a string/],
    ['encrypt', [data, context, { aad: null }], /^aad must be .* not null/],
    ['decrypt', ['text', context], /^envelope must be .* not a string/],
    ['encryptInto', [data, context], /^output must be .* not undefined/],
    ['encryptInto', [data, context, new DataView(new ArrayBuffer(8))], /^output must be .* not DataView/],
    ['encryptInto', [data, context, new Uint8Array(new SharedArrayBuffer(999))], /^output must not be backed by a SharedArrayBuffer/],
    ['decryptInto', [envelope, context, 'text'], /^output must be .* not a string/],
    ['decryptDataKey', ['text', context], /^bundle must be .* not a string/],
    ['createDataKey', [7], /^context must be .* not a number/],
  ];
  for (const [verb, parameters, message] of calls) {
    const expected = { name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message };
    assert.throws(() => vault[`${verb}Sync`](...parameters), expected, `${verb}Sync`);
    const promise = vault[verb](...parameters);
    await assert.rejects(promise, expected, verb);
  }
  await assert.rejects(Vault.open(7), { name: 'TypeError', message: /^config must be .* not a number/ });
  await assert.rejects(init(7), { name: 'TypeError', message: /^directory must be .* not a number/ });
  assert.throws(() => vault.encryptedLengthLimit(-1, context), TypeError);
  assert.throws(() => vault.encryptedLengthLimit(1.5, context), TypeError);
  assert.throws(() => inspect('text'), TypeError);
  assert.throws(() => decryptedLength('text'), TypeError);
  assert.throws(() => new Vault(), /Vault\.open/);
  assert.throws(() => new context.constructor({}), /vault\.context/);
  assert.throws(() => vault.encryptSync.call({}, data, context), TypeError);
  await assert.rejects(vault.encrypt.call({}, data, context), TypeError);
});

test('messages never repeat a value', () => {
  const secret = 'hunter2';
  const attempts = [
    () => vault.encryptSync(secret, context),
    () => vault.encryptSync(Buffer.alloc(1), { organization_id: [secret] }),
    () => vault.encryptSync(Buffer.alloc(1), { organization_id: `${secret}\u0007` }),
    () => vault.encryptSync(Buffer.alloc(1), { organization_id: `${secret}\ud800` }),
    () => vault.encryptSync(Buffer.alloc(1), context, { aad: secret }),
  ];
  for (const attempt of attempts) {
    assert.throws(attempt, (error) => !`${error} ${error.stack} ${JSON.stringify(error)}`.includes(secret));
  }
});

test('a context may come from anywhere', () => {
  const data = Buffer.from('x');
  const envelope = vault.encryptSync(data, context);
  const foreign = vm.runInNewContext("({ organization_id: 'org_without_a_key' })");
  const bare = Object.assign(Object.create(null), MANAGED);
  for (const same of [{ ...MANAGED }, foreign, bare, managedVault().context(MANAGED)]) {
    assert.ok(vault.decryptSync(envelope, same).equals(data));
  }
  const inherited = Object.create(MANAGED);
  assert.throws(() => vault.decryptSync(envelope, inherited), InvalidContext);
});

test('a prepared context keeps what it was made from', () => {
  const items = { ...MANAGED };
  const prepared = vault.context(items);
  items.organization_id = 'another';
  assert.ok(vault.decryptSync(vault.encryptSync(Buffer.from('x'), prepared), MANAGED).equals(Buffer.from('x')));
  assert.throws(() => vault.context(context), TypeError);
});
