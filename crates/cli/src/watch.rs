//! `smmu watch`: prints a line for every change of jobs, from a socket, or by polling if there is none.

use crate::{
    api::{Api, Job, Poll},
    args::Cli,
    error::{Error, Exit},
    retry::Backoff,
    show::{Show, print, printable},
    socket::{Event, NoSocket, Socket},
    waiting,
};
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use smmu_core::{JobId, Status, Timestamp};
use std::{collections::BTreeMap, io::Write, time::Duration};
use tokio::time::{Instant, interval_at, sleep, timeout};

/// Interval between polls while a socket is open: events can be lost.
const LOOK: Duration = Duration::from_mins(1);

/// Interval between pings. API Gateway closes an idle socket after ten minutes.
const PING: Duration = Duration::from_mins(5);

/// Longest time that an event is held back to read the position of its job.
const POSITION: Duration = Duration::from_secs(5);

/// Polling interval without a socket, if the API returns none.
const POLL: Duration = Duration::from_secs(1);

/// Delays between tries to open a socket.
const REOPEN: Backoff = Backoff { tries: u32::MAX, first: Duration::from_millis(500), longest: Duration::from_mins(1) };

/// A socket that stayed open this long resets the backoff, so the next opens soon; for one that closes at once
/// the delay grows.
const STEADY: Duration = Duration::from_mins(1);

/// Without job ids, jobs are remembered up to this number, so that a late event of an ended job is not printed again.
const REMEMBERED: usize = 10_000;

/// The last known state of a job.
#[derive(Default)]
struct Known {
    /// None if the last state came from polling.
    revision: Option<u64>,
    updated_at: Option<Timestamp>,
    tag: Option<HeaderValue>,
    /// Set once the job has ended; a deleted job counts as failed.
    ended: Option<Exit>,
}

/// The watched jobs and where to print their changes.
struct Watch<'a> {
    api: &'a Api,
    /// Watch all of the user's jobs: no id was given.
    all: bool,
    jobs: BTreeMap<JobId, Known>,
    json: bool,
    stdout: &'a mut dyn Write,
}

/// Watches these jobs until they have ended, or all jobs of the user until interrupted.
pub async fn run(cli: &Cli, ids: &[JobId], json: bool, show: &Show, stdout: &mut dyn Write) -> Result<Exit, Error> {
    let api = Api::signed_in(cli, show)?;
    let jobs = ids.iter().map(|id| (id.clone(), Known::default())).collect();
    let mut watch = Watch { api: &api, all: ids.is_empty(), jobs, json, stdout };
    let (mut failures, mut told) = (0, false);
    loop {
        match Socket::open(&api).await {
            Ok(mut socket) => {
                let opened = Instant::now();
                if let Some(exit) = watch.through(&mut socket).await? {
                    return Ok(exit);
                }
                if opened.elapsed() >= STEADY {
                    failures = 0;
                }
            }
            Err(NoSocket::Refused(error)) => return Err(error),
            // Without ids there is nothing to poll.
            Err(NoSocket::Off(error)) if watch.all => return Err(error),
            Err(NoSocket::Off(_)) => {
                show.note("the API has no sockets; polling instead");
                return watch.poll(None).await.map(|exit| exit.unwrap_or(Exit::Done));
            }
            Err(NoSocket::Passing(why)) => {
                if !told {
                    show.note(&format!("{}; trying again, and polling until then", printable(&why, 200)));
                    told = true;
                }
            }
        }
        failures += 1;
        let pause = REOPEN.pause(failures, fastrand::f64());
        if let Some(exit) = watch.poll(Some(Instant::now() + pause)).await? {
            return Ok(exit);
        }
    }
}

impl Watch<'_> {
    /// Reads a socket until it closes, or every job has ended.
    async fn through(&mut self, socket: &mut Socket) -> Result<Option<Exit>, Error> {
        // The first poll is immediate: a new socket does not repeat earlier events.
        let (mut look, mut ping) = (interval_at(Instant::now(), LOOK), interval_at(Instant::now() + PING, PING));
        loop {
            tokio::select! {
                event = socket.event() => match event {
                    Some(event) => {
                        let event = self.with_position(event).await;
                        self.tell(&event)?;
                    }
                    None => return Ok(None),
                },
                _ = look.tick() => { self.try_look().await?; }
                _ = ping.tick() => socket.ping().await,
            }
            if let Some(exit) = self.ended() {
                return Ok(Some(exit));
            }
        }
    }

    /// Adds the job's position to an event of a named job that waits: events do not have it. Best effort.
    async fn with_position(&self, mut event: Event) -> Event {
        let stage = event.more.get("stage").and_then(Value::as_str).unwrap_or_default().to_owned();
        let waits = event.status == Some(Status::Queued) || stage == "waiting";
        let is_named = !self.all && self.jobs.get(&event.job_id).is_some_and(|known| is_new(known, &event));
        if waits
            && is_named
            && let Ok(Ok(Poll::Changed(snapshot))) = timeout(POSITION, self.api.job(&event.job_id, None)).await
            && snapshot.job.stage == stage
            && let Some(queue) = snapshot.job.more.get(waiting::QUEUE)
        {
            event.more.insert(waiting::QUEUE.to_owned(), queue.clone());
        }
        event
    }

    /// Polls the jobs until `until`, or until all have ended.
    async fn poll(&mut self, until: Option<Instant>) -> Result<Option<Exit>, Error> {
        loop {
            let found = if until.is_some() { self.try_look().await? } else { self.look().await? };
            let pause = found.unwrap_or(POLL).max(Duration::from_millis(200));
            if let Some(exit) = self.ended() {
                return Ok(Some(exit));
            }
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(left) if left <= pause => {
                    sleep(left).await;
                    return Ok(None);
                }
                Some(_) | None => sleep(pause).await,
            }
        }
    }

    /// Polls once, ignoring network trouble: a socket, or the next try to open one, follows.
    async fn try_look(&mut self) -> Result<Option<Duration>, Error> {
        match self.look().await {
            Err(Error::Trouble(_)) => Ok(None),
            found => found,
        }
    }

    /// Polls each job that has not ended; returns the shortest `Retry-After`.
    async fn look(&mut self) -> Result<Option<Duration>, Error> {
        let ids: Vec<_> =
            self.jobs.iter().filter(|(_, known)| known.ended.is_none()).map(|(id, _)| id.clone()).collect();
        let mut soonest = None;
        for id in ids {
            let known = self.jobs.entry(id.clone()).or_default();
            let retry_after = match self.api.job(&id, known.tag.as_ref()).await {
                Ok(Poll::Changed(snapshot)) => {
                    known.tag = snapshot.tag;
                    self.tell(&event_of(&snapshot.job))?;
                    snapshot.retry_after
                }
                Ok(Poll::Unchanged { retry_after }) => retry_after,
                Err(Error::Refused(refused)) if refused.status == 404 && known.updated_at.is_some() => {
                    self.tell(&deleted(id))?;
                    None
                }
                Err(error) => return Err(error),
            };
            soonest = soonest.into_iter().chain(retry_after).min();
        }
        Ok(soonest)
    }

    /// Prints an event if it is about a watched job and is new.
    fn tell(&mut self, event: &Event) -> Result<(), Error> {
        if !self.all && !self.jobs.contains_key(&event.job_id) {
            return Ok(());
        }
        let known = self.jobs.entry(event.job_id.clone()).or_default();
        if !is_new(known, event) {
            return Ok(());
        }
        known.revision = event.revision;
        known.updated_at = event.updated_at.or(known.updated_at);
        known.ended = match event.kind.as_str() {
            "deleted" => Some(Exit::JobFailed),
            _ => event.status.filter(|status| status.is_terminal()).map(Exit::of),
        };
        let text = if self.json { json!(event).to_string() } else { spoken(event) };
        if self.all && self.jobs.len() > REMEMBERED {
            // Ids sort by time, so this is the oldest.
            self.jobs.pop_first();
        }
        print(self.stdout, &format!("{text}\n"))
    }

    /// The exit code, once every named job has ended.
    fn ended(&self) -> Option<Exit> {
        if self.all {
            return None;
        }
        self.jobs.values().try_fold(Exit::Done, |exit, known| Some(exit.and(known.ended?)))
    }
}

/// Returns whether an event is newer than the known state. Events are ordered by revision; a polled state has
/// none and is ordered by time.
fn is_new(known: &Known, event: &Event) -> bool {
    if known.ended.is_some() {
        return false;
    }
    // An end is always new: if a worker's clock is ahead, it can have the time of the previous change.
    if event.status.is_some_and(Status::is_terminal) {
        return true;
    }
    // A deletion has no time.
    let Some(at) = event.updated_at else { return event.revision.is_none() || event.revision > known.revision };
    match (event.revision, known.revision) {
        (Some(revision), Some(before)) => revision > before && known.updated_at.is_none_or(|last| at >= last),
        (_, _) => known.updated_at.is_none_or(|last| at > last),
    }
}

/// A polled job as an event.
fn event_of(job: &Job) -> Event {
    let more = json!({
        "mediaId": job.media_id, "stage": job.stage, "progress": job.progress,
        "outputsReady": job.outputs.as_ref().map_or(0, Vec::len),
    });
    let mut more = if let Value::Object(more) = more { more } else { serde_json::Map::new() };
    if let Some(queue) = job.more.get(waiting::QUEUE) {
        more.insert(waiting::QUEUE.to_owned(), queue.clone());
    }
    Event {
        kind: "job".to_owned(),
        job_id: job.job_id.clone(),
        revision: None,
        status: Some(job.status),
        updated_at: Some(job.updated_at),
        more,
    }
}

/// The event for a job that no longer exists.
fn deleted(job_id: JobId) -> Event {
    Event {
        kind: "deleted".to_owned(),
        job_id,
        revision: None,
        status: None,
        updated_at: None,
        more: serde_json::Map::new(),
    }
}

/// Formats an event as a line of text.
fn spoken(event: &Event) -> String {
    let Some(status) = event.status else { return format!("{} {}", event.job_id, printable(&event.kind, 40)) };
    let text = |name: &str| event.more.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| event.more.get(name).and_then(Value::as_u64).unwrap_or_default();
    let outputs = match (status, number("outputsReady")) {
        (Status::Failed, _) | (_, 0) => String::new(),
        (_, 1) => ", 1 output".to_owned(),
        (_, several) => format!(", {several} outputs"),
    };
    let wait = event.updated_at.and_then(|since| waiting::of(event.more.get(waiting::QUEUE), since));
    let wait = wait.map(|wait| format!(", {wait}")).unwrap_or_default();
    format!("{} {status} {} {} %{outputs}{wait}", event.job_id, printable(text("stage"), 20), number("progress"))
}

#[cfg(test)]
mod tests {
    use super::{Known, is_new, spoken};
    use crate::socket::Event;
    use serde_json::{Value, json};

    fn event(more: &Value) -> Event {
        let mut event = json!({"type": "job", "jobId": "job_01jd0w00000000000000000001", "status": "RUNNING"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(event).unwrap()
    }

    fn at(second: u8) -> String {
        format!("2026-01-01T00:00:{second:02}.000Z")
    }

    #[test]
    fn a_known_change_is_not_printed_again() {
        let known =
            |revision, second| Known { revision, updated_at: Some(at(second).parse().unwrap()), ..Known::default() };
        let told = |revision: u8, second| event(&json!({"revision": revision, "updatedAt": at(second)}));
        let looked_at = |second| event(&json!({"updatedAt": at(second)}));
        assert!(is_new(&Known::default(), &told(1, 5)) && is_new(&Known::default(), &looked_at(5)));
        assert!(is_new(&known(Some(3), 5), &told(4, 5)), "two changes within a millisecond");
        assert!(!is_new(&known(Some(3), 5), &told(3, 5)), "it came twice");
        assert!(!is_new(&known(Some(3), 5), &told(2, 4)), "it came late");
        assert!(!is_new(&known(Some(3), 5), &looked_at(5)), "a poll that finds a known state");
        assert!(is_new(&known(Some(3), 5), &looked_at(6)), "a poll that finds a newer state");
        assert!(!is_new(&known(None, 5), &told(3, 5)), "an event of a polled state");
        let deleted = event(&json!({"type": "deleted", "revision": 4}));
        assert!(is_new(&known(Some(3), 5), &deleted) && is_new(&known(None, 5), &deleted));
        let gone = super::deleted(deleted.job_id.clone());
        assert!(is_new(&known(Some(3), 5), &gone), "a poll that finds no job");
        let ended = event(&json!({"status": "COMPLETED", "updatedAt": at(5)}));
        assert!(is_new(&known(Some(3), 5), &ended), "an end at the time of the previous change");
    }

    #[test]
    fn an_event_is_a_line() {
        let told = event(&json!({"stage": "transcode", "progress": 40, "outputsReady": 2}));
        assert_eq!(spoken(&told), "job_01jd0w00000000000000000001 RUNNING transcode 40 %, 2 outputs");
        let queue = json!({"ahead": 3, "startsAt": at(30)});
        let waits =
            event(&json!({"status": "QUEUED", "stage": "queue", "progress": 0, "updatedAt": at(5), "queue": queue}));
        let wait = "about 3 ahead, starts about 00:00 UTC";
        assert_eq!(spoken(&waits), format!("job_01jd0w00000000000000000001 QUEUED queue 0 %, {wait}"));
        let newer: Event =
            serde_json::from_value(json!({"type": "archived", "jobId": "job_01jd0w00000000000000000001"})).unwrap();
        assert_eq!(spoken(&newer), "job_01jd0w00000000000000000001 archived");
    }
}
