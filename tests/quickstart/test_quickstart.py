"""Runs the README's quick start as a reader would: the programs are taken from the README, and each runs in an empty directory with
nothing but the installed package.

    make test-quickstart           builds the packages first; then: pytest tests/quickstart

The environment of the programs holds no path of the repository, no LD_LIBRARY_PATH and no cargo on PATH. A missing package fails the test.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DIST = ROOT / "build" / "dist"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
SECONDS = 120  # for one command: far more than any needs
BUILD_SECONDS = 1800  # where the library itself has to be compiled first
BLOCK = re.compile(r"^<!-- quickstart: (?P<name>[a-z ]+) -->\n```[a-z]+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def readme_blocks() -> dict[str, str]:
    """The README's marked code blocks by name."""
    text = README.read_text(encoding="utf-8")
    blocks = {match["name"]: match["text"] for match in BLOCK.finditer(text)}
    assert len(blocks) == text.count("<!-- quickstart:"), "a marker of the README without a code block, or a name twice"
    return blocks


BLOCKS = readme_blocks()


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who has the usual tools, and of libvault only what was installed."""
    home = tmp_path_factory.mktemp("home")
    node = shutil.which("node")
    assert node, "the quick start needs node"
    tools = home / "bin"
    tools.mkdir()
    # A link, since Node may be installed beside other things that have no place on this PATH.
    (tools / "node").symlink_to(Path(node).resolve())
    environment = {"HOME": str(home), "PATH": f"{tools}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    assert shutil.which("cargo", path=environment["PATH"]) is None
    assert not any(str(ROOT) in value for value in environment.values())
    return environment


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel and nothing else."""
    place = tmp_path_factory.mktemp("python") / "venv"
    run([sys.executable, "-m", "venv", place], cwd=place.parent)
    interpreter = place / "bin" / "python"
    run([interpreter, "-m", "pip", "install", "--quiet", "--no-index", package("libvault-{}-*.whl")], cwd=place.parent)
    return interpreter


def test_python(python: Path, stranger: Mapping[str, str], tmp_path: Path) -> None:
    program = tmp_path / "quickstart.py"
    program.write_text(BLOCKS["python"], encoding="utf-8")
    assert run([python, program.name], cwd=tmp_path, env=stranger) == BLOCKS["output"]
    with plan_for_two_customers(tmp_path):
        program.write_text(BLOCKS["files python"], encoding="utf-8")
        run([python, program.name], cwd=tmp_path, env=stranger)


def test_node(stranger: Mapping[str, str], tmp_path: Path) -> None:
    npm = shutil.which("npm")
    assert npm, "the quick start needs npm"
    install: list[str | Path] = [npm, "install", "--offline", "--no-audit", "--no-fund", package("libvault-{}.tgz")]
    run(install, cwd=tmp_path, env=stranger)
    program = tmp_path / "quickstart.mjs"
    program.write_text(BLOCKS["node"], encoding="utf-8")
    assert run(["node", program.name], cwd=tmp_path, env=stranger) == BLOCKS["output"]
    with plan_for_two_customers(tmp_path):
        program.write_text(BLOCKS["files node"], encoding="utf-8")
        run(["node", program.name], cwd=tmp_path, env=stranger)


@pytest.fixture(scope="session")
def c_library(stranger: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who installed the C library and told pkg-config where: the installed files find their own place."""
    stage = tmp_path_factory.mktemp("c")
    run([ROOT / "ffi" / "install.sh"], cwd=stage, env={**stranger, "DESTDIR": str(stage), "PREFIX": "/usr/local"})
    return {**stranger, "PKG_CONFIG_PATH": str(stage / "usr/local/lib/pkgconfig")}


@pytest.mark.parametrize("build", ["c build", "c static build"])
def test_c(build: str, c_library: Mapping[str, str], stranger: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "quickstart.c").write_text(BLOCKS["c"], encoding="utf-8")
    for flags in ["-std=c99 -Wall -Wextra -Wpedantic -Werror ", ""]:
        run(["sh", "-ec", BLOCKS[build].replace("gcc ", f"gcc {flags}")], cwd=tmp_path, env=c_library)
    assert run(["./quickstart"], cwd=tmp_path, env=stranger) == BLOCKS["output"]
    assert ("libvault" in run(["ldd", "quickstart"], cwd=tmp_path, env=stranger)) == (build == "c build")


def test_cpp(c_library: Mapping[str, str], stranger: Mapping[str, str], tmp_path: Path) -> None:
    (tmp_path / "quickstart.cpp").write_text(BLOCKS["cpp"], encoding="utf-8")
    run(["sh", "-ec", BLOCKS["cpp build"].replace("g++ ", "g++ -Wall -Wextra -Wpedantic -Werror ")], cwd=tmp_path, env=c_library)
    assert run(["./quickstart"], cwd=tmp_path, env=stranger) == BLOCKS["output"]


def test_rust(stranger: Mapping[str, str], tmp_path: Path) -> None:
    """The README's program is an example of the crate, which cargo compiles with the same dependencies as everything else."""
    example = (ROOT / "core" / "examples" / "quickstart.rs").read_text(encoding="utf-8")
    assert example.partition("\n\n")[2] == BLOCKS["rust"], "core/examples/quickstart.rs is not the README's program"
    build = "cargo build --release --locked --quiet -p libvault-core -p libvault-ffi --example quickstart"
    subprocess.run(build.split(), cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)}, timeout=BUILD_SECONDS, check=True)
    assert run([TARGET / "release" / "examples" / "quickstart"], cwd=tmp_path, env=stranger) == BLOCKS["output"]


@pytest.fixture(scope="session")
def command(stranger: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody who installed the command line and put it on PATH."""
    stage = tmp_path_factory.mktemp("command")
    run([ROOT / "cli" / "install.sh"], cwd=stage, env={**stranger, "DESTDIR": str(stage), "PREFIX": "/usr/local"})
    if shutil.which("man"):
        for page in ["libvault", "libvault-keygen"]:
            run(["man", "-w", "-M", stage / "usr/local/share/man", page], cwd=stage)
    return {**stranger, "PATH": f"{stage / 'usr/local/bin'}:{stranger['PATH']}"}


def test_shell(command: Mapping[str, str], tmp_path: Path) -> None:
    printed = run(["sh", "-euc", f"exec 2>&1\n{BLOCKS['shell']}"], cwd=tmp_path, env=command).splitlines()
    assert printed[0] == "243 bytes: attack at dawn" and printed[1].startswith("error[103 ContextMismatch]: ")
    assert printed[2].startswith("what to do: ") and printed[3:] == ["exit code 3"]
    with plan_for_two_customers(tmp_path):
        run(["sh", "-euc", BLOCKS["files shell"]], cwd=tmp_path, env=command)


def test_a_key_file_instead_of_aws(command: Mapping[str, str], tmp_path: Path) -> None:
    """The binding of the README with a key file that the command line made, and what was encrypted before."""
    aws = BLOCKS["binding"].splitlines()
    binding = "\n".join(line for line in aws if not line.startswith(("provider =", "arn ="))) + "\n" + BLOCKS["local key"]
    (tmp_path / "binding.toml").write_text(binding, encoding="utf-8")
    script = """
        libvault keygen myvault/org_123.key >/dev/null
        cat binding.toml >>myvault/libvault.toml
        libvault encrypt --context organization_id=org_123 --input plan.txt --output new.vault
        libvault decrypt --context organization_id=org_123 --input new.vault
        libvault decrypt --context organization_id=org_123 --input plan.vault
        libvault reencrypt --context organization_id=org_123 --input plan.vault --output plan.vault --force
        rm myvault/org_123.key
        libvault decrypt --context organization_id=org_123 --input plan.vault || echo "exit code $?"
    """
    printed = run(["sh", "-euc", BLOCKS["shell"] + script], cwd=tmp_path, env=command).splitlines()
    assert printed[-3:] == ["attack at dawn", "attack at dawn", "exit code 8"]


def test_the_binding_takes_over(python: Path, stranger: Mapping[str, str], tmp_path: Path) -> None:
    """What the README says about its binding: it parses, decides for the customer without a KMS call, and older data stays readable."""
    program = tmp_path / "quickstart.py"
    lines = BLOCKS["python"] + "\n".join([
        "with open('myvault/libvault.toml', 'a', encoding='utf-8') as file:",
        f"    file.write({BLOCKS['binding']!r})",
        "with libvault.open('myvault/libvault.toml') as vault:",
        "    decision = vault.match_context({'organization_id': 'org_123', 'user_id': 'u1'})",
        "    print(decision.policy, [(binding.id, list(binding.key_ids)) for binding in decision.bindings])",
        "    print(vault.match_context({'organization_id': 'org_456'}).policy)",
        "    print(vault.decrypt(envelope, customer).decode(), vault.stats().kms_unwraps)",
    ])
    program.write_text(lines, encoding="utf-8")
    printed = run([python, program.name], cwd=tmp_path, env=stranger).removeprefix(BLOCKS["output"])
    assert printed.splitlines() == ["customer_gated [('bnd_org_123', ['key_abc'])]", "managed", "attack at dawn 0"]


@contextmanager
def plan_for_two_customers(directory: Path) -> Iterator[None]:
    """What the README's programs for files start from, and what must come of it."""
    plan = directory / "plan.txt"
    plan.write_bytes(secrets.token_bytes(3_000_000))
    yield
    envelopes = []
    for customer in ["org_123", "org_456"]:
        assert (directory / f"plan.{customer}.txt").read_bytes() == plan.read_bytes()
        envelopes.append((directory / f"plan.{customer}.vault").read_bytes())
    assert envelopes[0] != envelopes[1] and plan.read_bytes()[:64] not in envelopes[0]


def package(pattern: str) -> Path:
    """The one package of this version in build/dist."""
    version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
    found = sorted(DIST.glob(pattern.format(version)))
    assert len(found) == 1, f"build/dist holds {len(found)} packages like {pattern.format(version)}: `make build` makes them"
    return found[0]


def run(command: list[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Runs a command, which must succeed; gives its standard output."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
