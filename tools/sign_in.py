"""Prints a request of Cognito's InitiateAuth: `sign_in.py CLIENT_ID USER`, with the password on standard input."""

import json
import sys

client, user = sys.argv[1:]
request = {
    "AuthFlow": "USER_PASSWORD_AUTH",
    "ClientId": client,
    "AuthParameters": {"USERNAME": user, "PASSWORD": sys.stdin.read()},
}
json.dump(request, sys.stdout)
