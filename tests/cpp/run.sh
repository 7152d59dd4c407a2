#!/bin/sh
# Every test of the C++ header, against what tests/c/run.sh installed. Needs g++, cmake, pkg-config, and clang++ if there is one.
#
#     tests/c/run.sh && tests/cpp/run.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
stage="$root/build/c-tests"
prefix="$stage/stage/usr/local"
work="$root/build/cpp-tests"
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Werror"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
unset LD_LIBRARY_PATH

main() {
    [ -e "$prefix/include/vault.hpp" ] || fail "run tests/c/run.sh first"
    rm -rf "$work"
    mkdir -p "$work"
    cd "$work"
    cp -r "$stage/fixture" "$stage/c-shared/new" "$stage/vectors.txt" "$stage/error_classes.inc" .
    for compiler in g++ clang++; do
        command -v "$compiler" >/dev/null || { echo "no $compiler: skipped"; continue; }
        for standard in 17 20 2b; do
            check_headers "$compiler" "$standard"
        done
    done
    run_tests g++ 17 ""
    run_tests g++ 2b ""
    command -v clang++ >/dev/null && run_tests clang++ 20 ""
    # The header's own memory; the library is not instrumented.
    run_tests g++ 17 "-fsanitize=address,undefined -fno-sanitize-recover=all"
    run_examples
    run_consumer
    python3 "$root/tests/checks/check_api.py" c cpp
    echo "c++: all passed"
}

# Each header stands alone, may be included twice, and says the same to every translation unit.
check_headers() {
    for header in vault.hpp libvault/bytes.hpp libvault/context.hpp libvault/error.hpp libvault/errors.hpp \
        libvault/options.hpp libvault/reader.hpp libvault/stream.hpp libvault/vault.hpp; do
        printf '#include <%s>\n#include <%s>\n' "$header" "$header" >header.cpp
        # shellcheck disable=SC2086
        $1 "-std=c++$2" $warnings -I"$prefix/include" -fsyntax-only header.cpp
    done
}

# compile COMPILER STANDARD OPTIONS SOURCE OUTPUT
compile() {
    # The options are words on purpose.
    # shellcheck disable=SC2046,SC2086
    $1 "-std=c++$2" $3 $warnings -g -O1 -I"$work" $(pkg-config --cflags libvault) "$4" -pthread \
        $(pkg-config --libs libvault) "-Wl,-rpath,$prefix/lib" -o "$5"
}

run_tests() {
    for name in test_api test_vectors test_wipe; do
        compile "$1" "$2" "$3" "$here/$name.cpp" "$name"
    done
    echo "== $1 c++$2 $3"
    ./test_api new/libvault.toml
    ./test_vectors fixture/libvault.toml vectors.txt
    ./test_wipe new/libvault.toml
}

run_examples() {
    for source in "$root"/examples/cpp/*.cpp; do
        compile g++ 17 "" "$source" example
        ./example new/libvault.toml
        lines=$(wc -l <"$source")
        [ "$lines" -le 60 ] || fail "$source has $lines lines"
    done
}

# A stranger's project, in an empty directory, with nothing but the installed files.
run_consumer() {
    outside=$(mktemp -d)
    trap 'rm -rf "$outside"' EXIT
    cp "$here/consumer/CMakeLists.txt" "$outside/"
    cp "$root/examples/cpp/encrypt_decrypt.cpp" "$outside/quickstart.cpp"
    cp new/* "$outside/" 2>/dev/null || true
    (
        cd "$outside"
        cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" >cmake.log 2>&1 || { cat cmake.log; exit 1; }
        cmake --build build >cmake.log 2>&1 || { cat cmake.log; exit 1; }
        for program in libvault_17 libvault_20 libvault_static_17 libvault_static_20; do
            "build/$program" | grep -q "attack at dawn"
        done
        # shellcheck disable=SC2046
        g++ -std=c++17 quickstart.cpp $(pkg-config --cflags --libs libvault) \
            -Wl,-rpath,"$(pkg-config --variable=libdir libvault)" -o quickstart
        ./quickstart | grep -q "attack at dawn"
    )
    echo "consumer: cmake and pkg-config, shared and static"
}

fail() {
    echo "run.sh: $1" >&2
    exit 1
}

main
