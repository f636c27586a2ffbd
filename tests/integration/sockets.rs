//! Sockets as a client sees them: which events arrive, which tickets open one, and cleanup after one closes.

use aws_sdk_dynamodb::{Client as Tables, types::AttributeValue};
use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use smmu_cloud::Function;
use smmu_core::Timestamp;
use smmu_tests::{Caller, Stack, by_itself, by_request, in_turns, samples, told, until};
use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message},
};

/// Time limit for an event, generous for slow machines.
const PATIENCE: Duration = Duration::from_mins(1);

type Open = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An open socket.
struct Socket(Open);

impl Socket {
    async fn of(user: &Caller) -> Self {
        Self(opened(&ticket(user).await).await.expect("a new ticket opens a socket"))
    }

    async fn event(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("an event within a minute");
            if let Message::Text(text) = message.expect("the socket is open").expect("a message") {
                return serde_json::from_str(&text).expect("events are JSON");
            }
        }
    }

    /// Reads the events of one job up to its last; panics on an event of another job.
    async fn until_the_end(&mut self, job: &str) -> Vec<Value> {
        let mut events = Vec::new();
        loop {
            let event = self.event().await;
            assert_eq!(event["jobId"], job, "{event}");
            let ended = ["COMPLETED", "FAILED", "CANCELLED"].map(Value::from).contains(&event["status"]);
            events.push(event);
            if ended {
                return events;
            }
        }
    }
}

async fn ticket(user: &Caller) -> String {
    let answer = user.call(Method::POST, "/sockets", None).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.text_at("/url")
}

/// Opens a socket, or returns the status of the refusal.
async fn opened(url: &str) -> Result<Open, u16> {
    match connect_async(url).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

async fn refusal(url: &str) -> u16 {
    opened(url).await.expect_err("it is refused")
}

/// The records of a stack's sockets and tickets.
pub(crate) struct Records<'a> {
    tables: Tables,
    table: &'a str,
}

impl<'a> Records<'a> {
    pub(crate) fn of(stack: &'a Stack) -> Self {
        Self { tables: Tables::new(&stack.sdk), table: stack.output("SocketsTableName") }
    }

    fn owner(user_id: &str) -> String {
        format!("user_{:x}", Sha256::digest(user_id))
    }

    /// The connections that are recorded of a user.
    pub(crate) async fn connections(&self, user_id: &str) -> Vec<String> {
        let query = self.tables.query().table_name(self.table).consistent_read(true);
        let query = query.key_condition_expression("#owner = :owner").expression_attribute_names("#owner", "owner");
        let found = query.expression_attribute_values(":owner", AttributeValue::S(Self::owner(user_id)));
        let found = found.send().await.unwrap();
        found.items().iter().map(|item| item["id"].as_s().unwrap().clone()).collect()
    }

    async fn put(&self, owner: String, id: &str, more: &[(&str, AttributeValue)]) {
        let mut item = HashMap::from([
            ("owner".to_owned(), AttributeValue::S(owner)),
            ("id".to_owned(), AttributeValue::S(id.to_owned())),
        ]);
        item.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self.tables.put_item().table_name(self.table).set_item(Some(item)).send().await.unwrap();
    }

    async fn remove(&self, user_id: &str, id: &str) {
        let remove = self.tables.delete_item().table_name(self.table);
        let remove = remove.key("owner", AttributeValue::S(Self::owner(user_id)));
        remove.key("id", AttributeValue::S(id.to_owned())).send().await.unwrap();
    }

    /// Records a fake connection, opened this many seconds ago.
    async fn put_connection(&self, user_id: &str, id: &str, seconds_ago: i64) {
        let since = now().plus_seconds(-seconds_ago);
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let forget = AttributeValue::N((now().unix_s() + 600).to_string());
        let more = [("connectionId", text(id)), ("since", text(&since.to_string())), ("forgetAt", forget)];
        self.put(Self::owner(user_id), id, &more).await;
    }
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp::from_unix_ms(i64::try_from(since_epoch.as_millis()).unwrap()).unwrap()
}

/// The user's id, as the API has it.
pub(crate) async fn id_of(user: &Caller) -> String {
    user.call(Method::GET, "/account", None).await.text_at("/userId")
}

#[tokio::test]
async fn each_user_gets_events_of_only_their_own_jobs() {
    let (ada, eve) = (Caller::user(by_itself(), "ada-listens").await, Caller::user(by_itself(), "eve-listens").await);
    let (mut to_ada, mut to_eve) = (Socket::of(&ada).await, Socket::of(&eve).await);
    let mut also_to_ada = Socket::of(&ada).await;
    let adas = ada.submit(&samples::png(51, 20), "image/png").await;
    let eves = eve.submit(&samples::png(52, 20), "image/png").await;
    // An event of the other user's job would arrive before or among these.
    let (of_ada, of_eve) = (to_ada.until_the_end(&adas).await, to_eve.until_the_end(&eves).await);
    also_to_ada.until_the_end(&adas).await;
    for (user, job, events) in [(&ada, &adas, of_ada), (&eve, &eves, of_eve)] {
        let revisions: Vec<_> = events.iter().map(|event| event["revision"].as_u64().unwrap()).collect();
        assert!(revisions.is_sorted() && revisions.len() > 1, "{revisions:?}");
        let shown = user.job(job).await.json();
        let last = events.last().unwrap();
        assert_eq!(
            *last,
            json!({
                "type": "job", "jobId": job, "mediaId": shown["mediaId"], "revision": last["revision"],
                "status": "COMPLETED", "stage": "finish", "progress": 100, "updatedAt": shown["updatedAt"],
                "outputsReady": shown["outputs"].as_array().unwrap().len(),
            })
        );
    }
    // A client's message keeps the socket open and gets no reply.
    to_ada.0.send(Message::text(r#"{"type":"ping"}"#)).await.unwrap();
    let media = ada.job(&adas).await.text_at("/mediaId");
    assert_eq!(ada.call(Method::DELETE, &format!("/media/{media}"), None).await.status, 202);
    let deleted = to_ada.event().await;
    let revision = &deleted["revision"];
    assert_eq!(deleted, json!({"type": "deleted", "jobId": adas, "mediaId": media, "revision": revision}));
}

#[tokio::test]
async fn a_ticket_opens_one_socket_within_a_minute() {
    let user = Caller::user(by_itself(), "ticket-holder").await;
    let url = ticket(&user).await;
    let (place, secret) = url.split_once("?ticket=").unwrap();
    assert_eq!(secret.len(), 43, "256 bits in base 64");
    let _open = opened(&url).await.expect("the first time");
    assert_eq!(refusal(&url).await, 401, "it is used up");
    assert_eq!(refusal(&format!("{place}?ticket={}", "A".repeat(43))).await, 401, "nobody was given this");
    assert_eq!([refusal(place).await, refusal(&format!("{place}?ticket=")).await], [401, 401]);

    let url = ticket(&user).await;
    let key = format!("ticket_{:x}", Sha256::digest(url.split_once("?ticket=").unwrap().1));
    let records = Records::of(by_itself());
    let found = records.tables.get_item().table_name(records.table);
    let found = found.key("owner", AttributeValue::S(key.clone())).key("id", AttributeValue::S("ticket".into()));
    let ticket = found.send().await.unwrap().item.expect("it is recorded under its hash");
    let left_s = ticket["forgetAt"].as_n().unwrap().parse::<i64>().unwrap() - now().unix_s();
    assert!((30..=60).contains(&left_s), "{left_s} s");
    let past = AttributeValue::N((now().unix_s() - 1).to_string());
    records.put(key, "ticket", &[("userKey", ticket["userKey"].clone()), ("forgetAt", past)]).await;
    assert_eq!(refusal(&url).await, 401, "it has expired");
}

#[tokio::test]
async fn a_user_can_open_twenty_sockets_and_closing_one_frees_a_place() {
    let user = Caller::user(by_itself(), "many-sockets").await;
    let mut urls = Vec::new();
    for _ in 0..21 {
        urls.push(ticket(&user).await);
    }
    let mut open = Vec::new();
    for url in &urls[..20] {
        open.push(opened(url).await.expect("twenty may be open"));
    }
    assert_eq!(refusal(&urls[20]).await, 429);
    let refused = user.call(Method::POST, "/sockets", None).await;
    assert_eq!((refused.status.as_u16(), refused.text_at("/code").as_str()), (409, "too_many_sockets"));
    let mut closed = open.pop().unwrap();
    closed.close(None).await.unwrap();
    until("the closed socket is forgotten", async || user.call(Method::POST, "/sockets", None).await.status == 201)
        .await;
}

#[tokio::test]
async fn sockets_whose_end_was_not_reported_make_room_at_the_limit() {
    let user = Caller::user(by_itself(), "unreported").await;
    let (id, records) = (id_of(&user).await, Records::of(by_itself()));
    let url = ticket(&user).await;
    for number in 0..20 {
        records.put_connection(&id, &format!("gone-{number:02}"), 300 - number).await;
    }
    let first = ticket(&user).await;
    let left = records.connections(&id).await;
    assert_eq!((left.len(), left[0].as_str()), (15, "gone-05"), "the five oldest are removed: {left:?}");
    for number in 0..5 {
        records.put_connection(&id, &format!("gone-{number:02}"), 300 - number).await;
    }
    let _open = opened(&url).await.expect("a handshake makes room, too");
    assert_eq!(records.connections(&id).await.len(), 16);
    let _also_open = opened(&first).await.expect("there is room");
    // Their handshakes may not be over.
    for number in 0..10 {
        records.put_connection(&id, &format!("opening-{number}"), 0).await;
    }
    for number in 5..20 {
        records.remove(&id, &format!("gone-{number:02}")).await;
    }
    for number in 10..18 {
        records.put_connection(&id, &format!("opening-{number}"), 0).await;
    }
    assert_eq!(user.call(Method::POST, "/sockets", None).await.status, 409);
    assert_eq!(records.connections(&id).await.len(), 20);
}

#[tokio::test]
async fn a_closed_socket_is_forgotten_unless_it_may_still_be_opening() {
    let user = Caller::user(by_itself(), "left-open").await;
    let id = id_of(&user).await;
    let records = Records::of(by_itself());
    records.put_connection(&id, "gone", 120).await;
    records.put_connection(&id, "opening", 0).await;
    let job = user.submit(&samples::png(53, 20), "image/png").await;
    user.ended(&job).await;
    until("the closed socket is forgotten", async || records.connections(&id).await == ["opening"]).await;
}

#[tokio::test]
async fn a_webhook_is_queued_even_if_sockets_are_unreachable() {
    let operator = told();
    let user = Caller::user(operator.stack, "hanging").await;
    let job = user.submit(&samples::png(54, 20), "image/png").await;
    let ended = user.ended(&job).await;
    until("the endpoint is told", async || !operator.receiver.heard(&job).is_empty()).await;
    let before = operator.receiver.heard(&job).len();
    // A server that accepts connections and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    Records::of(operator.stack).put_connection(&id_of(&user).await, "hangs", 0).await;
    let text = |text: &Value| json!({ "S": text });
    let image = json!({
        "jobId": text(&ended["jobId"]), "mediaId": text(&ended["mediaId"]), "userId": {"S": id_of(&user).await},
        "status": {"S": "COMPLETED"}, "stage": {"S": "finish"}, "progress": {"N": "100"}, "revision": {"N": "9"},
        "updatedAt": text(&ended["updatedAt"]), "outputs": {"L": []},
    });
    let batch = json!({"Records": [{"dynamodb": {"NewImage": image}}]});
    let changed = [("AWS_ENDPOINT_URL", silent.as_str()), ("SMMU_OPERATOR_WEBHOOK", "true")];
    let (sdk, environment) = (operator.stack.sdk_as("notify").await, operator.stack.environment(&changed));
    let notify = smmu_notify::Context::new(&sdk, &environment).expect("its environment is whole");
    let mut took = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(notify.handle(batch.clone()).await.expect("it succeeds").sent, 1);
        took.push(begun.elapsed().as_secs());
    }
    assert!((1..8).contains(&took[0]), "a socket may delay a batch by seconds: {took:?}");
    assert_eq!(took[2], 0, "and after two of them no further one: {took:?}");
    until("the endpoint is told again", async || operator.receiver.heard(&job).len() > before).await;
}

#[tokio::test]
async fn clients_are_told_to_poll_if_push_is_disabled() {
    let user = Caller::user(in_turns(), "polls").await;
    let refused = user.call(Method::POST, "/sockets", None).await;
    assert_eq!((refused.status.as_u16(), refused.text_at("/code").as_str()), (404, "push_disabled"));
    let job = user.submit(&samples::png(55, 20), "image/png").await;
    assert_eq!(user.ended(&job).await["status"], "COMPLETED");
}

/// `SMMU_PUSH_JOBS` sets the number of jobs.
#[tokio::test]
async fn the_end_of_each_job_arrives_soon() {
    let count = std::env::var("SMMU_PUSH_JOBS").ok().and_then(|count| count.parse().ok()).unwrap_or(6);
    let user = Caller::user(by_request(), "measured").await;
    let mut socket = Socket::of(&user).await;
    let mut waits = Vec::new();
    for number in 0..count {
        let job = user.submit(&samples::png(60 + number, 21), "image/png").await;
        let events = socket.until_the_end(&job).await;
        let ended: Timestamp = events.last().unwrap()["updatedAt"].as_str().unwrap().parse().unwrap();
        waits.push(now().unix_ms() - ended.unix_ms());
    }
    waits.sort_unstable();
    let at = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
    eprintln!("{} ends were told: p50 {} ms, p95 {} ms after the job's end", waits.len(), at(50), at(95));
    assert!(at(50) < 10_000, "{waits:?}");
}
