"""Runs the command line on the cases in `cases/*.toml`.

A case is a directory of its own and a list of steps. Each step may first make files, then runs `libvault` once and says
what must come of it. Text in a case may hold `{name}` for a variable: `{dir}`, the case's directory. Relative paths
are relative to it, and so is the working directory. Fields of a case:

    title           what it shows
    unprivileged    true: run as a user for whom permissions hold, even if the tests run as root
    no_vault        true: without the vault that is otherwise made first, in `vault/`
    steps           a list; see `STEP_FIELDS` and `FILE_FIELDS`

After every step no temporary file may be left, and after every error the text or JSON on standard error and the exit
code must be those of the error's row in tests/vectors/errors.json.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import tomllib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("LIBVAULT_PROGRAM", ROOT / "target/release/libvault")).resolve()
TABLE = json.loads((ROOT / "tests/vectors/errors.json").read_text(encoding="utf-8"))
ROWS = {row["name"]: row for row in TABLE["errors"]}
EXIT_CODES = {kind["name"]: kind["exit_code"] for kind in TABLE["kinds"]}
CASE_FILES = sorted((pathlib.Path(__file__).parent / "cases").glob("*.toml"))
CASES = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in CASE_FILES}

NOBODY = 65534
SECONDS = 60  # a step that takes longer hangs

CASE_FIELDS = {"title", "unprivileged", "no_vault", "steps"}
STEP_FIELDS = {
    "files": "made before the step, see FILE_FIELDS",
    "args": "the arguments",
    "env": "further environment variables",
    "stdin": "text for standard input (nothing if no stdin_… is given)",
    "stdin_file": "a file for standard input",
    "stdin_closed": "true: there is no standard input",
    "stdin_open": "true: standard input is a pipe that stays open",
    "file_size_limit": "the most bytes that the program may write to one file",
    "stdout_file": "where standard output goes, a pipe otherwise",
    "stdout_terminal": "true: standard output is a terminal of 80 columns",
    "stderr_terminal": "true: standard error is one",
    "device_terminal": "true: the variable {terminal} is the path of one, and what is shown there counts as standard output",
    "stdout_nobody": "true: standard output is a pipe that nobody reads",
    "signal": "sent once the program reads its standard input, such as 'TERM'",
    "dies_of": "the signal that ends the program",
    "exit": "the exit code, 0 if neither this nor error nor dies_of is given",
    "error": "the name of the error",
    "action": "true: the program words what to do itself, other than the error's row",
    "stdout": "exactly this text",
    "stdout_matches": "a regular expression that is found in the output",
    "stdout_lacks": "a text that standard output must not hold",
    "stdout_begins": "a file with whose first bytes standard output is the same; allows output beside an error",
    "stdout_json": "members that the JSON object on standard output must have",
    "stderr_matches": "a regular expression that is found on standard error",
    "stderr_lacks": "a text that standard error must not hold",
    "stderr_json": "members that the last JSON object on standard error must have",
    "exists": "files that are there afterwards",
    "absent": "files that are not",
    "same": "pairs of files with the same bytes",
    "modes": "file = mode, in octal text",
    "file_matches": "file = a regular expression that is found in it",
}
FILE_FIELDS = {
    "name": "the path",
    "text": "its contents",
    "hex": "its contents",
    "zeros": "its contents are so many zero bytes",
    "copy_of": "a file to copy",
    "keep": "only so many of its first bytes",
    "append": "text that is added",
    "replace": "[old, new] text",
    "link_to": "makes a symbolic link",
    "directory": "true: makes a directory",
    "mode": "octal text",
}


def fill(value, variables):
    """Replaces the variables in every text of a value."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: variables.get(found[1], found[0]), value)
    if isinstance(value, list):
        return [fill(element, variables) for element in value]
    if isinstance(value, dict):
        return {name: fill(element, variables) for name, element in value.items()}
    return value


@pytest.fixture
def directory():
    """A directory that other users may pass through, unlike those of pytest."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="libvault-cli-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("name", CASES)
def test_case(name, directory):
    case = CASES[name]
    assert case.keys() <= CASE_FIELDS, f"unknown fields in {name}: {case.keys() - CASE_FIELDS}"
    runner = Runner(directory, as_nobody=case.get("unprivileged", False) and os.geteuid() == 0)
    if not case.get("no_vault"):
        runner.step({"args": ["init", "vault"]})
    for step in case["steps"]:
        runner.step(fill(step, {"dir": str(directory)}))


class Runner:
    def __init__(self, directory: pathlib.Path, as_nobody: bool):
        self.directory = directory
        self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if as_nobody else {}
        self.program = PROGRAM
        if as_nobody:
            # Directories above the build may be closed to other users.
            self.program = directory / "libvault"
            shutil.copy2(PROGRAM, self.program)

    def step(self, step: dict):
        assert step.keys() <= STEP_FIELDS.keys(), f"unknown fields in a step: {step.keys() - STEP_FIELDS.keys()}"
        for file in step.get("files", []):
            self.make(file)
        if self.user:
            for path in [self.directory, *self.directory.rglob("*")]:
                os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
        if "args" in step:
            status, stdout, stderr = self.run(step)
            context = f"\nexit {status}\nstandard output: {stdout!r}\nstandard error: {stderr!r}"
            check_outcome(step, status, stdout, stderr, context)
            if "stdout_begins" in step:
                assert stdout and (self.directory / step["stdout_begins"]).read_bytes().startswith(stdout), "other bytes came out"
        self.check_files(step)

    def make(self, file: dict):
        assert file.keys() <= FILE_FIELDS.keys(), f"unknown fields in a file: {file.keys() - FILE_FIELDS.keys()}"
        path = self.directory / file["name"]
        if file.get("directory"):
            path.mkdir(parents=True, exist_ok=True)
        elif "link_to" in file:
            path.symlink_to(file["link_to"])
        elif file.keys() & {"text", "hex", "zeros", "copy_of", "keep", "append", "replace"}:
            data = file.get("text", "").encode()
            data += bytes.fromhex(file.get("hex", "")) + bytes(file.get("zeros", 0))
            if "copy_of" in file:
                data = (self.directory / file["copy_of"]).read_bytes()
            if "replace" in file:
                old, new = (text.encode() for text in file["replace"])
                assert old in data, f"{file['copy_of']} does not hold {old!r}"
                data = data.replace(old, new)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data[: file.get("keep")] + file.get("append", "").encode())
        if "mode" in file:
            path.chmod(int(file["mode"], 8))

    def run(self, step: dict):
        """Runs the program and gives its exit status, standard output and standard error."""
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.directory), **step.get("env", {})}
        streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **self.user}
        terminals = {}
        if "file_size_limit" in step:
            limit = step["file_size_limit"]
            streams["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        with contextlib.ExitStack() as opened:
            if "stdin_file" in step:
                streams["stdin"] = opened.enter_context((self.directory / step["stdin_file"]).open("rb"))
            elif step.get("stdin_closed"):
                streams["stdin"] = None
                streams["preexec_fn"] = lambda: os.close(0)
            if "stdout_file" in step:
                streams["stdout"] = opened.enter_context((self.directory / step["stdout_file"]).open("wb"))
            elif step.get("stdout_nobody"):
                reader, streams["stdout"] = os.pipe()
                opened.callback(os.close, streams["stdout"])
                os.close(reader)
            arguments = step["args"]
            if step.get("device_terminal"):
                terminals["stdout"], device = open_terminal()
                opened.callback(os.close, device)
                arguments = fill(arguments, {"terminal": os.ttyname(device)})
            for name in ["stdout", "stderr"]:
                if step.get(f"{name}_terminal"):
                    terminals[name], streams[name] = open_terminal()
                    opened.callback(os.close, streams[name])
            process = subprocess.Popen([self.program, *arguments], cwd=self.directory, env=environment, **streams)
        try:
            if "signal" in step:
                wait_until_reading(process)
                process.send_signal(signal.Signals[f"SIG{step['signal']}"])
            if step.get("stdin_open"):
                process.wait(SECONDS)
            stdout, stderr = process.communicate(step["stdin"].encode() if "stdin" in step else None, SECONDS)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if "stdout" in terminals:
            stdout = read_terminal(terminals["stdout"])
        if "stderr" in terminals:
            stderr = read_terminal(terminals["stderr"])
        return process.returncode, stdout or b"", stderr

    def check_files(self, step: dict):
        left = [str(path) for path in self.directory.rglob(".libvault-*")]
        assert not left, f"temporary files are left: {left}"
        for name in step.get("exists", []):
            assert (self.directory / name).exists(), f"{name} does not exist"
        for name in step.get("absent", []):
            assert not os.path.lexists(self.directory / name), f"{name} exists"
        for left, right in step.get("same", []):
            same = (self.directory / left).read_bytes() == (self.directory / right).read_bytes()
            assert same, f"{left} and {right} differ"
        for name, mode in step.get("modes", {}).items():
            assert (self.directory / name).stat().st_mode & 0o7777 == int(mode, 8), f"mode of {name}"
        for name, pattern in step.get("file_matches", {}).items():
            text = (self.directory / name).read_text(encoding="utf-8")
            assert re.search(pattern, text, re.MULTILINE), f"{name} holds {text!r}"


def wait_until_reading(process: subprocess.Popen):
    """Gives the program one byte to read and waits until it took it; it then waits for more."""
    process.stdin.write(b"x")
    process.stdin.flush()
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        unread = struct.unpack("i", fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4)))[0]
        if unread == 0:
            return
        time.sleep(0.01)
    pytest.fail("the program does not read its standard input")


def open_terminal() -> tuple[int, int]:
    """Both ends of a terminal of 80 columns; the program gets the second."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    return master, slave


def read_terminal(master: int) -> bytes:
    """Everything that was written to a terminal; Linux reports its closed other end as an error."""
    written = b""
    try:
        while part := os.read(master, 65536):
            written += part
    except OSError:
        pass
    finally:
        os.close(master)
    return written


def check_outcome(step: dict, status: int, stdout: bytes, stderr: bytes, context: str):
    error_text = stderr.decode()
    if "dies_of" in step:
        assert status == -signal.Signals[f"SIG{step['dies_of']}"], context
    elif "error" in step:
        check_error(step, status, error_text, context)
        assert stdout == b"" or "stdout_begins" in step, f"an error has no output{context}"
    else:
        assert status == step.get("exit", 0), context
    if status == 0 and not any(field.startswith("stderr") for field in step):
        assert error_text == "", f"success is quiet{context}"
    if "stdout" in step:
        assert stdout.decode() == step["stdout"], context
    if "stdout_matches" in step:
        assert re.search(step["stdout_matches"], stdout.decode(errors="replace"), re.MULTILINE), context
    if "stdout_lacks" in step:
        assert step["stdout_lacks"] not in stdout.decode(errors="replace"), context
    if "stdout_json" in step:
        check_members(json.loads(stdout), step["stdout_json"], context)
    if "stderr_matches" in step:
        assert re.search(step["stderr_matches"], error_text, re.MULTILINE), context
    if "stderr_lacks" in step:
        assert step["stderr_lacks"] not in error_text, context
    if "stderr_json" in step:
        check_members(json.loads(error_text.splitlines()[-1]), step["stderr_json"], context)


def check_error(step: dict, status: int, text: str, context: str):
    row = ROWS[step["error"]]
    assert status == EXIT_CODES[row["kind"]], context
    own_action = step.get("action", False)
    if "--json" in step["args"]:
        described = json.loads(text.splitlines()[-1])
        expected = {name: row[name] for name in ("code", "name", "kind", "retryable")}
        check_members(described, expected, context)
        assert (described["action"] != row["action"]) == own_action, context
        assert described["message"], context
        assert list(described) == [
            "code", "name", "kind", "retryable", "message", "action",
            "provider", "key_id", "operation", "request_id", "field",
        ], context
    else:
        first, second = text.splitlines()[-2:]
        assert re.fullmatch(rf"error\[{row['code']} {row['name']}\]: .+", first), context
        assert second.startswith("what to do: "), context
        assert (second != f"what to do: {row['action']}") == own_action, context


def check_members(actual: dict, expected: dict, context: str):
    for name, value in expected.items():
        assert actual.get(name) == value, f"{name} is {actual.get(name)!r}, not {value!r}{context}"


def test_every_kind_of_error_has_a_case():
    provoked = {ROWS[step["error"]]["kind"] for case in CASES.values() for step in case["steps"] if "error" in step}
    # `internal` is a defect: nothing that a user does may lead to it.
    assert provoked == EXIT_CODES.keys() - {"internal"}


def test_help_lists_the_exit_codes():
    help_text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=SECONDS, check=True).stdout
    listed = {name: int(code) for code, name in re.findall(r"^  (\d+) +(\w+):", help_text, re.MULTILINE)}
    assert listed == EXIT_CODES


def test_completions_are_scripts_of_their_shell():
    for shell, checker in {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}.items():
        script = subprocess.run([PROGRAM, "completions", shell], capture_output=True, timeout=SECONDS, check=True).stdout
        assert b"data-key" in script
        if shutil.which(checker[0]):
            subprocess.run([*checker, "/dev/stdin"], input=script, timeout=SECONDS, check=True)


def test_bash_completes_commands_and_options():
    script = f"""
        source <({PROGRAM} completions bash)
        complete_line() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _libvault libvault "${{@: -1}}" "${{@: -2:1}}"; echo "${{COMPREPLY[@]}}"; }}
        complete_line libvault enc
        complete_line libvault data-key cr
        complete_line libvault encrypt --context-
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=SECONDS, check=True)
    assert done.stdout.splitlines() == ["encrypt", "create", "--context-json"], done.stderr


def test_there_is_a_manual_page_for_every_command(directory):
    subprocess.run([PROGRAM, "man", directory / "man"], timeout=SECONDS, check=True)
    root = (directory / "man/libvault.1").read_text(encoding="utf-8")
    named = {name.replace("\\", "") for name in re.findall(r"libvault\\-[\w\\-]+(?=\(1\))", root)}
    pages = {path.stem for path in (directory / "man").iterdir()}
    assert named < pages
    assert pages - named == {"libvault", *(f"libvault-data-key-{command}" for command in ("create", "open", "rekey"))}
    assert "EXIT STATUS" in root
    if shutil.which("man"):
        for page in (directory / "man").iterdir():
            environment = {"PATH": os.environ["PATH"], "MANWIDTH": "100", "LC_ALL": "C.UTF-8"}
            done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, env=environment, timeout=SECONDS, check=True)
            assert done.stderr == "", page


@pytest.fixture
def small(directory):
    """The directory of a file system of its own with 2 MB; needs the right to mount one."""
    path = directory / "small"
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path], capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield path
    subprocess.run(["umount", path], check=True)


def run_on_full_disk(arguments):
    """Runs the program, which has to end with a full disk."""
    done = subprocess.run([PROGRAM, "--json", *arguments], capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == EXIT_CODES["input"]
    assert "No space left on device" in json.loads(done.stderr)["message"]


def test_a_full_disk_leaves_nothing(directory, small):
    subprocess.run([PROGRAM, "init", directory / "vault"], capture_output=True, timeout=SECONDS, check=True)
    (directory / "plain").write_bytes(bytes(5_000_000))
    options = ["--config", directory / "vault/libvault.toml", "--context", "user_id=u1"]
    run_on_full_disk(["encrypt", *options, "--input", directory / "plain", "--output", small / "out"])
    assert list(small.iterdir()) == []
    assert os.statvfs(small).f_bfree == os.statvfs(small).f_blocks, "what was written is not free again"


@pytest.mark.parametrize("full", ["key", "bundle"])
def test_a_full_disk_costs_neither_a_key_nor_its_bundle(directory, small, full):
    subprocess.run([PROGRAM, "init", directory / "vault"], capture_output=True, timeout=SECONDS, check=True)
    options = ["--config", directory / "vault/libvault.toml", "--context", "user_id=u1"]
    key, bundle = (small if full == name else directory / name for name in ("key", "bundle"))
    for path in {key, bundle} - {small}:
        path.mkdir()
    key, bundle = key / "data.key", bundle / "data.bundle"
    command = ["data-key", "create", *options, "--output", key, "--bundle", bundle, "--force"]
    subprocess.run([PROGRAM, *command], timeout=SECONDS, check=True)
    before = key.read_bytes(), bundle.read_bytes()
    with contextlib.suppress(OSError), (small / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    run_on_full_disk(command)
    assert (key.read_bytes(), bundle.read_bytes()) == before
    assert len(list(key.parent.iterdir())) + len(list(bundle.parent.iterdir())) == 3
