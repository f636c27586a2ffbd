"""Event source mappings of DynamoDB streams."""

import functools
import json
import threading

from ministack.services import lambda_svc

from patches import reviewed

# By function and stream: the sequence number from which on records are retried.
CHECKPOINTS = {}
# Set while this thread polls streams.
POLLING = threading.local()


def reports_failures(function, stream):
    """Returns whether a mapping of a stream to a function has ReportBatchItemFailures."""
    for _account, _region, mapping in lambda_svc._iter_all_esms():
        if mapping["EventSourceArn"] == stream and mapping["FunctionArn"].startswith(function):
            return "ReportBatchItemFailures" in mapping.get("FunctionResponseTypes", [])
    return False


def patch_failed_records():
    """A batch of a stream is retried from the first record on that its function reports as failed.

    AWS ("Configuring partial batch response with DynamoDB and Lambda", services-ddb-batchfailurereporting): "Lambda
    uses the lowest sequence number as the checkpoint", and retries all records from the checkpoint on.

    ministack: takes the batch as processed, so the failed records are lost.
    """
    execute = reviewed(lambda_svc, "_execute_function", "func", "event")
    poll = reviewed(lambda_svc, "_poll_dynamodb_streams")
    reviewed(lambda_svc, "_iter_all_esms")

    def number(record):
        return int(record["dynamodb"]["SequenceNumber"])

    @functools.wraps(execute)
    def execute_from_checkpoint(func, event):
        if not getattr(POLLING, "streams", False):
            return execute(func, event)
        place = ((func.get("config") or func)["FunctionArn"], event["Records"][0]["eventSourceARN"])
        checkpoint = CHECKPOINTS.get(place, 0)
        records = [record for record in event["Records"] if number(record) >= checkpoint] or event["Records"]
        result = execute(func, {**event, "Records": records})
        body = result.get("body")
        body = json.loads(body) if isinstance(body, str) and body.startswith("{") else body
        failures = body.get("batchItemFailures") if isinstance(body, dict) else None
        if result.get("error") or not failures or not reports_failures(*place):
            if not result.get("error"):
                CHECKPOINTS.pop(place, None)
            return result
        CHECKPOINTS[place] = min(int(failure["itemIdentifier"]) for failure in failures)
        failed = {"errorType": "BatchItemFailures", "errorMessage": f"records from {CHECKPOINTS[place]} on failed"}
        return {**result, "error": True, "body": failed}

    @functools.wraps(poll)
    def poll_streams():
        POLLING.streams = True
        try:
            return poll()
        finally:
            POLLING.streams = False

    lambda_svc._execute_function = execute_from_checkpoint
    lambda_svc._poll_dynamodb_streams = poll_streams
