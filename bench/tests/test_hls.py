"""The order of the usual layout, and the counting of bytes."""

import subprocess
import unittest

import hls_bytes
import hls_layouts

MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",URI="captions.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=500,AVERAGE-BANDWIDTH=400
video-360p.m3u8
#EXT-X-STREAM-INF:AVERAGE-BANDWIDTH=900,BANDWIDTH=3000
video-1080p.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=1000
video-720p.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=9,URI="video-1080p-keyframes.m3u8"
"""


class Layouts(unittest.TestCase):
    def test_variants_are_ordered_and_nothing_is_lost(self):
        ordered = hls_layouts.largest_first(MASTER)
        self.assertEqual(
            [line for line in ordered.splitlines() if line.startswith("video")],
            ["video-1080p.m3u8", "video-720p.m3u8", "video-360p.m3u8"],
        )
        self.assertEqual(sorted(ordered.splitlines()), sorted(MASTER.splitlines()))
        self.assertTrue(ordered.endswith('keyframes.m3u8"\n'))

    def test_only_options_of_early_keyframes_are_dropped(self):
        script = hls_layouts.WITHOUT_EARLY_KEYFRAMES.format(fence="printf '%s\\n'")
        words = ["--", "-g", "180", "-force_key_frames", "a(b)", "-x264-params", "zones=0", "-f", "mp4"]
        done = subprocess.run(["sh", "-c", script, "sh", *words], check=True, stdout=subprocess.PIPE, text=True)
        self.assertEqual(done.stdout.split(), ["--", "-g", "180", "-f", "mp4"])


class Bytes(unittest.TestCase):
    def test_each_byte_of_a_file_is_counted_once(self):
        frames = [
            (0.0, 100, True),
            (0.04, 10, False),
            (2.0, 90, True),
            (5.96, 11, False),
            (6.0, 95, True),
            (6.04, 9, False),
        ]
        parts = hls_bytes.parts(frames, 400)
        self.assertEqual(parts, {"keyframes": 190, "otherFrames": 21, "later": 104, "boxes": 85})

    def test_excess_bytes_are_relative_to_the_usual_track(self):
        ours = {"keyframes": 30, "otherFrames": 60, "later": 100, "boxes": 15}
        usual = {"keyframes": 10, "otherFrames": 70, "later": 100, "boxes": 20}
        sizes = {"video-360p.mp4": [ours, usual]}
        self.assertEqual(hls_bytes.ratio(sizes), 1.025)
        *_, row = hls_bytes.rows(sizes)
        self.assertEqual(row, "| video-360p | +10.00% | -5.00% | +0.00% | -2.50% | +2.50% |")


if __name__ == "__main__":
    unittest.main()
