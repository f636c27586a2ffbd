//! Faults of storage: a full disk, broken transfers, a throttled table and expired credentials. Each job ends as
//! promised, and a log names the cause. On a stack of their own, one test at a time.

use serde_json::{Value, json};
use smmu_local::{Deployer, Faults, Image};
use smmu_tests::{Caller, Stack, samples};
use std::{
    fs,
    path::PathBuf,
    sync::LazyLock,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// Runs the transcode worker. If a file named after its job exists, its temporary folder is first replaced by a file
/// system of the size in that file, once.
const WORKER: &str = r#"
program=$1 sizes=$2
shift 2
job=$(printf %s "$SMMU_EXECUTION_INPUT" | grep -o 'job_[0-9a-z]*' | head -n 1)
if [ -z "$job" ] || ! size=$(cat "$sizes/$job" 2>/dev/null); then exec "$program" "$@"; fi
rm "$sizes/$job"
exec unshare --map-root-user --mount sh -ec '
    mount -t tmpfs -o "size=$1" none "$TMPDIR"
    shift
    exec "$@"' sh "$size" "$program" "$@"
"#;

/// A stack whose worker renders every image, and the folder of the sizes of its disks.
struct Storage {
    stack: Stack,
    sizes: TempDir,
}

async fn alone() -> (&'static Storage, Caller, MutexGuard<'static, ()>) {
    const PARAMETERS: [(&str, &str); 5] = [
        ("UploadTrigger", "disabled"),
        ("RenderImageMaxBytes", "0"),
        ("Transcription", "disabled"),
        ("Push", "disabled"),
        ("Web", "disabled"),
    ];
    static STORAGE: LazyLock<Storage> = LazyLock::new(|| {
        let sizes = tempfile::tempdir().unwrap();
        let stack = Stack::deploy_into("dev", &PARAMETERS, |options| {
            // Only planned ones.
            options.faults = Some(Faults { period_ms: 1, ..Faults::default() });
            options.deployer = Deployer::Own;
            let program = options.binaries.join("smmu-transcode").display().to_string();
            let sizes = sizes.path().display().to_string();
            let command = ["sh", "-ec", WORKER, "worker", &program, &sizes].map(ToOwned::to_owned);
            options.images.insert("transcode-worker".to_owned(), Image::Program(command.into()));
        });
        Storage { stack, sizes }
    });
    static ALONE: Mutex<()> = Mutex::const_new(());
    let guard = ALONE.lock().await;
    (&STORAGE, Caller::user(&STORAGE.stack, "ada").await, guard)
}

/// An uploaded image that is not submitted yet.
struct Uploaded {
    media: String,
    job: String,
    bytes: usize,
}

impl Storage {
    async fn upload(&self, user: &Caller, width: u32) -> Uploaded {
        let file = samples::png(width, 700);
        let upload = user.init(&file, "image/png").await;
        assert_eq!(user.put(&upload, &file, &[]).await.status, 200);
        Uploaded { job: upload.media_id.replace("med_", "job_"), media: upload.media_id, bytes: file.len() }
    }

    /// Submits an upload and returns its ended job.
    async fn run(&self, user: &Caller, upload: &Uploaded) -> Value {
        assert_eq!(user.complete(&upload.media).await.text_at("/jobId"), upload.job);
        user.ended(&upload.job).await
    }

    /// Plans a fault (`Plan` in local/python/patches/faults.py).
    async fn plan(&self, fault: Value) {
        let url = format!("{}/_smmu/faults", self.stack.cloud.address().endpoint());
        let posted = reqwest::Client::builder().no_proxy().build().unwrap().post(url).json(&fault).send().await;
        assert_eq!(posted.unwrap().status(), 200);
    }

    /// The log of a function.
    async fn log_of(&self, function: &str) -> String {
        let group = format!("/aws/lambda/smmu-{}-{function}", self.stack.stage);
        let root = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request";
        let asked = reqwest::Client::builder().no_proxy().build().unwrap().post(self.stack.cloud.address().endpoint());
        let asked = asked.header("x-amz-target", "Logs_20140328.FilterLogEvents").header("authorization", root);
        let answer = asked.body(json!({"logGroupName": group}).to_string()).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Returns the log lines of workers with both texts.
    fn said(&self, job: &str, cause: &str) -> Vec<String> {
        let files = fs::read_dir(self.stack.cloud.logs_dir()).unwrap().flatten().map(|entry| entry.path());
        let logs = files.filter(|path: &PathBuf| !path.ends_with("emulator.log")).map(fs::read);
        let logs = logs.map(|log| String::from_utf8_lossy(&log.unwrap()).into_owned());
        let lines = logs.flat_map(|log| log.lines().map(ToOwned::to_owned).collect::<Vec<_>>());
        lines.filter(|line| line.contains(job) && line.contains(cause)).collect()
    }
}

#[tokio::test]
async fn a_transfer_that_breaks_off_is_resumed() {
    let (storage, user, _alone) = alone().await;
    let upload = storage.upload(&user, 901).await;
    let transfer = json!({"service": "s3", "method": "GET", "contains": upload.media, "agent": "transcode"});
    storage.plan(with(&transfer, &json!({"sort": "shortened", "times": 2}))).await;
    let job = storage.run(&user, &upload).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    assert_eq!(storage.said(&upload.job, "resuming the download of a part of the source").len(), 2);
    assert!(storage.said(&upload.job, "attempt failed").is_empty(), "one attempt was enough");
}

#[tokio::test]
async fn a_source_damaged_in_transit_is_fetched_again_and_never_refused() {
    let (storage, user, _alone) = alone().await;
    let cause = "the downloaded source does not match its checksum";
    for (times, status) in [(1, "COMPLETED"), (1000, "FAILED")] {
        let upload = storage.upload(&user, 902).await;
        let transfer = json!({"service": "s3", "method": "GET", "contains": upload.media, "agent": "transcode"});
        storage.plan(with(&transfer, &json!({"sort": "flipped", "times": times}))).await;
        let job = storage.run(&user, &upload).await;
        assert_eq!(job["status"], status, "{job}");
        // One attempt on the first capacity, one on demand, and two retries.
        let attempts = if times == 1 { 1 } else { 4 };
        assert_eq!(storage.said(&upload.job, cause).len(), attempts, "{job}");
        if status == "FAILED" {
            let error = &job["error"];
            assert_eq!((&error["code"], &error["retryable"]), (&"worker_failed".into(), &true.into()), "{job}");
        }
    }
}

#[tokio::test]
async fn a_table_that_throttles_for_a_minute_fails_no_job() {
    let (storage, user, _alone) = alone().await;
    let (before, during) = (storage.upload(&user, 5000).await, storage.upload(&user, 903).await);
    assert_eq!(user.complete(&before.media).await.status, 202);
    while storage.stack.worker_of(&before.job).is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let code = "ProvisionedThroughputExceededException";
    let throttled = json!({"service": "dynamodb", "contains": storage.stack.output("JobsTableName")});
    storage.plan(with(&throttled, &json!({"sort": "refused", "status": 400, "code": code, "seconds": 60}))).await;
    let begun = Instant::now();
    let mut refused = 0;
    loop {
        let answer = user.complete(&during.media).await;
        if answer.status == 202 {
            break;
        }
        assert_eq!((answer.status.as_u16(), &answer.json()["retryable"]), (503, &true.into()), "{answer:?}");
        if begun.elapsed() < Duration::from_secs(50) {
            // It cannot commit, and waits.
            assert!(storage.stack.worker_of(&before.job).is_some());
        }
        refused += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(refused > 0 && begun.elapsed() >= Duration::from_secs(50), "{refused} in {:?}", begun.elapsed());
    for upload in [&before, &during] {
        let job = user.ended(&upload.job).await;
        assert_eq!(job["status"], "COMPLETED", "{job}");
    }
    let log = storage.log_of("api").await;
    assert!(log.contains("AWS call failed") && log.contains(code), "{log}");
    assert!(storage.said(&before.job, "attempt failed").is_empty(), "its work was not lost");
}

#[tokio::test]
async fn an_attempt_whose_credentials_expire_is_repeated_with_new_ones() {
    let (storage, user, _alone) = alone().await;
    let upload = storage.upload(&user, 904).await;
    // From its first output on.
    let outputs = json!({"service": "s3", "method": "PUT", "contains": upload.job, "agent": "transcode"});
    storage.plan(with(&outputs, &json!({"sort": "expired"}))).await;
    let job = storage.run(&user, &upload).await;
    assert_eq!(job["status"], "COMPLETED", "{job}");
    let failed = storage.said(&upload.job, "attempt failed");
    assert!(matches!(&failed[..], [line] if line.contains("ExpiredToken")), "{failed:?}");
}

#[tokio::test]
async fn a_worker_whose_disk_is_full_is_replaced() {
    let (storage, user, _alone) = alone().await;
    // Too small for the source; and for the source, but not for what is made of it.
    for (width, room, cause) in [(905, 0, "and the disk has room for"), (906, 1, "No space left on device")] {
        let upload = storage.upload(&user, width).await;
        let size = if room == 0 { 16 * 1024 } else { upload.bytes + 16 * 1024 };
        fs::write(storage.sizes.path().join(&upload.job), size.to_string()).unwrap();
        let job = storage.run(&user, &upload).await;
        assert_eq!(job["status"], "COMPLETED", "{job}");
        let failed = storage.said(&upload.job, "attempt failed");
        assert!(matches!(&failed[..], [line] if line.contains(cause)), "{failed:?}");
    }
}

/// A JSON object with the members of both.
fn with(one: &Value, other: &Value) -> Value {
    let mut all = one.clone();
    all.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    all
}
