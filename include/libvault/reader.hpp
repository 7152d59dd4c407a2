/* Random access to envelopes. SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVAULT_READER_HPP
#define LIBVAULT_READER_HPP

#include <cstdint>
#include <istream>

#include "bytes.hpp"
#include "context.hpp"

namespace libvault {

/// Reads any part of an envelope; made by Vault::reader(). One thread at a time may use it.
class Reader {
public:
    /// Takes over a reader of the C library.
    explicit Reader(vault_reader *reader) noexcept : reader_(reader) {}

    /// How many bytes of data the envelope holds, authenticated.
    std::uint64_t length() const noexcept {
        return vault_reader_length(reader_.get());
    }

    /// Reads as much data from `offset` on as `output` has room for, less only at the end, and says how much. Only the frames that
    /// hold it are read and authenticated.
    std::size_t readAt(std::uint64_t offset, WritableBytes output) {
        std::size_t length = 0;
        detail::check([&](vault_error **error) {
            return vault_reader_read_at(reader_.get(), offset, output.data(), output.size(), &length, error);
        });
        return length;
    }

private:
    detail::Owned<vault_reader, vault_reader_free> reader_;
};

namespace detail {

/// What a reader asks of a std::istream. No exception may cross the C library.
inline std::uint32_t readStream(void *stream, std::uint64_t offset, std::uint8_t *buffer, std::size_t length) noexcept {
    try {
        auto &source = *static_cast<std::istream *>(stream);
        source.clear();
        source.seekg(static_cast<std::streamoff>(offset));
        source.read(reinterpret_cast<char *>(buffer), static_cast<std::streamsize>(length));
        return source ? 0 : 1;
    } catch (...) {
        return 2;
    }
}

}  // namespace detail

}  // namespace libvault

#endif
