use super::*;
use smmu_core::{
    Job, JobEvent, Transition,
    webhook::{Audience, Event, Secret},
};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SHORT: Duration = Duration::from_millis(500);

/// A receiver that gives every request the same response and records the requests.
struct Receiver {
    at: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn answering(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let hears = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = request(&mut stream).await;
                hears.lock().unwrap().push(request);
                stream.write_all(answer.as_bytes()).await.unwrap();
                if answer.contains("chunked") {
                    while stream.write_all(b"1000\r\n").await.is_ok()
                        && stream.write_all(&[b'a'; 0x1000]).await.is_ok()
                        && stream.write_all(b"\r\n").await.is_ok()
                    {}
                }
                if answer.is_empty() {
                    tokio::time::sleep(Duration::from_secs(10)).await;
                }
            }
        });
        Self { at, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// Reads a complete request.
async fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        text += std::str::from_utf8(&buffer[..read]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() == length.parse::<usize>().unwrap() {
            return text;
        }
    }
}

/// A resolver that returns these answers in turn, then repeats the last.
fn answering(reach: Reach, answers: &[&[&str]]) -> (Guarded, Arc<Mutex<usize>>) {
    let answers: Vec<Vec<SocketAddr>> =
        answers.iter().map(|all| all.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 0)).collect()).collect();
    let asked = Arc::new(Mutex::new(0));
    let counts = Arc::clone(&asked);
    let guarded = Guarded::asking(reach, move |_| {
        let mut count = counts.lock().unwrap();
        let answer = answers[(*count).min(answers.len() - 1)].clone();
        *count += 1;
        Box::pin(async move { Ok(answer) })
    });
    (guarded, asked)
}

fn ended() -> (EventId, String) {
    let job: Job = serde_json::from_value(serde_json::json!({
        "jobId": "job_01jd0w00000000000000000001", "mediaId": "med_01jd0w00000000000000000001", "userId": "user-1",
        "inputKey": "k", "inputVersionId": "v", "status": "QUEUED", "stage": "queue", "progress": 0, "revision": 0,
        "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z",
    }))
    .unwrap();
    let Transition::Changed(job) = job.apply(JobEvent::Cancelled, job.created_at) else { panic!("not cancelled") };
    let (id, event) = Event::of(&job, Audience::Owner).unwrap();
    (id, serde_json::to_string(&event).unwrap())
}

/// Posts once, with its own client.
async fn post(url: &str, reach: Reach, answers: &[&[&str]]) -> Result<StatusCode, Undelivered> {
    let poster = Poster::resolving_by(answering(reach, answers).0, reach, SHORT).unwrap();
    post_by(&poster, url).await
}

async fn post_by(poster: &Poster, url: &str) -> Result<StatusCode, Undelivered> {
    let secrets = [1, 2].map(|byte| Secret::from_bytes(&[byte; 32])).to_vec();
    let (id, body) = ended();
    poster.post(&Destination { url: url.to_owned(), secrets }, &id, &body).await
}

#[tokio::test]
async fn a_message_has_an_id_a_timestamp_and_a_signature_per_secret() {
    let receiver = Receiver::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let url = format!("http://hooks.example.com:{}/in?key=1", receiver.at.port());
    assert_eq!(post(&url, Reach::Local, &[&["127.0.0.1"]]).await, Ok(StatusCode::NO_CONTENT));
    let [request] = &receiver.heard()[..] else { panic!("one request") };
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
    assert!(head.starts_with("POST /in?key=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(header("host"), format!("hooks.example.com:{}", receiver.at.port()));
    assert_eq!((header("content-type"), header("user-agent")), ("application/json", USER_AGENT));
    assert_eq!((header("webhook-id"), body), (ended().0.as_str(), ended().1.as_str()));
    let at = Timestamp::from_unix_ms(header("webhook-timestamp").parse::<i64>().unwrap() * 1000).unwrap();
    let expected = [1, 2].map(|byte| sign(&Secret::from_bytes(&[byte; 32]), header("webhook-id"), at, body));
    assert_eq!(header("webhook-signature"), expected.join(" "));
}

#[tokio::test]
async fn dns_rebinding_cannot_change_the_checked_address() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    // The second answer differs, as in DNS rebinding.
    let (guarded, asked) = answering(Reach::Local, &[&["127.0.0.1"], &["169.254.169.254"]]);
    let poster = Poster::resolving_by(guarded, Reach::Local, SHORT).unwrap();
    let url = format!("http://rebinds.example.com:{}/", receiver.at.port());
    assert_eq!(post_by(&poster, &url).await, Ok(StatusCode::OK));
    assert_eq!((*asked.lock().unwrap(), receiver.heard().len()), (1, 1));
    // No earlier connection is reused either.
    assert_eq!(post_by(&poster, &url).await, Err(Undelivered::because(DeliveryProblem::AddressRefused)));
    assert_eq!((*asked.lock().unwrap(), receiver.heard().len()), (2, 1));
}

#[tokio::test]
async fn nothing_is_sent_to_private_addresses() {
    let receiver = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let port = receiver.at.port();
    let refused = Err(Undelivered::because(DeliveryProblem::AddressRefused));
    for answer in [&["127.0.0.1"][..], &["93.184.215.14", "127.0.0.1"], &["::1"], &["::ffff:127.0.0.1"], &["10.0.0.1"]]
    {
        let url = format!("https://hooks.example.com:{port}/");
        assert_eq!(post(&url, Reach::Public, &[answer]).await, refused, "{answer:?}");
    }
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]", "localhost"] {
        assert_eq!(post(&format!("https://{host}:{port}/"), Reach::Public, &[&[]]).await, refused, "{host}");
    }
    assert_eq!(post(&format!("http://hooks.example.com:{port}/"), Reach::Public, &[&["8.8.8.8"]]).await, refused);
    assert_eq!(receiver.heard(), Vec::<String>::new());
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let there = Receiver::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let answer = format!("HTTP/1.1 307 See\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", there.at);
    let here = Receiver::answering(answer.leak()).await;
    let undelivered = post(&format!("http://{}/", here.at), Reach::Local, &[&[]]).await.unwrap_err();
    assert_eq!(undelivered.problem, DeliveryProblem::Redirect);
    assert_eq!((here.heard().len(), there.heard().len()), (1, 0));
}

#[tokio::test]
async fn a_hanging_receiver_times_out_and_an_endless_response_is_cut_off() {
    let hangs = Receiver::answering("").await;
    let undelivered = post(&format!("http://{}/", hangs.at), Reach::Local, &[&[]]).await;
    assert_eq!(undelivered, Err(Undelivered::because(DeliveryProblem::Timeout)));
    let talks = Receiver::answering("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert_eq!(post(&format!("http://{}/", talks.at), Reach::Local, &[&[]]).await, Ok(StatusCode::OK));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let undelivered = post(&format!("http://{nobody}/"), Reach::Local, &[&[]]).await;
    assert_eq!(undelivered, Err(Undelivered::because(DeliveryProblem::Connection)));
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_or_a_date() {
    for (header, asked_s) in
        [("120", Some(120)), ("Mon, 01 Jan 2001 00:00:00 GMT", Some(0)), ("soon", None), ("-1", None)]
    {
        let answer = format!("HTTP/1.1 503 Busy\r\nretry-after: {header}\r\ncontent-length: 0\r\n\r\n");
        let receiver = Receiver::answering(answer.leak()).await;
        let undelivered = post(&format!("http://{}/", receiver.at), Reach::Local, &[&[]]).await.unwrap_err();
        let status = Some(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(undelivered, Undelivered { problem: DeliveryProblem::Status, status, asked_s }, "{header}");
    }
}
