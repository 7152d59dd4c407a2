/* Vaults and what needs none. SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVAULT_VAULT_HANDLE_HPP
#define LIBVAULT_VAULT_HANDLE_HPP

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bytes.hpp"
#include "context.hpp"
#include "errors.hpp"
#include "options.hpp"
#include "reader.hpp"
#include "stream.hpp"

namespace libvault {

/// What a vault did since it was opened; the members are those of vault_counters.
using Stats = vault_counters;

/// A data key for callers who encrypt themselves.
struct DataKey {
    /// The VAULT_DATA_KEY_LENGTH secret bytes, wiped with this value.
    Buffer key;
    /// The key bundle to store with the data. Empty where the caller brought it.
    Buffer bundle;
};

/// Whether a change of keys may weaken the protection of the data. It is a permission of its own and stands in the audit trail.
enum class Downgrade {
    /// It throws DowngradeRefused.
    Refuse,
    /// It is done.
    Allow,
};

/// How Vault::rewrap() works.
struct RewrapOptions {
    /// Wrap although keys are left behind with which older copies still open.
    bool keepDataKey = false;
    /// Whether the protection may be weakened.
    Downgrade downgrade = Downgrade::Refuse;
};

/// One line for the host's log; lives during the call that gets it. It holds no secret and no value of a key context.
struct LogRecord {
    /// Whether someone should look at it; otherwise something changed as it was meant to.
    bool warning;
    /// What happened, for programs, such as "reloaded" or "failover".
    std::string_view event;
    /// What happened, for people.
    std::string_view message;
};

/// Where log records go. Called by the threads whose calls they are about, by several at once if several make calls. It must not
/// block; exceptions that it throws are dropped.
using LogSink = std::function<void(const LogRecord &)>;

/// An open vault. Any number of threads may use one at the same time.
///
/// Every call that may need a customer's key blocks while its KMS is asked, at most the configured total time. A key that cannot
/// be used is an error and never replaced by another.
class Vault {
public:
    /// Opens a vault with a configuration file.
    ///
    /// Throws InvalidConfig or Conflict, whose field() is the field, or StoreUnavailable.
    static Vault open(const std::filesystem::path &config) {
        vault *opened = nullptr;
        detail::check([&](vault_error **error) {
            return vault_open(config.c_str(), config.native().size(), nullptr, &opened, error);
        });
        return Vault(opened);
    }

    /// Opens a vault with a configuration in TOML. Relative paths in it start at `baseDirectory`, or at the working directory.
    static Vault openToml(std::string_view text, const std::filesystem::path &baseDirectory = {}) {
        vault *opened = nullptr;
        detail::check([&](vault_error **error) {
            return vault_open_toml(text.data(), text.size(), baseDirectory.c_str(), baseDirectory.native().size(), nullptr,
                                   &opened, error);
        });
        return Vault(opened);
    }

    /// Takes over a vault of the C library.
    explicit Vault(vault *opened) noexcept : vault_(opened) {}

    /// A view of this vault whose calls obey `options`. It shares everything else and is cheap to make: one for each call is fine.
    Vault with(const CallOptions &options) const {
        const vault_call_options given = options.get();
        vault *view = nullptr;
        detail::check([&](vault_error **error) { return vault_with(get(), &given, &view, error); });
        return Vault(view);
    }

    /// Puts the configuration of a file in force for the vault and all its views, at once. The files that it names are read again.
    ///
    /// Throws what open() throws; the old configuration then stays in force.
    void reload(const std::filesystem::path &config) const {
        detail::check([&](vault_error **error) {
            return vault_reload(get(), config.c_str(), config.native().size(), error);
        });
    }

    /// Puts a configuration in TOML in force, as reload().
    void reloadToml(std::string_view text, const std::filesystem::path &baseDirectory = {}) const {
        detail::check([&](vault_error **error) {
            return vault_reload_toml(get(), text.data(), text.size(), baseDirectory.c_str(), baseDirectory.native().size(),
                                     error);
        });
    }

    /// To be called in a process that was restored from a snapshot of a virtual machine before it encrypts: from then on its ids and
    /// keys differ from those of every other copy. A fork needs no call.
    void afterRestore() const {
        detail::check([&](vault_error **error) { return vault_after_restore(get(), error); });
    }

    /// Closes the vault: calls that begin afterwards, by any thread, throw Closed; calls in flight complete.
    void close() const {
        detail::check([&](vault_error **error) { return vault_close(get(), error); });
    }

    /// Encrypts data, at most 2^30 bytes. `aad` is authenticated and not stored: decrypt() needs the same.
    Buffer encrypt(BytesView data, const Context &context, BytesView aad = {}) const {
        return made([&](vault_buffer *envelope, vault_error **error) {
            return vault_encrypt(get(), data.data(), data.size(), context.get(), aad.data(), aad.size(), envelope, error);
        });
    }

    /// Decrypts an envelope that was made for exactly this context and AAD, in any language.
    Buffer decrypt(BytesView envelope, const Context &context, BytesView aad = {}) const {
        return made([&](vault_buffer *data, vault_error **error) {
            return vault_decrypt(get(), envelope.data(), envelope.size(), context.get(), aad.data(), aad.size(), data, error);
        });
    }

    /// Encrypts into the caller's memory, which may overlap the inputs, and gives the envelope's length.
    ///
    /// Throws BufferTooSmall, whose neededLength() suffices; see encryptedLengthLimit().
    std::size_t encryptInto(BytesView data, const Context &context, WritableBytes output, BytesView aad = {}) const {
        std::size_t length = 0;
        detail::check([&](vault_error **error) {
            return vault_encrypt_into(get(), data.data(), data.size(), context.get(), aad.data(), aad.size(), output.data(),
                                      output.size(), &length, error);
        });
        return length;
    }

    /// Decrypts into the caller's memory, which may overlap the inputs, and gives the data's length.
    ///
    /// Throws BufferTooSmall, whose neededLength() suffices; see decryptedLength(). After a failure no decrypted data is there.
    std::size_t decryptInto(BytesView envelope, const Context &context, WritableBytes output, BytesView aad = {}) const {
        std::size_t length = 0;
        detail::check([&](vault_error **error) {
            return vault_decrypt_into(get(), envelope.data(), envelope.size(), context.get(), aad.data(), aad.size(),
                                      output.data(), output.size(), &length, error);
        });
        return length;
    }

    /// How many bytes suffice for the envelope of `dataLength` bytes: exact for managed keys, else an upper bound.
    std::size_t encryptedLengthLimit(std::size_t dataLength, const Context &context) const {
        std::size_t limit = 0;
        detail::check([&](vault_error **error) {
            return vault_encrypted_length_limit(get(), dataLength, context.get(), &limit, error);
        });
        return limit;
    }

    /// Makes a data key. Once handed out, no revocation reaches it: keep it no longer than needed.
    DataKey createDataKey(const Context &context) const {
        DataKey made;
        detail::check([&](vault_error **error) {
            return vault_create_data_key(get(), context.get(), made.key.get(), made.bundle.get(), error);
        });
        return made;
    }

    /// The key of a bundle that createDataKey() made, in any language, for exactly this context.
    DataKey decryptDataKey(BytesView bundle, const Context &context) const {
        DataKey opened;
        detail::check([&](vault_error **error) {
            return vault_decrypt_data_key(get(), bundle.data(), bundle.size(), context.get(), opened.key.get(), error);
        });
        return opened;
    }

    /// Wraps the data key of an envelope or bundle by the keys that match its context now. This revokes nothing: whoever kept the older
    /// copy opens it with the older keys.
    ///
    /// Throws DowngradeRefused, before any key is used, where keys would be left behind or the protection weakened.
    Buffer rewrap(BytesView envelopeOrBundle, const Context &context, RewrapOptions options = {}) const {
        const vault_change_options given = changeOptions(options.downgrade, options.keepDataKey);
        return made([&](vault_buffer *rewrapped, vault_error **error) {
            return vault_rewrap(get(), envelopeOrBundle.data(), envelopeOrBundle.size(), context.get(), &given, rewrapped, error);
        });
    }

    /// Decrypts an envelope and encrypts its data with a new data key for the keys that match its context now.
    Buffer reencrypt(BytesView envelope, const Context &context, BytesView aad = {}, Downgrade downgrade = Downgrade::Refuse) const {
        const vault_change_options given = changeOptions(downgrade, false);
        return made([&](vault_buffer *reencrypted, vault_error **error) {
            return vault_reencrypt(get(), envelope.data(), envelope.size(), context.get(), aad.data(), aad.size(), &given,
                                   reencrypted, error);
        });
    }

    /// Makes a bundle for another context around the same data key. The older bundle goes on to open under its context.
    Buffer rekey(BytesView bundle, const Context &oldContext, const Context &newContext,
                 Downgrade downgrade = Downgrade::Refuse) const {
        const vault_change_options given = changeOptions(downgrade, false);
        return made([&](vault_buffer *rekeyed, vault_error **error) {
            return vault_rekey(get(), bundle.data(), bundle.size(), oldContext.get(), newContext.get(), &given, rekeyed, error);
        });
    }

    /// Begins an envelope of any size. The keys are used here; a key in a KMS is asked again whenever the time of a lease is over.
    Encryptor encryptor(const Context &context, BytesView aad = {}, StreamOptions options = {}) const {
        vault_stream_options given VAULT_STREAM_OPTIONS_INIT;
        given.frame_size = options.frameSize;
        vault_encryptor *begun = nullptr;
        detail::check([&](vault_error **error) {
            return vault_encryptor_new(get(), context.get(), aad.data(), aad.size(), &given, &begun, error);
        });
        return Encryptor(begun);
    }

    /// Begins to read an envelope of either form. No key is used before its header is complete.
    Decryptor decryptor(const Context &context, BytesView aad = {}) const {
        vault_decryptor *begun = nullptr;
        detail::check([&](vault_error **error) {
            return vault_decryptor_new(get(), context.get(), aad.data(), aad.size(), &begun, error);
        });
        return Decryptor(begun);
    }

    /// Opens the envelope that is all of `source`, which must outlive the reader, for random access: uses the keys and authenticates the
    /// last frame.
    ///
    /// Throws InvalidArgument if the source cannot be read.
    Reader reader(std::istream &source, const Context &context, BytesView aad = {}) const {
        source.clear();
        source.seekg(0, std::ios::end);
        const auto length = source.tellg();
        vault_source given VAULT_SOURCE_INIT;
        given.length = length < 0 ? 0 : static_cast<std::uint64_t>(length);
        given.read_at = detail::readStream;
        given.user_data = &source;
        vault_reader *opened = nullptr;
        detail::check([&](vault_error **error) {
            return vault_reader_new(get(), &given, context.get(), aad.data(), aad.size(), &opened, error);
        });
        return Reader(opened);
    }

    /// Encrypts a file into another, in constant memory. The target appears whole and synced to the disk, or not at all.
    ///
    /// Throws Conflict if the target exists and is not to be replaced, InvalidArgument where the operating system refuses a file.
    void encryptFile(const std::filesystem::path &source, const std::filesystem::path &target, const Context &context,
                     BytesView aad = {}, bool replace = false) const {
        file(vault_encrypt_file, source, target, context, aad, replace);
    }

    /// Decrypts a file into another, with mode 0600, as encryptFile(): authenticated to its end, or not there.
    void decryptFile(const std::filesystem::path &source, const std::filesystem::path &target, const Context &context,
                     BytesView aad = {}, bool replace = false) const {
        file(vault_decrypt_file, source, target, context, aad, replace);
    }

    /// Which keys would protect data of a context, as the JSON object that vault_match_context() describes. Calls no KMS.
    std::string matchContext(const Context &context) const {
        return made([&](vault_buffer *decision, vault_error **error) {
                   return vault_match_context(get(), context.get(), decision, error);
               }).toString();
    }

    /// The counters. A closed vault still has them.
    Stats stats() const {
        Stats counters VAULT_COUNTERS_INIT;
        detail::check([&](vault_error **error) { return vault_stats(get(), &counters, error); });
        return counters;
    }

    /// Sends the log of the vault and all its views to `sink`, first what nobody got since it was opened. With none, records wait, up to
    /// a thousand.
    void setLog(LogSink sink) const {
        if (!sink) {
            detail::check([&](vault_error **error) { return vault_set_log(get(), nullptr, nullptr, nullptr, error); });
            return;
        }
        auto owned = std::make_unique<LogSink>(std::move(sink));
        detail::check([&](vault_error **error) {
            return vault_set_log(get(), sendRecord, owned.get(), releaseSink, error);
        });
        owned.release();
    }

    /// What is worth a line in the log since the vault was opened, one warning a line.
    std::string warnings() const {
        return made([&](vault_buffer *text, vault_error **error) { return vault_warnings(get(), text, error); }).toString();
    }

    /// The C library's vault.
    const vault *get() const noexcept {
        return vault_.get();
    }

private:
    template <class Function>
    void file(Function function, const std::filesystem::path &source, const std::filesystem::path &target, const Context &context,
              BytesView aad, bool replace) const {
        vault_file_options options VAULT_FILE_OPTIONS_INIT;
        options.replace = replace ? 1 : 0;
        detail::check([&](vault_error **error) {
            return function(get(), source.c_str(), source.native().size(), target.c_str(), target.native().size(),
                            context.get(), aad.data(), aad.size(), &options, error);
        });
    }

    static vault_change_options changeOptions(Downgrade downgrade, bool keepDataKey) noexcept {
        vault_change_options options VAULT_CHANGE_OPTIONS_INIT;
        options.allow_downgrade = downgrade == Downgrade::Allow ? 1 : 0;
        options.keep_data_key = keepDataKey ? 1 : 0;
        return options;
    }

    static void sendRecord(void *sink, const vault_log_record *record) noexcept {
        try {
            (*static_cast<LogSink *>(sink))({record->level == VAULT_LOG_WARNING, record->event, record->message});
        } catch (...) {
            // There is nobody to tell: an exception must not cross the C library.
        }
    }

    static void releaseSink(void *sink) noexcept {
        delete static_cast<LogSink *>(sink);
    }

    template <class Call>
    static Buffer made(Call &&call) {
        Buffer buffer;
        detail::check([&](vault_error **error) { return call(buffer.get(), error); });
        return buffer;
    }

    detail::Owned<vault, vault_free> vault_;
};

/// Makes a new root key file (mode 0600), an empty store and a configuration in `directory`, and gives the configuration's path.
///
/// Throws Conflict if one of them exists.
inline std::filesystem::path init(const std::filesystem::path &directory) {
    Buffer path;
    detail::check([&](vault_error **error) {
        return vault_init(directory.c_str(), directory.native().size(), path.get(), error);
    });
    return path.text();
}

/// What stands in an envelope or a key bundle, as a JSON object. No keys are needed; nothing is authenticated.
inline std::string inspect(BytesView envelopeOrBundle) {
    Buffer inspection;
    detail::check([&](vault_error **error) {
        return vault_inspect(envelopeOrBundle.data(), envelopeOrBundle.size(), inspection.get(), error);
    });
    return inspection.toString();
}

/// How many bytes of data an envelope says that it holds. The number is not authenticated.
inline std::size_t decryptedLength(BytesView envelope) {
    std::size_t length = 0;
    detail::check([&](vault_error **error) {
        return vault_decrypted_length(envelope.data(), envelope.size(), &length, error);
    });
    return length;
}

/// Whether the library was built with a feature: "aws", "azure", "sqlite", "aws-lc", "rust-crypto".
inline bool hasFeature(const char *name) noexcept {
    return vault_has_feature(name) != 0;
}

/// The library's version, such as "0.1.0".
inline const char *version() noexcept {
    return vault_version();
}

}  // namespace libvault

#endif
