"""The part of X-Ray that receives trace segments."""

import json

import ministack.app as app
from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id

from patches import reviewed


def patch_traces():
    """X-Ray accepts segments from callers with permission, and discards them.

    AWS ("PutTraceSegments", API_PutTraceSegments): POST /TraceSegments requires xray:PutTraceSegments; the response
    lists unprocessed segments.

    ministack: has no X-Ray, and responds 400 to every call.
    """
    reviewed(iam_evaluator, "enforce", *PARAMETERS)
    if "xray" in app.SERVICE_HANDLERS:
        raise SystemExit(f"ministack has changed: it has an X-Ray. Review patch_traces in {__file__}.")

    async def take(method, path, headers, body, query_params):
        caller = extract_access_key_id(headers, query_params)
        refusal = iam_evaluator.enforce(caller, "xray:PutTraceSegments", "xray", get_region())
        if refusal:
            answer = {"__type": "AccessDeniedException", "message": "not authorized to perform: xray:PutTraceSegments"}
            return 403, {"Content-Type": "application/json", "x-amzn-errortype": answer["__type"]}, encoded(answer)
        return 200, {"Content-Type": "application/json"}, encoded({"UnprocessedTraceSegments": []})

    app.SERVICE_HANDLERS["xray"] = take


PARAMETERS = ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context")


def encoded(answer):
    return json.dumps(answer).encode()
