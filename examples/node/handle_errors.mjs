// What to do about a failure: by class, by kind, and by whether the same call may succeed later.
import { existsSync } from 'node:fs';

import { AuthenticationFailed, init, KeyDisabled, Vault, VaultError } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');
const context = { organization_id: 'org_123' };

async function read(envelope) {
  try {
    return `${await vault.decrypt(envelope, context)}`;
  } catch (error) {
    if (!(error instanceof VaultError)) throw error; // a TypeError is a mistake in this program
    if (error instanceof KeyDisabled) return `the customer switched ${error.keyId} off; request ${error.requestId}`;
    if (error instanceof AuthenticationFailed) return 'damaged, or not made with this key';
    if (error.retryable) return `${error.provider} is not available: try again later`;
    return `${error.code} (${error.number}, ${error.kind}): ${error.message}`;
  }
}

const envelope = await vault.encrypt(Buffer.from('attack at dawn'), context);
console.log(await read(envelope));
envelope[envelope.length - 1] ^= 1;
console.log(await read(envelope));
console.log(await read(Buffer.from('this is no envelope of anybody')));
vault.close();
console.log(await read(envelope));
