// Encrypts a record for one organization, with data that has to be the same again at decryption, and decrypts it.
import { existsSync } from 'node:fs';

import { ContextMismatch, init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');

const context = vault.context({ organization_id: 'org_123' }); // prepared once, used for many calls
const aad = Buffer.from('invoices/7'); // not stored: it ties the envelope to the place where it lies

const envelope = await vault.encrypt(Buffer.from('attack at dawn'), context, { aad });
console.log(`${await vault.decrypt(envelope, context, { aad })}`);

// Another organization cannot open it, and no key is even asked.
try {
  await vault.decrypt(envelope, { organization_id: 'org_456' }, { aad });
} catch (error) {
  if (!(error instanceof ContextMismatch)) throw error;
  console.log(`org_456: ${error.code}`);
}
vault.close();
