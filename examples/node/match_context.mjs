// Which keys would protect new data of a context: without a KMS call, for a settings page or a check before a migration.
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';

import { init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
if (!existsSync('customer.key')) {
  writeFileSync('customer.key', `libvault key file v1\n1 ${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
}
const vault = await Vault.open({
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

for (const context of [{ organization_id: 'org_123', user_id: 'u1' }, { organization_id: 'org_456' }]) {
  const { policy, bindings } = vault.matchContext(context);
  const keys = bindings.flatMap(({ keyIds }) => keyIds);
  console.log(`${context.organization_id}: ${policy}, ${keys.join(', ') || 'the vendor’s keys'}`);
}
vault.close();
