// Which keys would protect new data of a context: without a KMS call, for a settings page or a check before a migration.
import { copyFileSync, existsSync } from 'node:fs';

import { init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
if (!existsSync('customer.key')) copyFileSync('root.key', 'customer.key');
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
