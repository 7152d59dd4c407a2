// Takes over a changed configuration while the program runs, as on SIGHUP. A bad one changes nothing.
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';

import { init, InvalidConfig, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');
const context = vault.context({ organization_id: 'org_123' });
console.log(`before: ${vault.matchContext(context).policy}`);

if (!existsSync('customer.key')) {
  writeFileSync('customer.key', `libvault key file v1\n1 ${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  appendFileSync(
    'libvault.toml',
    `
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
selector = { organization_id = "org_123" }
keys = [{ id = "key_org_123", provider = "local", path = "customer.key" }]
`,
  );
}
await vault.reload('libvault.toml'); // holds for every call from now on, also for those under way
console.log(`after: ${vault.matchContext(context).policy}`);

try {
  await vault.reload({ store: 'vault.db', surprise: true });
} catch (error) {
  if (!(error instanceof InvalidConfig)) throw error;
  console.log(`refused: ${error.field}; in force: ${vault.matchContext(context).policy}`);
}
vault.close();
