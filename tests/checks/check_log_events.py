#!/usr/bin/env python3
"""The table of docs/log.md has the events that the core writes, and no others."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = re.compile(r'(?:\.(?:warn|info)\(|EVENT: &str = )\s*"([a-z_]+)"')
IN_TABLE = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)


def main() -> None:
    sources = [path.read_text(encoding="utf-8").partition("#[cfg(test)]\nmod tests {")[0] for path in sorted((ROOT / "core/src").rglob("*.rs"))]
    written = {event for source in sources for event in WRITTEN.findall(source)}
    told = set(IN_TABLE.findall((ROOT / "docs/log.md").read_text(encoding="utf-8")))
    if written != told:
        sys.exit(f"docs/log.md: missing {sorted(written - told)}, unknown {sorted(told - written)}")
    print(f"docs/log.md: {len(told)} events, as the core writes them")


main()
