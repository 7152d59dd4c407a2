#!/usr/bin/env python3
"""Whether programs that were built against an older header still run with today's library (docs/abi.md).

    tests/abi/run.py                       names, codes and a program built against every kept header, with target/release/libvault.so
    tests/abi/run.py --abidiff             besides, types and signatures, compared by abidiff of Debian's abigail-tools
    tests/abi/run.py --keep                writes vault-VERSION.h and symbols.txt: at a release, or when a function was added before one
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HEADER = ROOT / "include" / "vault.h"
SYMBOLS = HERE / "symbols.txt"
VERSION = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
LIBRARY = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "libvault.so"
CONSTANT = re.compile(r"^#define (VAULT_(?:OK|ERROR_\w+|ABI_VERSION|DATA_KEY_LENGTH)) (\d+)$", re.MULTILINE)
FUNCTION = re.compile(r"^((?:const )?\w+ \*?)(vault_\w+)\(([^;]*)\);", re.MULTILINE)


class Broken(Exception):
    """The ABI is not what it was."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--abidiff", action="store_true")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    if arguments.keep:
        shutil.copyfile(HEADER, HERE / f"vault-{VERSION}.h")
        SYMBOLS.write_text("\n".join(sorted(declared(HEADER))) + "\n")
        print(f"abi: kept {len(declared(HEADER))} functions; nothing was checked")
        return 0
    try:
        check_symbols()
        kept = [header for header in sorted(HERE.glob("vault-*.h")) if constants(header)["VAULT_ABI_VERSION"] == constants(HEADER)["VAULT_ABI_VERSION"]]
        if not kept:
            raise Broken("no header of this ABI version is kept")
        for header in kept:
            check_names(header)
            with tempfile.TemporaryDirectory() as directory:
                run_program(header, Path(directory))
                if arguments.abidiff:
                    compare_types(header, Path(directory))
    except Broken as broken:
        print(f"abi: {broken}", file=sys.stderr)
        return 1
    print(f"abi: {len(exported())} functions; {', '.join(header.name for header in kept)}: names, codes, program{', types' if arguments.abidiff else ''}")
    return 0


def check_symbols() -> None:
    kept, today = SYMBOLS.read_text().split(), exported()
    if gone := sorted(set(kept) - set(today)):
        raise Broken(f"functions that programs may call are gone: {', '.join(gone)}")
    if new := sorted(set(today) - set(kept)):
        raise Broken(f"functions that tests/abi/symbols.txt does not list: {', '.join(new)}; if they are meant, run tests/abi/run.py --keep")


def declared(header: Path) -> list[str]:
    return [name for _, name, _ in FUNCTION.findall(re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL))]


def exported() -> list[str]:
    listed = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], check=True, capture_output=True, text=True).stdout
    return sorted(line.split()[-1] for line in listed.splitlines())


def check_names(header: Path) -> None:
    today, kept = constants(HEADER), constants(header)
    for name, number in kept.items():
        if today.get(name) != number:
            raise Broken(f"{name} was {number} in {header.name} and is {today.get(name, 'gone')}")
    names = {number: name for name, number in kept.items() if name.startswith("VAULT_ERROR_")}
    for name, number in today.items():
        if name.startswith("VAULT_ERROR_") and names.get(number, name) != name:
            raise Broken(f"the code {number} was {names[number]} in {header.name} and is {name}")


def constants(header: Path) -> dict[str, int]:
    return {name: int(number) for name, number in CONSTANT.findall(header.read_text())}


def run_program(header: Path, directory: Path) -> None:
    """Compiled with the kept header, linked and run with today's library."""
    shutil.copyfile(header, directory / "vault.h")
    shutil.copyfile(LIBRARY, directory / "libvault.so")
    (directory / f"libvault.so.{constants(HEADER)['VAULT_ABI_VERSION']}").symlink_to("libvault.so")
    program = directory / "program"
    warnings = ["-std=c99", "-Wall", "-Wpedantic"]
    subprocess.run(
        ["gcc", *warnings, f"-I{directory}", HERE / "program.c", "-o", program, f"-L{directory}", "-lvault", f"-Wl,-rpath,{directory}"], check=True
    )
    done = subprocess.run([program, directory / "vault"], capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken(f"a program built with {header.name} fails with today's library: {done.stdout}{done.stderr}")


def compare_types(header: Path, directory: Path) -> None:
    """The library's debug information says nothing about types, so both headers are made libraries of empty functions."""
    old, new = stub(header, directory / "old"), stub(HEADER, directory / "new")
    suppressions = directory / "grown.abignore"
    suppressions.write_text("".join(f"[suppress_type]\n  name = {name}\n" for name in grown_structs(header)))
    command = ["abidiff", "--no-added-syms", "--suppressions", str(suppressions), str(old), str(new)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise Broken(f"types or signatures differ from {header.name}:\n{done.stdout}{done.stderr}")


def grown_structs(header: Path) -> list[str]:
    """Structs that begin with struct_size may get members at their end: the library never reads or writes past the caller's size."""
    kept, today = members(header), members(HEADER)
    allowed = [name for name in kept if kept[name][0] == "size_t struct_size" and name in today]
    return [name for name in allowed if len(today[name]) > len(kept[name]) and today[name][: len(kept[name])] == kept[name]]


def members(header: Path) -> dict[str, list[str]]:
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
    structs = re.findall(r"typedef struct (\w+) \{(.*?)\}", text, re.DOTALL)
    return {name: [" ".join(member.split()) for member in body.split(";") if member.strip()] for name, body in structs}


def stub(header: Path, directory: Path) -> Path:
    directory.mkdir()
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
    (directory / "vault.h").write_text(text)
    functions = FUNCTION.findall(text)
    if len(functions) < 20:
        raise Broken(f"{header.name} declares only {len(functions)} functions: is it read wrongly?")
    bodies = [f"{result}{name}({parameters}) {{ {'' if result == 'void ' else 'return 0;'} }}" for result, name, parameters in functions]
    (directory / "stub.c").write_text('#include "vault.h"\n' + "\n".join(bodies) + "\n")
    library = directory / "libstub.so"
    quiet = ["-w", "-g", "-shared", "-fPIC", f"-I{directory}"]
    subprocess.run(["gcc", *quiet, directory / "stub.c", "-o", library], check=True)
    return library


if __name__ == "__main__":
    sys.exit(main())
