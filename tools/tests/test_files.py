"""The checks that read files of every kind, and the template's reader."""

import tempfile
import unittest
from pathlib import Path

import fill_definition
from checks import foreign_names, sample_events, template

# Concatenated, so the check does not find its own examples.
HOST = "pypi" + ".org"
HOME = "/ro" + "ot/"
WORK = "/wo" + "rk/"


class ForeignNames(unittest.TestCase):
    def test_registries_and_machine_paths_are_found(self):
        for path, text in (
            ("README.md", f"see https://{HOST}/project/x"),
            ("a.sh", f"cd {HOME}x"),
            ("a.sh", 'x="' + HOME + 'y"'),
            ("tools/requirements.txt", "--index-url https://mirror/simple"),
            ("tools/package-lock.json", '"resolved": "https://mirror/x.tgz",'),
            ("Cargo.lock", 'source = "registry+https://mirror/index"'),
            ("Cargo.lock", 'source = "git+https://example.com/x"'),
        ):
            with self.subTest(text):
                self.assertEqual(len(list(foreign_names.text_findings(path, text))), 1)

    def test_ordinary_paths_and_addresses_are_not_findings(self):
        for path, text in (
            ("a.sh", f"$HOME{WORK}x .{WORK}y /usr/bin/z ~{HOME}w"),
            ("README.md", "https://example.com/work/x"),
            ("Cargo.lock", 'source = "registry+https://github.com/rust-lang/crates.io-index"'),
            ("tools/package-lock.json", '"url": "https://example.com/funding"'),
            ("web/package-lock.json", '"resolved": "uppy-smmu",'),
        ):
            with self.subTest(text):
                self.assertEqual(list(foreign_names.text_findings(path, text)), [])


class SampleEvents(unittest.TestCase):
    FUNCTIONS = ("api", "on-upload", "on")

    def findings(self, event, text="{}", tests=('include_str!("../../events/api-init.json")',)):
        return list(sample_events.event_findings(event, text, self.FUNCTIONS, tests))

    def test_a_named_event_that_a_test_reads_has_no_findings(self):
        self.assertEqual(self.findings("api-init.json"), [])
        self.assertEqual(self.findings("api-init.json", tests=('event("api-init")',)), [])

    def test_an_event_that_no_test_reads_is_found(self):
        self.assertEqual(self.findings("api-health.json"), ["events/api-health.json: no test names it"])

    def test_an_event_without_its_function_or_that_is_not_json_is_found(self):
        self.assertIn("must be named", self.findings("init.json", tests=("init.json",))[0])
        self.assertIn("not JSON", self.findings("api-init.json", text="{")[0])

    def test_the_longest_function_name_wins(self):
        self.assertEqual(sample_events.function_of("on-upload-two.json", self.FUNCTIONS), "on-upload")


class Template(unittest.TestCase):
    def load(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "template.yaml")
            path.write_text(text)
            return template.load(path)

    def test_short_forms_are_written_out(self):
        text = "a: !Ref X\nb: !GetAtt R.Outputs.Y\nc: !If [C, !Sub '${X}', {d: !Condition E}]\nv: 2012-10-17\n"
        wanted = {
            "a": {"Ref": "X"},
            "b": {"Fn::GetAtt": ["R", "Outputs.Y"]},
            "c": {"Fn::If": ["C", {"Fn::Sub": "${X}"}, {"d": {"Condition": "E"}}]},
            "v": "2012-10-17",
        }
        self.assertEqual(self.load(text), wanted)


class FillDefinition(unittest.TestCase):
    def test_only_substitutions_of_the_template_are_filled(self):
        filled = fill_definition.fill('"${ApiFunction}" "${Misspelt}"', {"ApiFunction"})
        self.assertIn(":function:ApiFunction", filled)
        self.assertIn("${Misspelt}", filled)
