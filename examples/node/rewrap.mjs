// Wraps an envelope anew by the keys that match now, without touching the payload: here after the organization brought its own key.
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

import { DowngradeRefused, init, inspect, Vault } from 'libvault';

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

// A rewrap keeps the data key, so older copies of the envelope stay readable by the vendor. That has to be meant; reencrypt.mjs avoids it.
try {
  await customer.rewrap(envelope, context);
} catch (error) {
  if (!(error instanceof DowngradeRefused)) throw error;
  console.log(`without keepDataKey: ${error.code}`);
}
const rewrapped = await customer.rewrap(envelope, context, { keepDataKey: true });
const { policy, moved } = inspect(rewrapped);
console.log(`${inspect(envelope).policy} -> ${policy}, moved: ${moved}`);
console.log(`${await customer.decrypt(rewrapped, context)}`);
