/*
 * libvault: bring-your-own-key envelope encryption.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Generated from ffi/src by cbindgen; do not edit.
 *
 * Status. Every function that can fail returns a status: VAULT_OK (0), or the code of an error, VAULT_ERROR_*. Outputs are
 * written only on success; the exceptions are output_length of the _into functions with VAULT_ERROR_BUFFER_TOO_SMALL, and
 * the bytes of their output, which are unspecified after a failure.
 *
 * Errors. The last parameter, error, may be NULL. Otherwise, on failure and only then, *error receives a vault_error,
 * which the caller frees with vault_error_free(); what stood there before is overwritten, so free it first.
 *
 * Ownership. What a function hands out through a pointer to a pointer (vault, vault_context, vault_error) or in a
 * vault_buffer belongs to the caller, who gives it back once to the matching _free function. Inputs are borrowed for the
 * duration of the call. Texts that accessors return live as long as their owner.
 *
 * Bytes and lengths. A pointer to bytes may be NULL only when its length is 0. Lengths above PTRDIFF_MAX are refused
 * with VAULT_ERROR_INVALID_ARGUMENT. Texts with a length need no terminating NUL.
 *
 * Threads. Vaults, contexts and errors may be used by any number of threads at once; a _free function needs the last use
 * to be over. If another thread changes input bytes during a call, the call works on some mixture of old and new
 * bytes. Calls block, and call no function of the host's; the library has no thread-local state.
 */

#ifndef VAULT_H
#define VAULT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** One vault_context_item of two NUL-terminated strings: VAULT_CONTEXT_ITEM("organization_id", "org_123"). */
#define VAULT_CONTEXT_ITEM(name, value) { (name), strlen(name), (value), strlen(value) }

/** What to initialise the library's structs with. */
#define VAULT_BUFFER_INIT { NULL, 0, 0 }
#define VAULT_OPEN_OPTIONS_INIT { sizeof(vault_open_options), 0 }
#define VAULT_COUNTERS_INIT { sizeof(vault_counters), 0, 0, 0, 0, 0 }

/**
 * Success.
 */
#define VAULT_OK 0

/**
 * InvalidContext: Correct the key context: the message names the item and the rule it breaks.
 */
#define VAULT_ERROR_INVALID_CONTEXT 101

/**
 * UnknownContextName: Spell the context name as the binding does; the message gives both spellings. Set strict_names = false to be warned instead.
 */
#define VAULT_ERROR_UNKNOWN_CONTEXT_NAME 102

/**
 * ContextMismatch: Pass the key context that the data was encrypted with.
 */
#define VAULT_ERROR_CONTEXT_MISMATCH 103

/**
 * Malformed: The bytes are damaged or are not an envelope; the message gives the offset and the rule.
 */
#define VAULT_ERROR_MALFORMED 104

/**
 * UnsupportedFormat: The bytes are not a libvault envelope, or were written by a newer version: upgrade the reader.
 */
#define VAULT_ERROR_UNSUPPORTED_FORMAT 105

/**
 * LimitExceeded: Stay within the documented limit that the message names.
 */
#define VAULT_ERROR_LIMIT_EXCEEDED 106

/**
 * InvalidArgument: Correct the argument that the message names (a NULL pointer, a wrong type or length).
 */
#define VAULT_ERROR_INVALID_ARGUMENT 107

/**
 * BufferTooSmall: Pass a buffer of at least the needed length, which is reported with the error.
 */
#define VAULT_ERROR_BUFFER_TOO_SMALL 108

/**
 * NoMatchingKey: Register a key for this context, or set fallback = "managed".
 */
#define VAULT_ERROR_NO_MATCHING_KEY 201

/**
 * PolicyMismatch: The bundle names keys that do not protect this context; it was not made for it.
 */
#define VAULT_ERROR_POLICY_MISMATCH 202

/**
 * DowngradeRefused: The operation would weaken the protection of the data; it needs the separate permission allow_downgrade.
 */
#define VAULT_ERROR_DOWNGRADE_REFUSED 203

/**
 * KeySuspended: The key was suspended (kill switch); only the party that suspended it can resume it.
 */
#define VAULT_ERROR_KEY_SUSPENDED 204

/**
 * KeyNotReady: Finish the setup of the customer's key and activate the binding.
 */
#define VAULT_ERROR_KEY_NOT_READY 205

/**
 * RegionNotAllowed: Use a key in one of the allowed regions.
 */
#define VAULT_ERROR_REGION_NOT_ALLOWED 206

/**
 * KeyNotFound: The key that protects the data does not exist (any more) for this context.
 */
#define VAULT_ERROR_KEY_NOT_FOUND 301

/**
 * KeyDisabled: The customer disabled the key; it has to be enabled in the customer's KMS.
 */
#define VAULT_ERROR_KEY_DISABLED 302

/**
 * KeyPendingDeletion: The customer scheduled the key for deletion; it has to be cancelled in the customer's KMS before it is too late.
 */
#define VAULT_ERROR_KEY_PENDING_DELETION 303

/**
 * AccessDenied: The customer's KMS does not let these credentials use the key: check the key policy, the role and the credentials.
 */
#define VAULT_ERROR_ACCESS_DENIED 304

/**
 * Throttled: The KMS limits the rate of requests: try again later, with backoff.
 */
#define VAULT_ERROR_THROTTLED 401

/**
 * KmsUnavailable: The KMS could not be reached or did not answer sensibly: check the network and the KMS's status, try again later.
 */
#define VAULT_ERROR_KMS_UNAVAILABLE 402

/**
 * Timeout: The KMS did not answer within the deadline: try again, or raise the timeout.
 */
#define VAULT_ERROR_TIMEOUT 403

/**
 * CircuitOpen: The KMS failed repeatedly and is given a rest: try again later.
 */
#define VAULT_ERROR_CIRCUIT_OPEN 404

/**
 * StoreUnavailable: The store of managed keys or the registry cannot be used: check its path, permissions, disk and locks.
 */
#define VAULT_ERROR_STORE_UNAVAILABLE 405

/**
 * AuditUnavailable: The audit trail cannot be written, so nothing is done: check its disk.
 */
#define VAULT_ERROR_AUDIT_UNAVAILABLE 406

/**
 * AuthenticationFailed: The envelope, its context, its AAD or its key is not the one it was made with. Details are in the audit trail only.
 */
#define VAULT_ERROR_AUTHENTICATION_FAILED 501

/**
 * Cancelled: The caller cancelled the operation.
 */
#define VAULT_ERROR_CANCELLED 601

/**
 * WouldBlock: The operation needs the network: use the asynchronous call.
 */
#define VAULT_ERROR_WOULD_BLOCK 602

/**
 * Closed: The vault was closed: open a new one.
 */
#define VAULT_ERROR_CLOSED 603

/**
 * Conflict: Two records contradict each other: the message names both.
 */
#define VAULT_ERROR_CONFLICT 604

/**
 * NotFound: The named record does not exist.
 */
#define VAULT_ERROR_NOT_FOUND 605

/**
 * InvalidConfig: Correct the configuration: the message gives the path of the field.
 */
#define VAULT_ERROR_INVALID_CONFIG 606

/**
 * Internal: This is a defect in libvault: please report it with the message.
 */
#define VAULT_ERROR_INTERNAL 901

/**
 * The version of this ABI, which is the number in the library's SONAME. It changes only when programs must be rebuilt.
 */
#define VAULT_ABI_VERSION 0

/**
 * Bytes of a data key.
 */
#define VAULT_DATA_KEY_LENGTH 32

/**
 * A prepared key context: which keys protect the data. Made by vault_context_new(), freed with vault_context_free().
 * It never changes and belongs to no vault, so any number of threads and calls may share it.
 */
typedef struct vault_context vault_context;

/**
 * An error. It belongs to the caller, who frees it with vault_error_free(), and it outlives the vault. It never
 * changes, so several threads may read one. Its texts are NUL-terminated UTF-8 and live as long as the error; they hold
 * no credentials, no key context values and no key bytes.
 */
typedef struct vault_error vault_error;

/**
 * An open vault. Made by vault_open() or vault_open_toml(), freed with vault_free(). Any number of threads may use one
 * at the same time.
 */
typedef struct vault vault;

/**
 * How to open a vault. Initialise it with VAULT_OPEN_OPTIONS_INIT. A caller built with another version of this header
 * may pass a shorter struct, whose missing members are taken as 0, or a longer one, whose further bytes must be 0.
 */
typedef struct vault_open_options {
    /**
     * sizeof(vault_open_options) as the caller knows it, at most 4096.
     */
    size_t struct_size;
    /**
     * Must be 0.
     */
    uint64_t flags;
} vault_open_options;

/**
 * Bytes made by the library. The caller owns them and gives them back with vault_buffer_free(), once, by any thread.
 *
 * A buffer is written only on success. Initialise it with VAULT_BUFFER_INIT: freeing such a buffer does nothing. Do not
 * change its members, and do not free data by other means.
 */
typedef struct vault_buffer {
    /**
     * The bytes. NULL only when length is 0.
     */
    uint8_t *data;
    /**
     * How many bytes there are.
     */
    size_t length;
    /**
     * How many bytes are allocated; for vault_buffer_free() alone.
     */
    size_t capacity;
} vault_buffer;

/**
 * One item of a key context. The texts are UTF-8, need no terminator and are copied.
 */
typedef struct vault_context_item {
    /**
     * The item's name, 1 to 120 characters, such as organization_id.
     */
    const char *name;
    /**
     * Bytes of name.
     */
    size_t name_length;
    /**
     * The item's value, 1 to 500 characters.
     */
    const char *value;
    /**
     * Bytes of value.
     */
    size_t value_length;
} vault_context_item;

/**
 * What a vault did since it was opened. Initialise it with VAULT_COUNTERS_INIT before vault_stats(); members that the
 * caller knows and the library does not are set to 0.
 */
typedef struct vault_counters {
    /**
     * sizeof(vault_counters) as the caller knows it, at most 4096. It is not changed.
     */
    size_t struct_size;
    /**
     * Uses of the root key: managed keys wrapped or unwrapped by it.
     */
    uint64_t root_key_uses;
    /**
     * Shares of data keys wrapped by managed keys.
     */
    uint64_t managed_wraps;
    /**
     * Shares of data keys unwrapped by managed keys.
     */
    uint64_t managed_unwraps;
    /**
     * Wrap calls to customers' keys, whether they succeeded or not.
     */
    uint64_t kms_wraps;
    /**
     * Unwrap calls to customers' keys, whether they succeeded or not.
     */
    uint64_t kms_unwraps;
} vault_counters;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The library's version, such as "0.1.0". The text is static.
 */
const char *vault_version(void);

/**
 * The library's ABI version. A program that was built for another VAULT_ABI_VERSION must not go on.
 */
uint32_t vault_abi_version(void);

/**
 * 1 if the library was built with a feature, else 0. Features of this version: "aws", "sqlite", "aws-lc", "rust-crypto".
 *
 * name: NUL-terminated; NULL names no feature.
 */
uint32_t vault_has_feature(const char *name);

/**
 * Opens a vault with a configuration file.
 *
 * path: the file's path, as the file system spells it. NULL is refused with VAULT_ERROR_INVALID_CONFIG and a message
 *   that says how to make a configuration, since there is no default one.
 * path_length: bytes of path, without any terminator.
 * options: NULL for the defaults.
 * vault: receives the vault. The caller frees it with vault_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK; VAULT_ERROR_INVALID_CONFIG or VAULT_ERROR_CONFLICT, with vault_error_field() naming the field;
 *   VAULT_ERROR_STORE_UNAVAILABLE; or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_open(const char *path,
                    size_t path_length,
                    const struct vault_open_options *options,
                    struct vault **vault,
                    struct vault_error **error);

/**
 * Opens a vault with a configuration given as text.
 *
 * text: the configuration in TOML, UTF-8.
 * text_length: bytes of text, without any terminator.
 * base_directory: what relative paths in the configuration are relative to; NULL for the working directory.
 * base_directory_length: bytes of base_directory, without any terminator.
 * options, vault, error: as in vault_open().
 * Returns what vault_open() returns.
 */
uint32_t vault_open_toml(const char *text,
                         size_t text_length,
                         const char *base_directory,
                         size_t base_directory_length,
                         const struct vault_open_options *options,
                         struct vault **vault,
                         struct vault_error **error);

/**
 * Closes a vault: calls that begin afterwards, by any thread, fail with VAULT_ERROR_CLOSED; calls in flight complete.
 * The vault must still be freed. Closing twice is allowed.
 *
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_close(const struct vault *vault, struct vault_error **error);

/**
 * Frees a vault. NULL is allowed. Call it once for each vault, when no call that uses it is running; to stop other
 * threads from using it first, call vault_close(). Contexts, buffers and errors stay valid.
 */
void vault_free(struct vault *vault);

/**
 * Makes a new root key file (mode 0600), an empty store and a configuration that names them.
 *
 * directory: where to make them; it is made (mode 0700) if it does not exist. UTF-8 is not needed.
 * directory_length: bytes of directory, without any terminator.
 * config_path: receives the path of the configuration file, with a terminating NUL that its length does not count; or
 *   NULL. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK; VAULT_ERROR_CONFLICT if one of the files exists, in which case nothing is changed; or another error.
 */
uint32_t vault_init(const char *directory,
                    size_t directory_length,
                    struct vault_buffer *config_path,
                    struct vault_error **error);

/**
 * Prepares a key context.
 *
 * items: 1 to 10 items in any order. The macro VAULT_CONTEXT_ITEM makes one of two strings.
 * count: how many items there are.
 * context: receives the context. The caller frees it with vault_context_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK; VAULT_ERROR_INVALID_CONTEXT, with vault_error_field() naming the item; or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_context_new(const struct vault_context_item *items,
                           size_t count,
                           struct vault_context **context,
                           struct vault_error **error);

/**
 * Frees a context. NULL is allowed. Call it once for each context, when no call that uses it is running.
 */
void vault_context_free(struct vault_context *context);

/**
 * Encrypts data for a key context.
 *
 * vault, context: shared; other threads may use them at the same time.
 * data: the data, at most 2^30 bytes. It may be NULL when data_length is 0.
 * data_length: bytes of data.
 * aad: further bytes that are authenticated and not stored; vault_decrypt() needs the same. NULL for none.
 * aad_length: bytes of aad.
 * envelope: receives the encrypted data. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error; nothing falls back when a customer's key cannot be used. Blocks while a KMS is called,
 *   at most the configured total time.
 */
uint32_t vault_encrypt(const struct vault *vault,
                       const uint8_t *data,
                       size_t data_length,
                       const struct vault_context *context,
                       const uint8_t *aad,
                       size_t aad_length,
                       struct vault_buffer *envelope,
                       struct vault_error **error);

/**
 * Decrypts what vault_encrypt() made, in any language.
 *
 * vault: shared; other threads may use it at the same time.
 * envelope: the encrypted data.
 * envelope_length: bytes of envelope.
 * context: the key context that the data is expected to have been encrypted for; another one is refused.
 * aad, aad_length: as given to vault_encrypt().
 * data: receives the data. The caller frees it, which wipes it, with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
 */
uint32_t vault_decrypt(const struct vault *vault,
                       const uint8_t *envelope,
                       size_t envelope_length,
                       const struct vault_context *context,
                       const uint8_t *aad,
                       size_t aad_length,
                       struct vault_buffer *data,
                       struct vault_error **error);

/**
 * Encrypts into the caller's memory, without allocating for the result.
 *
 * vault, data, data_length, context, aad, aad_length: as in vault_encrypt().
 * output: where the envelope is written. It may overlap data and aad in any way. No other thread may touch it during
 *   the call; after a failure its content is unspecified.
 * output_capacity: bytes of output; vault_encrypted_length_limit() says how many suffice.
 * output_length: receives how many bytes were written, or with VAULT_ERROR_BUFFER_TOO_SMALL how many are needed.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, VAULT_ERROR_BUFFER_TOO_SMALL or any other error.
 */
uint32_t vault_encrypt_into(const struct vault *vault,
                            const uint8_t *data,
                            size_t data_length,
                            const struct vault_context *context,
                            const uint8_t *aad,
                            size_t aad_length,
                            uint8_t *output,
                            size_t output_capacity,
                            size_t *output_length,
                            struct vault_error **error);

/**
 * Decrypts into the caller's memory, without allocating for the result.
 *
 * vault, envelope, envelope_length, context, aad, aad_length: as in vault_decrypt().
 * output: where the data is written. It may overlap envelope and aad in any way. No other thread may touch it during
 *   the call; after a failure its content is unspecified, and none of it is decrypted data.
 * output_capacity: bytes of output; vault_decrypted_length() says how many are needed.
 * output_length: receives how many bytes were written, or with VAULT_ERROR_BUFFER_TOO_SMALL how many are needed.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, VAULT_ERROR_BUFFER_TOO_SMALL or any other error.
 */
uint32_t vault_decrypt_into(const struct vault *vault,
                            const uint8_t *envelope,
                            size_t envelope_length,
                            const struct vault_context *context,
                            const uint8_t *aad,
                            size_t aad_length,
                            uint8_t *output,
                            size_t output_capacity,
                            size_t *output_length,
                            struct vault_error **error);

/**
 * How many bytes suffice for the envelope of data_length bytes of data.
 *
 * limit: receives the number, which is exact for contexts on managed keys and an upper bound for others.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, or the error that vault_encrypt() would give before it calls a KMS.
 */
uint32_t vault_encrypted_length_limit(const struct vault *vault,
                                      size_t data_length,
                                      const struct vault_context *context,
                                      size_t *limit,
                                      struct vault_error **error);

/**
 * How many bytes of data an envelope holds. It is parsed only: the number is not authenticated.
 *
 * envelope, envelope_length: the whole envelope.
 * length: receives the number.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, VAULT_ERROR_MALFORMED, VAULT_ERROR_UNSUPPORTED_FORMAT, VAULT_ERROR_LIMIT_EXCEEDED or
 *   VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_decrypted_length(const uint8_t *envelope,
                                size_t envelope_length,
                                size_t *length,
                                struct vault_error **error);

/**
 * Makes a data key for callers who encrypt themselves. Once handed out, no revocation reaches it: keep it no longer
 * than needed.
 *
 * vault, context: shared; other threads may use them at the same time.
 * key: receives the VAULT_DATA_KEY_LENGTH bytes of the key. The caller frees it, which wipes it, with
 *   vault_buffer_free().
 * bundle: receives the key bundle to store with the data. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
 */
uint32_t vault_create_data_key(const struct vault *vault,
                               const struct vault_context *context,
                               struct vault_buffer *key,
                               struct vault_buffer *bundle,
                               struct vault_error **error);

/**
 * Gives the data key of a key bundle that vault_create_data_key() made, in any language.
 *
 * vault, context: shared; other threads may use them at the same time. The context is the one that the key was made for.
 * bundle: the key bundle.
 * bundle_length: bytes of bundle.
 * key: receives the VAULT_DATA_KEY_LENGTH bytes of the key. The caller frees it, which wipes it, with
 *   vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
 */
uint32_t vault_decrypt_data_key(const struct vault *vault,
                                const uint8_t *bundle,
                                size_t bundle_length,
                                const struct vault_context *context,
                                struct vault_buffer *key,
                                struct vault_error **error);

/**
 * Says which keys would protect data of a context, without calling a KMS.
 *
 * vault, context: shared; other threads may use them at the same time.
 * decision: receives a JSON object, with a terminating NUL that its length does not count, such as
 *   {"policy":"customer_gated","bindings":[{"id":"bnd_org_123","owner":"org_123","key_ids":["key_abc"]}]}
 *   or {"policy":"managed","bindings":[]}. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, or the error that vault_encrypt() would give before it calls a KMS.
 */
uint32_t vault_match_context(const struct vault *vault,
                             const struct vault_context *context,
                             struct vault_buffer *decision,
                             struct vault_error **error);

/**
 * Says what stands in an envelope or a key bundle. No vault and no keys are needed; nothing is authenticated.
 *
 * bytes: the envelope or key bundle.
 * length: how many bytes there are.
 * inspection: receives a JSON object, with a terminating NUL that its length does not count. The caller frees it with
 *   vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, VAULT_ERROR_MALFORMED, VAULT_ERROR_UNSUPPORTED_FORMAT, VAULT_ERROR_LIMIT_EXCEEDED or
 *   VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_inspect(const uint8_t *bytes,
                       size_t length,
                       struct vault_buffer *inspection,
                       struct vault_error **error);

/**
 * Reads a vault's counters. A closed vault still has them.
 *
 * counters: receives them; its struct_size must be set.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_stats(const struct vault *vault, struct vault_counters *counters, struct vault_error **error);

/**
 * What a vault warns about, such as a development endpoint: text for the host's log, one warning a line.
 *
 * warnings: receives the text, empty if there are none, with a terminating NUL that its length does not count. The
 *   caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_warnings(const struct vault *vault, struct vault_buffer *warnings, struct vault_error **error);

/**
 * Wipes and frees the bytes of a buffer and sets its members to zero, so that a second call does nothing.
 *
 * buffer: one that a function of this library filled, or all zero, or NULL. No other thread may be using it.
 */
void vault_buffer_free(struct vault_buffer *buffer);

/**
 * Frees an error. NULL is allowed. Call it once for each error, from any thread.
 */
void vault_error_free(struct vault_error *error);

/**
 * The error's code, one of VAULT_ERROR_*: the status that the failed function returned. 0 for NULL.
 */
uint32_t vault_error_code(const struct vault_error *error);

/**
 * The error's name, the same in every language, such as "KeyDisabled". NULL for NULL.
 */
const char *vault_error_name(const struct vault_error *error);

/**
 * The error's kind: "input", "policy", "key", "unavailable", "integrity", "usage" or "internal". NULL for NULL.
 */
const char *vault_error_kind(const struct vault_error *error);

/**
 * 1 if the same call may succeed later without any change, else 0.
 */
uint32_t vault_error_retryable(const struct vault_error *error);

/**
 * What happened, in one sentence for people. Its wording may change between versions. NULL for NULL.
 */
const char *vault_error_message(const struct vault_error *error);

/**
 * The path of the refused configuration field, or the name of the refused key context item; else NULL.
 */
const char *vault_error_field(const struct vault_error *error);

/**
 * The provider whose call failed, such as "aws"; else NULL.
 */
const char *vault_error_provider(const struct vault_error *error);

/**
 * The id of the customer's key, as the configuration names it; else NULL.
 */
const char *vault_error_key_id(const struct vault_error *error);

/**
 * The operation on the customer's key that failed, "wrap" or "unwrap"; else NULL.
 */
const char *vault_error_operation(const struct vault_error *error);

/**
 * The provider's own id of the failed request, by which the customer finds it in the KMS's log; else NULL.
 */
const char *vault_error_request_id(const struct vault_error *error);

/**
 * With VAULT_ERROR_BUFFER_TOO_SMALL: how many bytes the output needs; else 0.
 */
size_t vault_error_needed_length(const struct vault_error *error);

/**
 * The name of a status: "Ok" for VAULT_OK, "KeyDisabled" for VAULT_ERROR_KEY_DISABLED, NULL for a number that this
 * version does not know. The text is static.
 */
const char *vault_status_name(uint32_t status);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VAULT_H */
