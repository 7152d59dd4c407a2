#!/bin/bash
# The tests of Rust, C and C++ under sanitizers, and the C programs under valgrind (docs/assurance.md).
#
#     tests/sanitizers/run.sh asan|ubsan|memcheck|tsan
#
# Needs the nightly toolchain and clang (asan, tsan), its component rust-src (tsan), gcc (ubsan), valgrind and `cargo build --release -p libvault-ffi` (memcheck). The sanitized library is
# built without the AWS provider, from the sources of ffi/ as the package in fuzz/ffi does: small, and all of its Rust code is instrumented; for
# ThreadSanitizer the standard library too.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mode=${1:-}
work="$root/build/sanitizers/$mode"
triple=$(rustc -vV | sed -n 's/^host: //p')
target="${CARGO_TARGET_DIR:-$root/target}"
features="--no-default-features --features rust-crypto,sqlite"
# They load libvault.so by themselves, need a library with a planted panic or a server, or look at freed memory, which a sanitizer keeps.
skipped="test_copies test_planted_panic test_errors test_fork test_wipe test_cpp_wipe"

main() {
    rm -rf "$work"
    mkdir -p "$work/fixture"
    cp "$root"/tests/vectors/fixture/* "$work/fixture/"
    chmod 600 "$work"/fixture/*.key "$work"/fixture/*.db
    python3 "$root/tests/c/vectors_to_lines.py" "$work"
    case $mode in
    asan) asan ;;
    ubsan) ubsan ;;
    memcheck) memcheck ;;
    tsan) tsan ;;
    *) sed -n 's/^# \{0,1\}//p' "$0" | sed -n 2,9p; exit 2 ;;
    esac
    echo "$mode: nothing found"
}

# AddressSanitizer with LeakSanitizer: the tests of core and memory, and the C and C++ programs with an instrumented library.
asan() {
    export ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0"
    export LSAN_OPTIONS="suppressions=$here/leaks.supp:print_suppressions=0"
    rust_tests address -p libvault-memory
    # shellcheck disable=SC2086
    rust_tests address -p libvault-core $features
    build_library address
    defined="-DEXPECTED_AWS=0"
    programs clang-14 c "-fsanitize=address -g -O1" "$work/libvault.a"
    programs clang++-14 c++ "-fsanitize=address -g -O1" "$work/libvault.a"
}

# UndefinedBehaviorSanitizer has no part for Rust: it watches the C programs, and the C++ wrapper, which lies in its header.
ubsan() {
    library="$target/release/libvault.a"
    options="-fsanitize=undefined -fno-sanitize-recover=all -g -O1"
    programs gcc c "$options" "$library"
    programs g++ c++ "$options" "$library"
}

memcheck() {
    runner="valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect --error-exitcode=99 \
        --suppressions=$here/valgrind.supp --num-callers=30"
    programs gcc c "-g -O1" "$target/release/libvault.a"
}

# ThreadSanitizer: the concurrency test of C with an instrumented library, and the tests of core that use threads.
tsan() {
    export TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1"
    build_library thread
    defined="-DEXPECTED_AWS=0"
    # The others use one thread.
    skipped="$skipped test_vectors test_guest test_calls test_streams"
    # The runtime of the nightly compiler, which is newer than clang's: the library calls functions that the older one does not have.
    runtime=$(rustc +nightly --print target-libdir)/librustc-nightly_rt.tsan.a
    linked="-fno-sanitize=thread -Wl,--whole-archive $runtime -Wl,--no-whole-archive -rdynamic -lresolv"
    programs clang-14 c "-fsanitize=thread -g -O1" "$work/libvault.a"
    # shellcheck disable=SC2086
    rust_tests thread -p libvault-core $features --lib --test calls
    rust_tests thread -p libvault-memory
}

# rust_tests SANITIZER CARGO_ARGUMENTS... (without the examples in the documentation, which rustdoc builds without the sanitizer's runtime)
rust_tests() {
    sanitizer=$1
    shift
    RUSTFLAGS="$(flags "$sanitizer")" CARGO_TARGET_DIR="$target/$sanitizer" CARGO_PROFILE_DEV_OPT_LEVEL=1 \
        cargo +nightly test $(standard_library "$sanitizer") --locked --target "$triple" --tests "$@"
}

build_library() {
    RUSTFLAGS="$(flags "$1")" CARGO_TARGET_DIR="$target/$1" CARGO_PROFILE_DEV_OPT_LEVEL=1 \
        cargo +nightly rustc $(standard_library "$1") --target "$triple" --manifest-path "$root/fuzz/Cargo.toml" -p libvault-fuzz-ffi --crate-type staticlib
    cp "$target/$1/$triple/debug/libvault_ffi.a" "$work/libvault.a"
}

flags() {
    echo "-Zsanitizer=$1 -Cforce-frame-pointers=yes"
}

# ThreadSanitizer has to see the locks of the standard library, or takes what they protect for races.
standard_library() {
    case $1 in
    thread) echo -Zbuild-std ;;
    esac
}

# programs COMPILER LANGUAGE OPTIONS LIBRARY: the test programs of tests/c, run with the arguments that tests/c/run.sh gives them.
programs() {
    directory="$work/$2"
    mkdir -p "$directory/new"
    for source in "$root"/tests/c/test_*.c "$root"/tests/cpp/test_*.cpp; do
        [ -e "$source" ] || continue
        name=$(basename "${source%.*}")
        case $source in *.cpp) name="test_cpp_${name#test_}" ;; esac
        case " $skipped " in *" $name "*) continue ;; esac
        case $2:$source in c:*.cpp) continue ;; esac
        compile "$1" "$2" "$3" "$4" "$source" "$directory/$name"
    done
    # It makes the vault that the others use.
    run test_abi "$directory/new"
    for program in "$directory"/test_*; do
        name=$(basename "$program")
        case $name in
        test_abi) ;;
        test_vectors | test_cpp_vectors) run "$name" "$work/fixture/libvault.toml" "$work/vectors.txt" ;;
        test_threads | test_guest | test_cpp_api) run "$name" "$directory/new/libvault.toml" ;;
        *) run "$name" "$directory/new" ;;
        esac
    done
}

# compile COMPILER LANGUAGE OPTIONS LIBRARY SOURCE OUTPUT
compile() {
    case $2 in
    c) standard=c99 ;;
    c++) standard=c++17 ;;
    esac
    # shellcheck disable=SC2086
    $1 -std=$standard -D_POSIX_C_SOURCE=200809L $3 ${defined:-} -I"$root/include" -I"$work" -I"$root/tests/c" -x "$2" -c "$5" -o "$6.o"
    # shellcheck disable=SC2086
    $1 $3 "$6.o" "$4" ${linked:-} -pthread -ldl -lm -o "$6"
    rm "$6.o"
}

run() {
    name=$1
    shift
    echo "== $mode: $(basename "$directory") $name"
    ${runner:-} "$directory/$name" "$@"
}

main
