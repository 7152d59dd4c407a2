/* Key contexts. SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVAULT_CONTEXT_HPP
#define LIBVAULT_CONTEXT_HPP

#include <initializer_list>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "errors.hpp"

namespace libvault {

namespace detail {

/// Runs a function of vault.h; a failure becomes an exception.
template <class Call>
void check(Call &&call) {
    vault_error *error = nullptr;
    if (const std::uint32_t status = call(&error); status != VAULT_OK) {
        raise(status, error);
    }
}

/// Frees what it is given by a function of vault.h.
template <auto Free>
struct Freed {
    template <class Handle>
    void operator()(Handle *handle) const noexcept {
        Free(handle);
    }
};

/// A handle of vault.h with its owner.
template <class Handle, auto Free>
using Owned = std::unique_ptr<Handle, Freed<Free>>;

}  // namespace detail

/// A prepared key context: which keys protect the data. Make it once and use it for any number of calls, threads and vaults.
class Context {
public:
    /// Of items as they are written: {{"organization_id", "org_123"}, {"user_id", "u1"}}.
    ///
    /// Throws InvalidContext, whose field() is the offending item's name.
    Context(std::initializer_list<std::pair<std::string_view, std::string_view>> items) {
        prepare(items);
    }

    /// Of a std::map, or any other range of pairs of texts.
    template <class Items, class = decltype(std::string_view(std::declval<const Items &>().begin()->first)),
              class = decltype(std::string_view(std::declval<const Items &>().begin()->second))>
    explicit Context(const Items &items) {
        prepare(items);
    }

    /// The C library's context.
    const vault_context *get() const noexcept {
        return context_.get();
    }

private:
    template <class Items>
    void prepare(const Items &items) {
        std::vector<vault_context_item> prepared;
        for (const auto &[name, value] : items) {
            const std::string_view name_text(name), value_text(value);
            prepared.push_back({name_text.data(), name_text.size(), value_text.data(), value_text.size()});
        }
        vault_context *made = nullptr;
        detail::check([&](vault_error **error) {
            return vault_context_new(prepared.data(), prepared.size(), &made, error);
        });
        context_.reset(made);
    }

    detail::Owned<vault_context, vault_context_free> context_;
};

}  // namespace libvault

#endif
