/* What the C++ tests share. They build as C++17, C++20 and C++23. */
#ifndef LIBVAULT_TESTS_CHECK_HPP
#define LIBVAULT_TESTS_CHECK_HPP

#include <cstdio>
#include <cstdlib>
#include <utility>

#include <vault.hpp>

/// Stops the test unless the condition holds.
#define CHECK(condition)                                                                                             \
    do {                                                                                                             \
        if (!(condition)) {                                                                                          \
            std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);                             \
            std::exit(1);                                                                                            \
        }                                                                                                            \
    } while (false)

/// The error that a call throws, which must be of exactly this class; stops the test otherwise.
template <class Expected, class Call>
Expected thrown(Call &&call) {
    try {
        std::forward<Call>(call)();
    } catch (const libvault::Error &error) {
        if (typeid(error) == typeid(Expected)) {
            return static_cast<const Expected &>(error);
        }
        std::fprintf(stderr, "expected %s, got %s: %s\n", typeid(Expected).name(), error.name(), error.what());
        std::exit(1);
    }
    std::fprintf(stderr, "expected %s, and nothing was thrown\n", typeid(Expected).name());
    std::exit(1);
}

#endif
