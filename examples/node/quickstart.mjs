// Encrypts and decrypts a record under managed keys, in the working directory. Run it twice: the second run uses the keys of the first.
import { existsSync } from 'node:fs';

import { init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');

const context = vault.context({ organization_id: 'org_123' });
const envelope = await vault.encrypt(Buffer.from('attack at dawn'), context);
const plaintext = await vault.decrypt(envelope, context);

console.log(`${vault.matchContext(context).policy}: ${envelope.length} bytes, ${plaintext}`);
vault.close();
