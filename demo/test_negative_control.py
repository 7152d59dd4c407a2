"""The story must fail against a KMS that serves revoked keys, and for that reason only."""

import re
import subprocess
import sys
from pathlib import Path

STORY = Path(__file__).with_name("story.py")
LANGUAGES = {"python", "node", "c", "command"}


def test_the_story_fails_against_moto_because_it_serves_revoked_keys():
    command = [sys.executable, str(STORY), "--kms", "moto", "--records", "5", "--revoking", "org_123"]
    story = subprocess.run(command, capture_output=True, text=True, timeout=300)

    assert story.returncode == 1, story.stdout[-4000:] + story.stderr[-4000:]
    failures = re.findall(r"^FAILED  org_123 ([a-z ]+), all: (\w+): (.+)$", story.stdout, re.MULTILINE)
    served = {language for step, language, problem in failures if problem == "decrypt was served, expected 302 KeyDisabled"}
    assert served == LANGUAGES
    # moto also serves keys that wait for deletion and checks no permission; nothing else may differ, and nothing of the other clouds.
    assert {step for step, _, _ in failures} == {"disabled", "to be deleted", "not permitted"}
    in_all = re.findall(r"^FAILED  org_123: in all, the KMS received 12 Decrypt OK, 12 Encrypt OK too much", story.stdout, re.MULTILINE)
    assert len(in_all) == 1
    assert len(failures) + 1 == story.stdout.count("\nFAILED  ")
