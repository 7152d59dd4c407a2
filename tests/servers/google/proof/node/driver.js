// Drives the official client of Node in its REST mode: one JSON object a line in, one out. See ../driver.py.
'use strict';

const fs = require('node:fs');
const readline = require('node:readline');
const tls = require('node:tls');
const { KeyManagementServiceClient } = require('@google-cloud/kms');
const { GoogleAuth, JWT, OAuth2Client } = require('google-auth-library');

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const CODES = { 3: 'INVALID_ARGUMENT', 5: 'NOT_FOUND', 7: 'PERMISSION_DENIED', 8: 'RESOURCE_EXHAUSTED', 9: 'FAILED_PRECONDITION',
  16: 'UNAUTHENTICATED' };
const PRECONDITION_FAILURE = 'type.googleapis.com/google.rpc.PreconditionFailure';
const endpoint = new URL(process.argv[2]);
const clients = new Map();

// This library asks oauth2.googleapis.com and iamcredentials.googleapis.com, whatever the file says; here they are the test server.
const connect = tls.connect;
tls.connect = (options, ...more) =>
  connect(/\.googleapis\.com$/.test(options.host) ? { ...options, host: endpoint.hostname, port: endpoint.port } : options, ...more);

async function client(question) {
  const chosen = JSON.stringify([question.credentials, question.exchange]);
  if (!clients.has(chosen)) {
    const options = { fallback: true, apiEndpoint: endpoint.hostname, port: Number(endpoint.port) };
    const content = JSON.parse(fs.readFileSync(question.credentials, 'utf8'));
    if (content.type === 'service_account' && question.exchange) {
      // Left to itself, the client lets a service account sign for itself and never asks for a token.
      const { client_email: email, private_key: key, private_key_id: keyId } = content;
      const { access_token } = await new JWT({ email, key, keyId, scopes: [SCOPE] }).authorize();
      options.authClient = new OAuth2Client();
      options.authClient.setCredentials({ access_token });
    } else {
      options.auth = new GoogleAuth({ keyFilename: question.credentials, scopes: [SCOPE] });
    }
    clients.set(chosen, new KeyManagementServiceClient(options));
  }
  return clients.get(chosen);
}

function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

// As told; by default the right one.
function checksum(question, field) {
  const told = question[`${field}_crc32c`];
  const value = told === undefined ? crc32c(Buffer.from(question[field] ?? '', 'base64')) : told;
  return value === null ? undefined : { value };
}

const operations = {
  async encrypt(question, options) {
    const [answer] = await (await client(question)).encrypt({
      name: question.name,
      plaintext: Buffer.from(question.plaintext, 'base64'),
      additionalAuthenticatedData: Buffer.from(question.aad ?? '', 'base64'),
      plaintextCrc32c: checksum(question, 'plaintext'),
      additionalAuthenticatedDataCrc32c: checksum(question, 'aad'),
    }, options);
    return {
      name: answer.name,
      ciphertext: Buffer.from(answer.ciphertext).toString('base64'),
      checksum_matches: Number(answer.ciphertextCrc32c.value) === crc32c(answer.ciphertext),
      verified_plaintext: answer.verifiedPlaintextCrc32c,
      verified_aad: answer.verifiedAdditionalAuthenticatedDataCrc32c,
      protection_level: answer.protectionLevel,
    };
  },

  async decrypt(question, options) {
    const [answer] = await (await client(question)).decrypt({
      name: question.name,
      ciphertext: Buffer.from(question.ciphertext, 'base64'),
      additionalAuthenticatedData: Buffer.from(question.aad ?? '', 'base64'),
      ciphertextCrc32c: checksum(question, 'ciphertext'),
      additionalAuthenticatedDataCrc32c: checksum(question, 'aad'),
    }, options);
    return {
      plaintext: Buffer.from(answer.plaintext).toString('base64'),
      checksum_matches: Number(answer.plaintextCrc32c.value) === crc32c(answer.plaintext),
      used_primary: answer.usedPrimary,
      protection_level: answer.protectionLevel,
    };
  },

  async get_crypto_key(question, options) {
    const [answer] = await (await client(question)).getCryptoKey({ name: question.name }, options);
    return { name: answer.name, primary: answer.primary.name, primary_state: answer.primary.state };
  },

  async list_versions(question, options) {
    const [versions] = await (await client(question)).listCryptoKeyVersions({ parent: question.name }, options);
    return { versions: versions.map(version => [version.name, version.state]) };
  },
};

async function answer(question) {
  // Nothing is tried again unless the question wants it, so that one call is one request.
  const backoffSettings = { initialRetryDelayMillis: 10, retryDelayMultiplier: 1.5, maxRetryDelayMillis: 1000, totalTimeoutMillis: 20000,
    initialRpcTimeoutMillis: 20000, rpcTimeoutMultiplier: 1, maxRpcTimeoutMillis: 20000 };
  const retry = { retryCodes: question.retry_throttled ? [8, 429] : [], backoffSettings };
  try {
    return { ok: await operations[question.operation](question, { retry }) };
  } catch (error) {
    return { error: describe(error) };
  }
}

// In REST mode version 5 throws what its HTTP library does, with the body of the answer as the message. Version 6 reads the body,
// and leaves out of what type a detail is.
function describe(error) {
  if (error.constructor.name === 'GoogleError' && error.code in CODES) {
    // Nor does it tell the refusals of the token endpoints from those of the service, but by their texts.
    const refusedToken = /^Error code |iam\.serviceAccounts\.getAccessToken/.test(error.message);
    const typed = detail => ('violations' in detail ? { '@type': PRECONDITION_FAILURE, ...detail } : detail);
    return { code: refusedToken ? 'TOKEN_REFUSED' : CODES[error.code], message: error.message, details: (error.statusDetails ?? []).map(typed) };
  }
  if (String(error.config?.url).includes('/keyRings/')) {
    const { status, message, details } = JSON.parse(error.message).error;
    return { code: status, message, details: details ?? [] };
  }
  const body = error.response?.data;
  return { code: 'TOKEN_REFUSED', message: body ? JSON.stringify(body) : error.message, details: [] };
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n');
  }
})();
