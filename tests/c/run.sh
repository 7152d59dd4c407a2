#!/bin/sh
# Every test of the C library, against what `make install` would install. Needs gcc, g++, cmake, pkg-config, python3.
#
#     cargo build --release -p libvault-ffi && tests/c/run.sh
#
# Works in build/c-tests; the fixture is copied, since the vectors need key files with mode 0600.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work="$root/build/c-tests"
stage="$work/stage"
prefix="$stage/usr/local"
warnings="-Wall -Wextra -Wpedantic -Werror"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
unset LD_LIBRARY_PATH

main() {
    rm -rf "$work"
    mkdir -p "$work/planted" "$work/fixture"
    cd "$work"
    DESTDIR="$stage" PREFIX=/usr/local "$root/ffi/install.sh"
    python3 "$here/vectors_to_lines.py" "$work"
    cp "$root"/tests/vectors/fixture/* fixture/
    chmod 600 fixture/*.key fixture/*.db

    check_exports
    build_everywhere
    run_tests
    run_consumers
    run_examples
    run_planted_panic
    echo "c: all passed"
}

# Only vault_* is exported, and exactly what the header declares; the dynamic section says what it should.
check_exports() {
    library="$prefix/lib/libvault.so"
    nm -D --defined-only "$library" | sed 's/.* //' | LC_ALL=C sort >exported
    python3 - "$prefix/include/vault.h" >declared <<'END'
import re, sys
text = re.sub(r"/\*.*?\*/", "", open(sys.argv[1]).read(), flags=re.DOTALL)
print("\n".join(sorted(set(re.findall(r"\b(vault_\w+)\(", text)))))
END
    diff -u declared exported
    nm --defined-only -g "$prefix/lib/libvault.a" 2>/dev/null | sed -n 's/.* T //p' | LC_ALL=C sort >exported-static
    diff -u declared exported-static
    ! nm --defined-only -g "$prefix/lib/libvault.a" 2>/dev/null | grep -v ' T vault_' | grep -q '^[0-9a-f]' ||
        fail "libvault.a exports more than vault_*"
    dynamic=$(readelf -d "$library")
    abi=$(sed -n 's/^#define VAULT_ABI_VERSION //p' "$prefix/include/vault.h")
    for expected in "soname: \[libvault.so.$abi\]" "BIND_NOW" "NODELETE"; do
        echo "$dynamic" | grep -q "$expected" || fail "the dynamic section lacks $expected"
    done
    readelf -lW "$library" | grep -q GNU_RELRO || fail "no RELRO segment"
    echo "exports: $(wc -l <exported) functions"
}

# compile LANGUAGE LINKAGE SOURCE OUTPUT
compile() {
    case $1 in
    c) compiler="gcc -std=c99 -x c" ;;
    c++) compiler="g++ -std=c++17 -x c++" ;;
    esac
    case $2 in
    shared) libraries="$(pkg-config --libs libvault) -Wl,-rpath,$prefix/lib" ;;
    static) libraries="$prefix/lib/libvault.a $(pkg-config --static --libs-only-l libvault | sed 's/-lvault//')" ;;
    esac
    # The options are words on purpose.
    # shellcheck disable=SC2046,SC2086
    $compiler -D_POSIX_C_SOURCE=200809L $warnings -g -O1 -I"$work" $(pkg-config --cflags libvault) "$3" -x none \
        -pthread $libraries -o "$4"
}

build_everywhere() {
    for language in c c++; do
        for linkage in shared static; do
            mkdir -p "$language-$linkage"
            for name in test_vectors test_abi test_threads test_guest test_fork test_calls test_streams test_errors matrix; do
                compile "$language" "$linkage" "$here/$name.c" "$language-$linkage/$name"
            done
        done
        compile "$language" shared "$here/test_wipe.c" "$language-shared/test_wipe"
    done
    # Linked with nothing of ours: it loads the library itself.
    # shellcheck disable=SC2086
    gcc -std=c99 -D_POSIX_C_SOURCE=200809L $warnings -I"$prefix/include" "$here/test_copies.c" -ldl -o test_copies
    cp c-shared/matrix matrix
}

run_tests() {
    for combination in c-shared c-static c++-shared c++-static; do
        echo "== $combination"
        mkdir -p "$combination/new"
        "$combination/test_abi" "$work/$combination/new"
        "$combination/test_vectors" fixture/libvault.toml vectors.txt
        "$combination/test_guest" "$combination/new/libvault.toml"
        "$combination/test_threads" "$combination/new/libvault.toml"
        "$combination/test_calls" "$combination/new"
        "$combination/test_streams" "$combination/new"
        if [ -x "$combination/test_wipe" ]; then
            "$combination/test_wipe" "$combination/new/libvault.toml"
        fi
        run_matrix "$combination"
    done
    cp "$prefix/lib/libvault.so" another-name.so
    ./test_copies c-shared/new/libvault.toml "$prefix/lib/libvault.so" "$work/another-name.so"
    python3 "$here/run_errors.py" c-shared/test_errors errors
    python3 "$here/run_with_kms.py" resets c-shared/test_guest c-shared/new
    python3 "$here/run_with_kms.py" never_answers c-shared/test_fork c-shared/new
}

run_matrix() {
    printf 'some data' >"$1/data"
    printf 'row 7' >"$1/aad"
    for way in "" -stream; do
        rm -f "$1/again"
        {
            matrix_line "encrypt$way" 123 "$1/data" "$1/envelope" "$1/aad"
            matrix_line "decrypt$way" 123 "$1/envelope" "$1/again" "$1/aad"
            matrix_line "decrypt$way" 124 "$1/envelope" "$1/refused" "$1/aad"
        } | "$1/matrix" "$1/new/libvault.toml" 2>/dev/null >"$1/answers"
        printf 'ok\nok\n103 ContextMismatch\n' | cmp - "$1/answers" || fail "the matrix program answers $(cat "$1/answers")"
        cmp "$1/data" "$1/again"
        [ ! -e "$1/refused" ] || fail "a refused call left an output file"
    done
}

# A command of tests/matrix/run_matrix.py.
matrix_line() {
    printf '%s\torganization_id=org_%s,user_id=u1\t%s\t%s\t%s\n' "$@"
}

# A stranger's projects, in an empty directory, with nothing but the installed files.
run_consumers() {
    outside=$(mktemp -d)
    trap 'rm -rf "$outside"' EXIT
    cp "$here/consumer/CMakeLists.txt" "$outside/"
    cp "$root/examples/c/encrypt_decrypt.c" "$outside/quickstart.c"
    cp c-shared/new/* "$outside/"
    (
        cd "$outside"
        chmod 600 root.key vault.db*
        cmake -S . -B build -DCMAKE_PREFIX_PATH="$prefix" >cmake.log 2>&1 || { cat cmake.log; exit 1; }
        cmake --build build >cmake.log 2>&1 || { cat cmake.log; exit 1; }
        for program in c_shared c_static cxx_shared cxx_static; do
            "build/$program" | grep -q "attack at dawn"
        done
        ldd build/c_shared | grep -q "libvault.so.0 => " || fail "the shared program does not load libvault.so.0"
        ! ldd build/c_static | grep -q libvault || fail "the static program loads libvault"
        # shellcheck disable=SC2046
        gcc quickstart.c $(pkg-config --cflags --libs libvault) -Wl,-rpath,"$(pkg-config --variable=libdir libvault)" \
            -o quickstart
        ./quickstart | grep -q "attack at dawn"
    )
    echo "consumers: cmake and pkg-config, C and C++, shared and static"
}

run_examples() {
    for source in "$root"/examples/c/*.c; do
        name=$(basename "$source" .c)
        for language in c c++; do
            compile "$language" shared "$source" "example-$name"
            "./example-$name" c-shared/new/libvault.toml
        done
        lines=$(wc -l <"$source")
        [ "$lines" -le 60 ] || fail "$source has $lines lines"
    done
    mkdir -p empty
    ! (cd empty && ../example-encrypt_decrypt 2>../refusal) || fail "the quick start works without a configuration"
    grep -q "InvalidConfig" refusal || fail "the quick start says $(cat refusal)"
}

# A library with a panic in vault_inspect, built beside the real one: target/release keeps its libvault.so.
run_planted_panic() {
    (
        cd "$root"
        # Without PKG_CONFIG_PATH: build scripts of dependencies look at it, and with another one everything is compiled anew, now and in the next build.
        env -u PKG_CONFIG_PATH LIBVAULT_PLANTED_PANIC=1 cargo rustc --quiet --release -p libvault-ffi --lib --crate-type cdylib -- \
            -o "$work/planted/libvault.so" 2>"$work/planted.log" || { cat "$work/planted.log"; exit 1; }
    )
    ln -sf libvault.so planted/libvault.so.0
    for compiler in "gcc -std=c99 -x c" "g++ -std=c++17 -x c++"; do
        # shellcheck disable=SC2086
        $compiler $warnings -I"$prefix/include" "$here/test_planted_panic.c" -x none -Lplanted -lvault \
            -Wl,-rpath,"$work/planted" -o planted/test
        planted/test 2>planted/stderr
        grep -q "planted panic" planted/stderr || fail "the host's own panic output was changed"
    done
    ! grep -q "planted panic" "$root/target/release/libvault.so" || fail "target/release has the planted panic"
}

fail() {
    echo "run.sh: $1" >&2
    exit 1
}

main
