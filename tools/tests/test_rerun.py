"""Decisions of a rerun, without AWS."""

import unittest
from datetime import UTC, datetime

import rerun

MEDIA = {
    "mediaId": "med_01jd0w00000000000000000001",
    "userId": "user-1",
    "fileName": "photo.jpg",
    "contentType": "image/jpeg",
    "bytes": 3,
    "sha256": "0" * 64,
    "status": "SUBMITTED",
    "jobId": "job_01jd0w00000000000000000001",
    "inputVersionId": "v",
    "facts": {"kind": "image"},
    "createdAt": "2026-11-23T12:00:00.000Z",
    "expiresAt": "2026-11-23T12:15:00.000Z",
}


class Rerun(unittest.TestCase):
    def test_only_our_own_failures_are_rerun(self):
        failed = {"status": "FAILED", "error": {"code": "worker_failed", "retryable": True}}
        self.assertIsNone(rerun.why_not(failed))
        mended = {"status": "FAILED", "error": {"code": "misconfigured", "retryable": False}}
        self.assertIsNone(rerun.why_not(mended))
        for job, reason in (
            (None, "no such job"),
            ({"status": "COMPLETED"}, "COMPLETED"),
            ({"status": "FAILED", "error": {"code": "corrupt_media", "retryable": False}}, "corrupt_media"),
        ):
            with self.subTest(reason):
                self.assertIn(reason, rerun.why_not(job))

    def test_a_repeated_grant_differs_only_in_id_and_times(self):
        at = datetime(2026, 11, 25, 18, 0, 0, 5000, UTC)
        new = rerun.repeated(MEDIA, "med_01jd0w00000000000000000002", at)
        self.assertEqual({name: new[name] for name in rerun.REPEATED}, {name: MEDIA[name] for name in rerun.REPEATED})
        self.assertEqual(new["status"], "AWAITING_UPLOAD")
        # The format of the functions (crates/cloud/src/watch.rs).
        self.assertEqual(new["watch"], "AWAITING_UPLOAD#5")
        self.assertEqual((new["createdAt"], new["expiresAt"]), ("2026-11-25T18:00:00.005Z", "2026-11-25T18:15:00.005Z"))
        self.assertFalse({"jobId", "inputVersionId", "facts"} & new.keys())

    def test_an_identity_is_a_ulid(self):
        self.assertEqual(rerun.ulid(0, 0), "0" * 26)
        self.assertEqual(rerun.ulid((1 << 48) - 1, (1 << 80) - 1), "7" + "z" * 25)
        self.assertLess(rerun.ulid(1, 9), rerun.ulid(2, 0))
