"""Password rules of Cognito user pools."""

from ministack.services import cognito

from patches import reviewed


def patch_chosen_passwords():
    """The password that a new user chooses must satisfy the pool's policy.

    AWS ("RespondToAuthChallenge" in the API reference of Amazon Cognito user pools): an invalid password is refused
    with InvalidPasswordException, 400. The rules are in the developer guide ("Adding user pool password requirements").

    ministack: checks the policy everywhere except in the response to NEW_PASSWORD_REQUIRED, where it accepts any
    password.
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
