"""Checks that tokens of an issuer can be verified: `issuer.py ISSUER ALGORITHM`.

API Gateway and the api function compare a token's `iss` with the parameter JwtIssuer character by character, and fetch
keys from the URL in the issuer's discovery document (OpenID Connect Discovery 1.0, section 4). A missing slash would
refuse every token after a successful deployment.
"""

import json
import sys
import urllib.error
import urllib.request
from typing import Any

DISCOVERY = "/.well-known/openid-configuration"
TIMEOUT_SECONDS = 15
# Type and curve of keys, by algorithm (RFC 7518, sections 3.1 and 6).
KEYS = {"RS256": ("RSA", None), "ES256": ("EC", "P-256")}


def read(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)


def verifies(key: dict[str, Any], algorithm: str) -> bool:
    """True if a key verifies signatures of this algorithm. `use` and `alg` are optional (RFC 7517, section 4)."""
    kind = (key.get("kty"), key.get("crv")) == KEYS[algorithm]
    return kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm


def trouble(issuer: str, algorithm: str) -> str | None:
    """The reason why tokens of this issuer would be refused, or None."""
    place = issuer.rstrip("/") + DISCOVERY
    try:
        document = read(place)
        told = document.get("issuer")
        if told != issuer:
            return (
                "the issuer has a different name, and every token would be refused\n"
                f"  JwtIssuer:          {issuer}\n  its own document:   {told}\n  set JwtIssuer to the second"
            )
        place = document.get("jwks_uri") or ""
        keys = read(place).get("keys", [])
    except (OSError, ValueError, AttributeError) as error:
        return f"{place or 'the address of its keys'} cannot be read, by API Gateway either: {error}"
    if not any(verifies(key, algorithm) for key in keys):
        found = ", ".join(sorted({str(key.get("alg") or key.get("kty")) for key in keys})) or "none at all"
        return f"no key for {algorithm} there: {place} has {found}; set JwtAlgorithm to what the issuer signs with"
    return None


def main() -> int:
    issuer, algorithm = sys.argv[1:]
    if why := trouble(issuer, algorithm):
        print(f"error: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
