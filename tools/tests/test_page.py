"""The web page as tools/page.py prepares it for a stack."""

import json
import tempfile
import unittest
from pathlib import Path

import page


class Page(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dist = Path(folder.name) / "dist"
        (self.dist / "assets").mkdir(parents=True)
        (self.dist / "index.html").write_text("<html><head><script src=a.js></script></head></html>")
        (self.dist / "assets/a.js").write_text("run()")
        self.out = Path(folder.name) / "out"

    def prepare(self, config="{}", sources=""):
        page.prepare(self.dist, self.out, config, sources)

    def test_the_policy_stands_before_anything_is_loaded(self):
        self.prepare(sources="https://a  wss://b ")
        policy = (
            "connect-src 'self' blob: https://a wss://b; img-src 'self' blob: data: https://a wss://b; "
            "media-src 'self' blob: https://a wss://b"
        )
        self.assertEqual(
            (self.out / "index.html").read_text(),
            f'<html><head><meta http-equiv="Content-Security-Policy" content="{policy}">'
            "<script src=a.js></script></head></html>",
        )

    def test_a_source_cannot_leave_the_attribute(self):
        self.prepare(sources='https://a"><script>')
        self.assertNotIn('a">', (self.out / "index.html").read_text())

    def test_the_settings_are_written_and_files_are_kept(self):
        self.prepare(config='{"api": "https://a", "signIn": null}')
        self.assertEqual(json.loads((self.out / "config.json").read_text()), {"api": "https://a", "signIn": None})
        self.assertEqual((self.out / "assets/a.js").read_text(), "run()")

    def test_broken_settings_or_a_page_without_a_head_are_errors(self):
        with self.assertRaises(ValueError):
            self.prepare(config="")
        (self.dist / "index.html").write_text("<html>")
        with self.assertRaisesRegex(ValueError, "no <head>"):
            page.with_sources("<html>", "")
