// Every code of the error table that can be reached is provoked through the public API; tests/vectors/reachable.json says how, and which.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';

import { init, Vault, VaultError } from '../index.mjs';
import { CUSTOMER, customerKey, fixtureVault, kmsConfig, managedVault, newConfig, PATIENT, readVectors, silentServer, temporaryDirectory } from './support.mjs';

const ORGANIZATION = { organization_id: 'org_123' };
const data = Buffer.from('data');
const { codes } = readVectors('reachable.json');

/** What the KMS answers for each fault of the file. */
const REFUSALS = {
  not_found: ['NotFoundException', 'no such key'],
  disabled: ['DisabledException', 'the key is disabled.'],
  pending_deletion: ['KMSInvalidStateException', 'the key is pending deletion.'],
  access_denied: ['AccessDeniedException', 'no'],
  throttled: ['ThrottlingException', 'Rate exceeded'],
};

const BY_CODE = {
  InvalidContext: () => managedVault().encrypt(data, {}),
  UnknownContextName: () => bound('UnknownContextName').encrypt(data, { organizationId: 'org_123' }),
  ContextMismatch: () => decrypted((envelope, vault) => vault.decrypt(envelope, { organization_id: 'another' })),
  Malformed: () => decrypted((envelope, vault) => vault.decrypt(envelope.subarray(0, -20), ORGANIZATION)),
  UnsupportedFormat: () => managedVault().decrypt(Buffer.from('this is no envelope of anybody'), ORGANIZATION),
  BufferTooSmall: () => managedVault().encryptInto(data, ORGANIZATION, Buffer.alloc(1)),
  NoMatchingKey: () => Vault.openSync(newConfig({ fallback: 'deny' })).encrypt(data, ORGANIZATION),
  DowngradeRefused: () => {
    const config = newConfig();
    const vault = bound('UnknownContextName', config);
    const envelope = vault.encryptSync(data, ORGANIZATION);
    return bound('DowngradeRefused', config).rewrap(envelope, ORGANIZATION);
  },
  KeySuspended: () => bound('KeySuspended').encrypt(data, ORGANIZATION),
  KeyNotReady: () => bound('KeyNotReady').encrypt(data, ORGANIZATION),
  StoreUnavailable: async () => {
    const config = newConfig();
    writeFileSync(config.store, 'something else than a store, and long enough to be looked at: '.repeat(20));
    const vault = await Vault.open(config);
    return vault.encrypt(data, ORGANIZATION);
  },
  AuditUnavailable: async () => {
    const vault = await Vault.open(newConfig({ audit: { sink: 'file', path: '/dev/full' } }));
    return vault.encrypt(data, ORGANIZATION);
  },
  AuthenticationFailed: () =>
    decrypted((envelope, vault) => {
      envelope[envelope.length - 1] ^= 1;
      return vault.decrypt(envelope, ORGANIZATION);
    }),
  Timeout: async (t) => atKms((await silentServer(t)).port, { timeout: 200 }),
  Cancelled: async (t) => {
    const { server, port } = await silentServer(t);
    const controller = new AbortController();
    server.once('connection', () => controller.abort());
    return atKms(port, { signal: controller.signal });
  },
  KmsUnavailable: () => atKms(9),
  RegionNotAllowed: () => Vault.openSync({ ...kmsConfig(9, PATIENT), allowed_regions: ['us-east-1'] }).encrypt(data, CUSTOMER),
  CircuitOpen: async () => {
    const vault = Vault.openSync(kmsConfig(9, PATIENT));
    for (let call = 0; call < 5; call += 1) {
      await assert.rejects(vault.encrypt(data, CUSTOMER), { code: 'KmsUnavailable' });
    }
    return vault.encrypt(data, CUSTOMER);
  },
  WouldBlock: () => Vault.openSync(kmsConfig(9, PATIENT)).encryptSync(data, CUSTOMER),
  Closed: () => {
    const vault = managedVault();
    vault.close();
    return vault.encrypt(data, ORGANIZATION);
  },
  Conflict: async () => {
    const directory = temporaryDirectory();
    await init(directory);
    return init(directory);
  },
  InvalidConfig: () => Vault.open(newConfig({ surprise: true })),
};

for (const [code, { reachable, how, vector, kms_fault: fault, not_in: elsewhere, arrives_with: later }] of Object.entries(codes)) {
  if (elsewhere?.node !== undefined) continue;
  test(`${code}: ${reachable ? how : `arrives with ${later}`}`, { timeout: 60_000, todo: reachable ? false : 'not reachable yet' }, async (t) => {
    if (!reachable) return;
    const provoke = BY_CODE[code] ?? (vector && (() => open(vector))) ?? (REFUSALS[fault] && (() => refusedBy(t, REFUSALS[fault])));
    assert.ok(provoke, `no way to ${code} is known here`);
    const error = await Promise.resolve()
      .then(() => provoke(t))
      .then(() => assert.fail('nothing went wrong'), (reason) => reason);
    assert.ok(error instanceof VaultError, error.stack);
    assert.equal(error.code, code, error.message);
  });
}

/** A vault whose ORGANIZATION has a key file, with the fields of the file's example. */
function bound(code, config = newConfig()) {
  const key = { id: 'key_123', provider: 'local', path: customerKey(config) };
  const binding = { id: 'bnd_123', owner: 'org_123', selector: ORGANIZATION, keys: [key], ...codes[code].binding };
  return Vault.openSync({ ...config, bindings: [binding] });
}

function decrypted(decrypt) {
  const vault = managedVault();
  return decrypt(vault.encryptSync(data, ORGANIZATION), vault);
}

function open(name) {
  const { vectors } = readVectors('envelope.json');
  const { context, envelope_hex: hex } = vectors.find((vector) => vector.name === name);
  return fixtureVault().decrypt(Buffer.from(hex, 'hex'), context);
}

async function refusedBy(t, [type, message]) {
  const server = http.createServer((request, response) => {
    request.resume();
    response.writeHead(400, { 'Content-Type': 'application/x-amz-json-1.1' }).end(JSON.stringify({ __type: type, message }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return atKms(server.address().port);
}

function atKms(port, options) {
  return Vault.openSync(kmsConfig(port, { connect: 500, attempt: 5_000, total: 20_000 })).encrypt(data, CUSTOMER, options);
}
