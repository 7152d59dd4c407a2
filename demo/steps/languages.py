"""The same small program in every language, each run as its own process. They share files with the story and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from providers.clouds import Cloud, CustomerKey, configuration

from .corpus import read_records, write_records

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAMS = ROOT / "demo" / "programs"
COMMAND_LINE = ROOT / "target" / "release" / "libvault"
INSTALLED = ROOT / "build" / "install"
PROCESS_SECONDS = 300

LANGUAGES = ("python", "node", "c", "command")


@dataclass(frozen=True)
class Outcome:
    """What a program reported for one organization: how many records it finished, and the number and name of the error that stopped it."""

    records: int
    code: int
    name: str
    processes: int  # that worked for this organization
    output: Path

    @property
    def served(self) -> bool:
        return self.code == 0

    @property
    def output_records(self) -> list[bytes]:
        return read_records(self.output) if self.output.exists() else []


class Languages:
    """Runs the programs as the vendor, with the vendor's credentials in the environment as the default chain expects."""

    def __init__(self, workspace: Path, config: Path, credentials: dict[str, str]):
        self._workspace, self._config = workspace, config
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(workspace),
            "AWS_EC2_METADATA_DISABLED": "true",
            **credentials,
        }
        self._commands = {
            "python": [sys.executable, str(PROGRAMS / "records.py")],
            "node": ["node", str(_prepare_node(workspace))],
            "c": [str(_compile_c(workspace))],
        }
        self._runs = 0

    def run(self, language: str, verb: str, sources: Mapping[str, Path]) -> dict[str, Outcome]:
        """Encrypts or decrypts every record of each organization's file, in one new process (the command line: one per record)."""
        self._runs += 1
        outputs = {organization: self._workspace / f"{self._runs:03}-{language}-{verb}-{organization}" for organization in sources}
        if language == "command":
            return {name: self._run_command_line(verb, name, source, outputs[name]) for name, source in sources.items()}
        return self._run_program(language, verb, sources, outputs)

    def _run_program(
        self, language: str, verb: str, sources: Mapping[str, Path], outputs: Mapping[str, Path]
    ) -> dict[str, Outcome]:
        work = [word for name, source in sources.items() for word in (name, str(source), str(outputs[name]))]
        finished = self._execute([*self._commands[language], verb, str(self._config), *work])
        try:
            reports = [json.loads(line) for line in finished.stdout.splitlines()]
            return {
                name: Outcome(report["records"], report["code"], report["name"], 1, outputs[name])
                for name, report in zip(sources, reports, strict=True)
            }
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeError(f"{language} {verb} ended with {finished.returncode}: {finished.stderr[-2000:]}") from error

    def _run_command_line(self, verb: str, organization: str, source: Path, output: Path) -> Outcome:
        one_in, one_out = self._workspace / "command.in", self._workspace / "command.out"
        done: list[bytes] = []
        for record in read_records(source):
            one_in.write_bytes(record)
            one_out.unlink(missing_ok=True)
            finished = self._execute(
                [str(COMMAND_LINE), verb, "--json", "--config", str(self._config)]
                + ["--context", f"organization_id={organization}", "--input", str(one_in), "--output", str(one_out)]
            )
            if finished.returncode != 0:
                if one_out.exists():
                    raise RuntimeError(f"the command line refused and still left output: {finished.stderr}")
                error = _json_error(finished)
                return Outcome(len(done), error["code"], error["name"], len(done) + 1, output)
            done.append(one_out.read_bytes())
            write_records(output, done)
        return Outcome(len(done), 0, "", len(done), output)

    def _execute(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self._environment,
            cwd=self._workspace,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
        )


def make_vault(directory: Path, clouds: Sequence[Cloud], keys: Mapping[str, CustomerKey]) -> Path:
    """As a vendor would: `libvault init`, then the customers' bindings in the configuration, which is returned.

    Without leases: the story shows each refusal at once; with them it would show it within max_age.
    """
    subprocess.run([str(COMMAND_LINE), "init", str(directory)], check=True, capture_output=True, timeout=60)
    config = directory / "libvault.toml"
    config.write_text(configuration(config.read_text(encoding="utf-8"), clouds, keys), encoding="utf-8")
    return config


def _json_error(finished: subprocess.CompletedProcess[str]) -> dict:
    """The error is one line of standard error; warnings are others."""
    for line in finished.stderr.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and "code" in value:
            return value
    raise RuntimeError(f"the command line ended with {finished.returncode} and no JSON error: {finished.stderr[-2000:]}")


def _prepare_node(workspace: Path) -> Path:
    """A module finds its packages beside itself, so the program is copied next to a node_modules."""
    modules = workspace / "node_modules"
    modules.mkdir()
    (modules / "libvault").symlink_to(ROOT / "bindings" / "node", target_is_directory=True)
    return Path(shutil.copy(PROGRAMS / "records.mjs", workspace))


def _compile_c(workspace: Path) -> Path:
    """Compiled as a customer would, against the installed tree and its pkg-config file."""
    description = next(INSTALLED.rglob("libvault.pc"), None)
    if description is None:
        raise RuntimeError(f"no libvault.pc under {INSTALLED}: run `make install DESTDIR={INSTALLED}` first")
    program = workspace / "records-c"
    environment = os.environ | {"PKG_CONFIG_PATH": str(description.parent), "PKG_CONFIG_SYSROOT_DIR": str(INSTALLED)}
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libvault"], env=environment, check=True, capture_output=True, text=True
    ).stdout.split()
    library = f"-Wl,-rpath,{description.parent.parent}"
    strict = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2"]
    subprocess.run(["gcc", *strict, "-o", str(program), str(PROGRAMS / "records.c"), *flags, library], check=True)
    return program
