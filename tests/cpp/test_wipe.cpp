/* No memory that the header frees still holds plaintext: test_wipe CONFIG. Needs glibc. */

#include <cstdlib>
#include <istream>
#include <new>
#include <ostream>
#include <streambuf>
#include <string_view>

#include <malloc.h>

#include "check.hpp"

namespace {

constexpr std::string_view marker = "libvault-wipe-test-marker";
std::size_t freedWithTheMarker = 0;

/// Gives the marker again and again, from memory that is never freed.
class Source : public std::streambuf {
    int_type underflow() override {
        if (left_-- == 0) {
            return traits_type::eof();
        }
        setg(text_, text_, text_ + marker.copy(text_, marker.size()));
        return traits_type::to_int_type(text_[0]);
    }

    char text_[marker.size()];
    int left_ = 10000;
};

/// Takes everything, and a part of it at most if it `fails`.
class Target : public std::streambuf {
public:
    explicit Target(bool fails) : fails_(fails) {}

private:
    std::streamsize xsputn(const char *, std::streamsize count) override {
        return fails_ ? 0 : count;
    }

    int_type overflow(int_type) override {
        return fails_ ? traits_type::eof() : 0;
    }

    bool fails_;
};

void encrypt(const libvault::Vault &opened, bool fails) {
    Source from;
    Target to(fails);
    std::istream source(&from);
    std::ostream target(&to);
    bool failed = false;
    try {
        libvault::EncryptWriter(opened.encryptor({{"organization_id", "org_1"}}), target).write(source);
    } catch (const std::ios_base::failure &) {
        failed = true;
    }
    CHECK(failed == fails);
}

}  // namespace

void *operator new(std::size_t size) {
    void *block = std::malloc(size == 0 ? 1 : size);
    if (block == nullptr) {
        throw std::bad_alloc();
    }
    return block;
}

void operator delete(void *block) noexcept {
    if (block != nullptr) {
        const std::string_view bytes(static_cast<const char *>(block), malloc_usable_size(block));
        freedWithTheMarker += bytes.find(marker) != std::string_view::npos;
    }
    std::free(block);
}

void operator delete(void *block, std::size_t) noexcept {
    operator delete(block);
}

int main(int argc, char **argv) {
    CHECK(argc == 2);
    const libvault::Vault opened = libvault::Vault::open(argv[1]);
    {
        const std::string unwiped(marker.data(), marker.size());
    }
    CHECK(freedWithTheMarker == 1);
    encrypt(opened, false);
    encrypt(opened, true);
    CHECK(freedWithTheMarker == 1);
    std::printf("c++ wipe: ok\n");
    return 0;
}
