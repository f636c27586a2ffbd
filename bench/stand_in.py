"""Runs smmu-transcode with a script in front of ffmpeg, to observe or change its command lines.

The fence allows only one program to start, so a script cannot replace ffmpeg. Instead it replaces the fence itself,
which smmu-transcode looks for next to its own file, and calls the real fence.
"""

import shlex
import shutil

FENCE = "smmu-fence"


def with_fence(transcode, folder, script, **places):
    """Copies smmu-transcode to a new folder, with a script as its fence.

    In the script, `{fence}` is replaced with the real fence, and the names of `places` with their values, quoted for
    a shell."""
    folder.mkdir()
    copy = folder / transcode.name
    shutil.copy(transcode, copy)
    quoted = {name: shlex.quote(str(place)) for name, place in places.items()}
    stand_in = folder / FENCE
    stand_in.write_text(script.format(fence=shlex.quote(str(transcode.resolve().with_name(FENCE))), **quoted))
    stand_in.chmod(0o755)
    return copy


def called(words):
    """Name and arguments of the program that a fence was called to run; None for other calls of the fence."""
    if "--" not in words:
        return None
    program, *rest = words[words.index("--") + 1 :]
    return program.rsplit("/", 1)[-1], rest
