// Worker threads that end in the middle of a call: by process.exit(), by terminate(), or because their script is over. Each way is taken many times,
// and afterwards the main thread works as before. A crash would end this process, a hang the test.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import test from 'node:test';
import { Worker } from 'node:worker_threads';

import { CUSTOMER, kmsConfig, MANAGED, managedVault, newConfig, PATIENT, silentServer } from './support.mjs';

const LIMIT = { timeout: 300_000 };
const ROUNDS = 12;
const vault = managedVault();

// What is under way when the worker ends; nothing is awaited. The worker's vault is `vault`, its files belong to this thread.
const CALLS = {
  'a KMS call': 'const start = () => vault.encrypt(Buffer.alloc(1), CUSTOMER);',
  'an encryption on the pool': `
    const data = Buffer.alloc(4 << 20);
    const start = () => Array.from({ length: 6 }, () => vault.encrypt(data, MANAGED));`,
  'a decryption on the pool': `
    const envelope = vault.encryptSync(Buffer.alloc(4 << 20), MANAGED);
    const start = () => Array.from({ length: 6 }, () => vault.decrypt(envelope, MANAGED));`,
  'data keys': 'const start = () => Array.from({ length: 200 }, () => vault.createDataKey(MANAGED));',
  'streams': `
    const chunk = Buffer.alloc(4 << 20);
    const start = () =>
      Array.from({ length: 6 }, (_, index) => {
        const stream = vault.createEncryptStream(index === 0 ? CUSTOMER : MANAGED);
        stream.resume().on('error', () => {});
        return new Promise((resolve) => stream.write(chunk, resolve));
      });`,
  'reloading with a log': `
    vault.on('log', () => {});
    const start = () => Array.from({ length: 20 }, () => vault.reload(workerData));`,
  'opening': 'const start = () => Array.from({ length: 20 }, () => Vault.open(workerData));',
};

const ENDS = {
  'process.exit()': { script: 'start(); process.exit(0);' },
  'process.exit() while results arrive': { script: 'for (const call of [start()].flat()) call.then(() => process.exit(0), () => {}); setTimeout(() => process.exit(0), 20);' },
  'an exception': { script: "start(); setImmediate(() => { throw new Error('on purpose'); });" },
  'terminate()': { script: "start(); parentPort.postMessage('started'); setInterval(() => {}, 1000);", terminate: true },
};

for (const [call, prepare] of Object.entries(CALLS)) {
  for (const [end, { script, terminate }] of Object.entries(ENDS)) {
    test(`${end} during ${call}`, LIMIT, async (t) => {
      const { port } = await silentServer(t);
      const workerData = kmsConfig(port, PATIENT);
      for (let round = 0; round < ROUNDS; round += 1) {
        const worker = start(`const vault = Vault.openSync(workerData); ${prepare}\n${script}`, workerData);
        const unexpected = [];
        worker.on('error', (error) => error.message === 'on purpose' || unexpected.push(error));
        const exit = once(worker, 'exit').catch(() => {});
        if (terminate) {
          await Promise.race([once(worker, 'message'), exit]);
          await worker.terminate();
        }
        await exit;
        assert.deepEqual(unexpected, []);
      }
      assert.ok(vault.decryptSync(await vault.encrypt(Buffer.from('x'), MANAGED), MANAGED).equals(Buffer.from('x')));
    });
  }
}

test('a worker that is done ends, although a vault is open in it', LIMIT, async () => {
  const script = `
    const vault = Vault.openSync(workerData);
    await vault.decrypt(await vault.encrypt(Buffer.alloc(1), MANAGED), MANAGED);`;
  assert.deepEqual(await once(start(script, newConfig()), 'exit'), [0]);
});

function start(script, workerData) {
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { Vault } from ${JSON.stringify(new URL('../index.mjs', import.meta.url).href)};
    const CUSTOMER = ${JSON.stringify(CUSTOMER)}, MANAGED = ${JSON.stringify(MANAGED)};
    ${script}`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData, execArgv: ['--no-warnings'] });
}
