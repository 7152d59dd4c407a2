#!/usr/bin/env python3
"""Takes the paths of the machine that built a wheel out of its list of components (SBOM), and brings the wheel's list of files up to date.

    clean_wheel.py WHEEL

maturin writes the components of the workspace by where their sources lay. The compiled module has no such paths: tools/rustc_without_paths.sh.
"""

import base64
import hashlib
import pathlib
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


def main() -> None:
    wheel = pathlib.Path(sys.argv[1])
    with tempfile.NamedTemporaryFile(dir=wheel.parent, prefix=".wheel-", delete=False) as place:
        cleaned = pathlib.Path(place.name)
    try:
        rewrite(wheel, cleaned)
        cleaned.chmod(0o644)
        cleaned.replace(wheel)
    finally:
        cleaned.unlink(missing_ok=True)


def rewrite(wheel: pathlib.Path, cleaned: pathlib.Path) -> None:
    changed: dict[str, bytes] = {}
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(cleaned, "w", zipfile.ZIP_DEFLATED) as new:
        # RECORD comes last in a wheel.
        for entry in old.infolist():
            content = old.read(entry)
            if ".dist-info/sboms/" in entry.filename:
                content = changed[entry.filename] = content.replace(str(ROOT).encode(), b"/libvault")
            elif entry.filename.endswith(".dist-info/RECORD"):
                content = "".join(record_line(line, changed) for line in content.decode().splitlines(keepends=True)).encode()
            new.writestr(entry, content)


def record_line(line: str, changed: dict[str, bytes]) -> str:
    name = line.split(",")[0]
    if name not in changed:
        return line
    digest = base64.urlsafe_b64encode(hashlib.sha256(changed[name]).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(changed[name])}\n"


if __name__ == "__main__":
    main()
