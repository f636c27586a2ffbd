//! Open sockets of users' clients, the tickets that open them, and the events that are pushed through them.
//!
//! The table has two kinds of records, both keyed by `owner` and `id`: the owner of a ticket is the hash of its text,
//! that of an open socket the hash of its user. Neither record names a user, and both expire.

mod address;
mod room;
mod tell;

use crate::{
    clock,
    config::{Environment, InvalidEnvironment},
    error::CloudError,
    user_key::user_key,
};
use address::Address;
use aws_config::SdkConfig;
use aws_lc_rs::rand;
use aws_sdk_apigatewaymanagement::Client as Connections;
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, ReturnValue},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{
    Sha256, Timestamp, UserId,
    push::{SOCKET_SECONDS, TICKET_SECONDS},
};
use std::{collections::HashMap, error::Error};

const OWNER: &str = "owner";
const ID: &str = "id";
const USER: &str = "userKey";
const SINCE: &str = "since";
/// Key of the index by connection; tickets lack it.
const CONNECTION: &str = "connectionId";
const FORGET_AT: &str = "forgetAt";
const BY_CONNECTION: &str = "by-connection";

/// The sockets of a deployment.
#[derive(Clone)]
pub struct Sockets {
    client: Client,
    connections: Connections,
    table: String,
    /// URL at which clients connect.
    url: String,
}

/// A ticket that opens one socket, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// URL with the ticket in it: a secret.
    pub url: String,
    /// Time at which the ticket expires.
    pub expires_at: Timestamp,
}

/// Result of using a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The socket can open.
    Opened,
    /// The ticket was never issued, has been used, or has expired.
    Refused,
    /// The user has the maximum number of open sockets.
    TooMany,
}

/// An open socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    owner: String,
    connection: String,
    since: Timestamp,
}

impl Sockets {
    /// The sockets at `SMMU_SOCKETS_URL`, recorded in the table named by `SMMU_SOCKETS_TABLE`. `None` if push is
    /// disabled.
    pub fn new(sdk: &SdkConfig, environment: &Environment) -> Result<Option<Self>, InvalidEnvironment> {
        let Some(address) = Address::of(environment)? else { return Ok(None) };
        let settings = aws_sdk_apigatewaymanagement::config::Builder::from(sdk).endpoint_url(address.manage);
        Ok(Some(Self {
            client: Client::new(sdk),
            connections: Connections::from_conf(settings.build()),
            table: environment.require("SMMU_SOCKETS_TABLE")?.to_owned(),
            url: address.connect,
        }))
    }

    /// Issues a ticket to a user. `None` if the user has the maximum number of open sockets.
    pub async fn ticket(&self, user: &UserId) -> Result<Option<Ticket>, CloudError> {
        const OPERATION: &str = "dynamodb:PutItem ticket";
        let owner = owner(user);
        let now = clock::now();
        if !self.has_room(&owner, now).await? {
            return Ok(None);
        }
        let text = new_ticket();
        let expires_at = now.plus_seconds(TICKET_SECONDS);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(HashMap::from([
            (OWNER.to_owned(), AttributeValue::S(ticket_key(&text))),
            (ID.to_owned(), AttributeValue::S("ticket".to_owned())),
            (USER.to_owned(), AttributeValue::S(owner)),
            (FORGET_AT.to_owned(), seconds(expires_at)),
        ])));
        put.send().await.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(Some(Ticket { url: format!("{}?ticket={text}", self.url), expires_at }))
    }

    /// Consumes a ticket and records the socket that it opens. The ticket is also consumed if the socket is refused.
    pub async fn open(&self, ticket: &str, connection: &str) -> Result<Opening, CloudError> {
        const OPERATION: &str = "dynamodb:PutItem socket";
        if !is_ticket(ticket) {
            return Ok(Opening::Refused);
        }
        let now = clock::now();
        let Some(owner) = self.use_up(ticket, now).await? else { return Ok(Opening::Refused) };
        if !self.has_room(&owner, now).await? {
            return Ok(Opening::TooMany);
        }
        let put = self.client.put_item().table_name(&self.table).set_item(Some(HashMap::from([
            (OWNER.to_owned(), AttributeValue::S(owner)),
            (ID.to_owned(), AttributeValue::S(connection.to_owned())),
            (CONNECTION.to_owned(), AttributeValue::S(connection.to_owned())),
            (SINCE.to_owned(), AttributeValue::S(now.to_string())),
            (FORGET_AT.to_owned(), seconds(now.plus_seconds(SOCKET_SECONDS))),
        ])));
        put.send().await.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(Opening::Opened)
    }

    /// Deletes a ticket that has not expired, and returns its owner. A single delete, so only one of two clients with
    /// the same ticket succeeds.
    async fn use_up(&self, ticket: &str, now: Timestamp) -> Result<Option<String>, CloudError> {
        const OPERATION: &str = "dynamodb:DeleteItem ticket";
        let delete =
            self.client.delete_item().table_name(&self.table).set_key(Some(key(&ticket_key(ticket), "ticket")));
        // The table removes an expired record with a delay.
        let delete = delete.condition_expression("#forget > :now").expression_attribute_names("#forget", FORGET_AT);
        let delete = delete.expression_attribute_values(":now", seconds(now)).return_values(ReturnValue::AllOld);
        let deleted = match delete.send().await {
            Ok(deleted) => deleted,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                return Ok(None);
            }
            Err(error) => return Err(CloudError::from_sdk(OPERATION, error)),
        };
        let owner = deleted.attributes.and_then(|mut item| item.remove(USER)?.as_s().ok().cloned());
        owner.map(Some).ok_or_else(|| CloudError::unreadable(OPERATION, "a ticket without an owner"))
    }

    /// Removes the record of a closed socket.
    pub async fn closed(&self, connection: &str) -> Result<(), CloudError> {
        const OPERATION: &str = "dynamodb:Query closed socket";
        let query = self.client.query().table_name(&self.table).index_name(BY_CONNECTION);
        let query = query.key_condition_expression("#connection = :connection");
        let query = query.expression_attribute_names("#connection", CONNECTION);
        let query = query.expression_attribute_values(":connection", AttributeValue::S(connection.to_owned()));
        let found = query.send().await.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        for item in found.items() {
            if let Some(Ok(owner)) = item.get(OWNER).map(AttributeValue::as_s) {
                self.forget(owner, connection).await?;
            }
        }
        Ok(())
    }

    /// A user's open sockets.
    pub async fn of_user(&self, user: &UserId) -> Result<Vec<Socket>, CloudError> {
        self.of_owner(&owner(user), clock::now()).await
    }

    /// Reads consistently: a client that opens a socket and then reads a job must get every later change.
    async fn of_owner(&self, owner: &str, now: Timestamp) -> Result<Vec<Socket>, CloudError> {
        const OPERATION: &str = "dynamodb:Query sockets";
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("#owner = :owner").filter_expression("#forget > :now");
        let query = query.expression_attribute_names("#owner", OWNER).expression_attribute_names("#forget", FORGET_AT);
        let query = query.expression_attribute_values(":owner", AttributeValue::S(owner.to_owned()));
        // One page, since a user has few.
        let found = query.expression_attribute_values(":now", seconds(now)).send().await;
        let found = found.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        let socket = |item: &HashMap<String, AttributeValue>| {
            let text = |name: &str| item.get(name)?.as_s().ok();
            Some(Socket { owner: owner.to_owned(), connection: text(ID)?.clone(), since: text(SINCE)?.parse().ok()? })
        };
        Ok(found.items().iter().filter_map(socket).collect())
    }

    async fn forget(&self, owner: &str, connection: &str) -> Result<(), CloudError> {
        const OPERATION: &str = "dynamodb:DeleteItem socket";
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(owner, connection)));
        delete.send().await.map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        Ok(())
    }
}

/// Returns whether a call found its connection open. By the status: API Gateway's 410 does not always have a body that
/// the SDK can read.
fn found_open<T, E>(operation: &'static str, response: Result<T, SdkError<E>>) -> Result<bool, CloudError>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    match response {
        Ok(_) => Ok(true),
        Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 410) => Ok(false),
        Err(error) => Err(CloudError::from_sdk(operation, error)),
    }
}

fn owner(user: &UserId) -> String {
    user_key("user", user)
}

fn key(owner: &str, id: &str) -> HashMap<String, AttributeValue> {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([(OWNER.to_owned(), text(owner)), (ID.to_owned(), text(id))])
}

fn seconds(at: Timestamp) -> AttributeValue {
    AttributeValue::N(at.unix_s().to_string())
}

/// A new ticket: 256 random bits.
fn new_ticket() -> String {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).expect("the system has randomness once it has started");
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns whether a text has the form of a ticket. Others cost no request to the table.
fn is_ticket(text: &str) -> bool {
    BASE64_URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// Key of a ticket's record: a hash, so that reading the table does not reveal tickets.
fn ticket_key(ticket: &str) -> String {
    format!("ticket_{}", Sha256::from_bytes(Hasher::digest(ticket).into()))
}

#[cfg(test)]
mod tests {
    use super::{is_ticket, new_ticket, ticket_key};

    #[test]
    fn a_ticket_is_long_random_and_recorded_by_its_hash_alone() {
        let (one, other) = (new_ticket(), new_ticket());
        assert_ne!(one, other);
        // 256 bits in base 64.
        assert_eq!(one.len(), 43);
        assert!(one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "it fits into a URL");
        assert!(!ticket_key(&one).contains(&one));
        assert_ne!(ticket_key(&one), ticket_key(&other));
        assert!(is_ticket(&one));
        for text in ["", "a", &one[1..], &format!("{one}A"), &"=".repeat(43), &"/".repeat(43)] {
            assert!(!is_ticket(text), "{text}");
        }
        assert_eq!(ticket_key("a"), "ticket_ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
    }
}
