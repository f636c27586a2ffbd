"""Addresses of deployed APIs, as AWS reads them."""

import ministack.app as app

from patches import reviewed


def patch_trailing_slash():
    """A path with a slash at its end is another path than the one without.

    AWS ("Create routes for HTTP APIs", http-api-develop-routes): a request is a route's where it matches its path. No
    route's path may end in a slash (aws/serverless-application-model #1949), so that such a request is answered 404.

    ministack: takes the first segment for a stage, and forgets a slash after it when it was none.
    """
    parse = reviewed(app, "_parse_execute_api_url", "host", "path")

    def parse_to_the_end(host, path):
        parsed = parse(host, path)
        # "/" is also what is left of a path without the slash. Slashes at the beginning count as one.
        return (*parsed[:2], "//") if parsed and parsed[2] == "/" and path.endswith("/") else parsed

    app._parse_execute_api_url = parse_to_the_end
