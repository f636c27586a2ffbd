"""Helpers of deployment and smoke test."""

import json
import tempfile
import unittest
import zlib

from samcli.cli.types import CfnParameterOverridesType

import smoke_image
import stage_parameters

CONFIGURATION = {"dev": {"deploy": {"parameters": {"parameter_overrides": 'Stage="dev" LogRetentionDays="7"'}}}}


DECLARED = {
    "Profile": {"Type": "String", "Default": "{}"},
    "LogRetentionDays": {"Type": "Number", "Default": 90},
    "JwtSecret": {"Type": "String", "NoEcho": True, "Default": ""},
    "ImageTag": {"Type": "String"},
}


class StageParameters(unittest.TestCase):
    def test_added_parameters_extend_or_override_the_file(self):
        made = stage_parameters.parameters(
            CONFIGURATION, "dev", ["ImageTag=abc", "LogRetentionDays=30", "A=b=c"], DECLARED
        )
        self.assertEqual(
            made, {"Profile": "{}", "Stage": "dev", "LogRetentionDays": "30", "ImageTag": "abc", "A": "b=c"}
        )

    def test_omitted_parameters_return_to_their_default_except_secrets(self):
        made = stage_parameters.parameters(CONFIGURATION, "dev", [], DECLARED)
        self.assertEqual(made, {"Profile": "{}", "Stage": "dev", "LogRetentionDays": "7"})

    def test_sam_reads_every_value_unchanged(self):
        values = {
            "Empty": "",
            "Spaces": "a b\\ c",
            "Profile": json.dumps({"speech": {"prompt": ['say "so"', "it's", "\\"]}}),
            "Quoted": '"in quotes"',
            "Number": "07",
        }
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            json.dump({name: stage_parameters.escaped(value) for name, value in values.items()}, file)
            file.flush()
            read = CfnParameterOverridesType().convert((f"file://{file.name}",), None, None)
        self.assertEqual(read, values)


class SmokeImage(unittest.TestCase):
    def test_it_is_a_valid_png(self):
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
