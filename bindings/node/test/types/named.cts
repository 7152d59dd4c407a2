// As sample.cts, with the syntax of modules, which the compiler turns into require.
import { KeyDisabled, Vault, type Decision } from 'libvault';

export async function sample(): Promise<Decision | null> {
  const vault: Vault = await Vault.open('libvault.toml');
  try {
    return vault.matchContext({ organization_id: 'org_123' });
  } catch (error) {
    if (error instanceof KeyDisabled) return null;
    throw error;
  } finally {
    vault.close();
  }
}
