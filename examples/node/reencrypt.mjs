// Encrypts anew, with a new data key, after the organization brought its own key: no older copy of a key opens the new envelope.
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

import { init, inspect, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const managed = await Vault.open('libvault.toml');
const context = { organization_id: 'org_123' };
const envelope = await managed.encrypt(Buffer.from('attack at dawn'), context);

// In production the key is an AWS KMS key: { id, provider: 'aws', arn }. A key file needs no account.
if (!existsSync('customer.key')) {
  writeFileSync('customer.key', `libvault key file v1\n1 ${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
}
const customer = await Vault.open({
  store: 'vault.db',
  root_key: { provider: 'local', path: 'root.key' },
  bindings: [
    {
      id: 'bnd_org_123',
      owner: 'org_123',
      selector: { organization_id: 'org_123' },
      keys: [{ id: 'key_org_123', provider: 'local', path: 'customer.key' }],
    },
  ],
});

const anew = await customer.reencrypt(envelope, context); // store it in place of the old one
console.log(`${inspect(envelope).policy} -> ${inspect(anew).policy}`);
console.log(`same data key: ${inspect(envelope).dataKeyId === inspect(anew).dataKeyId}`);
console.log(`${await customer.decrypt(anew, context)}`);
