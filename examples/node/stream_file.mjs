// Files of any size in constant memory: from file to file, and as streams in a pipeline.
import { createReadStream, existsSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { createGunzip, createGzip } from 'node:zlib';

import { init, Vault, VaultError } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');
const context = vault.context({ organization_id: 'org_123' });
writeFileSync('report.txt', 'attack at dawn\n'.repeat(100_000));

// From file to file. The target appears whole or not at all, whatever happens.
await vault.encryptFile('report.txt', 'report.vault', context, { replace: true });
await vault.decryptFile('report.vault', 'report.out', context, { replace: true });

// As streams: everything that pipeline() takes.
const encrypted = vault.createEncryptStream(context);
const decrypted = vault.createDecryptStream(context);
const [received] = await Promise.all([
  text(decrypted.pipe(createGunzip())),
  pipeline(createReadStream('report.txt'), createGzip(), encrypted, decrypted),
]);
console.log(`${received.length} characters`);

// A truncated envelope rejects. What came out before is authentic, but incomplete: discard it.
try {
  await pipeline(createReadStream('report.vault', { end: 200_000 }), vault.createDecryptStream(context), text);
} catch (error) {
  if (!(error instanceof VaultError)) throw error;
  console.log(`truncated: ${error.code}`);
}
vault.close();
