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
 * Threads. Vaults, contexts and errors may be used by any number of threads at once, streams by one at a time; a _free
 * function needs the last use to be over. If another thread changes input bytes during a call, the call works on some
 * mixture of old and new bytes. Calls block. They call no function of the host's but those that it gave for the purpose.
 * The library has no thread-local state.
 */

#ifndef VAULT_H
#define VAULT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** One vault_context_item of two NUL-terminated strings: VAULT_CONTEXT_ITEM("organization_id", "org_123"). */
#define VAULT_CONTEXT_ITEM(name, value) { (name), strlen(name), (value), strlen(value) }

/** What to initialise a vault_buffer with. */
#define VAULT_BUFFER_INIT { NULL, 0, 0 }
/** What to initialise a vault_open_options with. */
#define VAULT_OPEN_OPTIONS_INIT { sizeof(vault_open_options), 0 }
/** What to initialise a vault_call_options with. */
#define VAULT_CALL_OPTIONS_INIT { sizeof(vault_call_options), 0, NULL, NULL, 0 }
/** What to initialise a vault_stream_options with. */
#define VAULT_STREAM_OPTIONS_INIT { sizeof(vault_stream_options), 0 }
/** What to initialise a vault_change_options with. */
#define VAULT_CHANGE_OPTIONS_INIT { sizeof(vault_change_options), 0, 0 }
/** What to initialise a vault_file_options with. */
#define VAULT_FILE_OPTIONS_INIT { sizeof(vault_file_options), 0, 0 }
/** What to initialise a vault_source with. */
#define VAULT_SOURCE_INIT { sizeof(vault_source), 0, NULL, NULL, NULL }
/** What to initialise a vault_counters with. */
#define VAULT_COUNTERS_INIT { sizeof(vault_counters), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

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
 * PolicyMismatch: The bundle does not name the keys that protect this context: it was made for another one, or before a binding that is now enforced.
 */
#define VAULT_ERROR_POLICY_MISMATCH 202

/**
 * DowngradeRefused: The new keys would be easier to use than the old ones (that needs the separate permission allow_downgrade), or a rewrap would leave keys behind that still open an older copy (use reencrypt, or keep_data_key).
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
 * Conflict: Something with this name or id exists, or two records contradict each other: the message says which.
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
 * The level of something that changed as it was meant to.
 */
#define VAULT_LOG_INFO 1

/**
 * The level of something that someone should look at.
 */
#define VAULT_LOG_WARNING 2

/**
 * Cancels calls from another thread. Made by vault_cancel_token_new(), freed with vault_cancel_token_free(). Any number
 * of threads and views may use one at the same time.
 */
typedef struct vault_cancel_token vault_cancel_token;

/**
 * A prepared key context: which keys protect the data. Made by vault_context_new(), freed with vault_context_free().
 * It never changes and belongs to no vault, so any number of threads and calls may share it.
 */
typedef struct vault_context vault_context;

/**
 * An envelope that is being read. Made by vault_decryptor_new(), freed with vault_decryptor_free(). One thread at a time
 * may use it; another one that tries meanwhile is refused with VAULT_ERROR_INVALID_ARGUMENT.
 */
typedef struct vault_decryptor vault_decryptor;

/**
 * An envelope that is being written. Made by vault_encryptor_new(), freed with vault_encryptor_free(). One thread at a
 * time may use it; another one that tries meanwhile is refused with VAULT_ERROR_INVALID_ARGUMENT.
 */
typedef struct vault_encryptor vault_encryptor;

/**
 * An error. It belongs to the caller, who frees it with vault_error_free(), and it outlives the vault. It never
 * changes, so several threads may read one. Its texts are NUL-terminated UTF-8 and live as long as the error; they hold
 * no credentials, no key context values and no key bytes.
 */
typedef struct vault_error vault_error;

/**
 * An envelope of which any part can be read. Made by vault_reader_new(), freed with vault_reader_free(). One thread at a
 * time may use it; another one that tries meanwhile is refused with VAULT_ERROR_INVALID_ARGUMENT.
 */
typedef struct vault_reader vault_reader;

/**
 * An open vault. Made by vault_open() or vault_open_toml(), freed with vault_free(). Any number of threads may use one
 * at the same time.
 */
typedef struct vault vault;

/**
 * Options of calls, for vault_with(). Initialise it with VAULT_CALL_OPTIONS_INIT. Other versions of this struct may be
 * shorter or longer, as with vault_open_options.
 */
typedef struct vault_call_options {
    /**
     * sizeof(vault_call_options) as the caller knows it, at most 4096.
     */
    size_t struct_size;
    /**
     * How long a call may wait for KMSs, all its keys and retries together, in milliseconds; then it fails with
     * VAULT_ERROR_TIMEOUT. 0 for the configured time.
     */
    uint64_t timeout_ms;
    /**
     * Calls fail with VAULT_ERROR_CANCELLED once it is cancelled. NULL for none. It may be freed after vault_with().
     */
    const struct vault_cancel_token *cancel;
    /**
     * Who makes the calls, for the audit trail: UTF-8, 1 to 200 characters. NULL for nobody. It is copied.
     */
    const char *actor;
    /**
     * Bytes of actor.
     */
    size_t actor_length;
} vault_call_options;

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
 * Options of vault_rewrap(), vault_reencrypt() and vault_rekey(). Initialise it with VAULT_CHANGE_OPTIONS_INIT. Other
 * versions of this struct may be shorter or longer, as with vault_open_options.
 */
typedef struct vault_change_options {
    /**
     * sizeof(vault_change_options) as the caller knows it, at most 4096.
     */
    size_t struct_size;
    /**
     * 1: weakening the protection of the data is allowed; 0: it fails with VAULT_ERROR_DOWNGRADE_REFUSED. It is a
     * permission of its own and stands in the audit trail.
     */
    uint32_t allow_downgrade;
    /**
     * For vault_rewrap() alone: 1 to wrap although keys are left behind with which older copies still open.
     */
    uint32_t keep_data_key;
} vault_change_options;

/**
 * Options of vault_encrypt_file() and vault_decrypt_file(). Initialise it with VAULT_FILE_OPTIONS_INIT. Other versions of
 * this struct may be shorter or longer, as with vault_open_options.
 */
typedef struct vault_file_options {
    /**
     * sizeof(vault_file_options) as the caller knows it, at most 4096.
     */
    size_t struct_size;
    /**
     * 1: the target may take the place of another file; 0: that is VAULT_ERROR_CONFLICT.
     */
    uint32_t replace;
    /**
     * Must be 0.
     */
    uint32_t reserved;
} vault_file_options;

/**
 * One line for the host's log. It holds no secret and no value of a key context. It lives until the function that it was
 * passed to returns.
 */
typedef struct vault_log_record {
    /**
     * sizeof(vault_log_record) as the library knows it; later versions add members at the end.
     */
    size_t struct_size;
    /**
     * VAULT_LOG_INFO or VAULT_LOG_WARNING.
     */
    uint32_t level;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * What happened, for programs, such as "reloaded" or "failover". NUL-terminated.
     */
    const char *event;
    /**
     * What happened, for people. NUL-terminated UTF-8.
     */
    const char *message;
} vault_log_record;

/**
 * Where a reader finds its envelope. Initialise it with VAULT_SOURCE_INIT. Other versions of this struct may be shorter or
 * longer, as with vault_open_options.
 */
typedef struct vault_source {
    /**
     * sizeof(vault_source) as the caller knows it, at most 4096.
     */
    size_t struct_size;
    /**
     * Bytes of the envelope. The source holds it from offset 0 on, and nothing behind it.
     */
    uint64_t length;
    /**
     * Reads exactly length bytes from offset on into buffer and returns 0, or returns another number if it cannot. It is
     * called during calls of the reader, with ranges inside the envelope. It must not raise C++ exceptions or leave by
     * longjmp().
     */
    uint32_t (*read_at)(void *user_data, uint64_t offset, uint8_t *buffer, size_t length);
    /**
     * Passed on to read_at and release.
     */
    void *user_data;
    /**
     * Called once with user_data when the reader is freed. NULL for nothing.
     */
    void (*release)(void *user_data);
} vault_source;

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
    /**
     * Envelopes made, streams included.
     */
    uint64_t encryptions;
    /**
     * Envelopes opened, streams included.
     */
    uint64_t decryptions;
    /**
     * Data keys made for callers.
     */
    uint64_t data_keys_created;
    /**
     * Data keys given back to callers.
     */
    uint64_t data_keys_opened;
    /**
     * Envelopes and bundles wrapped anew.
     */
    uint64_t rewraps;
    /**
     * Envelopes encrypted anew.
     */
    uint64_t reencryptions;
    /**
     * Bundles moved to another context.
     */
    uint64_t rekeys;
    /**
     * Encrypting and decrypting streams begun.
     */
    uint64_t streams_opened;
    /**
     * Unwraps that went on to another key because one could not be used.
     */
    uint64_t failovers;
    /**
     * Wraps left out at encryption because their key could not be reached (min_wraps); a rewrap adds them.
     */
    uint64_t missing_wraps;
    /**
     * Events written to the audit trail.
     */
    uint64_t audit_events;
    /**
     * Configurations taken over by vault_reload().
     */
    uint64_t reloads;
    /**
     * Bytes of secret memory of this process that are locked into RAM.
     */
    uint64_t memory_locked_bytes;
    /**
     * Bytes of secret memory of this process that the system refused to lock: above 0 means that secrets may reach swap.
     */
    uint64_t memory_unlocked_bytes;
    /**
     * Data keys kept for further messages (leases).
     */
    uint64_t leases_opened;
    /**
     * Messages that needed no KMS because a lease gave the data key.
     */
    uint64_t lease_hits;
    /**
     * Calls to customers' keys that were turned away because too many were under way.
     */
    uint64_t kms_shed;
    /**
     * Times that calls to a customer's key were paused because its KMS did not answer.
     */
    uint64_t circuits_opened;
} vault_counters;

/**
 * Options of an encryptor. Initialise it with VAULT_STREAM_OPTIONS_INIT. Other versions of this struct may be shorter or
 * longer, as with vault_open_options.
 */
typedef struct vault_stream_options {
    /**
     * sizeof(vault_stream_options) as the caller knows it, at most 4096.
     */
    size_t struct_size;
    /**
     * Bytes of a frame: a power of two from 4096 to 1048576, or 0 for 65536. A reader holds one frame in memory.
     */
    uint64_t frame_size;
} vault_stream_options;

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
 * 1 if the library was built with a feature, else 0. Features of this version: "aws", "azure", "sqlite", "aws-lc", "rust-crypto".
 *
 * name: NUL-terminated; NULL names no feature.
 */
uint32_t vault_has_feature(const char *name);

/**
 * Makes a view of a vault whose calls obey options. It shares everything else with the vault and is cheap to make, so
 * one for each call is fine. Closing either closes both.
 *
 * vault: the vault, or a view, whose own options do not count in the new one.
 * options: NULL for the defaults.
 * view: receives the view, which is used like a vault. The caller frees it with vault_free(), before or after the vault.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_with(const struct vault *vault,
                    const struct vault_call_options *options,
                    struct vault **view,
                    struct vault_error **error);

/**
 * Makes a token that cancels calls.
 *
 * token: receives the token. The caller frees it with vault_cancel_token_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_cancel_token_new(struct vault_cancel_token **token, struct vault_error **error);

/**
 * Cancels all calls of all views that were made with the token: those that run, also while they wait for a KMS, whose
 * call ends too, and those to come. They fail with VAULT_ERROR_CANCELLED. It cannot be undone.
 *
 * token: NULL does nothing. It may be called by any thread, but not by a signal handler.
 */
void vault_cancel(const struct vault_cancel_token *token);

/**
 * Frees a token. NULL is allowed. Call it once for each token; views that were made with it stay as they are.
 */
void vault_cancel_token_free(struct vault_cancel_token *token);

/**
 * Puts the configuration of a file in force for a vault and all its views, at once: bindings, states, options,
 * credentials, timeouts. The files that it names are read again. After this returns, no call hands out a result that was
 * decided under the old configuration.
 *
 * vault: other threads may use it at the same time.
 * path: the file's path, as the file system spells it.
 * path_length: bytes of path, without any terminator.
 * error: see "Errors" at the top of this file.
 * Returns what vault_open() returns; after an error the old configuration stays in force.
 */
uint32_t vault_reload(const struct vault *vault,
                      const char *path,
                      size_t path_length,
                      struct vault_error **error);

/**
 * Puts a configuration given as text in force, as vault_reload().
 *
 * vault: other threads may use it at the same time.
 * text, text_length, base_directory, base_directory_length: as in vault_open_toml().
 * error: see "Errors" at the top of this file.
 * Returns what vault_reload() returns.
 */
uint32_t vault_reload_toml(const struct vault *vault,
                           const char *text,
                           size_t text_length,
                           const char *base_directory,
                           size_t base_directory_length,
                           struct vault_error **error);

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
 * To be called in a process that was restored from a snapshot of a virtual machine, or copied together with one, before
 * it encrypts: from then on its ids and keys differ from those of every other copy, for all vaults of the process. Keys
 * and connections that this vault holds are dropped. A fork needs no call.
 *
 * vault: other threads may use it at the same time.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error.
 */
uint32_t vault_after_restore(const struct vault *vault, struct vault_error **error);

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
 * Wraps the data key of an envelope or key bundle by the keys that match its context now; the payload stays as it is.
 *
 * This revokes nothing: whoever kept the older copy opens it with the older keys. So it is refused where keys are left
 * behind, unless keep_data_key is set; vault_reencrypt() is the way there.
 *
 * vault, context: shared; other threads may use them at the same time.
 * envelope_or_bundle: what to wrap anew.
 * envelope_or_bundle_length: bytes of it.
 * options: NULL for the defaults.
 * rewrapped: receives the new envelope or bundle. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, VAULT_ERROR_DOWNGRADE_REFUSED before any key is used, or any other error. Blocks while a KMS is
 *   called.
 */
uint32_t vault_rewrap(const struct vault *vault,
                      const uint8_t *envelope_or_bundle,
                      size_t envelope_or_bundle_length,
                      const struct vault_context *context,
                      const struct vault_change_options *options,
                      struct vault_buffer *rewrapped,
                      struct vault_error **error);

/**
 * Decrypts an envelope and encrypts its data with a new data key for the keys that match its context now, in the same
 * form and bound to the same AAD.
 *
 * vault, context: shared; other threads may use them at the same time.
 * envelope: the envelope.
 * envelope_length: bytes of envelope.
 * aad, aad_length: as given to the encryption.
 * options: NULL for the defaults; keep_data_key must be 0.
 * reencrypted: receives the new envelope. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns what vault_rewrap() returns.
 */
uint32_t vault_reencrypt(const struct vault *vault,
                         const uint8_t *envelope,
                         size_t envelope_length,
                         const struct vault_context *context,
                         const uint8_t *aad,
                         size_t aad_length,
                         const struct vault_change_options *options,
                         struct vault_buffer *reencrypted,
                         struct vault_error **error);

/**
 * Makes a key bundle for another context around the same data key. The older bundle goes on to open under its context.
 *
 * vault, old_context, new_context: shared; other threads may use them at the same time.
 * bundle: one that vault_create_data_key() made for old_context.
 * bundle_length: bytes of bundle.
 * options: NULL for the defaults; keep_data_key must be 0.
 * rekeyed: receives the new bundle. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns what vault_rewrap() returns; VAULT_ERROR_INVALID_CONTEXT if the contexts are equal.
 */
uint32_t vault_rekey(const struct vault *vault,
                     const uint8_t *bundle,
                     size_t bundle_length,
                     const struct vault_context *old_context,
                     const struct vault_context *new_context,
                     const struct vault_change_options *options,
                     struct vault_buffer *rekeyed,
                     struct vault_error **error);

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
 * vault, context: shared; other threads may use them at the same time.
 * data_length: bytes of the data.
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
 * Encrypts a file into another, in constant memory. The target appears whole and synced to the disk, or not at all.
 *
 * vault, context: shared; other threads may use them at the same time.
 * source: the path of the file to encrypt, as the file system spells it.
 * source_length: bytes of source, without any terminator.
 * target: the path of the envelope.
 * target_length: bytes of target, without any terminator.
 * aad, aad_length: as in vault_encrypt().
 * options: NULL for the defaults.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK; VAULT_ERROR_CONFLICT if the target exists; VAULT_ERROR_INVALID_ARGUMENT where the operating system
 *   refuses a file, as when the disk is full; or any other error. Blocks while a KMS is called and files are read and written.
 */
uint32_t vault_encrypt_file(const struct vault *vault,
                            const char *source,
                            size_t source_length,
                            const char *target,
                            size_t target_length,
                            const struct vault_context *context,
                            const uint8_t *aad,
                            size_t aad_length,
                            const struct vault_file_options *options,
                            struct vault_error **error);

/**
 * Decrypts a file into another, with mode 0600, in constant memory. The target appears whole, authenticated to its end and
 * synced to the disk, or not at all.
 *
 * vault, context: shared; other threads may use them at the same time.
 * source, source_length: the path of the envelope.
 * target, target_length: the path of the decrypted file.
 * aad, aad_length: as given to the encryption.
 * options: NULL for the defaults.
 * error: see "Errors" at the top of this file.
 * Returns what vault_encrypt_file() returns.
 */
uint32_t vault_decrypt_file(const struct vault *vault,
                            const char *source,
                            size_t source_length,
                            const char *target,
                            size_t target_length,
                            const struct vault_context *context,
                            const uint8_t *aad,
                            size_t aad_length,
                            const struct vault_file_options *options,
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
 * Sends a vault's log records to a function of the host's, first those since it was opened that nobody got. Without one,
 * records wait, up to a thousand; nothing is ever written to standard error.
 *
 * vault: the vault or any view of it: they share one log.
 * log: called with user_data and a record, by the thread whose call into the library it is about, which need not be the
 *   one that called this function; by several at once if several make calls. It must not block, raise C++ exceptions or
 *   leave by longjmp(). It may call the library. NULL for none.
 * user_data: passed on to log and release; the library does nothing else with it.
 * release: called once with user_data when log will not be called any more: after another function took its place, or
 *   with the vault and its views freed, and all calls that may use it over. NULL for nothing.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT, in which case release is not called.
 */
uint32_t vault_set_log(const struct vault *vault,
                       void (*log)(void *user_data, const struct vault_log_record *record),
                       void *user_data,
                       void (*release)(void *user_data),
                       struct vault_error **error);

/**
 * Opens an envelope for random access: reads its header, uses the keys, and authenticates its last frame, so that its
 * length is known to be the true one. An envelope that vault_encrypt() made is one frame and held in memory whole.
 *
 * vault, context: shared; other threads may use them at the same time. They may be freed before the reader.
 * source: where the envelope is. The struct is copied.
 * aad, aad_length: as given to the encryption.
 * reader: receives the reader. The caller frees it with vault_reader_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error; VAULT_ERROR_INVALID_ARGUMENT if read_at fails. After an error release is not called.
 *   Blocks while a KMS is called.
 */
uint32_t vault_reader_new(const struct vault *vault,
                          const struct vault_source *source,
                          const struct vault_context *context,
                          const uint8_t *aad,
                          size_t aad_length,
                          struct vault_reader **reader,
                          struct vault_error **error);

/**
 * How many bytes of data the envelope holds, authenticated. 0 for NULL.
 */
uint64_t vault_reader_length(const struct vault_reader *reader);

/**
 * Reads data at any place. Only the frames that hold it are read and authenticated.
 *
 * reader: the reader.
 * offset: where in the data to begin. Behind the end there is nothing to read.
 * output: where the data is written. No other thread may touch it during the call; after a failure no decrypted data is
 *   there.
 * output_capacity: how many bytes to read.
 * output_length: receives how many were read: fewer than output_capacity only at the end.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error; VAULT_ERROR_INVALID_ARGUMENT if read_at fails.
 */
uint32_t vault_reader_read_at(const struct vault_reader *reader,
                              uint64_t offset,
                              uint8_t *output,
                              size_t output_capacity,
                              size_t *output_length,
                              struct vault_error **error);

/**
 * Frees a reader, wipes what it holds and calls release. NULL is allowed. Call it once for each reader.
 */
void vault_reader_free(struct vault_reader *reader);

/**
 * Reads a vault's counters. A closed vault still has them.
 *
 * vault: shared; other threads may use it at the same time.
 * counters: receives them; its struct_size must be set.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_stats(const struct vault *vault, struct vault_counters *counters, struct vault_error **error);

/**
 * What a vault warns about, such as a development endpoint: text for the host's log, one warning a line.
 *
 * vault: shared; other threads may use it at the same time.
 * warnings: receives the text, empty if there are none, with a terminating NUL that its length does not count. The
 *   caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_warnings(const struct vault *vault, struct vault_buffer *warnings, struct vault_error **error);

/**
 * Begins an envelope of any size. The keys are used here; a key in a KMS is
 * asked again, by update and finish, whenever the time of a lease is over (docs/leases.md), and its refusal ends the stream.
 *
 * vault, context: shared; other threads may use them at the same time. They may be freed before the encryptor.
 * aad: further bytes that are authenticated and not stored; decrypting needs the same. NULL for none.
 * aad_length: bytes of aad.
 * options: NULL for the defaults.
 * encryptor: receives the encryptor. The caller frees it with vault_encryptor_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error. Blocks while a KMS is called, at most the configured total time.
 */
uint32_t vault_encryptor_new(const struct vault *vault,
                             const struct vault_context *context,
                             const uint8_t *aad,
                             size_t aad_length,
                             const struct vault_stream_options *options,
                             struct vault_encryptor **encryptor,
                             struct vault_error **error);

/**
 * Encrypts more data. The envelope, whose first part comes with the first call, grows by whole frames: some calls append
 * nothing.
 *
 * encryptor: one that is not finished. After an error it is dead: every later call gives the same error.
 * data: the data.
 * data_length: bytes of data.
 * output: a buffer, to which the next part of the envelope is appended. Write it out and empty it with
 *   vault_buffer_clear() between calls, or let it grow. The caller frees it with vault_buffer_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK; VAULT_ERROR_LIMIT_EXCEEDED, VAULT_ERROR_CLOSED, VAULT_ERROR_CANCELLED, VAULT_ERROR_KEY_SUSPENDED, or
 *   VAULT_ERROR_INVALID_ARGUMENT. Output is as it was after an error.
 */
uint32_t vault_encryptor_update(const struct vault_encryptor *encryptor,
                                const uint8_t *data,
                                size_t data_length,
                                struct vault_buffer *output,
                                struct vault_error **error);

/**
 * Completes the envelope. Without it, the envelope is truncated and nobody can decrypt all of it.
 *
 * encryptor: as in vault_encryptor_update(). Afterwards it can only be freed.
 * output: a buffer, to which the rest of the envelope is appended.
 * error: see "Errors" at the top of this file.
 * Returns what vault_encryptor_update() returns.
 */
uint32_t vault_encryptor_finish(const struct vault_encryptor *encryptor,
                                struct vault_buffer *output,
                                struct vault_error **error);

/**
 * Frees an encryptor and wipes what it holds. NULL is allowed. Call it once for each encryptor, finished or not.
 */
void vault_encryptor_free(struct vault_encryptor *encryptor);

/**
 * Begins to read an envelope, made in any language, by a stream or by vault_encrypt(). No key is used yet.
 *
 * vault, context: shared; other threads may use them at the same time. They may be freed before the decryptor.
 * aad, aad_length: as given to the encryption.
 * decryptor: receives the decryptor. The caller frees it with vault_decryptor_free().
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK, VAULT_ERROR_CLOSED, VAULT_ERROR_CANCELLED or VAULT_ERROR_INVALID_ARGUMENT.
 */
uint32_t vault_decryptor_new(const struct vault *vault,
                             const struct vault_context *context,
                             const uint8_t *aad,
                             size_t aad_length,
                             struct vault_decryptor **decryptor,
                             struct vault_error **error);

/**
 * Decrypts more of the envelope. The one call that completes its header uses the keys. Only authenticated frames come
 * out, so some calls append nothing. That nothing is missing is known only when vault_decryptor_finish() succeeds.
 *
 * decryptor: one that is not finished. After an error it is dead: every later call gives the same error.
 * envelope: the next bytes of the envelope, in pieces of any size.
 * envelope_length: bytes of envelope.
 * output: a buffer, to which data is appended; see vault_encryptor_update(). After an error it may hold the data of
 *   frames that came before the wrong one.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK or any error. The call that uses the keys blocks while a KMS is called.
 */
uint32_t vault_decryptor_update(const struct vault_decryptor *decryptor,
                                const uint8_t *envelope,
                                size_t envelope_length,
                                struct vault_buffer *output,
                                struct vault_error **error);

/**
 * Says that the envelope ends here, and appends the data of its last frame.
 *
 * decryptor: as in vault_decryptor_update(). Afterwards it can only be freed.
 * output: a buffer, to which data is appended.
 * error: see "Errors" at the top of this file.
 * Returns VAULT_OK: the data is whole. VAULT_ERROR_MALFORMED or VAULT_ERROR_AUTHENTICATION_FAILED if something is
 *   missing, or any other error.
 */
uint32_t vault_decryptor_finish(const struct vault_decryptor *decryptor,
                                struct vault_buffer *output,
                                struct vault_error **error);

/**
 * Frees a decryptor and wipes what it holds. NULL is allowed. Call it once for each decryptor, finished or not.
 */
void vault_decryptor_free(struct vault_decryptor *decryptor);

/**
 * Wipes the bytes of a buffer and sets its length to 0, but keeps the memory, for the functions that append to a buffer.
 *
 * buffer: one that a function of this library filled, or all zero, or NULL. No other thread may be using it.
 */
void vault_buffer_clear(struct vault_buffer *buffer);

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
