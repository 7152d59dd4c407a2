// Reads in the middle of a large encrypted file, without decrypting what lies before.
import { existsSync, writeFileSync } from 'node:fs';

import { init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');
const context = vault.context({ organization_id: 'org_123' });
writeFileSync('numbers.txt', Array.from({ length: 200_000 }, (_, number) => `${number}`.padStart(9, '0')).join('\n'));
await vault.encryptFile('numbers.txt', 'numbers.vault', context, { replace: true });

const reader = await vault.openDecrypt('numbers.vault', context); // authenticates the last frame first: nothing is missing at the end
console.log(`${reader.length} bytes`);
console.log(`${await reader.readAt(10 * 123_456, 9)}`);
console.log((await reader.readAt(reader.length, 9)).length);
await reader.close();
vault.close();
