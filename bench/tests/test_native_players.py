"""The files for a player, and their durations."""

import tempfile
import unittest
from pathlib import Path

import native_players

RUNG = """#EXTM3U
#EXT-X-MAP:URI="video-360p.mp4",BYTERANGE="9@0"
#EXTINF:2.0,
video-360p.mp4
#EXTINF:1.5,
video-360p.mp4
"""
MASTER = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo-360p.m3u8\n"


class NativePlayers(unittest.TestCase):
    def test_everything_except_segments_keyframes_and_captions_is_played_to_its_declared_end(self):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "video-360p.m3u8").write_text(RUNG)
            (folder / "video-360p-keyframes.m3u8").write_text(RUNG)
            (folder / "captions.m3u8").write_text("#EXTM3U\n")
            (folder / "master.m3u8").write_text(MASTER)
            for other in ("video-360p.mp4", "video.mp4", "poster.jpg", "manifest.json"):
                (folder / other).touch()
            self.assertEqual(native_players.playable(folder), ["master.m3u8", "video-360p.m3u8", "video.mp4"])
            self.assertEqual(native_players.length_s(folder, "master.m3u8"), 3.5)

    def test_a_player_that_stops_early_is_reported(self):
        self.assertIsNone(native_players.reached(9.9, 10.0))
        self.assertIn("stopped at 8.00 of 10.00", native_players.reached(8.0, 10.0))
