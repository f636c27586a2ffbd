"""Reruns failed jobs: `rerun.sh STAGE JOB_ID...`, or `rerun.sh STAGE --since TIME` for all that failed since.

The ended job does not change. Its upload is copied inside the raw bucket to a new media id with the same owner, grant,
labels, profile and language. From then on it is processed like any other upload, with the same guarantees. Prints a
line per job: the failed job, and the new one, which its owner can read, or the reason why there is none. Exits with 1
if any job was not run again.

Jobs that failed because of their file are skipped, because they would fail again. So are uploads that S3 cannot copy in
one request, or only with another checksum than the granted one; this is decided before anything is written.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import BotoCoreError, ClientError

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
# The format of the functions: RFC 3339 in UTC with three decimals, so the order of texts is the order of times.
TIME = "%Y-%m-%dT%H:%M:%S.{:03d}Z"
# Attributes that a new media copies from the original.
REPEATED = ("userId", "fileName", "contentType", "bytes", "sha256")
# The same, if the original has them.
LABELS = ("externalId", "metadata")
# Largest source of CopyObject, in bytes.
MAX_COPY_BYTES = 5 * 1024**3
GONE = "its upload was deleted; the file must be uploaded again"


def ulid(unix_ms: int, chance: int) -> str:
    """48 bits of time and 80 random bits in lower-case Crockford base 32."""
    number = unix_ms << 80 | chance
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


# Number of index keys of watched records per reason (crates/cloud/src/watch.rs).
SHARDS = 8


def watched(reason: str, record_id: str) -> str:
    """The index key of a watched record."""
    return f"{reason}#{sum(record_id.encode()) % SHARDS}"


def timestamp(at: datetime) -> str:
    return at.strftime(TIME).format(at.microsecond // 1000)


def why_not(job: dict[str, Any] | None) -> str | None:
    """The reason not to rerun a job, or None."""
    if job is None:
        return "there is no such job"
    if "deletedAt" in job:
        return "its owner has deleted it"
    if job["status"] != "FAILED":
        return f"it is {job['status']}"
    # A misconfigured worker refuses every file. After the configuration is fixed, the same file can succeed.
    if not job["error"]["retryable"] and job["error"]["code"] != "misconfigured":
        return f"its file was refused: {job['error']['code']}"
    return None


def why_not_copied(job_id: str, media: dict[str, Any] | None) -> str | None:
    """The reason not to copy a job's upload, with the remedy, or None."""
    if media is None or media["status"] != "SUBMITTED":
        return GONE
    remedy = f"its owner can run it again: smmu rerun {job_id}"
    if media["bytes"] > MAX_COPY_BYTES:
        return f"its upload has more than 5 GiB, which S3 does not copy in one request; {remedy}"
    # The copy has one digest of the whole, but only the composite digest of the parts is known.
    if "sha256" not in media:
        return f"its upload was sent in parts, without a SHA-256 of the whole file to check the copy against; {remedy}"
    return None


def repeated(media: dict[str, Any], job: dict[str, Any], media_id: str, now: datetime) -> dict[str, Any]:
    """A grant like an earlier one. It needs no signature, because only this script uploads to it, within seconds.

    The choice is the job's: its profile, as it was when it was chosen, and its language. Those of the media can be the
    choice of a later job.
    """
    labels = {name: media[name] for name in LABELS if name in media}
    choice = {"choice": job["choice"]} if "choice" in job else {}
    return (
        {name: media[name] for name in REPEATED}
        | labels
        | choice
        | {
            "mediaId": media_id,
            "status": "AWAITING_UPLOAD",
            "watch": watched("AWAITING_UPLOAD", media_id),
            "createdAt": timestamp(now),
            "expiresAt": timestamp(now + timedelta(minutes=15)),
        }
    )


class Deployment:
    """The tables and the bucket of one stage."""

    def __init__(self, jobs: Any, media: Any, s3: Any, bucket: str) -> None:
        self.jobs, self.media, self.s3, self.bucket = jobs, media, s3, bucket

    def failed_since(self, since: str) -> list[str]:
        found = []
        for shard in range(SHARDS):
            asked: dict[str, Any] = {
                "IndexName": "by-watch",
                "KeyConditionExpression": Key("watch").eq(f"FAILED#{shard}") & Key("watchedSince").gte(since),
            }
            while True:
                page = self.jobs.query(**asked)
                found += [item["jobId"] for item in page["Items"]]
                if "LastEvaluatedKey" not in page:
                    break
                asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        return found

    def rerun(self, job_id: str) -> str:
        """The new job's id, or the reason why there is none."""
        job = self.jobs.get_item(Key={"jobId": job_id}, ConsistentRead=True).get("Item")
        if reason := why_not(job):
            return f"not run again: {reason}"
        media = self.media.get_item(Key={"mediaId": job["mediaId"]}, ConsistentRead=True).get("Item")
        if reason := why_not_copied(job_id, media):
            return f"not run again: {reason}"
        source = {"Bucket": self.bucket, "Key": job["inputKey"], "VersionId": job["inputVersionId"]}
        try:
            self.s3.head_object(**source)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            return f"not run again: {GONE}"
        identity = ulid(time.time_ns() // 1_000_000, secrets.randbits(80))
        self.media.put_item(
            Item=repeated(media, job, f"med_{identity}", datetime.now(UTC)),
            ConditionExpression="attribute_not_exists(mediaId)",
        )
        # S3 computes the digest of the copy, which the submission compares with the grant.
        self.s3.copy_object(
            Bucket=self.bucket, Key=f"uploads/med_{identity}", CopySource=source, ChecksumAlgorithm="SHA256"
        )
        return f"job_{identity}"


def connect(stage: str) -> Deployment:
    """The deployment of a stage in the account of the environment."""
    tables = boto3.resource("dynamodb")
    account = boto3.client("sts").get_caller_identity()["Account"]
    jobs, media = tables.Table(f"smmu-{stage}-jobs"), tables.Table(f"smmu-{stage}-media")
    return Deployment(jobs, media, boto3.client("s3"), f"smmu-{stage}-raw-media-{account}")


def rerun_all(jobs: Iterable[str], rerun: Callable[[str], str]) -> int:
    """Runs each job again and prints a line for it. Returns the number of those that were not run again."""
    missed = 0
    for job in dict.fromkeys(jobs):
        try:
            answer = rerun(job)
        except (BotoCoreError, ClientError) as error:
            answer = f"not run again: {error}"
        print(f"{job}\t{answer}", flush=True)
        missed += not answer.startswith("job_")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(prog="rerun.sh", description=__doc__.splitlines()[0])
    parser.add_argument("stage")
    parser.add_argument("jobs", nargs="*", metavar="JOB_ID")
    parser.add_argument("--since", metavar="TIME", help="all that failed since then, as 2026-11-25T18:00:00Z")
    options = parser.parse_args()
    if bool(options.jobs) == bool(options.since):
        parser.error("name jobs, or a time with --since")
    deployment = connect(options.stage)
    if missed := rerun_all(options.jobs or deployment.failed_since(options.since), deployment.rerun):
        print(f"{missed} not run again", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
