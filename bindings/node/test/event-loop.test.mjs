// Nothing blocks the event loop, and a KMS that never answers ends in Timeout. The KMS here is a socket of this very event loop: were it blocked, the
// connection that the tests wait for would never be accepted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { KmsUnavailable, Timeout, WouldBlock } from '../index.mjs';
import { CUSTOMER, MANAGED, managedVault, PATIENT, silentServer, temporaryDirectory, vaultWithKms } from './support.mjs';

const data = Buffer.from('data');
// Generous: it only keeps a hanging test from hanging the run.
const LIMIT = { timeout: 120_000 };
const HASTY = { connect: 200, attempt: 300, total: 600 };

test('the loop turns, timers fire and other tenants work while a KMS is silent', LIMIT, async (t) => {
  const { server, port, hangUp } = await silentServer(t);
  const vault = vaultWithKms(port, PATIENT);
  let isPending = true;
  const pending = vault.encrypt(data, CUSTOMER).finally(() => {
    isPending = false;
  });
  pending.catch(() => {});
  await once(server, 'connection');
  for (let turn = 0; turn < 100; turn += 1) {
    await nextTurn();
    await new Promise((resolve) => setTimeout(resolve, 0));
    const envelope = await vault.encrypt(data, MANAGED);
    assert.ok((await vault.decrypt(envelope, MANAGED)).equals(data));
  }
  assert.equal(isPending, true);
  server.on('connection', (socket) => socket.destroy());
  hangUp();
  await assert.rejects(pending, (error) => {
    assert.ok(error instanceof KmsUnavailable, `${error}`);
    assert.deepEqual([error.provider, error.keyId, error.operation, error.retryable], ['aws', 'key_customer', 'wrap', true]);
    return true;
  });
});

test('a KMS that never answers ends in Timeout, and the root key is not used instead', LIMIT, async (t) => {
  const { port } = await silentServer(t);
  const vault = vaultWithKms(port, HASTY);
  await assert.rejects(vault.encrypt(data, CUSTOMER), Timeout);
  await assert.rejects(vault.createDataKey(CUSTOMER), Timeout);
  await assert.rejects(vault.encryptInto(data, CUSTOMER, new Uint8Array(4096)), Timeout);
  const { managedWraps, kmsWraps } = vault.stats();
  assert.deepEqual([managedWraps, kmsWraps > 0], [0, true]);
});

test('what would have to wait for the network is refused at once by the Sync forms', LIMIT, async (t) => {
  const { server, port } = await silentServer(t);
  server.on('connection', () => assert.fail('a Sync call went to the network'));
  const vault = vaultWithKms(port, HASTY);
  assert.throws(() => vault.encryptSync(data, CUSTOMER), WouldBlock);
  assert.throws(() => vault.encryptIntoSync(data, CUSTOMER, new Uint8Array(4096)), WouldBlock);
  assert.throws(() => vault.createDataKeySync(CUSTOMER), WouldBlock);
  assert.deepEqual(vault.matchContext(CUSTOMER), {
    policy: 'customer_gated',
    bindings: [{ id: 'bnd_customer', owner: 'customer', keyIds: ['key_customer'] }],
  });
});

test('streams, files and large chunks keep the loop turning', LIMIT, async (t) => {
  const directory = temporaryDirectory();
  const [source, target] = ['source', 'target'].map((name) => path.join(directory, name));
  const large = Buffer.alloc(64 << 20);
  writeFileSync(source, large);
  const vault = managedVault();
  const works = {
    'a chunk of 64 MiB': () => pipeline([large], vault.createEncryptStream(MANAGED), new Writable({ write: (_chunk, _encoding, done) => done() })),
    'a web stream': () => Readable.toWeb(Readable.from([large])).pipeThrough(vault.encryptWebStream(MANAGED)).pipeTo(new WritableStream()),
    'a file': () => vault.encryptFile(source, target, MANAGED, { replace: true }),
  };
  for (const [name, work] of Object.entries(works)) {
    await t.test(name, async () => {
      let turns = 0;
      let isDone = false;
      const done = work().finally(() => {
        isDone = true;
      });
      while (!isDone) {
        await nextTurn();
        turns += 1;
      }
      await done;
      // Were the work done on the loop there would be a handful; a count instead of a time, since other programs may need the processor.
      assert.ok(turns > 60, `${turns} turns`);
    });
  }
});

test('a stream that waits for its KMS holds up nobody', LIMIT, async (t) => {
  const { server, port } = await silentServer(t);
  const vault = vaultWithKms(port, PATIENT);
  const waiting = vault.createEncryptStream(CUSTOMER);
  await once(server, 'connection');
  for (let turn = 0; turn < 20; turn += 1) {
    const envelope = await buffer(Readable.from([data]).pipe(vault.createEncryptStream(MANAGED)));
    assert.ok(vault.decryptSync(envelope, MANAGED).equals(data));
  }
  waiting.destroy();
});
