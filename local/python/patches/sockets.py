"""Connections of a WebSocket API: the permission to open one, the answer to a refused client, and GetConnection."""

import contextvars
import datetime
import functools
import json

from ministack.services import apigateway, lambda_svc

from patches import reviewed, roles

# The function's response to the current handshake.
ANSWERED = contextvars.ContextVar("answered", default=None)


def patch_refused_handshakes():
    """A handshake that the function of $connect refuses is answered with the function's status.

    AWS ("Manage connected users and client apps: $connect and $disconnect routes",
    apigateway-websocket-api-route-keys-connect-disconnect): until the integration of $connect has answered 2xx there
    is no connection, and the response to the handshake has the status of the integration.

    ministack: closes before it accepts, which its server turns into 403, whatever the function returned.
    """
    parameters = ("api_id", "account_id", "region", "route", "stage", "connection_id", "event_type", "message_id")
    parameters += ("body_text", "source_ip", "headers", "query_params", "kwargs")
    invoke = reviewed(apigateway, "_invoke_ws_lambda", *parameters)
    handle = reviewed(apigateway, "handle_websocket", "scope", "receive", "send", "api_id", "path_override")
    reviewed(apigateway, "_refuse_ws_handshake", "scope", "send", "status", "message", "connection_id", "request_id")

    @functools.wraps(invoke)
    async def invoke_and_note(api_id, account_id, region, route, stage, connection_id, event_type, *rest, **named):
        answer = await invoke(api_id, account_id, region, route, stage, connection_id, event_type, *rest, **named)
        if event_type == "CONNECT":
            ANSWERED.set((int((answer or {}).get("statusCode", 200)), connection_id))
        return answer

    @functools.wraps(handle)
    async def handle_with_status(scope, receive, send, api_id, path_override=None):
        accepted = False

        async def send_with_status(message):
            nonlocal accepted
            accepted = accepted or message["type"] != "websocket.close"
            if accepted or not ANSWERED.get():
                return await send(message)
            status, connection_id = ANSWERED.get()
            said = "Internal server error" if status >= 500 else "Forbidden"
            return await apigateway._refuse_ws_handshake(scope, send, status, said, connection_id, "")

        ANSWERED.set(None)
        return await handle(scope, receive, send_with_status, api_id, path_override)

    apigateway._invoke_ws_lambda = invoke_and_note
    apigateway.handle_websocket = handle_with_status


def patch_socket_permission():
    """A WebSocket API can call a function only if a permission of the function covers the route.

    AWS ("Lambda resource-based policies", access-control-resource-based): the caller is
    `execute-api:REGION:ACCOUNT:API/STAGE/ROUTEKEY`, matched by ArnLike. Without a match, the integration fails: the
    response to a handshake is 500, and to a client's message an error.

    ministack: calls any function.
    """
    parameters = ("api_id", "account_id", "region", "route", "stage", "connection_id", "event_type", "message_id")
    parameters += ("body_text", "source_ip", "headers", "query_params", "kwargs")
    invoke = reviewed(apigateway, "_invoke_ws_lambda", *parameters)
    reviewed(lambda_svc, "_get_func_record_for_ref_in_scope", "function_ref", "account_id", "region")

    def may_call(api_id, account, region, route, stage):
        integration = apigateway._integrations.get(api_id, {})[route["target"].rsplit("/", 1)[-1]]
        reference = apigateway._extract_lambda_ref_from_integration_uri(integration["integrationUri"])
        function, _, _ = lambda_svc._get_func_record_for_ref_in_scope(reference, account_id=account, region=region)
        called_as = f"arn:aws:execute-api:{region}:{account}:{api_id}/{stage}/{route['routeKey']}"
        return function is not None and roles.function_allows(function, "apigateway.amazonaws.com", called_as)

    @functools.wraps(invoke)
    async def invoke_if_allowed(api_id, account_id, region, route, stage, *rest, **named):
        if may_call(api_id, account_id, region, route, stage):
            return await invoke(api_id, account_id, region, route, stage, *rest, **named)
        return {"statusCode": 500}

    apigateway._invoke_ws_lambda = invoke_if_allowed


def patch_connection_details():
    """GetConnection names its members in lower camel case and has times in ISO 8601.

    AWS ("Use @connections commands in your backend service", apigateway-how-to-call-websocket-api-connections; the
    shape GetConnectionResponse of the API model apigatewaymanagementapi): `connectedAt`, `identity` and `lastActiveAt`,
    the times with the format iso8601. SDKs ignore members with other names.

    ministack: `ConnectedAt`, `Identity` and `LastActiveAt`, with times in seconds since 1970.
    """
    parameters = ("method", "api_id", "stage", "connection_id", "body", "headers")
    answer = reviewed(apigateway, "handle_connections_api", *parameters)

    def time(seconds):
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @functools.wraps(answer)
    async def answer_as_in_the_model(method, *rest):
        status, headers, body = await answer(method, *rest)
        if method == "GET" and status == 200:
            known = json.loads(body)
            times = {"connectedAt": time(known["ConnectedAt"]), "lastActiveAt": time(known["LastActiveAt"])}
            body = json.dumps({**times, "identity": known["Identity"]}).encode()
        return status, headers, body

    apigateway.handle_connections_api = answer_as_in_the_model
