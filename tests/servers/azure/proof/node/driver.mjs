// Does with the official Node clients what it is told on standard input, as described in ../drivers.py.
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import { ClientAssertionCredential, ClientCertificateCredential, ClientSecretCredential } from '@azure/identity';
import { CryptographyClient } from '@azure/keyvault-keys';

function credential(given) {
  switch (given.kind) {
    case 'secret':
      return new ClientSecretCredential(given.tenant, given.client_id, given.secret);
    case 'certificate':
      return new ClientCertificateCredential(given.tenant, given.client_id, { certificatePath: given.path });
    case 'assertion':
      return new ClientAssertionCredential(given.tenant, given.client_id, async () => given.assertion);
    case 'token':
      return { getToken: async () => ({ token: given.token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  }
}

// `note` is given the body of every answer of the vault.
async function operate(command, note) {
  if (command.do === 'token') return { token: (await credential(command.credential).getToken(command.scope)).token };
  const identifier = [command.vault, 'keys', command.key, command.version].filter(Boolean).join('/');
  // The tests grant no right to get the public key, so that the service wraps and not the client.
  const client = new CryptographyClient(identifier, credential(command.credential));
  const operation = command.do === 'wrap' ? 'wrapKey' : 'unwrapKey';
  const options = { onResponse: (response) => note(JSON.parse(response.bodyAsText || '{}')) };
  return (await client[operation](command.algorithm, Buffer.from(command.value, 'base64'), options)).result;
}

async function answer(command) {
  let body = {};
  try {
    const result = await operate(command, (answered) => { body = answered; });
    if (command.do === 'token') return result;
    // The client itself reports the identifier that it was made with, without a version if that had none.
    return { kid: body.kid, value: Buffer.from(result).toString('base64') };
  } catch (error) {
    const { code = null, innererror } = body.error ?? {};
    return { status: error.statusCode ?? null, code, inner: innererror?.code ?? null, message: String(error) };
  }
}

const installed = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
say({ clients: Object.fromEntries(['@azure/keyvault-keys', '@azure/identity'].map((name) => [name, installed(name)])) });
for await (const line of createInterface({ input: process.stdin })) say(await answer(JSON.parse(line)));
