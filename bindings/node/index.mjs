import libvault from './index.js';

// Spelt out, since the exports of a module have to be known before it runs; test/package.test.mjs compares them with index.js.
export const {
  Context,
  DataKey,
  DecryptReader,
  Vault,
  VaultError,
  decryptedLength,
  hasFeature,
  init,
  initSync,
  inspect,
  version,
} = libvault;

export const {
  InvalidContext,
  UnknownContextName,
  ContextMismatch,
  Malformed,
  UnsupportedFormat,
  LimitExceeded,
  InvalidArgument,
  BufferTooSmall,
  NoMatchingKey,
  PolicyMismatch,
  DowngradeRefused,
  KeySuspended,
  KeyNotReady,
  RegionNotAllowed,
  KeyNotFound,
  KeyDisabled,
  KeyPendingDeletion,
  AccessDenied,
  Throttled,
  KmsUnavailable,
  Timeout,
  CircuitOpen,
  StoreUnavailable,
  AuditUnavailable,
  AuthenticationFailed,
  Cancelled,
  WouldBlock,
  Closed,
  Conflict,
  NotFound,
  InvalidConfig,
  Internal,
} = libvault;

export default libvault;
