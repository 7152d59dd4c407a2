// The library's log as events, for the program's own logger, and its counters for metrics.
import { existsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';

import { init, Vault } from 'libvault';

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open('libvault.toml');

// A warning that nobody listens to goes to process.emitWarning. Listeners keep no process alive.
vault.on('log', ({ level, event, message }) => console.log(`${level} ${event}: ${message.length > 0}`));

await vault.reload('libvault.toml');
await vault.decrypt(await vault.encrypt(Buffer.from('data'), { organization_id: 'org_123' }), { organization_id: 'org_123' });
await setImmediate(); // records arrive with the event loop's next turn

const { encryptions, decryptions, kmsWraps, reloads } = vault.stats();
console.log({ encryptions, decryptions, kmsWraps, reloads });
vault.close();
