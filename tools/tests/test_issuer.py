"""The check of a token issuer before a deployment, with an issuer on this machine."""

import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import issuer
from tests.stubs import Stubs

RSA = {"kty": "RSA", "kid": "1", "use": "sig", "alg": "RS256", "n": "AQAB", "e": "AQAB"}


class Issuer(unittest.TestCase):
    def serve(self, keys, name="{here}/tenant/"):
        """Starts an issuer with this name. Returns its URL."""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                here = f"http://127.0.0.1:{self.server.server_port}"
                document = {"issuer": name.format(here=here), "jwks_uri": f"{here}/keys"}
                pages = {"/tenant/.well-known/openid-configuration": document, "/keys": {"keys": keys}}
                page = pages.get(self.path)
                self.send_response(200 if page else 404)
                self.end_headers()
                self.wfile.write(json.dumps(page).encode())

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}/tenant"

    def test_an_issuer_with_a_matching_name_and_key_is_accepted(self):
        self.assertIsNone(issuer.trouble(self.serve([RSA]) + "/", "RS256"))
        bare = {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ"}
        self.assertIsNone(issuer.trouble(self.serve([RSA, bare]) + "/", "ES256"))

    def test_a_missing_slash_is_reported_with_both_names(self):
        given = self.serve([RSA])
        told = issuer.trouble(given, "RS256")
        self.assertIn(f"JwtIssuer:          {given}\n", told)
        self.assertIn(f"its own document:   {given}/\n", told)

    def test_an_issuer_with_another_algorithm_has_no_key(self):
        for key in ({**RSA, "alg": "RS512"}, {**RSA, "use": "enc"}, {"kty": "EC", "crv": "P-384", "alg": "ES384"}):
            with self.subTest(key=key):
                self.assertIn("no key for RS256 there", issuer.trouble(self.serve([key]) + "/", "RS256"))
        self.assertIn("has none at all", issuer.trouble(self.serve([]) + "/", "RS256"))

    def test_an_unreachable_issuer_is_reported(self):
        self.assertIn("cannot be read", issuer.trouble(self.serve([RSA]) + "/other", "RS256"))
        self.assertIn("cannot be read", issuer.trouble("no address", "RS256"))

    def test_nothing_is_deployed_for_a_wrong_issuer(self):
        stubs, given = Stubs(self), self.serve([RSA])
        command = ("tools/deploy.sh", "dev", "JwtAudience=a", f"JwtIssuer={given}")
        settings = {"NO_IMAGES": "1", "IMAGE_TAG": "tested"}
        with self.assertRaises(Exception) as failed:
            stubs.run(*command, **settings)
        self.assertIn("has a different name", str(failed.exception))
        called = [call.split()[0] for call in stubs.calls()]
        self.assertEqual(called, ["smmu"], "neither aws nor sam was called")
        stubs.run(*command[:-1], f"JwtIssuer={given}/", **settings)
        self.assertTrue([call for call in stubs.calls() if call.startswith("sam deploy")])
