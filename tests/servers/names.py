"""What names mean to a program under test, decided by the test: see resolver.c."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

# The question is not answered until the name means something else.
SILENCE = "silence"
_SOURCE = Path(__file__).with_name("resolver.c")


class Names:
    """The names that a program started with `environment` can resolve."""

    def __init__(self, directory: Path):
        directory.mkdir(parents=True, exist_ok=True)
        self._library, self._file = directory / "resolver.so", directory / "names"
        warnings = ["-Wall", "-Wextra", "-Werror"]
        subprocess.run(["gcc", "-std=c11", "-shared", "-fPIC", *warnings, "-o", self._library, _SOURCE, "-ldl"], check=True)
        self.mean()

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "TEST_NAMES": str(self._file)}

    def mean(self, meanings: Mapping[str, str] | None = None) -> None:
        """From now on exactly these names mean something: an address, `ADDRESS:PORT` for connections to port 80 or 443, or SILENCE.

        `*` is every name, and an address may stand in the place of a name.
        """
        lines = [f"{name} {meaning}\n" for name, meaning in (meanings or {}).items()]
        temporary = self._file.with_suffix(".new")
        temporary.write_text("".join(lines), encoding="utf-8")
        temporary.replace(self._file)
