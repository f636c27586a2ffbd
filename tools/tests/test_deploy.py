"""What deploying and its smoke test are made of."""

import unittest
import zlib

import smoke_image
import stage_parameters

CONFIGURATION = {"dev": {"deploy": {"parameters": {"parameter_overrides": 'Stage="dev" LogRetentionDays="7"'}}}}


class StageParameters(unittest.TestCase):
    def test_what_is_added_joins_or_replaces_what_the_file_says(self):
        made = stage_parameters.parameters(CONFIGURATION, "dev", ["ImageTag=abc", "LogRetentionDays=30", "A=b=c"])
        self.assertEqual(made, ["Stage=dev", "LogRetentionDays=30", "ImageTag=abc", "A=b=c"])


class SmokeImage(unittest.TestCase):
    def test_it_is_a_png_whose_chunks_hold(self):
        image = smoke_image.png(bytes(3 * smoke_image.WIDTH * smoke_image.HEIGHT))
        at, kinds = 8, []
        while at < len(image):
            length, kind = int.from_bytes(image[at : at + 4]), image[at + 4 : at + 8]
            self.assertEqual(
                zlib.crc32(image[at + 4 : at + 8 + length]), int.from_bytes(image[at + 8 + length : at + 12 + length])
            )
            kinds.append(kind)
            at += 12 + length
        self.assertEqual(kinds, [b"IHDR", b"IDAT", b"IEND"])
