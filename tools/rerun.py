"""Reruns failed jobs: `rerun.sh STAGE JOB_ID...`, or `rerun.sh STAGE --since TIME` for all that failed since.

The ended job does not change. Its upload is copied inside the raw bucket to a new media ID with the same owner and the
same grant. From then on it is processed like any other upload, with the same guarantees. Prints a line per job: the
failed job and the new one, which its owner can read.

Jobs that failed because of their file are skipped, because they would fail again.
"""

import argparse
import secrets
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
# The format of the functions: RFC 3339 in UTC with three decimals, so the order of texts is the order of times.
TIME = "%Y-%m-%dT%H:%M:%S.{:03d}Z"
# Attributes that a new media copies from the original.
REPEATED = ("userId", "fileName", "contentType", "bytes", "sha256")


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
    if job["status"] != "FAILED":
        return f"it is {job['status']}"
    # A misconfigured worker refuses every file. After the configuration is fixed, the same file can succeed.
    if not job["error"]["retryable"] and job["error"]["code"] != "misconfigured":
        return f"its file was refused: {job['error']['code']}"
    return None


def repeated(media: dict[str, Any], media_id: str, now: datetime) -> dict[str, Any]:
    """A grant like an earlier one. It needs no signature, because only this script uploads to it, within seconds."""
    return {name: media[name] for name in REPEATED} | {
        "mediaId": media_id,
        "status": "AWAITING_UPLOAD",
        "watch": watched("AWAITING_UPLOAD", media_id),
        "createdAt": timestamp(now),
        "expiresAt": timestamp(now + timedelta(minutes=15)),
    }


class Deployment:
    """The tables and the bucket of one stage."""

    def __init__(self, stage: str) -> None:
        import boto3  # imported here, because the tests run without it

        tables = boto3.resource("dynamodb")
        account = boto3.client("sts").get_caller_identity()["Account"]
        self.jobs, self.media = tables.Table(f"smmu-{stage}-jobs"), tables.Table(f"smmu-{stage}-media")
        self.s3, self.bucket = boto3.client("s3"), f"smmu-{stage}-raw-media-{account}"

    def failed_since(self, since: str) -> list[str]:
        from boto3.dynamodb.conditions import Key

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
        """The new job's ID, or the reason why there is none."""
        job = self.jobs.get_item(Key={"jobId": job_id}, ConsistentRead=True).get("Item")
        if reason := why_not(job):
            return f"not run again: {reason}"
        media = self.media.get_item(Key={"mediaId": job["mediaId"]}, ConsistentRead=True)["Item"]
        identity = ulid(time.time_ns() // 1_000_000, secrets.randbits(80))
        self.media.put_item(
            Item=repeated(media, f"med_{identity}", datetime.now(UTC)),
            ConditionExpression="attribute_not_exists(mediaId)",
        )
        # S3 computes the digest of the copy, which the submission compares with the grant.
        self.s3.copy_object(
            Bucket=self.bucket,
            Key=f"uploads/med_{identity}",
            CopySource={"Bucket": self.bucket, "Key": job["inputKey"], "VersionId": job["inputVersionId"]},
            ChecksumAlgorithm="SHA256",
        )
        return f"job_{identity}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="rerun.sh", description=__doc__.splitlines()[0])
    parser.add_argument("stage")
    parser.add_argument("jobs", nargs="*", metavar="JOB_ID")
    parser.add_argument("--since", metavar="TIME", help="all that failed since then, as 2026-11-25T18:00:00Z")
    options = parser.parse_args()
    if bool(options.jobs) == bool(options.since):
        parser.error("name jobs, or a time with --since")
    deployment = Deployment(options.stage)
    jobs = options.jobs or deployment.failed_since(options.since)
    answers = {job: deployment.rerun(job) for job in jobs}
    for job, answer in answers.items():
        print(f"{job}\t{answer}")
    return 0 if all(answer.startswith("job_") for answer in answers.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
