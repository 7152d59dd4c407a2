#!/usr/bin/env python3
"""One version for the crates, the wheel, the npm package and the C library.

    tools/version.py              checks that every place says what Cargo.toml says
    tools/version.py set 0.2.0    writes it to all of them
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEMVER = r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?"
# File, and what stands before the version in it. Every match in a file is one place. The first of all is the one that counts.
PLACES = [
    ("Cargo.toml", r'^\[workspace\.package\]\nversion = "'),
    ("Cargo.toml", r'^libvault(?:-\w+)? = \{[^}\n]*path = [^}\n]*version = "'),
    ("Cargo.lock", r'^name = "libvault-\w+"\nversion = "'),
    ("bindings/node/package.json", r'^  "version": "'),
    ("bindings/node/package-lock.json", r'^  "name": "libvault",\n  "version": "'),
    ("bindings/node/package-lock.json", r'^    "": \{\n      "name": "libvault",\n      "version": "'),
    ("CHANGELOG.md", r"^## \[Unreleased\] (?=.)"),
    ("README.md", r"libvault-(?=\d+\.\d+\.\d+(?:-\*\.whl|\.tgz))"),
    ("README.md", r"\*\*Status: "),
]
# These take the workspace's version when they are built, and must go on doing so.
INHERITED = [(f"{package}/Cargo.toml", "version.workspace = true") for package in ("memory", "core", "ffi", "cli", "bindings/python", "bindings/node")]
INHERITED += [("bindings/python/pyproject.toml", 'dynamic = ["version"]'), ("ffi/install.sh", 'version=$(sed -n')]


def main(arguments: list[str]) -> int:
    if arguments and (len(arguments) != 2 or arguments[0] != "set" or not re.fullmatch(SEMVER, arguments[1])):
        sys.exit(__doc__)
    places = [place for file, before in PLACES for place in find(file, before)]
    wanted = arguments[1] if arguments else places[0][2]
    wrong = [(file, found) for file, _, found in places if found != wanted]
    if arguments:
        for file, before in PLACES:
            path = ROOT / file
            path.write_text(pattern(before).sub(lambda match: match[1] + wanted, path.read_text()))
        print(f"version.py: {len(wrong)} of {len(places)} places changed to {wanted}; `## [Unreleased]` becomes a release by hand")
        return 0
    for file, found in wrong:
        print(f"{file} says {found}, and Cargo.toml {wanted}", file=sys.stderr)
    for file, line in INHERITED:
        if line not in (ROOT / file).read_text():
            print(f"{file} has no `{line}`: its version is its own", file=sys.stderr)
            wrong.append((file, ""))
    if not wrong:
        print(f"version.py: {wanted} in {len(places)} places")
    return 1 if wrong else 0


def find(file: str, before: str) -> list[tuple[str, str, str]]:
    found = [(file, match[1], match[2]) for match in pattern(before).finditer((ROOT / file).read_text())]
    # A release has no unreleased heading; everything else must be there, or this script guards nothing.
    if not found and file != "CHANGELOG.md":
        sys.exit(f"{file} has no version after {before}")
    return found


def pattern(before: str) -> re.Pattern[str]:
    return re.compile(rf"({before})({SEMVER})", re.MULTILINE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
