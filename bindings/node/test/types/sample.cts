// As sample.mts, from CommonJS.
import libvault = require('libvault');

export async function sample(): Promise<Buffer> {
  const vault: libvault.Vault = await libvault.Vault.open('libvault.toml');
  return vault.encrypt(Buffer.alloc(1), { organization_id: 'org_123' });
}
