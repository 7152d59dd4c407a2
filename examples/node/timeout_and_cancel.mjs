// A deadline for one call, and a call that its user gives up. The KMS here is a local socket that never answers.
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';

import { Cancelled, init, Timeout, Vault } from 'libvault';

const silent = createServer(() => {}).listen(0, '127.0.0.1');
await new Promise((resolve) => silent.once('listening', resolve));

if (!existsSync('libvault.toml')) await init('.');
const vault = await Vault.open({
  store: 'vault.db',
  root_key: { provider: 'local', path: 'root.key' },
  aws: { credentials: 'static', access_key_id: 'test', secret_access_key: 'test', endpoint: `http://127.0.0.1:${silent.address().port}` },
  development: { allow_endpoint: true }, // what lets the endpoint be something else than AWS
  bindings: [
    {
      id: 'bnd_org_123',
      owner: 'org_123',
      selector: { organization_id: 'org_123' },
      keys: [{ id: 'key_org_123', provider: 'aws', arn: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab' }],
    },
  ],
});
vault.on('log', () => {}); // its warning about the development switch is expected
const context = { organization_id: 'org_123' };

await vault.encrypt(Buffer.from('data'), context, { timeout: 200 }).catch((error) => {
  if (!(error instanceof Timeout)) throw error;
  console.log(`after 200 ms: ${error.code}, retryable: ${error.retryable}`);
});

const controller = new AbortController(); // in a server: aborted when the client hangs up
setTimeout(() => controller.abort('the client hung up'), 50);
await vault.encrypt(Buffer.from('data'), context, { signal: controller.signal }).catch((error) => {
  if (!(error instanceof Cancelled)) throw error;
  console.log(`${error.name}, ${error.code}: ${error.cause}`);
});
process.exit();
