"""The bill of materials."""

import unittest

import sbom


def package(name, path="/registry/x/Cargo.toml", licence="MIT/Apache-2.0"):
    return {"id": name, "name": name, "version": "1.0.0", "license": licence, "manifest_path": path}


def need(name, kind=None):
    return {"pkg": name, "dep_kinds": [{"kind": kind, "target": None}]}


METADATA = {
    "packages": [
        package("api", "/w/functions/api/Cargo.toml", None),
        package("tests", "/w/tests/Cargo.toml", None),
        package("serde"),
        package("cc"),
        package("insta"),
    ],
    "workspace_members": ["api", "tests"],
    "resolve": {
        "nodes": [
            {"id": "api", "deps": [need("serde"), need("cc", "build"), need("insta", "dev")]},
            {"id": "tests", "deps": [need("insta")]},
            *({"id": name, "deps": []} for name in ("serde", "cc", "insta")),
        ]
    },
}
LOCK = {"package": [{"name": "serde", "version": "1.0.0", "checksum": "ab"}, {"name": "api", "version": "1.0.0"}]}


class Sbom(unittest.TestCase):
    def test_only_packages_linked_into_deployed_programs_are_listed(self):
        made = sbom.bill(METADATA, LOCK)
        self.assertEqual([one["name"] for one in made["components"]], ["api", "serde"])
        self.assertEqual(
            made["dependencies"],
            [
                {"ref": "smart-media-uploader", "dependsOn": ["pkg:cargo/api@1.0.0"]},
                {"ref": "pkg:cargo/api@1.0.0", "dependsOn": ["pkg:cargo/serde@1.0.0"]},
                {"ref": "pkg:cargo/serde@1.0.0", "dependsOn": []},
            ],
        )

    def test_a_crate_has_its_checksum_and_spdx_licence(self):
        (_, serde) = sbom.bill(METADATA, LOCK)["components"]
        self.assertEqual(serde["hashes"], [{"alg": "SHA-256", "content": "ab"}])
        self.assertEqual(serde["licenses"], [{"expression": "MIT OR Apache-2.0"}])
