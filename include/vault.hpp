/*
 * libvault for C++17 and later: header-only, over the C library (link with -lvault).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     libvault::Vault vault = libvault::Vault::open("myvault/libvault.toml");
 *     libvault::Context customer{{"organization_id", "org_123"}};
 *     libvault::Buffer envelope = vault.encrypt("attack at dawn", customer);
 *     std::cout << vault.decrypt(envelope, customer).text() << '\n';
 *
 * Failures are exceptions: one class for each code of the error table, under one for each kind, under libvault::Error.
 * Handles are moved, not copied, and free what they own. A moved-from handle may only be destroyed or assigned to; any other
 * use throws InvalidArgument. Vaults and contexts may be used by any number of threads at once, streams and readers by one at a time.
 */
#ifndef LIBVAULT_VAULT_HPP
#define LIBVAULT_VAULT_HPP

#include "libvault/bytes.hpp"
#include "libvault/context.hpp"
#include "libvault/error.hpp"
#include "libvault/errors.hpp"
#include "libvault/options.hpp"
#include "libvault/reader.hpp"
#include "libvault/stream.hpp"
#include "libvault/vault.hpp"

#endif
