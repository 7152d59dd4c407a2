#!/usr/bin/env python3
"""Turns the comments of include/vault.h, which are written for readers of the header, into doxygen's commands.

"name: text" at the start of a line becomes @param, "Returns" becomes @return; indented lines go on with what is above.
"""

import re
import sys

PARAMETERS = re.compile(r"^ \* ((?:\w+, )*\w+): (?=\S)")


def convert(line: str, parameters: set[str]) -> str:
    match = PARAMETERS.match(line)
    if match and set(match[1].split(", ")) <= parameters:
        return f" * @param {match[1].replace(', ', ',')} {line[match.end():]}"
    return re.sub(r"^ \* Returns ", " * @return ", line)


def main() -> None:
    text = open(sys.argv[1], encoding="utf-8").read()
    # The header's own comment describes the file.
    text = text.replace("/*\n * libvault", "/**\n * @file\n * libvault", 1)

    def comment(match: re.Match[str]) -> str:
        parameters = set(re.findall(r"(\w+)[,)]", match[2]))
        return "".join(convert(line, parameters) for line in match[1].splitlines(keepends=True)) + match[2]

    # A comment together with the declaration that follows it, up to its end.
    sys.stdout.write(re.sub(r"(/\*\*(?:(?!\*/).)*?\*/\n)([^/{;#]*\([^;{]*;)", comment, text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
