/* The base of libvault's exceptions. SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVAULT_ERROR_HPP
#define LIBVAULT_ERROR_HPP

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

#include <vault.h>

namespace libvault {

/// Base of every error that libvault reports. Holds no credential, no value of a key context and no key bytes.
///
/// Its texts live as long as any copy of it. Copies share what they hold.
class Error : public std::exception {
public:
    /// Takes over an error of the C library; NULL if there is only the status.
    Error(std::uint32_t status, vault_error *error) : status_(status), error_(error, vault_error_free) {}

    /// What happened, in one sentence for people. Its wording may change between versions.
    const char *what() const noexcept override {
        return error_ ? vault_error_message(error_.get()) : name();
    }

    /// The stable number, one of VAULT_ERROR_*.
    std::uint32_t code() const noexcept {
        return status_;
    }

    /// The stable name, the same in every language, such as "KeyDisabled".
    const char *name() const noexcept {
        const char *name = vault_status_name(status_);
        return name == nullptr ? "Unknown" : name;
    }

    /// The kind: "input", "policy", "key", "unavailable", "integrity", "usage" or "internal".
    const char *kind() const noexcept {
        return error_ ? vault_error_kind(error_.get()) : "";
    }

    /// Whether the same call may succeed later without any change.
    bool retryable() const noexcept {
        return vault_error_retryable(error_.get()) != 0;
    }

    /// The path of the refused configuration field, or the name of the refused item of a key context.
    std::optional<std::string_view> field() const noexcept {
        return optional(vault_error_field(error_.get()));
    }

    /// The provider whose call failed, such as "aws".
    std::optional<std::string_view> provider() const noexcept {
        return optional(vault_error_provider(error_.get()));
    }

    /// The id of the customer's key, as the configuration names it.
    std::optional<std::string_view> keyId() const noexcept {
        return optional(vault_error_key_id(error_.get()));
    }

    /// The operation on the customer's key that failed, "wrap" or "unwrap".
    std::optional<std::string_view> operation() const noexcept {
        return optional(vault_error_operation(error_.get()));
    }

    /// The provider's own id of the failed request, by which the customer finds it in the KMS's log.
    std::optional<std::string_view> requestId() const noexcept {
        return optional(vault_error_request_id(error_.get()));
    }

    /// With BufferTooSmall: how many bytes the output needs; else 0.
    std::size_t neededLength() const noexcept {
        return vault_error_needed_length(error_.get());
    }

private:
    static std::optional<std::string_view> optional(const char *text) noexcept {
        return text == nullptr ? std::nullopt : std::optional<std::string_view>(text);
    }

    std::uint32_t status_;
    // Shared, since exceptions must be copyable and a copy must not throw.
    std::shared_ptr<vault_error> error_;
};

}  // namespace libvault

#endif
