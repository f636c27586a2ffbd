"""Passwords of a user pool, as Cognito takes them."""

from ministack.services import cognito

from patches import reviewed


def patch_chosen_passwords():
    """A new user's own password has to be one that the pool's policy allows.

    AWS ("RespondToAuthChallenge" in the API reference of Amazon Cognito user pools): a password that is not valid is
    refused, InvalidPasswordException, 400; which one is, says the developer guide ("Adding user pool password
    requirements").

    ministack: checks the policy on every other way to a password, and takes any as the answer to NEW_PASSWORD_REQUIRED.
    """
    respond = reviewed(cognito, "_respond_to_auth_challenge", "data")
    validate = reviewed(cognito, "_validate_password", "pool", "password")
    pool_of = reviewed(cognito, "_pool_for_client", "cid")

    def respond_within_policy(data):
        password = (data.get("ChallengeResponses") or {}).get("NEW_PASSWORD")
        if data.get("ChallengeName") == "NEW_PASSWORD_REQUIRED" and password is not None:
            pool, _ = pool_of(data.get("ClientId"))
            if pool and (refused := validate(pool, password)):
                return refused
        return respond(data)

    cognito._respond_to_auth_challenge = respond_within_policy
