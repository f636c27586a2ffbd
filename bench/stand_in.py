"""Runs smmu-transcode with a script between it and ffmpeg, to see or to change what that is called with.

The fence lets nothing be started but the one program that it is for, so that no script can stand for ffmpeg. It
stands for the fence itself, which smmu-transcode looks for beside its own file, and calls the real one.
"""

import shlex
import shutil

FENCE = "smmu-fence"


def with_fence(transcode, folder, script, **places):
    """A copy of smmu-transcode in a new folder, with a script as its fence.

    In the script `{fence}` is the real one, quoted for a shell, and so are the places."""
    folder.mkdir()
    copy = folder / transcode.name
    shutil.copy(transcode, copy)
    quoted = {name: shlex.quote(str(place)) for name, place in places.items()}
    stand_in = folder / FENCE
    stand_in.write_text(script.format(fence=shlex.quote(str(transcode.resolve().with_name(FENCE))), **quoted))
    stand_in.chmod(0o755)
    return copy


def called(words):
    """The name of the program that a fence was called for, and its words; None where it was asked something else."""
    if "--" not in words:
        return None
    program, *rest = words[words.index("--") + 1 :]
    return program.rsplit("/", 1)[-1], rest
