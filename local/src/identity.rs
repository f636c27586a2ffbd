//! Users of the stack's Cognito pool, and their access tokens.

use aws_config::SdkConfig;
use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::{AuthFlowType, MessageActionType};
use ulid::Ulid;

use crate::error::LocalError;

/// A user pool and the client by which its users sign in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pool<'a> {
    pub(crate) id: &'a str,
    pub(crate) client: &'a str,
}

/// An access token of `user`, who is made when missing and keeps their `sub` otherwise.
///
/// The password is a new one each time, so that none needs to be kept.
pub(crate) async fn access_token(sdk: &SdkConfig, pool: Pool<'_>, user: &str) -> Result<String, LocalError> {
    let cognito = Client::new(sdk);
    // Upper case and digits by itself; the pool wants lower case too.
    let password = format!("local-{}", Ulid::generate());
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
        .password(&password)
        .permanent(true)
        .send()
        .await
        .map_err(LocalError::call("AdminSetUserPassword"))?;
    let answer = cognito
        .initiate_auth()
        .client_id(pool.client)
        .auth_flow(AuthFlowType::UserPasswordAuth)
        .auth_parameters("USERNAME", user)
        .auth_parameters("PASSWORD", &password)
        .send()
        .await
        .map_err(LocalError::call("InitiateAuth"))?;
    answer.authentication_result.and_then(|result| result.access_token).ok_or_else(|| LocalError::Call {
        call: "InitiateAuth",
        cause: "there is no access token in the answer".to_owned(),
    })
}
