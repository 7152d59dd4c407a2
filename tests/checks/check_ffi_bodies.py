#!/usr/bin/env python3
"""Checks that no panic can leave the C ABI, by parsing ffi/src.

Every exported function's body must be exactly one call of the panic boundary, `panic::status` or `panic::value`; every
exported name must begin with `vault_` and stand in include/vault.h; and only panic.rs may catch a panic.

    check_ffi_bodies.py             check the sources
    check_ffi_bodies.py --self-test check that planted mistakes are found
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOUNDARY = re.compile(r"\s*panic::(status|value)\(")
EXPORT_ATTRIBUTE = re.compile(r"#\[\s*(?:unsafe\s*\(\s*)?(?:no_mangle|export_name)\b")
EXTERN_FUNCTION = re.compile(r'extern\s+"C(?:-unwind)?"\s+fn\s+(\w+)')
NON_CODE = re.compile(
    r"""//[^\n]*                             # line comment
    |   /\*.*?\*/                            # block comment (the sources do not nest them)
    |   b?c?r(?P<hashes>\#*)".*?"(?P=hashes) # raw string
    |   [bc]?"(?:\\.|[^"\\])*"               # string
    |   b?'(?:\\.[^']*|[^'\\])'              # character, not a lifetime
    """,
    re.VERBOSE | re.DOTALL,
)


def blank(source: str) -> str:
    """The source with every comment, string and character replaced by blanks of the same length, except ABI names."""

    def replacement(match: re.Match[str]) -> str:
        text = match.group(0)
        if text in ('"C"', '"C-unwind"'):
            return text
        return re.sub(r"[^\n]", " ", text)

    return NON_CODE.sub(replacement, source)


def matching(code: str, start: int) -> int:
    """The index of the bracket that closes the one at `start`."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    expected: list[str] = []
    for index in range(start, len(code)):
        character = code[index]
        if character in pairs:
            expected.append(pairs[character])
        elif character in pairs.values():
            if not expected or expected.pop() != character:
                raise ValueError(f"unbalanced {character!r} at offset {index}")
            if not expected:
                return index
    raise ValueError(f"unclosed bracket at offset {start}")


def check_source(name: str, source: str) -> tuple[list[str], list[str]]:
    """The exported functions of one file, and what is wrong with them."""
    code = blank(source)
    functions, mistakes = [], []
    for match in EXTERN_FUNCTION.finditer(code):
        function = match.group(1)
        line = code.count("\n", 0, match.start()) + 1
        place = f"{name}:{line}: {function}"
        parameters_end = matching(code, code.index("(", match.end()))
        body_start = code.find("{", parameters_end)
        semicolon = code.find(";", parameters_end)
        if body_start < 0 or 0 <= semicolon < body_start:
            continue  # a declaration or a type, not a function of ours
        functions.append(function)
        body = code[body_start + 1 : matching(code, body_start)]
        if not function.startswith("vault_"):
            mistakes.append(f"{place}: the name does not begin with vault_")
        attributes = code[code.rfind("}", 0, match.start()) + 1 : match.start()]
        if not EXPORT_ATTRIBUTE.search(attributes):
            mistakes.append(f"{place}: is not exported")
        boundary = BOUNDARY.match(body)
        if not boundary:
            mistakes.append(f"{place}: the body does not begin with a call of the panic boundary")
            continue
        rest = body[matching(body, boundary.end() - 1) + 1 :].strip()
        if rest not in ("", ";"):
            mistakes.append(f"{place}: something follows the call of the panic boundary: {rest[:40]!r}")
        arguments = body[boundary.end() : matching(body, boundary.end() - 1)]
        first, _, closure = arguments.partition(", || ")
        if not re.fullmatch(r"[\w:()]+", first.strip()) or not closure:
            mistakes.append(f"{place}: the boundary's arguments are not a plain value and a closure")
    exports = len(EXPORT_ATTRIBUTE.findall(code))
    if exports != len(functions):
        mistakes.append(f"{name}: {exports} export attributes for {len(functions)} extern functions")
    if "catch_unwind" in code and name != "panic.rs":
        mistakes.append(f"{name}: catch_unwind belongs to panic.rs alone")
    return functions, mistakes


def check_tree() -> list[str]:
    functions: list[str] = []
    mistakes: list[str] = []
    for path in sorted((ROOT / "ffi" / "src").rglob("*.rs")):
        found, wrong = check_source(path.name, path.read_text(encoding="utf-8"))
        functions += found
        mistakes += wrong
    header = re.sub(r"/\*.*?\*/", "", (ROOT / "include" / "vault.h").read_text(encoding="utf-8"), flags=re.DOTALL)
    declared = set(re.findall(r"\b(vault_\w+)\(", header))
    for name in sorted(declared ^ set(functions)):
        where = "include/vault.h" if name in declared else "ffi/src"
        mistakes.append(f"{name} stands only in {where}")
    if not functions:
        mistakes.append("no exported function was found")
    print(f"check_ffi_bodies: {len(functions)} exported functions, {len(mistakes)} mistakes")
    return mistakes


GOOD = """
/// A comment with a brace { and "quotes".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vault_good(data: *const u8, error: *mut Option<Box<E>>) -> u32 {
    panic::status(error, || {
        let text = "a } in a string";
        let letter = '}'; // and } in a comment
        work(data, text, letter)
    })
}
"""

PLANTED = {
    "a body without the boundary": GOOD.replace("panic::status(error, || {", "work(error, || {"),
    "a statement before": GOOD.replace("    panic::status", "    check(data);\n    panic::status"),
    "a statement after": GOOD.replace("    })\n}", "    });\n    after()\n}"),
    "work in the first argument": GOOD.replace("panic::status(error,", "panic::status({ work(); error },"),
    "a call chained to it": GOOD.replace("    })\n}", "    }).max(unwrap_all())\n}"),
    "a foreign name": GOOD.replace("vault_good", "good"),
    "no export": GOOD.replace("#[unsafe(no_mangle)]", ""),
    "an export that is not extern": GOOD + "\n#[unsafe(no_mangle)]\npub static vault_state: u32 = 0;\n",
    "a second boundary": GOOD + "\nfn f() { let _ = std::panic::catch_unwind(|| ()); }\n",
    "an unwinding ABI without boundary": '#[unsafe(no_mangle)]\nextern "C-unwind" fn vault_f() { work(); }\n',
}


def self_test() -> list[str]:
    mistakes = [f"the good source: {wrong}" for wrong in check_source("good.rs", GOOD)[1]]
    mistakes += [f"not found: {what}" for what, source in PLANTED.items() if not check_source("planted.rs", source)[1]]
    print(f"check_ffi_bodies --self-test: {len(PLANTED)} planted mistakes, {len(mistakes)} wrong answers")
    return mistakes


if __name__ == "__main__":
    found = self_test() if sys.argv[1:] == ["--self-test"] else check_tree()
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)
