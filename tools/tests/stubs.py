"""Stubs of AWS programs that record their calls, for tests of scripts."""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Records its name and arguments, one call per line. Files written by the test set its output and exit code.
STUB = """#!/bin/sh
printf '%s %s\\n' "$(basename "$0")" "$*" >>"$STUBS/calls"
for given in "$@"; do
    case $given in file://*) cp "${given#file://}" "$STUBS/parameters.json" ;; esac
done
for answer in "$STUBS"/answers/*; do
    [ -e "$answer" ] || continue
    case "$(basename "$0") $*" in
        *"$(basename "$answer")"*) cat "$answer/says"; exit "$(cat "$answer/code")" ;;
    esac
done
"""


class Stubs:
    """A folder with stubs of `aws`, `sam`, `docker` and our own client, first in PATH."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # The folder in which tools/common.sh looks for linters and SAM, so it installs nothing.
        requirements = (ROOT / "tools/requirements-lint.txt").read_bytes()
        digest = hashlib.sha256(requirements).hexdigest()[:16]
        self.bin = self.folder / f"python-{digest}/bin"
        self.bin.mkdir(parents=True)
        (self.bin.parent / ".complete").write_text(f"{digest}\n")
        (self.folder / "answers").mkdir()
        for name in ("aws", "sam", "docker", "smmu"):
            self.program(name, STUB)
        for name in ("python", "python3"):
            self.program(name, f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')

    def program(self, name, text):
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def answer(self, call, says, code=0):
        """Sets the standard output and exit code of calls that contain `call`."""
        answer = self.folder / "answers" / call
        answer.mkdir()
        (answer / "says").write_text(f"{says}\n")
        (answer / "code").write_text(str(code))

    def run(self, *command, **environment):
        """Runs a command of the repository, which must succeed, and returns its output."""
        inherited = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        own = {"STUBS": str(self.folder), "SMMU_TOOLS_DIR": str(self.folder), "TMPDIR": str(self.folder)}
        own["SMMU"] = str(self.bin / "smmu")
        path = {"PATH": f"{self.bin}:{os.environ['PATH']}"}
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=inherited | own | path | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        if ended.returncode:
            raise AssertionError(f"{command} ended with {ended.returncode}: {ended.stdout}")
        return ended.stdout

    def calls(self):
        """The recorded calls, in order."""
        return (self.folder / "calls").read_text().splitlines()
