/* Options of calls, and cancelling them. SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVAULT_OPTIONS_HPP
#define LIBVAULT_OPTIONS_HPP

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "context.hpp"

namespace libvault {

/// Cancels calls from another thread. Copies share one state, which never goes back.
class CancelToken {
public:
    /// A token that is not cancelled.
    CancelToken() {
        vault_cancel_token *made = nullptr;
        detail::check([&](vault_error **error) { return vault_cancel_token_new(&made, error); });
        token_.reset(made, vault_cancel_token_free);
    }

    /// Cancels every call, running or to come, of every view that was made with this token: they throw Cancelled, also
    /// while they wait for a KMS.
    void cancel() const noexcept {
        vault_cancel(token_.get());
    }

    /// The C library's token.
    const vault_cancel_token *get() const noexcept {
        return token_.get();
    }

private:
    std::shared_ptr<vault_cancel_token> token_;
};

/// What Vault::with() takes: CallOptions().timeout(3s).actor("job 17").
class CallOptions {
public:
    /// How long a call may wait for KMSs, all its keys and retries together; then it throws Timeout. Less than 1 ms counts
    /// as 1 ms.
    CallOptions &timeout(std::chrono::milliseconds timeout) noexcept {
        timeout_ = timeout.count() < 1 ? 1 : static_cast<std::uint64_t>(timeout.count());
        return *this;
    }

    /// Calls throw Cancelled once `token` is cancelled.
    CallOptions &cancel(CancelToken token) {
        cancel_ = std::move(token);
        return *this;
    }

    /// Who makes the calls, for the audit trail: 1 to 200 characters.
    CallOptions &actor(std::string actor) {
        actor_ = std::move(actor);
        return *this;
    }

    /// The C library's options, which live as long as this value.
    vault_call_options get() const noexcept {
        vault_call_options options VAULT_CALL_OPTIONS_INIT;
        options.timeout_ms = timeout_;
        options.cancel = cancel_ ? cancel_->get() : nullptr;
        options.actor = actor_ ? actor_->data() : nullptr;
        options.actor_length = actor_ ? actor_->size() : 0;
        return options;
    }

private:
    std::uint64_t timeout_ = 0;
    std::optional<CancelToken> cancel_;
    std::optional<std::string> actor_;
};

}  // namespace libvault

#endif
