"""Responses of an HTTP API itself: to too many requests or a refused token, and for slow or failing integrations."""

import asyncio
import functools

from ministack.services import apigateway, lambda_svc

from patches import reviewed
from patches.buckets import TokenBucket

# Requests per second, and burst, if the stage sets no limits ("Amazon API Gateway quotas", per account).
ACCOUNT_LIMITS = (10_000, 5_000)


def gateway_says(status, message):
    return status, {"Content-Type": "application/json"}, b'{"message":"%s"}' % message.encode()


def patch_throttle():
    """An HTTP API responds 429 to requests that exceed the stage's limits; each route has its own bucket.

    AWS ("Throttle requests to your HTTP APIs", http-api-throttling; "RouteSettings" in the API reference): a token
    bucket that ThrottlingRateLimit fills and ThrottlingBurstLimit bounds; settings of a route replace the defaults. The
    response is 429 with {"message":"Too Many Requests"}, without Retry-After. A preflight that the API answers itself
    does not count as a request of a route.

    ministack: stores the settings but ignores them.
    """
    parameters = ("api_id", "stage", "path", "method", "headers", "body", "query_params")
    parameters += ("owner_account_id", "owner_region", "raw_query_string")
    execute = reviewed(apigateway, "_handle_execute_in_scope", *parameters)
    match_route = reviewed(apigateway, "_match_route", "api_id", "method", "path")
    buckets = {}

    def limits(api_id, stage, route_key):
        found = apigateway._stages.get(api_id, {}).get(stage, {})
        # Names from a template begin in upper case, those from API Gateway's API in lower case.
        settings = found.get("routeSettings", {}).get(route_key) or found.get("defaultRouteSettings") or {}
        settings = {name.lower(): value for name, value in settings.items()}
        rate, burst = settings.get("throttlingratelimit"), settings.get("throttlingburstlimit")
        rate = ACCOUNT_LIMITS[0] if rate is None else float(rate)
        return rate, ACCOUNT_LIMITS[1] if burst is None else float(burst)

    def has_token(api_id, stage, route):
        key = (api_id, stage, route["routeKey"])
        now = limits(*key)
        if key not in buckets or buckets[key].limits != now:
            buckets[key] = TokenBucket(*now)
        return buckets[key].take()

    @functools.wraps(execute)
    async def execute_within_limits(api_id, stage, path, method, *rest):
        # As in patch_preflights_of_routes: in lower case, ministack does not see a preflight.
        route = match_route(api_id, method.lower() if method == "OPTIONS" else method, "/" + path.lstrip("/"))
        if route and not has_token(api_id, stage, route):
            return gateway_says(429, "Too Many Requests")
        return await execute(api_id, stage, path, method, *rest)

    apigateway._handle_execute_in_scope = execute_within_limits


def patch_integration_answers():
    """An HTTP API responds 503 if its function is too slow or throttled, and 500 if it fails.

    AWS ("Quotas for configuring and running an HTTP API", http-api-quotas: at most 30 seconds; "Troubleshooting issues
    with HTTP API Lambda integrations", http-api-troubleshooting-lambda): after the integration's TimeoutInMillis, the
    response is 503 with {"message":"Service Unavailable"}, and the function runs on. If the function fails, it is 500
    with {"message":"Internal Server Error"}. A throttled function is a 503 like the first, without Retry-After: this is
    known from deployed HTTP APIs, not from the documentation, which only says that Lambda itself answers its caller
    with 429 ("Understanding Lambda function scaling", lambda-concurrency).

    ministack: waits as long as the function takes, and responds 502 with its error, or 429 if it is throttled.
    """
    parameters = ("integration", "api_id", "stage", "path", "method", "headers", "body", "query_params", "route_key")
    parameters += ("path_params", "authorizer_claims", "authorizer_scopes", "authorizer_lambda_context")
    parameters += ("authorizer_iam", "owner_account_id", "owner_region", "raw_query_string")
    invoke = reviewed(apigateway, "_invoke_lambda_proxy", *parameters)
    shape = reviewed(lambda_svc, "lambda_execute_result_to_api_proxy_response", "exec_result")

    def shape_as_gateway(exec_result):
        if exec_result.get("throttle"):
            return {"statusCode": 503, "body": '{"message":"Service Unavailable"}'}, None
        if exec_result.get("error"):
            return {"statusCode": 500, "body": '{"message":"Internal Server Error"}'}, None
        return shape(exec_result)

    @functools.wraps(invoke)
    async def invoke_in_time(integration, *rest, **named):
        # Not cancelled on timeout: ministack would then wait for the end of the function.
        answer = asyncio.ensure_future(invoke(integration, *rest, **named))
        done, _ = await asyncio.wait({answer}, timeout=float(integration["timeoutInMillis"]) / 1000)
        return answer.result() if done else gateway_says(503, "Service Unavailable")

    lambda_svc.lambda_execute_result_to_api_proxy_response = shape_as_gateway
    apigateway._invoke_lambda_proxy = invoke_in_time


def patch_refused_tokens():
    """A page of an allowed origin can read why an authorizer refused its request.

    AWS ("Configure CORS for HTTP APIs", http-api-cors): API Gateway adds the configured headers to the response to a
    request with an `Origin`. The page speaks of the responses of integrations only; that a deployed API adds them to an
    authorizer's refusal too is reported in aws/aws-sam-cli #9087, against `sam local`, which leaves them out. Whether
    404 and 429 have them is not documented, so they stay without.

    ministack: adds them to the responses of integrations only, so a browser reports a lost connection instead.
    """
    parameters = ("api_id", "stage", "path", "method", "headers", "body", "query_params")
    parameters += ("owner_account_id", "owner_region", "raw_query_string")
    execute = reviewed(apigateway, "_handle_execute_in_scope", *parameters)
    reviewed(apigateway, "_cors_response_headers", "cors_cfg", "origin")

    @functools.wraps(execute)
    async def execute_and_explain(api_id, stage, path, method, headers, *rest):
        status, answered, body = await execute(api_id, stage, path, method, headers, *rest)
        # An integration's own 401 or 403 has the same headers already.
        if method != "OPTIONS" and status in (401, 403):
            configured = apigateway._apis.get(api_id, {}).get("corsConfiguration")
            origin = headers.get("origin") or headers.get("Origin", "")
            answered = {**answered, **apigateway._cors_response_headers(configured, origin)}
        return status, answered, body

    apigateway._handle_execute_in_scope = execute_and_explain
