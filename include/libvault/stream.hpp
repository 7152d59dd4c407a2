/* Envelopes of any size in constant memory. SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVAULT_STREAM_HPP
#define LIBVAULT_STREAM_HPP

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <istream>
#include <ostream>
#include <utility>
#include <vector>

#include "bytes.hpp"
#include "context.hpp"

namespace libvault {

/// How a stream is written.
struct StreamOptions {
    /// Bytes of a frame: a power of two from 4,096 to 1,048,576. A reader holds one frame in memory.
    std::uint64_t frameSize = 65536;
};

/// Writes one envelope, piece by piece, without I/O; made by Vault::encryptor(). One thread at a time may use it. After an
/// exception it is dead.
class Encryptor {
public:
    /// Takes over an encryptor of the C library.
    explicit Encryptor(vault_encryptor *encryptor) noexcept : encryptor_(encryptor) {}

    /// Encrypts more data and appends the next part of the envelope to `output`. Some calls append nothing.
    void update(BytesView data, Buffer &output) {
        detail::check([&](vault_error **error) {
            return vault_encryptor_update(encryptor_.get(), data.data(), data.size(), output.get(), error);
        });
    }

    /// Appends the rest of the envelope. Without it, nobody can decrypt all of it.
    void finish(Buffer &output) {
        detail::check([&](vault_error **error) {
            return vault_encryptor_finish(encryptor_.get(), output.get(), error);
        });
    }

private:
    detail::Owned<vault_encryptor, vault_encryptor_free> encryptor_;
};

/// Reads one envelope, piece by piece, without I/O; made by Vault::decryptor(). One thread at a time may use it. After an
/// exception it is dead.
class Decryptor {
public:
    /// Takes over a decryptor of the C library.
    explicit Decryptor(vault_decryptor *decryptor) noexcept : decryptor_(decryptor) {}

    /// Takes the next bytes of the envelope and appends data to `output`, authenticated frames only. That nothing is missing is
    /// known only when finish() returns.
    void update(BytesView envelope, Buffer &output) {
        detail::check([&](vault_error **error) {
            return vault_decryptor_update(decryptor_.get(), envelope.data(), envelope.size(), output.get(), error);
        });
    }

    /// Says that the envelope ends here, and appends the data of its last frame. Throws if something is missing.
    void finish(Buffer &output) {
        detail::check([&](vault_error **error) {
            return vault_decryptor_finish(decryptor_.get(), output.get(), error);
        });
    }

private:
    detail::Owned<vault_decryptor, vault_decryptor_free> decryptor_;
};

namespace detail {

/// Reads the next bytes of a source and says how many: 0 only at its end. One that was never opened has failed without having come to its
/// end, and is no empty source.
inline std::size_t readPiece(std::istream &source, std::vector<char> &piece, const char *failure) {
    source.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (source.bad() || (!source && !source.eof())) {
        throw std::ios_base::failure(failure);
    }
    return static_cast<std::size_t>(source.gcount());
}

/// Memory for plaintext on its way; wiped however its user ends.
struct WipedPiece {
    std::vector<char> bytes = std::vector<char>(65536);

    WipedPiece() = default;
    WipedPiece(const WipedPiece &) = delete;
    WipedPiece &operator=(const WipedPiece &) = delete;

    ~WipedPiece() {
        // The compiler may leave out what nobody reads, unless it is volatile.
        volatile char *const first = bytes.data();
        for (std::size_t index = 0; index < bytes.size(); index++) {
            first[index] = 0;
        }
    }
};

}  // namespace detail

/// Encrypts to a std::ostream, whose own errors are reported as std::ios_base::failure.
class EncryptWriter {
public:
    /// Writes the envelope that `encryptor` makes to `target`, which must outlive this value.
    EncryptWriter(Encryptor encryptor, std::ostream &target) : encryptor_(std::move(encryptor)), target_(&target) {}

    /// Encrypts more data.
    EncryptWriter &write(BytesView data) {
        encryptor_.update(data, buffer_);
        flush();
        return *this;
    }

    /// Encrypts all that `source` has.
    EncryptWriter &write(std::istream &source) {
        detail::WipedPiece piece;
        while (const std::size_t count =
                   detail::readPiece(source, piece.bytes, "the source of an EncryptWriter cannot be read")) {
            write(BytesView(piece.bytes.data(), count));
        }
        return *this;
    }

    /// Completes the envelope. A writer that goes without it leaves a truncated one, which nobody can decrypt whole.
    void finish() {
        encryptor_.finish(buffer_);
        flush();
        if (!target_->flush()) {
            throw std::ios_base::failure("the target of an EncryptWriter cannot be written");
        }
    }

private:
    void flush() {
        if (!target_->write(reinterpret_cast<const char *>(buffer_.data()), static_cast<std::streamsize>(buffer_.size()))) {
            throw std::ios_base::failure("the target of an EncryptWriter cannot be written");
        }
        buffer_.clear();
    }

    Encryptor encryptor_;
    std::ostream *target_;
    Buffer buffer_;
};

/// Decrypts from a std::istream, whose own errors are reported as std::ios_base::failure.
class DecryptReader {
public:
    /// Reads the envelope for `decryptor` from `source`, which must outlive this value.
    DecryptReader(Decryptor decryptor, std::istream &source) : decryptor_(std::move(decryptor)), source_(&source) {}

    /// Reads up to `output.size()` bytes of data and says how many: 0 only at the end, when it is known that nothing is missing.
    std::size_t read(WritableBytes output) {
        while (taken_ == buffer_.size() && !finished_) {
            fill();
        }
        const std::size_t count = std::min(output.size(), buffer_.size() - taken_);
        if (count != 0) {
            std::memcpy(output.data(), buffer_.data() + taken_, count);
            taken_ += count;
        }
        return count;
    }

    /// Writes all the data to `target`. Data that came before damage, or before the place where an envelope was cut off, has been written
    /// when the exception tells so.
    void read(std::ostream &target) {
        for (; !finished_ || taken_ != buffer_.size(); taken_ = buffer_.size()) {
            if (taken_ == buffer_.size()) {
                fill();
            }
            const auto *data = reinterpret_cast<const char *>(buffer_.data());
            if (!target.write(data + taken_, static_cast<std::streamsize>(buffer_.size() - taken_))) {
                throw std::ios_base::failure("the target of a DecryptReader cannot be written");
            }
        }
        if (!target.flush()) {
            throw std::ios_base::failure("the target of a DecryptReader cannot be written");
        }
    }

private:
    void fill() {
        buffer_.clear();
        taken_ = 0;
        const std::size_t count = detail::readPiece(*source_, piece_, "the source of a DecryptReader cannot be read");
        if (count > 0) {
            decryptor_.update(BytesView(piece_.data(), count), buffer_);
        } else {
            decryptor_.finish(buffer_);
            finished_ = true;
        }
    }

    Decryptor decryptor_;
    std::istream *source_;
    std::vector<char> piece_ = std::vector<char>(65536);
    Buffer buffer_;
    std::size_t taken_ = 0;
    bool finished_ = false;
};

}  // namespace libvault

#endif
