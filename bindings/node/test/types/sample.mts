// Compiled, never run: the declarations in use. Each @ts-expect-error is a misuse that they must catch.
import {
  Cancelled,
  Context,
  DataKey,
  type Decision,
  decryptedLength,
  hasFeature,
  init,
  initSync,
  inspect,
  KeyDisabled,
  Vault,
  VaultError,
  version,
} from 'libvault';

export async function sample(): Promise<void> {
  const { config } = await init('/var/lib/example');
  using vault: Vault = await Vault.open(config);
  Vault.openSync(new URL('file:///etc/example/libvault.toml'));
  await Vault.open({ store: initSync('.').store, root_key: { provider: 'local', path: 'root.key' }, bindings: [] });

  const context: Context = vault.context({ organization_id: 'org_123' });
  await using other: Vault = await Vault.open('/etc/example/libvault.toml');
  other.close();
  const names: string[] = context.names;
  const envelope: Buffer = await vault.encrypt(Buffer.from('data'), context, { aad: new Uint8Array(1) });
  const plaintext: Buffer = vault.decryptSync(envelope, { organization_id: 'org_123' });
  const length: number = vault.encryptIntoSync(plaintext, context, new Uint8Array(vault.encryptedLengthLimit(4, context)));
  const awaited: number = await vault.decryptInto(new DataView(envelope.buffer), context, Buffer.alloc(decryptedLength(envelope)));
  using dataKey: DataKey = await vault.createDataKey(context);
  const key: Buffer = vault.decryptDataKeySync(dataKey.bundle, context).key;
  const decision: Decision = vault.matchContext(context);
  const count: number = vault.stats().rootKeyUses;
  const known: boolean = hasFeature('aws') && version.startsWith('0.');
  console.log(names, length, awaited, key.length, decision.bindings[0]?.keyIds, count, known, inspect(envelope).shares[0]?.wraps);

  try {
    await vault.decrypt(envelope, context);
  } catch (error) {
    if (error instanceof KeyDisabled) {
      const code: 'KeyDisabled' = error.code;
      const number: 302 = error.number;
      console.log(code, number, error.keyId, error.requestId);
    } else if (error instanceof VaultError && error.retryable) {
      console.log(error.kind === 'unavailable', error.provider?.length);
    }
  }

  // @ts-expect-error text has to be encoded
  vault.encryptSync('text', context);
  // @ts-expect-error a context holds strings
  vault.encryptSync(envelope, { organization_id: 7 });
  // @ts-expect-error there is no such option
  vault.encryptSync(envelope, context, { AAD: envelope });
  // @ts-expect-error a vault is opened
  new Vault();
  // @ts-expect-error the output is written as bytes
  vault.encryptIntoSync(envelope, context, new DataView(envelope.buffer));
}

export async function options(vault: Vault, signal: AbortSignal): Promise<void> {
  const envelope = await vault.encrypt(new Uint8Array(1), { organization_id: 'org_123' }, { timeout: 500, signal, actor: 'job 17' });
  using dataKey = await vault.createDataKey({ organization_id: 'org_123' }, { signal });
  vault.on('log', ({ level, event, message }) => console.log(level === 'warning', event, message)).off('log', () => {});
  await vault.reload({ store: 'vault.db' });
  try {
    await vault.decryptDataKey(dataKey.bundle, { organization_id: 'org_123' }, { timeout: 500 });
  } catch (error) {
    if (error instanceof Cancelled) console.log(error.cause, error.name === 'AbortError');
  }

  // @ts-expect-error data keys have no additional data
  await vault.createDataKey({ organization_id: 'org_123' }, { aad: envelope });
  // @ts-expect-error the signal, not its controller
  await vault.encrypt(envelope, { organization_id: 'org_123' }, { signal: new AbortController() });
  // @ts-expect-error there is one event
  vault.on('error', () => {});
}
