//! A webhook endpoint that records requests and answers as configured.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

/// A received request.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Path and query.
    pub path: String,
    /// Headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Body, unchanged.
    pub body: String,
    /// Time at which it was complete.
    pub at: SystemTime,
}

impl Heard {
    /// A header, or an empty text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON, or null.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Response of an endpoint.
#[derive(Debug, Clone)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// A redirect to this URL.
    Redirect(String),
    /// No response.
    Hang,
}

/// A running endpoint. It runs as long as the process.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
}

type Answering = dyn Fn(&Heard, usize) -> Reply + Send + Sync;

impl Receiver {
    /// Starts an endpoint. `reply` gets each request and the number of earlier requests with the same `webhook-id`.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn answering(reply: impl Fn(&Heard, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (heard, reply): (_, Arc<Answering>) = (Arc::default(), Arc::new(reply));
        let receiver = Self { address, heard };
        let serving = receiver.clone();
        // Threads instead of a runtime, because it outlives the runtime of its test.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (serving, reply) = (serving.clone(), Arc::clone(&reply));
                // A client that disconnects early is ignored.
                thread::spawn(move || serving.serve(stream, &*reply).ok());
            }
        });
        receiver
    }

    /// Its URL, with this query.
    #[must_use]
    pub fn url(&self, query: &str) -> String {
        format!("http://{}/hooks?{query}", self.address)
    }

    /// Received requests whose body contains this text, such as a job ID, in order.
    #[must_use]
    pub fn heard(&self, of: &str) -> Vec<Heard> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|one| one.body.contains(of)).cloned().collect()
    }

    fn serve(&self, mut stream: TcpStream, reply: &Answering) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let (mut first, mut headers) = (String::new(), BTreeMap::new());
        reader.read_line(&mut first)?;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(&body).into_owned();
        let one = Heard { path, headers, body, at: SystemTime::now() };
        let before = {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            let same =
                |other: &&Heard| other.header("webhook-id") == one.header("webhook-id") && other.path == one.path;
            let before = heard.iter().filter(same).count();
            heard.push(one.clone());
            before
        };
        let answer = match reply(&one, before) {
            Reply::Status(status) => format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
            Reply::Redirect(to) => {
                format!("HTTP/1.1 307 There\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            }
            Reply::Hang => {
                thread::sleep(Duration::from_mins(1));
                return Ok(());
            }
        };
        stream.write_all(answer.as_bytes())
    }
}
