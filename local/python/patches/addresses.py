"""URLs of deployed APIs, as AWS parses them."""

import ministack.app as app

from patches import reviewed


def patch_trailing_slash():
    """A path with a trailing slash is different from the same path without it.

    AWS ("Create routes for HTTP APIs", http-api-develop-routes): a request goes to the route whose path it matches. The
    path of a route cannot end in a slash (aws/serverless-application-model #1949), so the response to such a request is
    404.

    ministack: takes the first segment for a stage, and drops the slash after it if it is not one.
    """
    parse = reviewed(app, "_parse_execute_api_url", "host", "path")

    def parse_to_the_end(host, path):
        parsed = parse(host, path)
        # "/" also remains of a path without the slash. Several leading slashes count as one.
        return (*parsed[:2], "//") if parsed and parsed[2] == "/" and path.endswith("/") else parsed

    app._parse_execute_api_url = parse_to_the_end
