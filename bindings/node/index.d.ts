/// <reference types="node" />

import type { Transform } from 'node:stream';
import type { TransformStream } from 'node:stream/web';

/** Bytes that are read. Views are respected; a string has to be encoded first, as with `Buffer.from(text, 'utf8')`. */
export type BytesInput = ArrayBufferView | ArrayBufferLike;

/**
 * A key context: 1 to 10 items. Names have 1 to 120 characters, values 1 to 500 (Unicode scalar values). Compared byte for byte: no case
 * folding, no normalisation. A prepared {@link Context} saves about 2 µs a call.
 */
export type ContextInput = Context | { readonly [name: string]: string };

/** Options of every call. An unknown option is a TypeError. */
export interface CallOptions {
  /**
   * How many milliseconds the whole call may wait for KMSs, all keys and retries together, instead of the configured `timeouts.total`; then it fails with
   * {@link Timeout}.
   */
  timeout?: number | undefined;
  /**
   * Aborting it ends the call at once, and its KMS request with it. The promise rejects with {@link Cancelled}, whose `name` is then `AbortError` as in Node's
   * own APIs and whose `cause` is the signal's reason.
   */
  signal?: AbortSignal | undefined;
  /** Who makes the call, for the audit trail: 1 to 200 characters. */
  actor?: string | undefined;
}

/** Options of the verbs that encrypt and decrypt. */
export interface CryptOptions extends CallOptions {
  /** Additional authenticated data: not stored, and the same bytes are needed to decrypt. Empty is the same as none. */
  aad?: BytesInput | undefined;
}

/** Options of {@link Vault.rewrap}. */
export interface RewrapOptions extends CallOptions {
  /** Rewrap although an older bundle then still opens the data: needed where an authority is removed or managed data comes under a customer's key. */
  keepDataKey?: boolean | undefined;
  /** Let the result need fewer owners' agreement than before. A separate permission: its use is in the audit trail. */
  allowDowngrade?: boolean | undefined;
}

/** Options of {@link Vault.reencrypt}. */
export interface ReencryptOptions extends CryptOptions {
  /** As {@link RewrapOptions.allowDowngrade}. */
  allowDowngrade?: boolean | undefined;
}

/** Options of {@link Vault.rekey}. */
export interface RekeyOptions extends CallOptions {
  /** As {@link RewrapOptions.allowDowngrade}. */
  allowDowngrade?: boolean | undefined;
}

/** Options of streams that encrypt. */
export interface EncryptStreamOptions extends CryptOptions {
  /** Bytes of a frame: a power of two from 4,096 to 1,048,576, 65,536 by default. It is what a reader has to hold in memory and to read for one byte. */
  frameSize?: number | undefined;
}

/** Options of {@link Vault.decryptFile}. */
export interface DecryptFileOptions extends CryptOptions {
  /** Whether the target may take the place of another file. */
  replace?: boolean | undefined;
}

/** Options of {@link Vault.encryptFile}. */
export interface EncryptFileOptions extends EncryptStreamOptions, DecryptFileOptions {}

/** A line for the host's log. It holds no secret and no context value. */
export interface LogRecord {
  /** A warning is something that someone should look at. */
  level: 'info' | 'warning';
  /** What happened, for programs: such as `reloaded`, `reload_failed`, `failover`, `misspelt_name`, `development`. */
  event: string;
  /** What happened, for people. */
  message: string;
}

/** A configuration file (TOML), or an object of the same shape, whose fields keep their snake_case names. Its relative paths start at the working directory. */
export type ConfigInput = string | URL | { readonly [field: string]: unknown };

/** What protects data: the vendor's managed keys, or the customers' keys combined in one of three ways. */
export type Policy = 'managed' | 'customer_gated' | 'dual_control' | 'any_of';

/** What matching says for a context. */
export interface Decision {
  /** How the keys combine. */
  policy: Policy;
  /** The bindings whose customers must agree; empty when managed keys are used. */
  bindings: MatchedBinding[];
}

/** A binding that matches a context. */
export interface MatchedBinding {
  /** Its id in the configuration. */
  id: string;
  /** Whose it is. */
  owner: string;
  /** The ids of its keys in the configuration. */
  keyIds: string[];
}

/** Counters since the vault was opened, and the state of the memory for secrets. */
export interface Stats {
  /** Wraps and unwraps with the root key. */
  rootKeyUses: number;
  /** Shares wrapped under managed keys. */
  managedWraps: number;
  /** Shares unwrapped with managed keys. */
  managedUnwraps: number;
  /** Calls to a customer's key to wrap a share, failed ones included. */
  kmsWraps: number;
  /** Calls to a customer's key to unwrap a share, failed ones included. */
  kmsUnwraps: number;
  /** Envelopes made, streams included. */
  encryptions: number;
  /** Envelopes opened, streams included. */
  decryptions: number;
  /** Data keys made for callers. */
  dataKeysCreated: number;
  /** Data keys given back to callers. */
  dataKeysOpened: number;
  /** Envelopes and bundles wrapped anew. */
  rewraps: number;
  /** Envelopes encrypted anew. */
  reencryptions: number;
  /** Bundles moved to another context. */
  rekeys: number;
  /** Encrypting and decrypting streams begun. */
  streamsOpened: number;
  /** Unwraps that went on to another key because one could not be used. */
  failovers: number;
  /** Wraps left out at encryption because their key could not be reached (`min_wraps`). */
  missingWraps: number;
  /** Events written to the audit trail. */
  auditEvents: number;
  /** Configurations taken over by {@link Vault.reload}. */
  reloads: number;
  /** Bytes of secret memory of this process that are locked into RAM. */
  memoryLockedBytes: number;
  /** Bytes of secret memory of this process that the system refused to lock: above 0 means that secrets may reach swap. */
  memoryUnlockedBytes: number;
  /** Data keys kept for further messages (leases). */
  leasesOpened: number;
  /** Messages that needed no KMS because a lease gave the data key. */
  leaseHits: number;
  /** Calls to customers' keys that were turned away because too many were under way. */
  kmsShed: number;
  /** Times that calls to a customer's key were paused because its KMS did not answer. */
  circuitsOpened: number;
}

/** Where {@link init} put things. */
export interface Initialized {
  /** The configuration, for {@link Vault.open}. */
  config: string;
  /** The root key file. Back it up, apart from the store. */
  rootKey: string;
  /** The store of the managed keys. Back it up. */
  store: string;
}

/** What an envelope or a data-key bundle says about itself. Nothing of it is authenticated. */
export interface Inspection {
  /** What the data key is for. */
  purpose: 'envelope' | 'data_key';
  /** The version of the format. */
  version: number;
  /** The algorithms. */
  suite: string;
  /** null for a data-key bundle. */
  form: 'one_shot' | 'framed' | null;
  /** Bytes of a full frame of the framed form. */
  frameSize: number | null;
  /** How the keys that protect the data key combine. */
  policy: Policy;
  /** A rewrap kept the data key while an authority was removed. */
  moved: boolean;
  /** 64 hexadecimal digits. */
  dataKeyId: string;
  /** Where it is stored in full. */
  context: { [name: string]: string } | null;
  /** All of them are needed. */
  shares: InspectedShare[];
  /** Bytes of the decrypted payload; null for a data-key bundle. */
  payloadLength: number | null;
}

/** One share of a data key: any one of its wraps gives it. */
export interface InspectedShare {
  /** `managed`, `any`, or 32 hexadecimal digits. */
  binding: string;
  /** Any one of them gives the share. */
  wraps: InspectedWrap[];
}

/** One wrap of a share. */
export interface InspectedWrap {
  /** The ids of the keys that it needs: 32 hexadecimal digits each. */
  keyIds: string[];
  /** Bytes of the wrapped share. */
  length: number;
}

/**
 * A prepared key context, made by {@link Vault.context}; usable with every vault and for any number of calls. Its values cannot be read
 * back, and it cannot be cloned or posted to a worker.
 */
export class Context {
  private constructor();
  /** The names of the items. */
  readonly names: string[];
}

/** A data key for callers who encrypt themselves. It cannot be cloned or posted to a worker, and it is not shown when inspected or turned into JSON. */
export class DataKey {
  private constructor();
  /** The 32 secret bytes. The same memory at every reading. */
  readonly key: Buffer;
  /** What to store beside the data, for {@link Vault.decryptDataKey}. */
  readonly bundle: Buffer;
  /** Overwrites the key with zeros. Where the runtime has `Symbol.dispose`, `using` does it. */
  wipe(): void;
  /** As {@link DataKey.wipe}. */
  [Symbol.dispose](): void;
}

/** An encrypted file that is read anywhere; made by {@link Vault.openDecrypt}, whose options hold for all reads. */
export class DecryptReader {
  private constructor();
  /** Bytes of the payload. */
  readonly length: number;
  /** `length` bytes at `offset` of the payload, fewer only at its end. Only the frames that they lie in are read and decrypted. */
  readAt(offset: number, length: number): Promise<Buffer>;
  /** Closes the file and forgets its key. Later reads fail with {@link Closed}. */
  close(): Promise<void>;
  /** As {@link DecryptReader.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * The engine: one per configuration, shared by the whole program. It holds no open sockets or timers that keep the process alive.
 *
 * A verb without the suffix `Sync` gives a promise: it never throws, never blocks the event loop, and copies its input before it returns. It runs on
 * libuv's pool (`UV_THREADPOOL_SIZE`), and only when it has to ask a KMS on the library's own runtime (at most two threads, started at that moment, and, while names of hosts are looked up, one for each, at most 256).
 *
 * A verb with the suffix `Sync` runs at once and does not wait for the network: it fails with {@link WouldBlock} for a context whose keys are in a KMS.
 * It may read and write the store's file, above all when a context is used for the first time.
 *
 * Failures are instances of {@link VaultError}; an argument of the wrong type is a `TypeError` with the code `ERR_INVALID_ARG_TYPE`.
 */
export class Vault {
  private constructor();

  /**
   * Opens a vault. What the configuration deserves to be warned about goes to the log: see {@link Vault.on}.
   *
   * Fails with {@link InvalidConfig} and the path of the `field`, {@link Conflict}, {@link StoreUnavailable}; without a configuration the message says
   * how to make one.
   */
  static open(config: ConfigInput): Promise<Vault>;
  /** As {@link Vault.open}, on the calling thread. */
  static openSync(config: ConfigInput): Vault;

  /**
   * Replaces the configuration at once, for the calls under way too: a result that was decided under the old one is not handed out any more. All files that it
   * names are read again, so rotated keys and credentials are picked up. On failure, as of {@link Vault.open}, the old configuration stays in force.
   */
  reload(config: ConfigInput): Promise<void>;
  /** As {@link Vault.reload}, on the calling thread. */
  reloadSync(config: ConfigInput): void;

  /**
   * Calls `listener` with each record of the log. One that is added in the same turn in which the vault was opened also gets what was logged at opening. A
   * warning that nobody listens to goes to `process.emitWarning` as a `LibvaultWarning`. Listeners keep no process alive.
   */
  on(event: 'log', listener: (record: LogRecord) => void): this;
  /** As {@link Vault.on}, for one record. */
  once(event: 'log', listener: (record: LogRecord) => void): this;
  /** Removes a listener. */
  off(event: 'log', listener: (record: LogRecord) => void): this;
  /** As {@link Vault.on}; with it `events.once(vault, 'log')` and `events.on(vault, 'log')` work. */
  addListener(event: 'log', listener: (record: LogRecord) => void): this;
  /** As {@link Vault.off}. */
  removeListener(event: 'log', listener: (record: LogRecord) => void): this;

  /** A prepared context; {@link InvalidContext} names the offending item. */
  context(items: { readonly [name: string]: string }): Context;

  /** The decision for a context, without asking any KMS. */
  matchContext(context: ContextInput): Decision;

  /** Encrypts; the value is the envelope. */
  encrypt(data: BytesInput, context: ContextInput, options?: CryptOptions): Promise<Buffer>;
  /** Decrypts; the value is the plaintext. Another context than the one of the encryption is refused before any KMS is asked. */
  decrypt(envelope: BytesInput, context: ContextInput, options?: CryptOptions): Promise<Buffer>;
  /** As {@link Vault.encrypt}, at once. The envelope may lie in Node's shared buffer pool. */
  encryptSync(data: BytesInput, context: ContextInput, options?: CryptOptions): Buffer;
  /** As {@link Vault.decrypt}, at once. The plaintext has memory of its own. */
  decryptSync(envelope: BytesInput, context: ContextInput, options?: CryptOptions): Buffer;

  /**
   * Encrypts into `output`, which may overlap `data`; the value is the number of bytes written, at most {@link Vault.encryptedLengthLimit}. The output is written
   * when the promise is about to resolve: leave it alone until then. {@link BufferTooSmall} has the `neededLength`.
   */
  encryptInto(data: BytesInput, context: ContextInput, output: Uint8Array, options?: CryptOptions): Promise<number>;
  /** Decrypts into `output`, as {@link Vault.encryptInto}; {@link decryptedLength} bytes are written. On failure the output is as it was. */
  decryptInto(envelope: BytesInput, context: ContextInput, output: Uint8Array, options?: CryptOptions): Promise<number>;
  /** As {@link Vault.encryptInto}, at once: the fastest way to encrypt. */
  encryptIntoSync(data: BytesInput, context: ContextInput, output: Uint8Array, options?: CryptOptions): number;
  /** As {@link Vault.decryptInto}, at once: the fastest way to decrypt. On failure no plaintext is left in the output. */
  decryptIntoSync(envelope: BytesInput, context: ContextInput, output: Uint8Array, options?: CryptOptions): number;

  /** The longest envelope that `dataLength` bytes may give; exact where managed keys are used. */
  encryptedLengthLimit(dataLength: number, context: ContextInput): number;

  /** Makes a data key for callers who encrypt themselves. */
  createDataKey(context: ContextInput, options?: CallOptions): Promise<DataKey>;
  /** The data key of a bundle. */
  decryptDataKey(bundle: BytesInput, context: ContextInput, options?: CallOptions): Promise<DataKey>;
  /** As {@link Vault.createDataKey}, at once. */
  createDataKeySync(context: ContextInput, options?: CallOptions): DataKey;
  /** As {@link Vault.decryptDataKey}, at once. */
  decryptDataKeySync(bundle: BytesInput, context: ContextInput, options?: CallOptions): DataKey;

  /**
   * The same data key and payload, wrapped by the keys that match now. It revokes nothing: an older envelope or bundle still opens the data. Fails with
   * {@link DowngradeRefused} where an authority would be lost, and where `keepDataKey` is needed: {@link Vault.reencrypt} is the way then.
   */
  rewrap(envelopeOrBundle: BytesInput, context: ContextInput, options?: RewrapOptions): Promise<Buffer>;
  /** As {@link Vault.rewrap}, at once. */
  rewrapSync(envelopeOrBundle: BytesInput, context: ContextInput, options?: RewrapOptions): Buffer;
  /** A new data key and a new encryption of the payload, under the keys that match now. */
  reencrypt(envelope: BytesInput, context: ContextInput, options?: ReencryptOptions): Promise<Buffer>;
  /** As {@link Vault.reencrypt}, at once. */
  reencryptSync(envelope: BytesInput, context: ContextInput, options?: ReencryptOptions): Buffer;
  /** Moves the data key of a bundle to another context; the value is the new bundle. Envelopes are refused. */
  rekey(bundle: BytesInput, oldContext: ContextInput, newContext: ContextInput, options?: RekeyOptions): Promise<Buffer>;
  /** As {@link Vault.rekey}, at once. */
  rekeySync(bundle: BytesInput, oldContext: ContextInput, newContext: ContextInput, options?: RekeyOptions): Buffer;

  /**
   * A Transform that encrypts what is piped through it, of any length in constant memory, into the framed form. Work on large chunks is done off the event
   * loop. Its errors are those of {@link Vault.encrypt}; an aborted `signal` destroys it with {@link Cancelled}.
   */
  createEncryptStream(context: ContextInput, options?: EncryptStreamOptions): Transform;
  /**
   * A Transform that decrypts an envelope of either form. Only authenticated bytes come out of it, but **that none is missing is known only when it ends**: use
   * `pipeline()`, which rejects if the envelope was truncated, and discard what came out if it does. {@link Vault.decryptFile} does so by itself.
   */
  createDecryptStream(context: ContextInput, options?: CryptOptions): Transform;
  /**
   * Encrypts the file `source` into a new file `target`, in constant memory. The target appears whole and synced to the disk, or not at all; it is a
   * {@link Conflict} if it exists, unless `replace` is set. A file that cannot be opened or written is {@link InvalidArgument}.
   */
  encryptFile(source: string | URL, target: string | URL, context: ContextInput, options?: EncryptFileOptions): Promise<void>;
  /** Decrypts the file `source`, of either form, into a new file `target` of mode 0600, as {@link Vault.encryptFile}: authenticated to its end, or not there at all. */
  decryptFile(source: string | URL, target: string | URL, context: ContextInput, options?: DecryptFileOptions): Promise<void>;
  /** Opens an encrypted file for reading anywhere in it. Its last frame is authenticated first, so nothing is missing at its end. */
  openDecrypt(path: string | URL, context: ContextInput, options?: CryptOptions): Promise<DecryptReader>;
  /** As {@link Vault.createEncryptStream}, for `pipeThrough()` of web streams. */
  encryptWebStream(context: ContextInput, options?: EncryptStreamOptions): TransformStream<BytesInput, Uint8Array>;
  /** As {@link Vault.createDecryptStream}, for `pipeThrough()` of web streams. */
  decryptWebStream(context: ContextInput, options?: CryptOptions): TransformStream<BytesInput, Uint8Array>;

  /** Counters since the vault was opened. */
  stats(): Stats;

  /**
   * To be called once in each copy of a machine or a container that was restored from a snapshot: fresh randomness for all vaults of the process, so that ids and
   * keys differ from those of every other copy, and no cached keys.
   */
  afterRestore(): void;

  /**
   * Later calls fail with {@link Closed}; calls in flight complete. May be called more than once. Where the runtime has `Symbol.dispose` and
   * `Symbol.asyncDispose`, `using` and `await using` do it.
   */
  close(): void;
  /** As {@link Vault.close}. */
  [Symbol.dispose](): void;
  /** As {@link Vault.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a root key, a store and a configuration in a directory; {@link Conflict} if one of them exists. */
export function init(directory: string | URL): Promise<Initialized>;
/** As {@link init}, on the calling thread. */
export function initSync(directory: string | URL): Initialized;

/** Reads what an envelope or a data-key bundle says about itself; needs no keys. */
export function inspect(envelopeOrBundle: BytesInput): Inspection;

/** How many bytes the plaintext of an envelope has; needs no keys. */
export function decryptedLength(envelope: BytesInput): number;

/** The version of the native addon. */
export const version: string;

/** Whether the native addon was built with a feature: `aws`, `sqlite`, `aws-lc`, `rust-crypto`. */
export function hasFeature(name: string): boolean;

/** What sort of trouble an error is. */
export type ErrorKind = 'input' | 'policy' | 'key' | 'unavailable' | 'integrity' | 'usage' | 'internal';

/** Where an error arose; what does not apply is absent. */
export interface ErrorDetails {
  /** The configuration field or the context item that was refused. */
  field?: string | undefined;
  /** The provider whose call failed. */
  provider?: string | undefined;
  /** The id of the customer's key. */
  keyId?: string | undefined;
  /** `wrap` or `unwrap`. */
  operation?: string | undefined;
  /** The provider's id of the request. */
  requestId?: string | undefined;
  /** With {@link BufferTooSmall}: the bytes that the output needs. */
  neededLength?: number | undefined;
}

/** Base of every error of the library. Errors hold no credentials, context values or key bytes. */
export class VaultError extends Error {
  /** Programs only catch these errors; making one is for their tests. */
  constructor(message: string, details?: ErrorDetails);
  /** The stable name, such as `KeyDisabled`; also the name of the class. */
  readonly code: string;
  /** The stable number, such as 302. The same in every language. */
  readonly number: number;
  /** What sort of trouble it is. */
  readonly kind: ErrorKind;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** The path of the configuration field, or the name of the context item, that was refused. */
  readonly field?: string;
  /** The provider whose call failed. */
  readonly provider?: string;
  /** The id of the customer's key, as the configuration names it. */
  readonly keyId?: string;
  /** The operation on the key that failed: `wrap` or `unwrap`. */
  readonly operation?: string;
  /** The provider's own id of the failed request, to look it up in the customer's logs. */
  readonly requestId?: string;
  /** With BufferTooSmall: how many bytes the output needs. */
  readonly neededLength?: number;
}

/** Correct the key context: the message names the item and the rule it breaks. */
export class InvalidContext extends VaultError {
  static readonly code: 'InvalidContext';
  static readonly number: 101;
  readonly code: 'InvalidContext';
  readonly number: 101;
}

/** Spell the context name as the binding does; the message gives both spellings. Set strict_names = false to be warned instead. */
export class UnknownContextName extends VaultError {
  static readonly code: 'UnknownContextName';
  static readonly number: 102;
  readonly code: 'UnknownContextName';
  readonly number: 102;
}

/** Pass the key context that the data was encrypted with. */
export class ContextMismatch extends VaultError {
  static readonly code: 'ContextMismatch';
  static readonly number: 103;
  readonly code: 'ContextMismatch';
  readonly number: 103;
}

/** The bytes are damaged or are not an envelope; the message gives the offset and the rule. */
export class Malformed extends VaultError {
  static readonly code: 'Malformed';
  static readonly number: 104;
  readonly code: 'Malformed';
  readonly number: 104;
}

/** The bytes are not a libvault envelope, or were written by a newer version: upgrade the reader. */
export class UnsupportedFormat extends VaultError {
  static readonly code: 'UnsupportedFormat';
  static readonly number: 105;
  readonly code: 'UnsupportedFormat';
  readonly number: 105;
}

/** Stay within the documented limit that the message names. */
export class LimitExceeded extends VaultError {
  static readonly code: 'LimitExceeded';
  static readonly number: 106;
  readonly code: 'LimitExceeded';
  readonly number: 106;
}

/** Correct the argument that the message names (a NULL pointer, a wrong type or length). */
export class InvalidArgument extends VaultError {
  static readonly code: 'InvalidArgument';
  static readonly number: 107;
  readonly code: 'InvalidArgument';
  readonly number: 107;
}

/** Pass a buffer of at least the needed length, which is reported with the error. */
export class BufferTooSmall extends VaultError {
  static readonly code: 'BufferTooSmall';
  static readonly number: 108;
  readonly code: 'BufferTooSmall';
  readonly number: 108;
}

/** Register a key for this context, or set fallback = "managed". */
export class NoMatchingKey extends VaultError {
  static readonly code: 'NoMatchingKey';
  static readonly number: 201;
  readonly code: 'NoMatchingKey';
  readonly number: 201;
}

/** The bundle does not name the keys that protect this context: it was made for another one, or before a binding that is now enforced. */
export class PolicyMismatch extends VaultError {
  static readonly code: 'PolicyMismatch';
  static readonly number: 202;
  readonly code: 'PolicyMismatch';
  readonly number: 202;
}

/** The new keys would be easier to use than the old ones (that needs the separate permission allow_downgrade), or a rewrap would leave keys behind that still open an older copy (use reencrypt, or keep_data_key). */
export class DowngradeRefused extends VaultError {
  static readonly code: 'DowngradeRefused';
  static readonly number: 203;
  readonly code: 'DowngradeRefused';
  readonly number: 203;
}

/** The key was suspended (kill switch); only the party that suspended it can resume it. */
export class KeySuspended extends VaultError {
  static readonly code: 'KeySuspended';
  static readonly number: 204;
  readonly code: 'KeySuspended';
  readonly number: 204;
}

/** Finish the setup of the customer's key and activate the binding. */
export class KeyNotReady extends VaultError {
  static readonly code: 'KeyNotReady';
  static readonly number: 205;
  readonly code: 'KeyNotReady';
  readonly number: 205;
}

/** Use a key in one of the allowed regions. */
export class RegionNotAllowed extends VaultError {
  static readonly code: 'RegionNotAllowed';
  static readonly number: 206;
  readonly code: 'RegionNotAllowed';
  readonly number: 206;
}

/** The key that protects the data does not exist (any more) for this context. */
export class KeyNotFound extends VaultError {
  static readonly code: 'KeyNotFound';
  static readonly number: 301;
  readonly code: 'KeyNotFound';
  readonly number: 301;
}

/** The customer disabled the key; it has to be enabled in the customer's KMS. */
export class KeyDisabled extends VaultError {
  static readonly code: 'KeyDisabled';
  static readonly number: 302;
  readonly code: 'KeyDisabled';
  readonly number: 302;
}

/** The customer scheduled the key for deletion; it has to be cancelled in the customer's KMS before it is too late. */
export class KeyPendingDeletion extends VaultError {
  static readonly code: 'KeyPendingDeletion';
  static readonly number: 303;
  readonly code: 'KeyPendingDeletion';
  readonly number: 303;
}

/** The customer's KMS does not let these credentials use the key: check the key policy, the role and the credentials. */
export class AccessDenied extends VaultError {
  static readonly code: 'AccessDenied';
  static readonly number: 304;
  readonly code: 'AccessDenied';
  readonly number: 304;
}

/** The KMS limits the rate of requests: try again later, with backoff. */
export class Throttled extends VaultError {
  static readonly code: 'Throttled';
  static readonly number: 401;
  readonly code: 'Throttled';
  readonly number: 401;
}

/** The KMS could not be reached or did not answer sensibly: check the network and the KMS's status, try again later. */
export class KmsUnavailable extends VaultError {
  static readonly code: 'KmsUnavailable';
  static readonly number: 402;
  readonly code: 'KmsUnavailable';
  readonly number: 402;
}

/** The KMS did not answer within the deadline: try again, or raise the timeout. */
export class Timeout extends VaultError {
  static readonly code: 'Timeout';
  static readonly number: 403;
  readonly code: 'Timeout';
  readonly number: 403;
}

/** The KMS failed repeatedly and is given a rest: try again later. */
export class CircuitOpen extends VaultError {
  static readonly code: 'CircuitOpen';
  static readonly number: 404;
  readonly code: 'CircuitOpen';
  readonly number: 404;
}

/** The store of managed keys or the registry cannot be used: check its path, permissions, disk and locks. */
export class StoreUnavailable extends VaultError {
  static readonly code: 'StoreUnavailable';
  static readonly number: 405;
  readonly code: 'StoreUnavailable';
  readonly number: 405;
}

/** The audit trail cannot be written, so nothing is done: check its disk. */
export class AuditUnavailable extends VaultError {
  static readonly code: 'AuditUnavailable';
  static readonly number: 406;
  readonly code: 'AuditUnavailable';
  readonly number: 406;
}

/** The envelope, its context, its AAD or its key is not the one it was made with. Details are in the audit trail only. */
export class AuthenticationFailed extends VaultError {
  static readonly code: 'AuthenticationFailed';
  static readonly number: 501;
  readonly code: 'AuthenticationFailed';
  readonly number: 501;
}

/** The caller cancelled the operation. */
export class Cancelled extends VaultError {
  static readonly code: 'Cancelled';
  static readonly number: 601;
  readonly code: 'Cancelled';
  readonly number: 601;
}

/** The operation needs the network: use the asynchronous call. */
export class WouldBlock extends VaultError {
  static readonly code: 'WouldBlock';
  static readonly number: 602;
  readonly code: 'WouldBlock';
  readonly number: 602;
}

/** The vault was closed: open a new one. */
export class Closed extends VaultError {
  static readonly code: 'Closed';
  static readonly number: 603;
  readonly code: 'Closed';
  readonly number: 603;
}

/** Something with this name or id exists, or two records contradict each other: the message says which. */
export class Conflict extends VaultError {
  static readonly code: 'Conflict';
  static readonly number: 604;
  readonly code: 'Conflict';
  readonly number: 604;
}

/** The named record does not exist. */
export class NotFound extends VaultError {
  static readonly code: 'NotFound';
  static readonly number: 605;
  readonly code: 'NotFound';
  readonly number: 605;
}

/** Correct the configuration: the message gives the path of the field. */
export class InvalidConfig extends VaultError {
  static readonly code: 'InvalidConfig';
  static readonly number: 606;
  readonly code: 'InvalidConfig';
  readonly number: 606;
}

/** This is a defect in libvault: please report it with the message. */
export class Internal extends VaultError {
  static readonly code: 'Internal';
  static readonly number: 901;
  readonly code: 'Internal';
  readonly number: 901;
}

// As the types of Node declare it, for compilers whose `lib` does not have it.
declare global {
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}
