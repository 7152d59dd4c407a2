// The types: what is wrong does not compile, and an error narrows by its class or its code.
import { existsSync } from 'node:fs';

import { type ContextInput, type CryptOptions, init, KeyDisabled, Vault, VaultError } from 'libvault';

interface Repository {
  save(id: string, text: string): Promise<void>;
  load(id: string): Promise<string | undefined>;
}

/** Documents of one organization: each envelope is tied to its id. */
class Documents implements Repository {
  readonly #stored = new Map<string, Buffer>();

  constructor(
    readonly vault: Vault,
    readonly context: ContextInput,
  ) {}

  async save(id: string, text: string): Promise<void> {
    this.#stored.set(id, await this.vault.encrypt(Buffer.from(text), this.context, optionsOf(id)));
  }

  async load(id: string): Promise<string | undefined> {
    const envelope = this.#stored.get(id);
    if (envelope === undefined) return undefined;
    try {
      return (await this.vault.decrypt(envelope, this.context, optionsOf(id))).toString();
    } catch (error) {
      if (error instanceof KeyDisabled) throw new Error(`the customer switched ${error.keyId ?? 'the key'} off`, { cause: error });
      if (error instanceof VaultError && error.retryable) console.log(`try again: ${error.code}`);
      throw error;
    }
  }
}

function optionsOf(id: string): CryptOptions {
  return { aad: Buffer.from(id), timeout: 2_000, actor: 'documents' };
}

if (!existsSync('libvault.toml')) await init('.');
await using vault: Vault = await Vault.open('libvault.toml');
const documents = new Documents(vault, vault.context({ organization_id: 'org_123' }));
await documents.save('7', 'attack at dawn');
console.log(await documents.load('7'));
