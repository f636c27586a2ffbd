//! Users of the stack's Cognito pool and their access tokens.

use aws_config::SdkConfig;
use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::{AuthFlowType, MessageActionType};

use crate::error::LocalError;

/// A user pool and the app client through which users sign in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool<'a> {
    pub(crate) id: &'a str,
    pub(crate) client: &'a str,
}

/// Gets an access token for `user`. Creates the user if necessary; an existing user keeps their `sub` and gets this
/// password.
pub(crate) async fn access_token(
    sdk: &SdkConfig,
    pool: Pool<'_>,
    user: &str,
    password: &str,
) -> Result<String, LocalError> {
    let cognito = Client::new(sdk);
    let made = cognito
        .admin_create_user()
        .user_pool_id(pool.id)
        .username(user)
        .message_action(MessageActionType::Suppress)
        .send()
        .await;
    if let Err(error) = made
        && !error.as_service_error().is_some_and(|error| error.is_username_exists_exception())
    {
        return Err(LocalError::call("AdminCreateUser")(error));
    }
    cognito
        .admin_set_user_password()
        .user_pool_id(pool.id)
        .username(user)
        .password(password)
        .permanent(true)
        .send()
        .await
        .map_err(LocalError::call("AdminSetUserPassword"))?;
    let answer = cognito
        .initiate_auth()
        .client_id(pool.client)
        .auth_flow(AuthFlowType::UserPasswordAuth)
        .auth_parameters("USERNAME", user)
        .auth_parameters("PASSWORD", password)
        .send()
        .await
        .map_err(LocalError::call("InitiateAuth"))?;
    answer.authentication_result.and_then(|result| result.access_token).ok_or_else(|| LocalError::Call {
        call: "InitiateAuth",
        cause: "the response contains no access token".to_owned(),
    })
}
