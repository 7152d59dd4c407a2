// A data key for those who encrypt themselves: the key is used and wiped, its bundle is stored beside the data.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';

import { init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');
const context = { organization_id: 'org_123' };

const dataKey = await vault.createDataKey(context);
const nonce = randomBytes(12); // never twice under one key
const cipher = createCipheriv('aes-256-gcm', dataKey.key, nonce);
const ciphertext = Buffer.concat([cipher.update('attack at dawn'), cipher.final()]);
const stored = { bundle: dataKey.bundle, nonce, ciphertext, tag: cipher.getAuthTag() };
dataKey.wipe(); // with `using dataKey = …` this happens by itself

const again = await vault.decryptDataKey(stored.bundle, context);
const decipher = createDecipheriv('aes-256-gcm', again.key, stored.nonce).setAuthTag(stored.tag);
console.log(`${decipher.update(stored.ciphertext)}${decipher.final()}`);
again.wipe();
vault.close();
