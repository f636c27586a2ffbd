//! How a WebSocket API opens a connection, and how its connections are managed.

use aws_sdk_apigatewaymanagement::{
    Client,
    config::Builder,
    primitives::{Blob, DateTime},
};
use futures_util::{SinkExt, StreamExt};
use std::time::{Duration, SystemTime};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message},
};

use super::{
    access::as_function,
    cloud::{Contracts, contracts},
};

/// The URL of a stage for clients.
fn url(contracts: &Contracts, place: &str) -> String {
    let endpoint = contracts.cloud.address().endpoint().replacen("http", "ws", 1);
    format!("{endpoint}/_aws/execute-api/{}/{place}", contracts.output("SocketApiId"))
}

/// A client that manages the connections of the stage `open`.
fn manager(contracts: &Contracts, sdk: &aws_config::SdkConfig) -> Client {
    let endpoint = contracts.cloud.address().endpoint();
    let place = format!("{endpoint}/_aws/execute-api/{}/open", contracts.output("SocketApiId"));
    Client::from_conf(Builder::from(sdk).endpoint_url(place).build())
}

/// The status of a handshake.
async fn handshake(contracts: &Contracts, place: &str) -> u16 {
    match connect_async(url(contracts, place)).await {
        Ok((_, answer)) => answer.status().as_u16(),
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_handshake_is_answered_with_the_status_of_the_function() {
    let contracts = contracts().await;
    assert_eq!(handshake(&contracts, "open").await, 101);
    for status in [401, 403, 429, 500] {
        assert_eq!(handshake(&contracts, &format!("open?status={status}")).await, status);
    }
}

#[tokio::test]
async fn a_handshake_fails_without_permission_to_call_the_function() {
    assert_eq!(handshake(&*contracts().await, "closed").await, 500);
}

#[tokio::test]
async fn posting_to_a_closed_connection_is_gone_and_without_permission_denied() {
    let contracts = contracts().await;
    let tell = async |sdk: &aws_config::SdkConfig| {
        let client = manager(&contracts, sdk);
        let told = client.post_to_connection().connection_id("closed").data(Blob::new("{}")).send().await;
        told.expect_err("nobody has this connection")
    };
    let gone = tell(&contracts.cloud.address().sdk_config().await).await;
    assert!(gone.as_service_error().is_some_and(|error| error.is_gone_exception()), "{gone:?}");
    let denied = tell(&as_function(&contracts).await).await;
    assert_eq!(denied.raw_response().map(|answer| answer.status().as_u16()), Some(403), "{denied:?}");
}

#[tokio::test]
async fn an_open_connection_is_described_until_it_is_closed() {
    let contracts = contracts().await;
    let (mut socket, _) = connect_async(url(&contracts, "open")).await.unwrap();
    socket.send(Message::text("whoami")).await.unwrap();
    let id = socket.next().await.unwrap().unwrap().into_text().unwrap().to_string();

    let client = manager(&contracts, &contracts.cloud.address().sdk_config().await);
    let described = client.get_connection().connection_id(&id).send().await.unwrap();
    let now = DateTime::from(SystemTime::now()).secs();
    for time in [described.connected_at(), described.last_active_at()] {
        let seconds = time.expect("an open connection has times").secs();
        assert!((now - 60..=now).contains(&seconds), "{described:?}");
    }
    assert_eq!(described.identity().and_then(|identity| identity.source_ip()), Some("127.0.0.1"));
    let stranger = manager(&contracts, &as_function(&contracts).await).get_connection().connection_id(&id).send().await;
    let denied = stranger.expect_err("its role may not");
    assert_eq!(denied.raw_response().map(|answer| answer.status().as_u16()), Some(403), "{denied:?}");

    socket.close(None).await.unwrap();
    let mut gone = None;
    for _ in 0..100 {
        gone = client.get_connection().connection_id(&id).send().await.err();
        if gone.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let gone = gone.expect("it is gone within seconds");
    assert!(gone.as_service_error().is_some_and(|error| error.is_gone_exception()), "{gone:?}");
}
