// Compiled, never run: the declarations in use. Each @ts-expect-error is a misuse that they must catch.
import type { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ReadableStream } from 'node:stream/web';

import {
  Cancelled,
  Context,
  DataKey,
  DecryptReader,
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

export async function streams(vault: Vault, source: Readable, target: Writable, signal: AbortSignal): Promise<void> {
  const context = vault.context({ organization_id: 'org_123' });
  await pipeline(source, vault.createEncryptStream(context, { frameSize: 4096, signal }), target);
  await pipeline(source, vault.createDecryptStream(context, { aad: new Uint8Array(1) }), target);
  const decrypted = new ReadableStream<Uint8Array>().pipeThrough(vault.encryptWebStream(context)).pipeThrough(vault.decryptWebStream(context));
  for await (const chunk of decrypted) console.log(chunk.byteLength);
  await vault.encryptFile('report.txt', new URL('file:///tmp/report.vault'), context, { replace: true, frameSize: 4096 });
  await vault.decryptFile('report.vault', 'report.txt', context);
  await using reader: DecryptReader = await vault.openDecrypt('report.vault', context);
  const bytes: Buffer = await reader.readAt(reader.length - 1, 1);
  const envelope: Buffer = await vault.rewrap(bytes, context, { keepDataKey: true, allowDowngrade: false });
  const bundle: Buffer = vault.rekeySync(envelope, context, { organization_id: 'org_456' });
  console.log(bundle, vault.reencryptSync(envelope, context, { aad: bundle }));

  // @ts-expect-error a frame size is chosen by who encrypts
  vault.createDecryptStream(context, { frameSize: 4096 });
  // @ts-expect-error the contexts are both needed
  vault.rekeySync(bundle, context);
}
