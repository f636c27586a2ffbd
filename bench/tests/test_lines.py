"""Parsing of command lines by bench/lines.py."""

import shlex
import unittest

import lines

WORDS = shlex.split(
    "-nostdin -y -progress pipe:1 -protocol_whitelist file -i file:source "
    "-filter_complex [0:0]scale=1920:1080,fps=30,split=3[a][b][c];[a]scale=640:360:out_range=tv,split[d][e];"
    "[b]scale=640:360:out_range=tv,setsar=1,split=1[h];"
    r"[h]scale=320:180,split=1[f];[c]scale=640:360,select=gte(t\\,1),setsar=1,"
    "scale=80:45,tile=3x3,scale=out_range=pc[g] "
    "-map [d] -c:v libx264 -g 180 -f mp4 -movflags +cmaf file:video-360p.mp4 "
    "-map [e] -q:v 3 -dn file:still.jpg "
    "-map [f] -c:v libx264 -g 180 -f mp4 file:video-180p.mp4 "
    "-map 0:1 -c:a aac -f mp4 file:audio.mp4 "
    "-map [g] file:sheet.jpg"
)


class LinesTest(unittest.TestCase):
    def setUp(self):
        self.line = lines.parsed(WORDS)

    def test_a_parsed_line_can_be_reassembled(self):
        self.assertEqual(self.line.inputs, ["source"])
        names = [lines.file_name(output[-1]) for output in self.line.outputs]
        self.assertEqual(names, ["video-360p.mp4", "still.jpg", "video-180p.mp4", "audio.mp4", "sheet.jpg"])
        self.assertEqual(self.line.words(), WORDS)

    def test_one_output_keeps_the_filters_that_lead_to_it(self):
        self.assertEqual(self.line.only(0).graph, "[0:0]fps=30,scale=640:360:out_range=tv[d]")
        self.assertEqual(self.line.only(2).graph, "[0:0]fps=30,setsar=1,scale=320:180:out_range=tv[f]")
        sheet = r"[0:0]fps=30,select=gte(t\,1),setsar=1,scale=80:45,tile=3x3,scale=out_range=pc[g]"
        self.assertEqual(self.line.only(4).graph, sheet)

    def test_one_output_without_a_filter_has_no_graph(self):
        sound = shlex.split("-map 0:1 -c:a aac -f mp4 file:audio.mp4")
        self.assertEqual(self.line.only(3).words(), [*WORDS[:8], *sound])

    def test_coding_and_container_options_are_separated(self):
        coding = lines.without_container(self.line.outputs[0])
        self.assertEqual(coding, shlex.split("-map [d] -c:v libx264 -g 180"))

    def test_an_unknown_line_is_an_error(self):
        with self.assertRaises(ValueError):
            lines.parsed(shlex.split("-i file:source -map 0 out.mp4"))
        with self.assertRaises(ValueError):
            lines.needed("[0]split[a]", "b")
        with self.assertRaises(ValueError):
            lines.needed("[0][1]overlay[b]", "b")


if __name__ == "__main__":
    unittest.main()
