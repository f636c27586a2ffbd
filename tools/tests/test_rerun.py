"""Decisions of a rerun, without AWS."""

import contextlib
import io
import unittest
from datetime import UTC, datetime

from botocore.exceptions import ClientError

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


# The profile is a copy of what the operator had defined when the client chose it.
CHOICE = {"profile": {"name": "small", "definition": {"image": {"widths": [320]}}}, "language": "de"}
FAILED = {
    "jobId": MEDIA["jobId"],
    "mediaId": MEDIA["mediaId"],
    "status": "FAILED",
    "error": {"code": "worker_failed", "retryable": True},
    "inputKey": f"uploads/{MEDIA['mediaId']}",
    "inputVersionId": "v",
}


class Services:
    """Two tables and a bucket, which record what is written."""

    def __init__(self, job, media, refusal=None):
        self.items, self.refusal, self.written = {"jobId": job, "mediaId": media}, refusal, []

    def get_item(self, Key, ConsistentRead):
        (name,) = Key
        item = self.items[name]
        return {"Item": item} if item else {}

    def put_item(self, Item, ConditionExpression):
        self.written.append(Item)

    def head_object(self, Bucket, Key, VersionId):
        if self.refusal:
            raise ClientError({"Error": {"Code": self.refusal, "Message": "refused"}}, "HeadObject")

    def copy_object(self, Bucket, Key, CopySource, ChecksumAlgorithm):
        self.written.append((Key, CopySource["VersionId"]))

    def rerun(self, job_id=FAILED["jobId"]):
        return rerun.Deployment(self, self, self, "raw").rerun(job_id)


class Rerun(unittest.TestCase):
    def test_only_our_own_failures_are_rerun(self):
        failed = {"status": "FAILED", "error": {"code": "worker_failed", "retryable": True}}
        self.assertIsNone(rerun.why_not(failed))
        mended = {"status": "FAILED", "error": {"code": "misconfigured", "retryable": False}}
        self.assertIsNone(rerun.why_not(mended))
        for job, reason in (
            (None, "no such job"),
            ({"status": "COMPLETED"}, "COMPLETED"),
            (failed | {"deletedAt": "2026-11-23T12:30:00.000Z"}, "its owner has deleted it"),
            ({"status": "FAILED", "error": {"code": "corrupt_media", "retryable": False}}, "corrupt_media"),
        ):
            with self.subTest(reason):
                self.assertIn(reason, rerun.why_not(job))

    def test_a_repeated_grant_differs_only_in_id_and_times(self):
        at = datetime(2026, 11, 25, 18, 0, 0, 5000, UTC)
        new = rerun.repeated(MEDIA, FAILED, "med_01jd0w00000000000000000002", at)
        self.assertEqual({name: new[name] for name in rerun.REPEATED}, {name: MEDIA[name] for name in rerun.REPEATED})
        self.assertEqual(new["status"], "AWAITING_UPLOAD")
        # The format of the functions (crates/cloud/src/watch.rs).
        self.assertEqual(new["watch"], "AWAITING_UPLOAD#5")
        self.assertEqual((new["createdAt"], new["expiresAt"]), ("2026-11-25T18:00:00.005Z", "2026-11-25T18:15:00.005Z"))
        self.assertFalse({"jobId", "inputVersionId", "facts", "externalId", "metadata", "choice"} & new.keys())

    def test_a_new_media_has_the_labels_of_the_upload_and_the_choice_of_the_failed_job(self):
        labels = {"externalId": "order-7", "metadata": {"album": "summer"}}
        later = {"choice": {"language": "fr"}, "reruns": ["job_01jd0w00000000000000000009"]}
        services = Services(FAILED | {"choice": CHOICE}, MEDIA | labels | later)
        job = services.rerun()
        new, copy = services.written
        self.assertEqual({name: new[name] for name in labels}, labels)
        self.assertEqual(new["choice"], CHOICE)
        self.assertNotIn("reruns", new)
        self.assertEqual(copy, (f"uploads/{new['mediaId']}", "v"))
        self.assertEqual(job, new["mediaId"].replace("med_", "job_"))
        # Without a choice, the stack's profile applies, even if a later job of the media had another.
        services = Services(FAILED, MEDIA | later)
        services.rerun()
        self.assertNotIn("choice", services.written[0])

    def test_nothing_is_written_for_an_upload_that_cannot_be_copied(self):
        in_parts = {name: value for name, value in MEDIA.items() if name != "sha256"} | {"parts": {"seal": "0" * 64}}
        remedy = f"smmu rerun {FAILED['jobId']}"
        for media, reasons in (
            (MEDIA | {"bytes": 5 * 1024**3 + 1}, ("more than 5 GiB", remedy)),
            (in_parts, ("in parts, without a SHA-256", remedy)),
            (MEDIA | {"status": "DELETED"}, ("deleted", "uploaded again")),
            (None, ("deleted", "uploaded again")),
        ):
            services = Services(FAILED, media)
            answer = services.rerun()
            for reason in ("not run again: ", *reasons):
                with self.subTest(reason):
                    self.assertIn(reason, answer)
            self.assertEqual(services.written, [])
        for code, outcome in (("404", "deleted"), ("403", "403")):
            services = Services(FAILED, MEDIA, refusal=code)
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                self.assertEqual(rerun.rerun_all([FAILED["jobId"]], services.rerun), 1)
            self.assertIn(outcome, printed.getvalue())
            self.assertEqual(services.written, [])

    def test_what_s3_can_copy_is_copied(self):
        # In parts too, if the client declared a digest of the whole: the copy has that digest.
        for media in (MEDIA | {"bytes": 5 * 1024**3}, MEDIA | {"parts": {"seal": "1" * 64}}):
            services = Services(FAILED, media)
            self.assertRegex(services.rerun(), "^job_")
            self.assertEqual(services.written[0]["sha256"], MEDIA["sha256"])
            self.assertNotIn("parts", services.written[0])

    def test_a_job_that_cannot_be_run_again_stops_none_of_the_others(self):
        def answer(job):
            if job == "job_b":
                raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
            return "not run again: x" if job == "job_c" else "job_new"

        with contextlib.redirect_stdout(io.StringIO()) as printed:
            missed = rerun.rerun_all(["job_a", "job_b", "job_c", "job_d", "job_a"], answer)
        self.assertEqual(missed, 2)
        lines = [line.split("\t") for line in printed.getvalue().splitlines()]
        self.assertEqual([job for job, _ in lines], ["job_a", "job_b", "job_c", "job_d"], "each once, in order")
        self.assertEqual([text.startswith("job_") for _, text in lines], [True, False, False, True])
        self.assertIn("404", lines[1][1])

    def test_an_identity_is_a_ulid(self):
        self.assertEqual(rerun.ulid(0, 0), "0" * 26)
        self.assertEqual(rerun.ulid((1 << 48) - 1, (1 << 80) - 1), "7" + "z" * 25)
        self.assertLess(rerun.ulid(1, 9), rerun.ulid(2, 0))
