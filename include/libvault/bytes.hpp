/* Bytes that are lent to libvault, and bytes that it made. SPDX-License-Identifier: Apache-2.0 */
#ifndef LIBVAULT_BYTES_HPP
#define LIBVAULT_BYTES_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <vault.h>

namespace libvault {

namespace detail {

template <class Byte>
inline constexpr bool isByte = std::is_same_v<std::remove_cv_t<Byte>, char> ||
                               std::is_same_v<std::remove_cv_t<Byte>, unsigned char> ||
                               std::is_same_v<std::remove_cv_t<Byte>, std::byte>;

/// What `data()` of a container of bytes points to; no type for anything else.
template <class Container, class Element = std::remove_pointer_t<decltype(std::declval<Container>().data())>,
          class = decltype(std::declval<Container>().size()), class = std::enable_if_t<isByte<Element>>>
using ByteOf = Element;

}  // namespace detail

/// Bytes that are lent for the duration of a call: of a std::span, std::string_view, std::string, std::vector or std::array
/// of char, unsigned char (std::uint8_t) or std::byte, of a Buffer, or of a NUL-terminated text.
class BytesView {
public:
    /// No bytes.
    constexpr BytesView() noexcept = default;

    /// `size` bytes from `data` on.
    BytesView(const void *data, std::size_t size) noexcept : data_(static_cast<const std::uint8_t *>(data)), size_(size) {}

    /// The bytes of a text, without its terminating NUL.
    BytesView(const char *text) noexcept : BytesView(text, std::strlen(text)) {}

    BytesView(std::nullptr_t) = delete;

    /// All bytes of an array that is no text.
    template <class Byte, std::size_t Size, class = std::enable_if_t<detail::isByte<Byte> && !std::is_same_v<Byte, char>>>
    BytesView(const Byte (&bytes)[Size]) noexcept : BytesView(bytes, Size) {}

    /// The bytes of a container.
    template <class Container, class = detail::ByteOf<const Container &>>
    BytesView(const Container &bytes) noexcept : BytesView(bytes.data(), bytes.size()) {}

    /// The first byte.
    const std::uint8_t *data() const noexcept {
        return data_;
    }

    /// How many bytes there are.
    std::size_t size() const noexcept {
        return size_;
    }

private:
    const std::uint8_t *data_ = nullptr;
    std::size_t size_ = 0;
};

/// Memory of the caller's that a call writes to: of a std::span, std::string, std::vector, std::array or array of bytes.
class WritableBytes {
public:
    /// `size` bytes from `data` on.
    WritableBytes(void *data, std::size_t size) noexcept : data_(static_cast<std::uint8_t *>(data)), size_(size) {}

    /// All bytes of an array.
    template <class Byte, std::size_t Size, class = std::enable_if_t<detail::isByte<Byte> && !std::is_const_v<Byte>>>
    WritableBytes(Byte (&bytes)[Size]) noexcept : WritableBytes(bytes, Size) {}

    /// The bytes of a container that is no constant.
    template <class Container, class Byte = detail::ByteOf<Container &>, class = std::enable_if_t<!std::is_const_v<Byte>>>
    WritableBytes(Container &&bytes) noexcept : WritableBytes(bytes.data(), bytes.size()) {}

    /// The first byte.
    std::uint8_t *data() const noexcept {
        return data_;
    }

    /// How many bytes there are.
    std::size_t size() const noexcept {
        return size_;
    }

private:
    std::uint8_t *data_;
    std::size_t size_;
};

/// Bytes that libvault made. They are wiped when it is destroyed. A std::span or a range-based for takes it as it is.
class Buffer {
public:
    /// An element.
    using value_type = std::uint8_t;

    /// No bytes.
    Buffer() noexcept = default;

    /// Takes the bytes of another one, which is empty afterwards.
    Buffer(Buffer &&other) noexcept : buffer_(std::exchange(other.buffer_, vault_buffer VAULT_BUFFER_INIT)) {}

    /// Wipes the bytes and takes those of another one, which is empty afterwards.
    Buffer &operator=(Buffer &&other) noexcept {
        if (this != &other) {
            vault_buffer_free(&buffer_);
            buffer_ = std::exchange(other.buffer_, vault_buffer VAULT_BUFFER_INIT);
        }
        return *this;
    }

    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;

    ~Buffer() {
        vault_buffer_free(&buffer_);
    }

    /// The first byte; NULL only when there are none.
    const std::uint8_t *data() const noexcept {
        return buffer_.data;
    }

    /// The first byte; NULL only when there are none.
    std::uint8_t *data() noexcept {
        return buffer_.data;
    }

    /// How many bytes there are.
    std::size_t size() const noexcept {
        return buffer_.length;
    }

    /// Whether there are none.
    bool empty() const noexcept {
        return buffer_.length == 0;
    }

    /// The first byte.
    const std::uint8_t *begin() const noexcept {
        return buffer_.data;
    }

    /// The end of the bytes.
    const std::uint8_t *end() const noexcept {
        return buffer_.data + buffer_.length;
    }

    /// The first byte.
    std::uint8_t *begin() noexcept {
        return buffer_.data;
    }

    /// The end of the bytes.
    std::uint8_t *end() noexcept {
        return buffer_.data + buffer_.length;
    }

    /// The bytes as text. It lives as long as the buffer.
    std::string_view text() const noexcept {
        return {reinterpret_cast<const char *>(buffer_.data), buffer_.length};
    }

    /// A copy, which nobody wipes.
    std::vector<std::uint8_t> toVector() const {
        return {begin(), end()};
    }

    /// A copy, which nobody wipes.
    std::string toString() const {
        return std::string(text());
    }

    /// Wipes the bytes and keeps the memory, for functions that append to a buffer.
    void clear() noexcept {
        vault_buffer_clear(&buffer_);
    }

    /// The C library's buffer, for a function of vault.h to fill or append to.
    vault_buffer *get() noexcept {
        return &buffer_;
    }

private:
    vault_buffer buffer_ VAULT_BUFFER_INIT;
};

}  // namespace libvault

#endif
