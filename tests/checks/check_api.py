#!/usr/bin/env python3
"""Checks the table of verbs, tests/vectors/api.json, and that Rust, C and C++ have its names and C has no others.

C is compared with include/vault.h, C++ by a program that mentions every name, Rust with the public functions of core/src. Python,
Node and the command line check their own columns, with what they export.

    check_api.py                check the table and all three
    check_api.py c cpp          check the table and these
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads((ROOT / "tests/vectors/api.json").read_text(encoding="utf-8"))
RULED = list(TABLE["rule"])
LANGUAGES = [*RULED, "cli"]
# What every C function may need and no verb is: reading errors, giving memory back.
C_ACCESSORS = re.compile(r"vault_(buffer_free|buffer_clear|status_name|error_\w+)")


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def names(language: str) -> list[str]:
    """The language's names, in the order of the table."""
    return [name for row in TABLE["verbs"] for name in row.get(language, [])]


def table_mistakes():
    verbs = [row["verb"] for row in TABLE["verbs"]]
    yield from (f"{verb} stands twice" for verb in sorted(set(verbs)) if verbs.count(verb) > 1)
    for row in TABLE["verbs"]:
        if "arrives_with" in row:
            continue
        if row.keys() - {"overrides"} != {"verb", "does", *LANGUAGES}:
            yield f"{row['verb']} has the fields {sorted(row)}"
        for language, forms in ((language, row[language]) for language in RULED if row[language]):
            follows = any(written(language, row["verb"]) in form for form in forms)
            if follows == (language in row.get("overrides", [])):
                yield f"{row['verb']}: {language} {'follows' if follows else 'does not follow'} the rule"


def written(language: str, verb: str) -> str:
    return {"c": "vault_" + verb, "cpp": camel(verb), "node": camel(verb)}.get(language, verb)


def c_mistakes():
    header = (ROOT / "include/vault.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"\b(vault_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)))
    listed = set(names("c"))
    yield from (f"include/vault.h lacks {name}" for name in sorted(listed - declared))
    yield from (f"{name} is no verb's" for name in sorted(declared - listed) if not C_ACCESSORS.fullmatch(name))


def cpp_mistakes():
    """A using-declaration names a member, overloaded or not, without calling it."""
    lines = ["#include <vault.hpp>"]
    for number, name in enumerate(names("cpp")):
        type_name, _, member = name.rpartition("::")
        if type_name == member or not type_name:
            lines.append(f"using libvault::{member};")
        else:
            lines.append(f"struct derived{number} : libvault::{type_name} {{ using libvault::{type_name}::{member}; }};")
    compiled = subprocess.run(
        ["g++", "-std=c++17", "-fsyntax-only", f"-I{ROOT / 'include'}", "-xc++", "-"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, check=False,
    )
    if compiled.returncode:
        yield from (f"include/vault.hpp: {line}" for line in compiled.stderr.splitlines() if " error: " in line)


def example_mistakes(language: str):
    for task in TABLE["example_tasks"]:
        if not (ROOT / f"examples/{language}/{task}.{language}").exists():
            yield f"examples/{language} lacks {task}"


def rust_mistakes():
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "core/src").rglob("*.rs")))
    for name in names("rust"):
        item = name.rpartition("::")[2]
        if not re.search(rf"\bpub (?:(?:async |const )*fn|const|struct|static) {item}\b", source):
            yield f"core/src lacks {name}"


def main() -> int:
    checks = {"rust": rust_mistakes, "c": c_mistakes, "cpp": cpp_mistakes}
    chosen = sys.argv[1:] or list(checks)
    mistakes = [f"tests/vectors/api.json: {mistake}" for mistake in table_mistakes()]
    for language in chosen:
        mistakes += checks[language]()
        if language != "rust":
            mistakes += example_mistakes(language)
    print("\n".join(mistakes), end="\n" if mistakes else "")
    print(f"check_api: {len(TABLE['verbs'])} verbs, {', '.join(f'{len(names(language))} {language}' for language in chosen)}, {len(mistakes)} mistakes")
    return 1 if mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
