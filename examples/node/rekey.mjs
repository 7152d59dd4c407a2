// Moves a data key to another context, as when a workspace moves to another organization. What it encrypted stays as it is.
import { existsSync } from 'node:fs';

import { ContextMismatch, init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');
const from = { organization_id: 'org_123' };
const to = { organization_id: 'org_456' };

const dataKey = await vault.createDataKey(from);
const bundle = await vault.rekey(dataKey.bundle, from, to); // store it in place of the old one

const moved = await vault.decryptDataKey(bundle, to);
console.log(`same key: ${moved.key.equals(dataKey.key)}`);
await vault.decryptDataKey(bundle, from).catch((error) => {
  if (!(error instanceof ContextMismatch)) throw error;
  console.log(`org_123: ${error.code}`);
});
for (const key of [dataKey, moved]) key.wipe();
vault.close();
