//! Passwords of a user pool.

use aws_sdk_cognitoidentityprovider::{
    Client,
    operation::respond_to_auth_challenge::builders::RespondToAuthChallengeFluentBuilder,
    types::{AuthFlowType, ChallengeNameType, MessageActionType},
};

use super::cloud::contracts;

#[tokio::test]
async fn a_new_password_must_satisfy_the_policy() {
    let contracts = contracts().await;
    let cognito = Client::new(&contracts.cloud.address().sdk_config().await);
    let (pool, client, user) = (contracts.output("UserPoolId"), contracts.output("UserPoolClientId"), "chooses");
    let made = cognito.admin_create_user().user_pool_id(pool).username(user).temporary_password("Temporary-0001");
    made.message_action(MessageActionType::Suppress).send().await.expect("creates the user");
    let begun = cognito.initiate_auth().client_id(client).auth_flow(AuthFlowType::UserPasswordAuth);
    let begun = begun.auth_parameters("USERNAME", user).auth_parameters("PASSWORD", "Temporary-0001");
    let begun = begun.send().await.expect("asks for a password");
    assert_eq!(begun.challenge_name, Some(ChallengeNameType::NewPasswordRequired));
    let choose = |password: &str| -> RespondToAuthChallengeFluentBuilder {
        let answer = cognito.respond_to_auth_challenge().client_id(client).set_session(begun.session.clone());
        let answer = answer.challenge_name(ChallengeNameType::NewPasswordRequired);
        answer.challenge_responses("USERNAME", user).challenge_responses("NEW_PASSWORD", password)
    };
    let refused = choose("short").send().await.expect_err("refuses the password");
    assert!(refused.as_service_error().is_some_and(|error| error.is_invalid_password_exception()), "{refused:?}");
    let chosen = choose("Chosen-by-me-2").send().await.expect("accepts the password");
    assert!(chosen.authentication_result.is_some(), "{chosen:?}");
}
