// What the tests share: directories that vanish, vaults in them, and the vectors.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { initSync, Vault } from '../index.mjs';

export const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
export const VECTORS = fileURLToPath(new URL('../../../tests/vectors', import.meta.url));

export const MANAGED = Object.freeze({ organization_id: 'org_without_a_key' });
export const CUSTOMER = Object.freeze({ organization_id: 'org_customer' });

/** Timeouts that no test waits for. */
export const PATIENT = Object.freeze({ connect: 60_000, attempt: 60_000, total: 60_000 });

export function readVectors(name) {
  return JSON.parse(readFileSync(path.join(VECTORS, name), 'utf8'));
}

/** A directory that is removed when the test file ends. */
export function temporaryDirectory() {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'libvault-node-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A vault with managed keys only. */
export function managedVault() {
  return Vault.openSync(initSync(temporaryDirectory()).config);
}

/** The configuration object of a new root key and store, with changes. */
export function newConfig(changes = {}) {
  const made = initSync(temporaryDirectory());
  return { store: made.store, root_key: { provider: 'local', path: made.rootKey }, ...changes };
}

/** The file of a customer's key beside the root key of a configuration. */
export function customerKey(config) {
  const file = `${config.root_key.path}.customer`;
  if (!existsSync(file)) writeFileSync(file, `libvault key file v1\n1 ${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  return file;
}

/** A vault whose CUSTOMER is bound to a key in a KMS at a port of this machine. */
export function vaultWithKms(port, timeouts) {
  return Vault.openSync(kmsConfig(port, timeouts));
}

/** Its configuration. */
export function kmsConfig(port, timeouts) {
  const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  const keys = [{ id: 'key_customer', provider: 'aws', arn }];
  return newConfig({
    leases: { max_age: 0 },
    timeouts,
    aws: { credentials: 'static', access_key_id: 'test', secret_access_key: 'test', endpoint: `http://127.0.0.1:${port}` },
    development: { allow_endpoint: true },
    bindings: [{ id: 'bnd_customer', owner: 'customer', selector: CUSTOMER, keys }],
  });
}

/** A KMS that accepts connections and never answers. */
export async function silentServer(t) {
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const hangUp = () => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    hangUp();
    server.close();
  });
  return { server, port: server.address().port, hangUp };
}

/** A vault on a copy of the vectors' fixture; git does not keep the modes that libvault insists on. */
export function fixtureVault() {
  const directory = temporaryDirectory();
  cpSync(path.join(VECTORS, 'fixture'), directory, { recursive: true });
  for (const name of readdirSync(directory)) {
    if (/\.(key|db)$/.test(name)) chmodSync(path.join(directory, name), 0o600);
  }
  return Vault.openSync(path.join(directory, 'libvault.toml'));
}
