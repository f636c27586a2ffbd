"""Evaluation of the results of players/play.mjs."""

import unittest

import viewing

VTT = """WEBVTT

00:00.500 --> 00:02.000
Too early
to be sure of.

1
00:00:04.000 --> 00:00:06.000 align:start
In the
middle.

01:00:08.000 --> 01:00:09.000
An hour later.
"""
START = {
    "browser": "Chromium",
    "player": "hls.js",
    "kbps": 1500,
    "layout": "ours",
    "firstS": 1.1,
    "startHeight": 360,
    "stalls": 0,
    "endHeight": 720,
    "jumpS": 0.4,
    "captions": {"fromS": 0.0, "toS": 12.0, "shown": [{"atS": 4.25, "text": "In the\nmiddle."}]},
}
CHANGE = {
    "browser": "Firefox",
    "player": "hls.js",
    "fastS": 10.0,
    "slowS": 30.0,
    "asked": [{"atS": at, "height": height} for at, height in [(1, 360), (9, 360), (12, 1080), (33, 1080), (34, 480)]],
    "heights": [{"atS": 1.5, "height": 240}, {"atS": 11, "height": 360}, {"atS": 16, "height": 1080}],
    "stalls": 1,
    "ended": True,
}
VERSIONS = {"hls.js": "1.7.4", "Shaka": "5.2.12", "Chromium": "156.0.8078.108", "Firefox": "153.8.0"}


class Captions(unittest.TestCase):
    def setUp(self):
        self.cues = viewing.cues(VTT)

    def test_cues_are_read_with_their_starts(self):
        self.assertEqual(
            self.cues, [(0.5, "Too early to be sure of."), (4.0, "In the middle."), (3608.0, "An hour later.")]
        )

    def test_only_cues_that_start_while_captions_are_on_are_due(self):
        self.assertEqual(viewing.lateness(self.cues, START["captions"]), (1, 1, 0.25))

    def test_a_missing_cue_is_reported(self):
        seen = {**START["captions"], "shown": [{"atS": 4.25, "text": "Another one."}]}
        self.assertEqual(viewing.lateness(self.cues, seen), (1, 0, 0.0))
        self.assertIn("0 of 1 captions", " ".join(viewing.misses(seen_of({**START, "captions": seen}), self.cues)))


def seen_of(*starts, changes=()):
    return {"versions": VERSIONS, "starts": list(starts), "changes": list(changes)}


class Rows(unittest.TestCase):
    def setUp(self):
        self.cues = viewing.cues(VTT)

    def test_a_row_has_both_layouts(self):
        usual = {**START, "layout": "usual", "firstS": 8.6, "jumpS": None}
        *_, row = viewing.start_rows(seen_of(usual, START), self.cues)
        views = "8.60 s | 1.10 s | 0 | 360, 720 | never | 0.40 s | 1 of 1, 0.25 s late"
        self.assertEqual(row, f"| hls.js 1.7 | 1.5 Mb/s | {views} |")
        self.assertEqual(list(viewing.misses(seen_of(usual, START), self.cues)), [])

    def test_a_browser_that_plays_one_layout_has_empty_cells(self):
        *_, row = viewing.start_rows(seen_of({**START, "browser": "Firefox"}), self.cues)
        self.assertTrue(row.startswith("| hls.js 1.7, Firefox 153 | 1.5 Mb/s |  | 1.10 s | 0 |"), row)

    def test_a_late_frame_and_a_stall_are_missed_targets(self):
        late = {**START, "firstS": 1.25, "stalls": 1}
        *_, row = viewing.start_rows(seen_of(late), self.cues)
        self.assertIn("1.25 s, missed", row)
        told = list(viewing.misses(seen_of(late), self.cues))
        self.assertEqual([one.split(": ")[1] for one in told], ["first frame 1.25 s", "1 stalls"])

    def test_a_player_that_never_starts_is_reported(self):
        dead = {**START, "firstS": None, "jumpS": None, "captions": {"fromS": 0.0, "toS": 0.0, "shown": []}}
        told = " ".join(viewing.misses(seen_of(dead), self.cues))
        self.assertIn("first frame never", told)
        self.assertIn("does not play on in the middle", told)


class Switches(unittest.TestCase):
    def test_times_count_from_the_change_of_the_line(self):
        found = viewing.switches(CHANGE)
        self.assertEqual(found, {"up_asked": 2.0, "up_shown": 6.0, "down_asked": 4.0, "down_shown": None})
        *_, row = viewing.change_rows(seen_of(changes=[CHANGE]))
        self.assertEqual(row, "| hls.js 1.7, Firefox 153 | 2.00 s | 6.00 s | 4.00 s | not | 1 | to the end |")

    def test_an_unfinished_view_is_reported(self):
        stuck = {**CHANGE, "ended": False, "atS": 31.25, "durationS": 60.0}
        self.assertIn("played to 31.2 of 60.0 s", " ".join(viewing.misses(seen_of(changes=[stuck]), [])))


if __name__ == "__main__":
    unittest.main()
