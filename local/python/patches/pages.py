"""The web page that CloudFront serves on this machine, without TLS and under a name that browsers find."""

import re

import ministack.app as app
from ministack.services import cloudfront

from patches import reviewed

# The origin of a page that ministack serves on this machine.
LOCAL_ORIGIN = re.compile(rb"http://([a-z0-9]+)[.]cloudfront[.]localhost(:[0-9]+)?")


def patch_viewers():
    """A viewer of CloudFront on this machine counts as one by TLS, unless X-Forwarded-Proto says otherwise.

    AWS ("Require HTTPS for communication between viewers and CloudFront", using-https-viewers-to-cloudfront): viewers
    that come without TLS are redirected or refused, as ViewerProtocolPolicy says.

    ministack: listens without TLS, so every viewer is. The local cloud listens only on loopback, where TLS adds
    nothing; the policy is evaluated for a request with `X-Forwarded-Proto: http`.
    """
    parameters = ("dist", "method", "path", "raw_uri", "raw_query_string", "headers", "body", "query_params")
    serve = reviewed(cloudfront, "handle_viewer_request", *parameters, "client_ip")

    async def serve_by_tls(dist, method, path, raw_uri, raw_query_string, headers, *rest):
        secure = {"x-forwarded-proto": "https", **headers}
        return await serve(dist, method, path, raw_uri, raw_query_string, secure, *rest)

    cloudfront.handle_viewer_request = serve_by_tls


def patch_origin_of_pages():
    """The origin of a page from a distribution is the distribution's, `https://LABEL.cloudfront.net`.

    AWS ("DomainName" of a distribution in the CloudFront API reference; "The web origin concept", RFC 6454): the page
    is opened at this address, and CORS rules of APIs and buckets name it.

    ministack: the same page has the address http://LABEL.cloudfront.localhost:PORT here, so rules that name the
    distribution refuse it.
    """
    serve = reviewed(app, "app", "scope", "receive", "send")

    async def serve_pages(scope, receive, send):
        headers = scope.get("headers", [])
        found = next((LOCAL_ORIGIN.fullmatch(value) for name, value in headers if name == b"origin"), None)
        if not found:
            return await serve(scope, receive, send)
        here, there = found[0], b"https://" + found[1] + b".cloudfront.net"

        async def answer(message):
            told = [(name, here if value == there else value) for name, value in message.get("headers", [])]
            await send({**message, "headers": told} if told else message)

        asked = [(name, there if name == b"origin" else value) for name, value in headers]
        return await serve({**scope, "headers": asked}, receive, answer)

    app.app = serve_pages
