"""The checks that read sources and `cargo metadata`, on invented workspaces."""

import tomllib
import unittest
from pathlib import Path

from checks import core_purity, dependency_arrows, ignored_tests, workspace, workspace_lints


def package(name, folder="", dependencies=(), target="lib"):
    return {
        "id": name,
        "name": name,
        "manifest_path": f"/ws/{folder or name}/Cargo.toml",
        "dependencies": [{"name": other} for other in dependencies],
        "targets": [{"kind": [target]}],
    }


def metadata(packages, members, kind=None):
    """A workspace in the format of `cargo metadata`, with dependencies of one kind."""
    nodes = []
    for p in packages:
        deps = [{"pkg": d["name"], "dep_kinds": [{"kind": kind}]} for d in p["dependencies"]]
        nodes.append({"id": p["id"], "deps": deps})
    return {"workspace_root": "/ws", "workspace_members": members, "packages": packages, "resolve": {"nodes": nodes}}


def chain(last, kind=None, target="lib"):
    """smmu-core → serde → `last`."""
    packages = [
        package("smmu-core", "crates/core", ["serde"]),
        package("serde", dependencies=[last]),
        package(last, target=target),
    ]
    return metadata(packages, ["smmu-core"], kind)


ROOT = Path(__file__).resolve().parent.parent.parent


class CorePurity(unittest.TestCase):
    def test_core_s_clippy_toml_repeats_the_settings_of_the_workspace(self):
        settings, of_core = (
            tomllib.loads((ROOT / name).read_text()) for name in ("clippy.toml", "crates/core/clippy.toml")
        )
        self.assertEqual(of_core | settings, of_core)

    def test_an_indirect_forbidden_crate_is_found_with_its_path(self):
        (finding,) = core_purity.package_findings(chain("tokio"))
        self.assertIn("smmu-core > serde > tokio", finding)

    def test_dependencies_of_tests_and_macros_are_allowed(self):
        self.assertEqual(list(core_purity.package_findings(chain("tokio", kind="dev"))), [])
        self.assertEqual(list(core_purity.package_findings(chain("libc", target="proc-macro"))), [])


class DependencyArrows(unittest.TestCase):
    def findings(self, folder, other_folder):
        packages = [package("one", folder, ["two"]), package("two", other_folder)]
        return list(dependency_arrows.arrow_findings(metadata(packages, ["one", "two"])))

    def test_dependencies_of_the_layout_are_allowed(self):
        for here, there in (
            ("functions/api", "crates/cloud"),
            ("workers/transcode", "crates/media"),
            ("crates/cloud", "crates/core"),
            ("crates/speech", "crates/media"),
            ("workers/transcribe", "crates/speech"),
            ("tests", "functions/api"),
        ):
            with self.subTest(here=here, there=there):
                self.assertEqual(self.findings(here, there), [])

    def test_dependencies_against_the_layout_are_found(self):
        for here, there in (
            ("functions/api", "functions/dispatch"),
            ("functions/api", "workers/transcode"),
            ("workers/transcode", "local"),
            ("crates/core", "crates/media"),
            ("crates/cloud", "crates/media"),
            ("crates/media", "crates/cloud"),
            ("crates/media", "crates/speech"),
            ("functions/api", "crates/speech"),
            ("workers/transcode", "crates/speech"),
            ("local", "functions/api"),
            ("crates/cli", "tests"),
        ):
            with self.subTest(here=here, there=there):
                self.assertEqual(self.findings(here, there), [f"{here} must not depend on {there}"])

    def test_a_room_outside_the_layout_is_found(self):
        self.assertIn("crates/misc: a room", self.findings("crates/misc", "crates/core")[0])

    def test_media_and_speech_must_not_depend_on_aws_nor_cloud_on_pixels(self):
        packages = [
            package("smmu-media", "crates/media", ["aws-config"]),
            package("smmu-speech", "crates/speech", ["smmu-media"]),
            package("smmu-cloud", "crates/cloud", ["image"]),
            package("aws-config"),
            package("image"),
        ]
        members = ["smmu-media", "smmu-speech", "smmu-cloud"]
        self.assertEqual(len(list(dependency_arrows.foreign_findings(metadata(packages, members)))), 3)


class Workspace(unittest.TestCase):
    def test_a_circle_of_dev_dependencies_terminates(self):
        packages = [package("a", dependencies=["b"]), package("b", dependencies=["a"])]
        self.assertEqual(list(workspace.closure(metadata(packages, ["a"]), "a")), ["b"])

    def test_a_crate_without_the_workspace_lints_is_found(self):
        for manifest in ({}, {"lints": {"rust": {}}}):
            with self.subTest(manifest):
                self.assertTrue(list(workspace_lints.manifest_findings("x", manifest)))
        self.assertEqual(list(workspace_lints.manifest_findings("x", {"lints": {"workspace": True}})), [])


class IgnoredTests(unittest.TestCase):
    def test_disabled_tests_are_found(self):
        for path, source in (
            ("a.rs", "#[ignore]"),
            ("a.rs", '#[ignore = "slow"]'),
            ("a.rs", "#[cfg_attr(not(x), ignore)]"),
            ("a.py", "@unittest.skip('x')"),
            ("a.py", "@skipIf(x, 'y')"),
            ("a.py", "self.skipTest('x')"),
        ):
            with self.subTest(source):
                self.assertTrue(list(ignored_tests.source_findings(path, source)))

    def test_comments_about_ignoring_are_not_findings(self):
        self.assertEqual(list(ignored_tests.source_findings("a.rs", "// #[ignore] is not used here")), [])
