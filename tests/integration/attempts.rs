//! One attempt of a worker against the deployed stack, with a maker defined by the test.

use aws_sdk_dynamodb::{Client as DynamoDb, types::AttributeValue};
use aws_sdk_s3::Client as S3;
use serde_json::{Value, json};
use smmu_cloud::{Attempt, Ending, Failure, Jobs, StopReason, Submitter, Workbench};
use smmu_core::{
    Artifact, Detected, ErrorCode, JobEvent, JobId, JobState, Machine, Manifest, MediaKind, Pipeline, Role, Sha256,
    Stage,
    av::{AvFacts, Probe, Surveyed, Tags},
    keys,
    make::{MakeError, MakeEvent},
    manifest::{FILE_NAME, Generator, SCHEMA, SourceFacts},
};
use smmu_local::CloudOptions;
use smmu_tests::{Caller, Stack, by_request, caller::hex_sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// A running job without an execution, and the input of its worker.
pub(crate) async fn running(stack: &Stack, user: &Caller, content: &[u8]) -> (Detected, Jobs) {
    let upload = user.init(content, "video/mp4").await;
    assert_eq!(user.put(&upload, content, &[]).await.status, 200);
    let nowhere = format!("{}-missing", stack.output("JobsQueueUrl"));
    let submitter = Submitter::new(&stack.sdk, &stack.environment(&[("SMMU_JOBS_QUEUE_URL", &nowhere)])).unwrap();
    let media = submitter.media.get(&upload.media_id.parse().unwrap()).await.unwrap().unwrap();
    let job = submitter.submit(&media, None).await.unwrap();
    for event in [JobEvent::Started, JobEvent::Detected(MediaKind::Video)] {
        submitter.jobs.advance(&job.id, event).await.unwrap();
    }
    let work = json!({ "kind": "video", "contentType": "video/mp4", "branch": "transcode" });
    let mut whole = serde_json::to_value(media.execution_input(&job)).unwrap();
    whole.as_object_mut().unwrap().extend(work.as_object().unwrap().clone());
    (serde_json::from_value(whole).unwrap(), submitter.jobs)
}

/// An attempt with the permissions of the worker's role.
async fn attempt(stack: &Stack, worker: &str) -> Attempt {
    Attempt::new(&stack.sdk_as(worker).await, &stack.environment(&[])).unwrap()
}

/// A container of 2 vCPU and 4 GB.
const MACHINE: Machine = Machine::Fargate { cpu_units: 2048, memory_mib: 4096, disk_gib: 20 };
/// Cost of its least time, a minute, in micro-dollars. The functions before it cost 2 more.
const MINUTE: u64 = 1646;

/// A gate that blocks makers in their threads.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let (open, opened) = &*self.0;
        drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
    }
}

/// Writes a file and describes it.
fn file(folder: &Path, name: &str, role: Role, content_type: &str, content: &[u8]) -> Artifact {
    fs::write(folder.join(name), content).unwrap();
    let sha256: Sha256 = hex_sha256(content).parse().unwrap();
    Artifact::new(name, role, content_type, content.len() as u64, sha256)
}

fn facts() -> AvFacts {
    let probe = Probe {
        container: "mov".into(),
        duration_ms: 60_000,
        delay_us: 0,
        claimed_ms: None,
        cut_off: false,
        surveyed: Surveyed::default(),
        bit_rate: 64_000,
        streams: 1,
        video: None,
        audio: Vec::new(),
        cover_stream: None,
        chapters: Vec::new(),
        tags: Tags::default(),
    };
    AvFacts { probe, loudness: None }
}

fn manifest(source: &Path, outputs: &Path, kind: MediaKind, artifacts: Vec<Artifact>) -> Manifest {
    let content = fs::read(source).unwrap();
    let source = SourceFacts {
        content_type: "video/mp4".into(),
        bytes: content.len() as u64,
        sha256: hex_sha256(&content).parse().unwrap(),
    };
    let made = Manifest {
        schema: SCHEMA,
        pipeline: Pipeline::Transcode,
        kind,
        source,
        image: None,
        av: Some(facts()),
        speech: None,
        warnings: Vec::new(),
        artifacts,
        generator: Generator { name: "test".into(), version: "0.0.0".into() },
    };
    fs::write(outputs.join(FILE_NAME), serde_json::to_vec(&made).unwrap()).unwrap();
    made
}

fn names(job: &Value) -> Vec<&str> {
    job["outputs"].as_array().into_iter().flatten().map(|output| output["name"].as_str().unwrap()).collect()
}

/// Runs a worker's program to its end.
fn run_worker(name: &str, mode: &str, environment: impl IntoIterator<Item = (String, String)>) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = CloudOptions::for_workspace(root).binaries.join(format!("smmu-{name}"));
    Command::new(program).arg(mode).env_clear().envs(environment).output().expect("starts")
}

/// The environment of a worker on this machine, with some variables changed.
fn workers_environment(changed: &[(&str, &str)]) -> BTreeMap<String, String> {
    let inherited = ["PATH", "SMMU_SPEECH_MODEL"].map(|name| (name, std::env::var(name).unwrap_or_default()));
    let mut variables: BTreeMap<_, _> = inherited.map(|(name, value)| (name.to_owned(), value)).into();
    variables.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    variables
}

/// Completes as a stop signal would, after this.
async fn signal_after(event: impl Future<Output = ()>) -> StopReason {
    event.await;
    StopReason::Signal
}

#[test]
fn a_worker_reports_missing_programs_at_start() {
    for (name, variable, value, said) in [
        ("transcribe", "SMMU_SPEECH_MODEL", "", "environment variable SMMU_SPEECH_MODEL is not set"),
        ("transcribe", "SMMU_SPEECH_MODEL", "/nowhere", "/nowhere"),
        ("transcribe", "PATH", "/nowhere", "ffmpeg is not installed"),
        ("transcode", "PATH", "/nowhere", "ffmpeg is not installed"),
        ("transcode", "SMMU_PROFILE", "{", "environment variable SMMU_PROFILE"),
    ] {
        let lacking = run_worker(name, "check", workers_environment(&[(variable, value)]));
        let text = String::from_utf8_lossy(&lacking.stderr).into_owned();
        assert_eq!(lacking.status.code(), Some(2), "{name} {variable}: {text}");
        assert!(text.contains(said), "{name} {variable}: {text}");
        let ready = run_worker(name, "check", workers_environment(&[]));
        assert!(ready.status.success(), "{}", String::from_utf8_lossy(&ready.stderr));
    }
}

#[tokio::test]
async fn a_missing_program_fails_the_job_at_once_and_hides_details() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    for (name, changed) in [("transcribe", ("SMMU_SPEECH_MODEL", "/nowhere")), ("transcode", ("SMMU_PROFILE", "{"))] {
        let (work, jobs) = running(stack, &user, format!("a video for {name}").as_bytes()).await;
        let mut environment = workers_environment(&[]);
        environment.extend(stack.variables(&[changed]));
        environment.extend(stack.cloud.address().environment());
        environment.insert("SMMU_EXECUTION_INPUT".into(), serde_json::to_string(&work).unwrap());
        let ended = run_worker(name, "job", environment);
        assert_eq!(ended.status.code(), Some(0), "{}", String::from_utf8_lossy(&ended.stdout));
        if name == "transcribe" {
            // The rest of the job is useful without a transcript.
            let job = jobs.get(&work.input.job_id).await.unwrap().unwrap();
            let JobState::Running { given_up, .. } = &job.state else { panic!("the job does not continue: {job:?}") };
            let error = &given_up[&Pipeline::Transcribe];
            assert_eq!((error.code, error.retryable), (ErrorCode::Misconfigured, false));
            assert!(
                !error.message.contains("nowhere"),
                "the missing program is only in the operator's log: {}",
                error.message
            );
            continue;
        }
        let failed = user.ended(work.input.job_id.as_str()).await;
        let error = &failed["error"];
        assert_eq!((&error["code"], &error["retryable"]), (&"misconfigured".into(), &false.into()), "{failed}");
        assert!(!failed.to_string().contains("nowhere"), "the missing program is only in the operator's log: {failed}");
    }
}

#[test]
fn a_worker_that_cannot_read_its_job_exits_with_2() {
    let ended = run_worker("transcode", "job", workers_environment(&[]));
    assert_eq!(ended.status.code(), Some(2), "there is no job to work on");
}

#[tokio::test]
async fn ready_outputs_can_be_read_while_the_job_runs() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let (work, jobs) = running(stack, &user, b"a video of a minute").await;
    let id = work.input.job_id.clone();
    let gate = Gate::default();
    let make = {
        let gate = gate.clone();
        move |bench: Workbench<'_>| {
            let poster = file(bench.outputs, "poster.jpg", Role::Poster, "image/jpeg", b"a poster");
            (bench.tell)(MakeEvent::Probed(MediaKind::Audio, Box::new(facts())));
            (bench.tell)(MakeEvent::Progress(50));
            (bench.tell)(MakeEvent::Ready(poster.clone()));
            gate.wait();
            let whole = file(bench.outputs, "audio.m4a", Role::Rendition, "audio/mp4", &vec![7; 100_000]);
            Ok(manifest(bench.source, bench.outputs, MediaKind::Audio, vec![poster, whole]))
        }
    };
    let attempt = attempt(stack, "transcode").await;
    let run = attempt.run(&work, Stage::Transcode, std::future::pending(), make);
    let look = async {
        let early = user.until(id.as_str(), "list its poster", |job| names(job) == ["poster.jpg"]).await;
        assert_eq!((&early["status"], &early["outputs"][0]["state"]), (&"RUNNING".into(), &"ready".into()));
        assert_eq!(early["kind"], "audio", "the probe corrected the kind");
        assert_eq!(user.download(early["outputs"][0]["url"].as_str().unwrap()).await, b"a poster");
        let tag = user.job(id.as_str()).await.header("etag").to_owned();
        let half = user.until(id.as_str(), "be half made", |job| job["progress"].as_u64() > Some(40)).await;
        assert_eq!(half["stage"], "transcode");
        assert_ne!(user.job(id.as_str()).await.header("etag"), tag);
        gate.open();
    };
    let (ending, ()) = tokio::join!(run, look);
    assert_eq!(ending.unwrap(), Ending::Committed);

    let key = stored_manifest(&jobs, &id).await;
    let prefix = key.strip_suffix(FILE_NAME).unwrap();
    let mut stored = objects(stack, &id).await;
    stored.sort();
    assert_eq!(stored, ["audio.m4a", FILE_NAME, "poster.jpg"].map(|name| format!("{prefix}{name}")));

    let record = record_of_media(stack, work.input.media_id.as_str()).await;
    let measured = record["facts"].as_m().unwrap();
    assert_eq!(measured["kind"].as_s().unwrap(), "audio");
    assert_eq!(measured["av"].as_m().unwrap()["durationMs"].as_n().unwrap(), "60000");
    assert_eq!(record["status"].as_s().unwrap(), "SUBMITTED");

    // Another attempt at a finished job does nothing.
    let idle = |_: Workbench<'_>| -> Result<Manifest, MakeError> { panic!("nothing is left to make") };
    let again = attempt.run(&work, Stage::Transcode, std::future::pending(), idle).await;
    assert_eq!(again.unwrap(), Ending::Committed);
}

#[tokio::test]
async fn a_later_attempt_resumes_from_the_checkpoint_and_replaces_partial_files() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let (work, _) = running(stack, &user, b"an interview").await;
    let id = work.input.job_id.clone();
    let shown = Arc::new(tokio::sync::Notify::new());
    let half = |bench: Workbench<'_>| {
        assert_eq!(bench.checkpoint, None, "this is the first attempt");
        let partial = file(bench.outputs, "transcript.json", Role::Transcript, "application/json", b"half of it");
        (bench.tell)(MakeEvent::Partial(partial, b"half of it".to_vec()));
        (bench.tell)(MakeEvent::Checkpoint(b"the first minute".to_vec()));
        while !bench.cancelled.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(MakeError::Transient("cancelled".into()))
    };
    let attempt = attempt(stack, "transcribe").await;
    let run = attempt.run(&work, Stage::Transcribe, signal_after(shown.notified()), half);
    let look = async {
        let job = user.until(id.as_str(), "show what is heard", |job| names(job) == ["transcript.json"]).await;
        assert_eq!(job["outputs"][0]["state"], "partial");
        assert_eq!(user.download(job["outputs"][0]["url"].as_str().unwrap()).await, b"half of it");
        // The checkpoint was sent after the listed output.
        let checkpoint = keys::checkpoint(&id, Pipeline::Transcribe);
        while !stored(stack, &checkpoint).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        shown.notify_one();
    };
    let (ended, ()) = tokio::join!(run, look);
    assert!(matches!(ended, Err(Failure::Transient(_))), "{ended:?}");

    let gate = Gate::default();
    let rest = {
        let gate = gate.clone();
        move |bench: Workbench<'_>| {
            assert_eq!(bench.checkpoint, Some(b"the first minute".as_slice()));
            let whole = file(bench.outputs, "transcript.json", Role::Transcript, "application/json", b"all of it");
            (bench.tell)(MakeEvent::Ready(whole.clone()));
            gate.wait();
            let made = manifest(bench.source, bench.outputs, MediaKind::Video, vec![whole]);
            Ok(Manifest { pipeline: Pipeline::Transcribe, ..made })
        }
    };
    let run = attempt.run(&work, Stage::Transcribe, std::future::pending(), rest);
    let look = async {
        let whole = |job: &Value| names(job) == ["transcript.json"] && job["outputs"][0]["state"] == "ready";
        let job = user.until(id.as_str(), "have it whole", whole).await;
        assert_eq!(user.download(job["outputs"][0]["url"].as_str().unwrap()).await, b"all of it");
        gate.open();
    };
    let (ended, ()) = tokio::join!(run, look);
    assert_eq!(ended.unwrap(), Ending::Committed);
}

/// True if the object exists in the processed bucket.
async fn stored(stack: &Stack, key: &str) -> bool {
    let bucket = stack.output("ProcessedBucketName");
    S3::new(&stack.sdk).head_object().bucket(bucket).key(key).send().await.is_ok()
}

#[tokio::test]
async fn an_upload_deleted_before_its_worker_starts_is_refused_without_retry() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    for (worker, stage) in [("transcode", Stage::Transcode), ("transcribe", Stage::Transcribe)] {
        let (work, _) = running(stack, &user, format!("for {worker}").as_bytes()).await;
        let source = &work.input.source;
        let gone = S3::new(&stack.sdk).delete_object().bucket(stack.output("RawBucketName"));
        gone.key(&source.key).version_id(&source.version_id).send().await.unwrap();
        let idle = |_: Workbench<'_>| -> Result<Manifest, MakeError> { panic!("there is no source") };
        let ended = attempt(stack, worker).await.run(&work, stage, std::future::pending(), idle).await;
        let Err(Failure::Refused(refusal)) = ended else { panic!("{worker}: {ended:?}") };
        assert_eq!(refusal.code, ErrorCode::SourceMissing);
    }
}

#[tokio::test]
async fn a_stopped_attempt_stops_its_maker_and_commits_nothing() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let (work, jobs) = running(stack, &user, b"another video").await;
    let stopped = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(tokio::sync::Notify::new());
    let make = maker_until_cancelled(&stopped, &begun);
    let attempt = attempt(stack, "transcode").await.on(MACHINE);
    let since = Instant::now();
    let ended = attempt.run(&work, Stage::Transcode, signal_after(begun.notified()), make).await;
    assert!(matches!(ended, Err(Failure::Transient(_))), "{ended:?}");
    assert!(stopped.load(Ordering::Relaxed) && since.elapsed() < Duration::from_secs(5));
    let job = jobs.get(&work.input.job_id).await.unwrap().unwrap();
    assert!(!job.has_committed(Pipeline::Transcode));
    assert_eq!(job.uncommitted_costs().map(|cost| cost.total().0).collect::<Vec<_>>(), [MINUTE]);
    assert!(objects(stack, &work.input.job_id).await.is_empty());
}

#[tokio::test]
async fn an_attempt_stopped_by_cancellation_does_not_fail() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let (work, jobs) = running(stack, &user, b"a fourth video").await;
    let (stopped, begun) = (Arc::new(AtomicBool::new(false)), Arc::new(tokio::sync::Notify::new()));
    let make = maker_until_cancelled(&stopped, &begun);
    let stop = async {
        begun.notified().await;
        jobs.advance(&work.input.job_id, JobEvent::Cancelled).await.unwrap();
        StopReason::Signal
    };
    let attempt = attempt(stack, "transcode").await.on(MACHINE);
    let ended = attempt.run(&work, Stage::Transcode, stop, make).await;
    assert_eq!(ended.unwrap(), Ending::Superseded);
    assert!(stopped.load(Ordering::Relaxed));
    let cost = user.job(work.input.job_id.as_str()).await.json()["cost"].clone();
    assert_eq!((&cost["atLeast"], cost["computeMicroDollars"].as_u64()), (&true.into(), Some(MINUTE + 2)), "{cost}");
    assert!(cost["totalMicroDollars"].as_u64() > Some(MINUTE + 2), "{cost}: with requests");
}

#[tokio::test]
async fn an_attempt_stops_its_maker_when_the_job_ends() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    let (work, jobs) = running(stack, &user, b"a third video").await;
    let stopped = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(tokio::sync::Notify::new());
    let make = maker_until_cancelled(&stopped, &begun);
    let attempt = attempt(stack, "transcode").await;
    let run = attempt.run(&work, Stage::Transcode, std::future::pending(), make);
    let cancel = async {
        begun.notified().await;
        jobs.advance(&work.input.job_id, JobEvent::Cancelled).await.unwrap();
    };
    let (ended, ()) = tokio::join!(run, cancel);
    assert_eq!(ended.unwrap(), Ending::Superseded);
    assert!(stopped.load(Ordering::Relaxed));
    assert!(objects(stack, &work.input.job_id).await.is_empty());
}

/// A maker that reports progress and runs until it is cancelled.
fn maker_until_cancelled(
    stopped: &Arc<AtomicBool>,
    begun: &Arc<tokio::sync::Notify>,
) -> impl FnOnce(Workbench<'_>) -> Result<Manifest, MakeError> + Send + 'static {
    let (stopped, begun) = (Arc::clone(stopped), Arc::clone(begun));
    move |bench| {
        begun.notify_one();
        for percent in (0..100).cycle() {
            if bench.cancelled.load(Ordering::Relaxed) {
                break;
            }
            (bench.tell)(MakeEvent::Progress(percent));
            std::thread::sleep(Duration::from_millis(20));
        }
        stopped.store(true, Ordering::Relaxed);
        Err(MakeError::Transient("cancelled".into()))
    }
}

#[tokio::test]
async fn sources_and_outputs_of_several_parts_are_transferred_intact() {
    let stack = by_request();
    let user = Caller::user(stack, "ada").await;
    // Every part differs, so parts in the wrong order are detected.
    let content: Vec<u8> = (0..70_000_000_u32).map(|n| u8::try_from(n / 1_000_000).unwrap()).collect();
    let (work, jobs) = running(stack, &user, &content).await;
    let make = |bench: Workbench<'_>| {
        let content = fs::read(bench.source).unwrap();
        let copy = file(bench.outputs, "video.mp4", Role::Rendition, "video/mp4", &content);
        Ok(manifest(bench.source, bench.outputs, MediaKind::Video, vec![copy]))
    };
    // The attempt has checked the source against the grant.
    let ended = attempt(stack, "transcode").await.run(&work, Stage::Transcode, std::future::pending(), make).await;
    assert_eq!(ended.unwrap(), Ending::Committed);
    let key = stored_manifest(&jobs, &work.input.job_id).await.replace(FILE_NAME, "video.mp4");
    let s3 = S3::new(&stack.sdk);
    let object = s3.get_object().bucket(stack.output("ProcessedBucketName")).key(key).send().await.unwrap();
    assert_eq!(object.content_type(), Some("video/mp4"));
    let stored = object.body.collect().await.unwrap().to_vec();
    assert!(stored == content, "the stored copy differs");
}

const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo-360p.m3u8\n";
const MEDIA: &str = "#EXTM3U\n#EXT-X-MAP:URI=\"video-360p.mp4\",BYTERANGE=\"7@0\"\n#EXTINF:6.0,\n#EXT-X-BYTERANGE:8@7\nvideo-360p.mp4\n";
const STORYBOARD: &str = "WEBVTT\n\n00:00.000 --> 00:02.000\nstoryboard.jpg#xywh=0,0,160,90\n";

/// Lists the outputs that a player needs, without committing.
#[expect(clippy::unnecessary_wraps, clippy::needless_pass_by_value, reason = "the signature of a maker")]
fn make_playable(bench: Workbench<'_>) -> Result<Manifest, MakeError> {
    let playlist = "application/vnd.apple.mpegurl";
    let artifacts = [
        file(bench.outputs, "master.m3u8", Role::MasterPlaylist, playlist, MASTER.as_bytes()),
        file(bench.outputs, "video-360p.m3u8", Role::MediaPlaylist, playlist, MEDIA.as_bytes()),
        file(bench.outputs, "video-360p.mp4", Role::Segments, "video/mp4", b"headersegments"),
        file(bench.outputs, "storyboard.vtt", Role::Storyboard, "text/vtt", STORYBOARD.as_bytes()),
        file(bench.outputs, "storyboard.jpg", Role::Sprite, "image/jpeg", b"stills"),
    ];
    let timed = artifacts.map(|artifact| Artifact { duration_ms: Some(60_000), ..artifact });
    Ok(manifest(bench.source, bench.outputs, MediaKind::Video, timed.to_vec()))
}

#[tokio::test]
async fn playlists_have_readable_segment_urls() {
    let stack = by_request();
    let (ada, eve) = (Caller::user(stack, "ada").await, Caller::user(stack, "eve").await);
    let (work, jobs) = running(stack, &ada, b"a video to play").await;
    let id = &work.input.job_id;
    attempt(stack, "transcode")
        .await
        .run(&work, Stage::Transcode, std::future::pending(), make_playable)
        .await
        .unwrap();
    let outputs = smmu_cloud::Artifacts::new(&stack.sdk, &stack.environment(&[])).unwrap();
    let outputs = outputs.collect(&stored_manifest(&jobs, id).await).await.unwrap().outputs;
    jobs.advance(id, JobEvent::Completed { outputs, warnings: Vec::new(), bill: None }).await.unwrap();

    let job = ada.job(id.as_str()).await.json();
    let path = |name: &str| {
        let outputs = job["outputs"].as_array().unwrap();
        outputs.iter().find(|output| output["name"] == name).unwrap()["playbackPath"].as_str().map(str::to_owned)
    };
    assert_eq!(path("video-360p.mp4"), None);
    let get = async |name: &str| ada.call(reqwest::Method::GET, &path(name).unwrap(), None).await;

    let master = get("master.m3u8").await;
    assert_eq!((master.status.as_u16(), master.text.as_str()), (200, MASTER), "playlists keep relative URLs");
    assert_eq!(master.header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(master.header("cache-control"), "private, no-store");

    let media = get("video-360p.m3u8").await.text;
    let lines: Vec<_> = media.lines().collect();
    let segment = lines[4];
    assert!(segment.starts_with("http") && segment.contains("X-Amz-Expires=960&"), "{segment}");
    assert_eq!(lines[1], format!("#EXT-X-MAP:URI=\"{segment}\",BYTERANGE=\"7@0\""));
    assert_eq!(ada.download(segment).await, b"headersegments");

    let storyboard = get("storyboard.vtt").await;
    assert_eq!(storyboard.header("content-type"), "text/vtt");
    let cue = storyboard.text.lines().last().unwrap();
    let (sprite, place) = cue.split_once('#').unwrap();
    assert_eq!((ada.download(sprite).await, place), (b"stills".to_vec(), "xywh=0,0,160,90"));

    // Files not served here, of other users, and missing ones get the same answer.
    let absent =
        eve.call(reqwest::Method::GET, "/jobs/job_01j0000000000000000000000x/playback/master.m3u8", None).await;
    assert_eq!(absent.status, 404);
    for (caller, name) in [(&eve, "master.m3u8"), (&ada, "video-360p.mp4"), (&ada, "none.m3u8")] {
        let answer = caller.call(reqwest::Method::GET, &format!("/jobs/{id}/playback/{name}"), None).await;
        assert_eq!((answer.status, answer.text), (absent.status, absent.text.clone()), "{name}");
    }
}

async fn stored_manifest(jobs: &Jobs, id: &JobId) -> String {
    let job = jobs.get(id).await.unwrap().unwrap();
    let smmu_core::JobState::Running { committed, .. } = &job.state else { panic!("the job is not running") };
    committed[&Pipeline::Transcode].clone()
}

async fn objects(stack: &Stack, id: &JobId) -> Vec<String> {
    let bucket = stack.output("ProcessedBucketName");
    let listed = S3::new(&stack.sdk).list_objects_v2().bucket(bucket).prefix(format!("jobs/{id}/")).send().await;
    listed.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()).collect()
}

async fn record_of_media(stack: &Stack, id: &str) -> std::collections::HashMap<String, AttributeValue> {
    let table = stack.output("MediaTableName");
    let found = DynamoDb::new(&stack.sdk).get_item().table_name(table).key("mediaId", AttributeValue::S(id.into()));
    found.send().await.unwrap().item.unwrap()
}
