// Whole files, which appear complete or not at all, and reading anywhere in an encrypted one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

import { AuthenticationFailed, Cancelled, Closed, Conflict, ContextMismatch, DecryptReader, inspect, Timeout, VaultError } from '../index.mjs';
import { CUSTOMER, MANAGED, managedVault, PACKAGE, PATIENT, silentServer, temporaryDirectory, vaultWithKms } from './support.mjs';

const LIMIT = { timeout: 120_000 };
const FRAME = 4_096;
const vault = managedVault();
const aad = Buffer.from('record 7');

/** A directory with a file of random bytes, and the names of what tests make beside it. */
function workplace(length) {
  const directory = temporaryDirectory();
  const place = (name) => path.join(directory, name);
  const data = randomBytes(length);
  writeFileSync(place('data'), data);
  return { data, directory, source: place('data'), envelope: place('envelope'), output: place('output'), list: () => readdirSync(directory).sort() };
}

test('a file of every length comes back, by path and by URL', LIMIT, async () => {
  for (const length of [0, 1, FRAME, 3 * FRAME + 1, 9_000_000]) {
    const { data, source, envelope, output, list } = workplace(length);
    await vault.encryptFile(source, envelope, MANAGED, { aad, frameSize: FRAME });
    assert.equal(inspect(readFileSync(envelope)).frameSize, FRAME);
    await vault.decryptFile(pathToFileURL(envelope), pathToFileURL(output), MANAGED, { aad });
    assert.ok(readFileSync(output).equals(data));
    assert.equal(statSync(output).mode & 0o777, 0o600);
    assert.deepEqual(list(), ['data', 'envelope', 'output']);
  }
});

test('an existing target is a Conflict and stays as it is, unless it may be replaced', LIMIT, async () => {
  const { data, source, envelope, output } = workplace(10_000);
  writeFileSync(envelope, 'mine');
  await assert.rejects(vault.encryptFile(source, envelope, MANAGED), Conflict);
  assert.equal(readFileSync(envelope, 'utf8'), 'mine');
  await vault.encryptFile(source, envelope, MANAGED, { replace: true });
  writeFileSync(output, 'mine');
  await assert.rejects(vault.decryptFile(envelope, output, MANAGED), Conflict);
  await vault.decryptFile(envelope, output, MANAGED, { replace: true });
  assert.ok(readFileSync(output).equals(data));
});

test('of a failure nothing is left', LIMIT, async () => {
  const { source, envelope, output, directory, list } = workplace(300_000);
  await vault.encryptFile(source, envelope, MANAGED);
  const attempts = [
    [() => vault.decryptFile(envelope, output, { organization_id: 'another' }), ContextMismatch],
    [() => vault.decryptFile(envelope, output, MANAGED, { aad }), AuthenticationFailed],
    [() => vault.decryptFile(source, output, MANAGED), VaultError],
    [() => vault.decryptFile(path.join(directory, 'missing'), output, MANAGED), VaultError],
    [() => vault.encryptFile(source, path.join(directory, 'missing', 'output'), MANAGED), VaultError],
    [() => vault.encryptFile(directory, output, MANAGED), VaultError],
  ];
  for (const [attempt, errorClass] of attempts) {
    await assert.rejects(attempt(), errorClass);
    assert.deepEqual(list(), ['data', 'envelope']);
  }
  for (const length of [readFileSync(envelope).length - 1, 200_000, 100, 0]) {
    truncateSync(envelope, length);
    await assert.rejects(vault.decryptFile(envelope, output, MANAGED), VaultError);
    assert.deepEqual(list(), ['data', 'envelope']);
  }
});

test('aborting ends a file at every moment, and leaves nothing', LIMIT, async (t) => {
  const { source, envelope, list } = workplace(60_000_000);
  assert.deepEqual(list(), ['data']);
  for (const milliseconds of [0, 1, 5, 20]) {
    const controller = new AbortController();
    const pending = vault.encryptFile(source, envelope, MANAGED, { signal: controller.signal });
    setTimeout(() => controller.abort('enough'), milliseconds);
    await assert.rejects(pending, (error) => error instanceof Cancelled && error.cause === 'enough');
    assert.deepEqual(list(), ['data']);
  }
  await assert.rejects(vault.encryptFile(source, envelope, MANAGED, { signal: AbortSignal.abort('before') }), Cancelled);

  const { port } = await silentServer(t);
  await assert.rejects(vaultWithKms(port, PATIENT).encryptFile(source, envelope, CUSTOMER, { timeout: 100 }), Timeout);
  assert.deepEqual(list(), ['data']);
});

test('a process that is killed leaves no file under the final name', LIMIT, async () => {
  const { source, envelope } = workplace(100_000_000);
  const program = `
    import { managedVault, MANAGED } from ${JSON.stringify(new URL('./support.mjs', import.meta.url).href)};
    process.stdout.write('started');
    await managedVault().encryptFile(${JSON.stringify(source)}, ${JSON.stringify(envelope)}, MANAGED);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { cwd: PACKAGE, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await new Promise((resolve) => setTimeout(resolve, 30));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(existsSync(envelope), false);
});

test('a worker that ends in the middle of a file leaves nothing', LIMIT, async () => {
  const { source, envelope, list } = workplace(60_000_000);
  const script = `
    const { Vault } = require(${JSON.stringify(path.join(PACKAGE, 'index.js'))});
    const { workerData, parentPort } = require('node:worker_threads');
    Vault.openSync(workerData.config).encryptFile(workerData.source, workerData.envelope, { organization_id: 'a' });
    parentPort.postMessage('started');
    setInterval(() => {}, 1000);`;
  const { initSync } = await import('../index.mjs');
  const workerData = { config: initSync(temporaryDirectory()).config, source, envelope };
  for (let round = 0; round < 8; round += 1) {
    const worker = new Worker(script, { eval: true, workerData });
    await once(worker, 'message');
    await new Promise((resolve) => setTimeout(resolve, 2 * round));
    await worker.terminate();
    assert.equal(existsSync(envelope), false);
  }
  const deadline = Date.now() + 30_000;
  while (list().length > 1 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(list(), ['data']);
});

test('reading anywhere', LIMIT, async () => {
  const { data, source, envelope, output } = workplace(10 * FRAME + 123);
  await vault.encryptFile(source, envelope, MANAGED, { frameSize: FRAME, aad });
  writeFileSync(output, vault.encryptSync(data, MANAGED, { aad }));
  for (const file of [envelope, output]) {
    const reader = await vault.openDecrypt(file, MANAGED, { aad });
    assert.ok(reader instanceof DecryptReader);
    assert.equal(reader.length, data.length);
    const places = [[0, 10], [FRAME - 1, 2], [3 * FRAME + 5, 2 * FRAME], [data.length - 1, 1], [0, data.length], [data.length - 5, 100], [data.length, 5], [data.length + 1_000, 5], [7, 0]];
    const read = await Promise.all(places.map(([offset, length]) => reader.readAt(offset, length)));
    places.forEach(([offset, length], index) => assert.ok(read[index].equals(data.subarray(offset, offset + length)), `${offset} ${length}`));
    const pending = reader.readAt(0, 5);
    await reader.close();
    await pending.catch((error) => assert.ok(error instanceof VaultError));
    await assert.rejects(reader.readAt(0, 5), Closed);
    await reader.close();
  }
});

test('a reader finds what is missing when it is opened, and what was altered when it is read', LIMIT, async () => {
  const { data, source, envelope } = workplace(10 * FRAME + 123);
  await vault.encryptFile(source, envelope, MANAGED, { frameSize: FRAME });
  const bytes = readFileSync(envelope);
  const header = bytes.length - data.length - 11 * 16;
  bytes[header + 2 * (FRAME + 16) + 1] ^= 1;
  writeFileSync(envelope, bytes);
  const reader = await vault.openDecrypt(envelope, MANAGED);
  assert.ok((await reader.readAt(0, 2 * FRAME)).equals(data.subarray(0, 2 * FRAME)));
  await assert.rejects(reader.readAt(2 * FRAME, 1), AuthenticationFailed);
  await reader.close();

  for (const length of [header + 3 * (FRAME + 16), bytes.length - 1, header, 10, 0]) {
    truncateSync(envelope, length);
    await assert.rejects(vault.openDecrypt(envelope, MANAGED), VaultError);
  }
  await assert.rejects(vault.openDecrypt(source, MANAGED), VaultError);
  await assert.rejects(vault.openDecrypt(`${source}.missing`, MANAGED), VaultError);
});

test('arguments of the wrong type', LIMIT, async () => {
  const { source, envelope } = workplace(10);
  await vault.encryptFile(source, envelope, MANAGED);
  const wrongType = (message) => ({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE', message });
  await assert.rejects(vault.encryptFile(7, envelope, MANAGED), wrongType(/^source must be a path/));
  await assert.rejects(vault.encryptFile(source, undefined, MANAGED), wrongType(/^target must be a path/));
  await assert.rejects(vault.encryptFile(source, envelope, MANAGED, { replace: 1 }), wrongType(/^replace must be a boolean/));
  await assert.rejects(vault.decryptFile(source, envelope, MANAGED, { frameSize: FRAME }), wrongType(/^unknown option "frameSize"/));
  await assert.rejects(vault.openDecrypt(null, MANAGED), wrongType(/^path must be a path/));
  const reader = await vault.openDecrypt(envelope, MANAGED);
  await assert.rejects(reader.readAt('0', 1), wrongType(/^offset must be an integer/));
  await assert.rejects(reader.readAt(0, 1.5), wrongType(/^length must be an integer/));
  await assert.rejects(reader.readAt(-1, 1), { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' });
  await reader.close();
  assert.throws(() => new DecryptReader(), /vault\.openDecrypt/);
});
