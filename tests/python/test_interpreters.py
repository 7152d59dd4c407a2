"""Other kinds of interpreters get a clear refusal."""

from __future__ import annotations

import subprocess
import sys


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


SUBINTERPRETER = """
import sys
import libvault

if sys.version_info >= (3, 13):
    import _interpreters as interpreters
else:
    import _xxsubinterpreters as interpreters

program = '''
try:
    import libvault
except ImportError as error:
    print("ImportError:", error, flush=True)
else:
    raise AssertionError("it was imported")
'''
number = interpreters.create()
failure = interpreters.run_string(number, program)
assert not failure, failure
interpreters.destroy(number)
libvault.Context({"organization_id": "org_1"})
print("the first interpreter goes on")
"""


def test_a_subinterpreter_is_refused_and_the_first_one_goes_on() -> None:
    heard = run(SUBINTERPRETER)
    assert "ImportError:" in heard and "subinterpreters" in heard
    assert "the first interpreter goes on" in heard


def test_a_free_threaded_build_is_refused_before_anything_is_loaded() -> None:
    """No such build is at hand, so the interpreter is made to say that it is one."""
    heard = run(
        "import sys, sysconfig\n"
        "asked = sysconfig.get_config_var\n"
        "sysconfig.get_config_var = lambda name: 1 if name == 'Py_GIL_DISABLED' else asked(name)\n"
        "try:\n"
        "    import libvault\n"
        "except ImportError as error:\n"
        "    print(error)\n"
        "assert not [name for name in sys.modules if name.startswith('libvault.')]\n"
    )
    assert "free-threaded" in heard


def test_importing_starts_no_thread_and_changes_no_signal_handler() -> None:
    heard = run(
        "import os, signal\n"
        "before = [signal.getsignal(number) for number in signal.valid_signals()]\n"
        "environment, mask = dict(os.environ), os.umask(0o22)\n"
        "import libvault\n"
        "assert len(os.listdir('/proc/self/task')) == 1\n"
        "assert before == [signal.getsignal(number) for number in signal.valid_signals()]\n"
        "assert environment == dict(os.environ) and os.umask(mask) == 0o22\n"
        "print('as it was')\n"
    )
    assert heard == "as it was\n"
