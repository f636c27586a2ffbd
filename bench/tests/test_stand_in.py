"""The script between smmu-transcode and ffmpeg."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import av
import stand_in

PRINTER = """#!/bin/sh
echo "$@"
"""


class StandIn(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.work = Path(folder.name)
        (self.work / "built").mkdir()
        self.transcode = self.work / "built" / "smmu-transcode"
        self.transcode.write_text("program")
        fence = self.work / "built" / stand_in.FENCE
        fence.write_text(PRINTER)
        fence.chmod(0o755)

    def fenced(self, script, *words, **places):
        copy = stand_in.with_fence(self.transcode, self.work / "copy", script, **places)
        self.assertEqual(copy.read_text(), "program")
        done = subprocess.run([copy.with_name(stand_in.FENCE), *words], check=True, stdout=subprocess.PIPE, text=True)
        return done.stdout.split()

    def test_a_script_calls_the_real_fence_with_changed_arguments(self):
        words = ["run", "--", "ffmpeg", "-g", "180"]
        self.assertEqual(self.fenced('#!/bin/sh\nexec {fence} "$@" {more}\n', *words, more="a b"), [*words, "a", "b"])

    def test_a_recorder_records_the_command_lines_of_ffmpeg(self):
        records = self.work / "records"
        records.mkdir()
        self.fenced(av.RECORDER, "run", "--room", "r", "--", "/usr/bin/ffmpeg", "-i", "a", date="date", records=records)
        (records / "probe").write_text("1.0 2.0 run -- /usr/bin/ffprobe b")
        (records / "check").write_text("1.0 2.0 check")
        lines, busy = av.recorded(records)
        self.assertEqual(lines, [["-i", "a"]])
        self.assertTrue(0 < busy < 60, busy)


if __name__ == "__main__":
    unittest.main()
