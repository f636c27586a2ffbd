//! Load under faults: no upload is lost, done twice or left half-done. `make soak` runs a long one (docs/SOAK.md).

use self::{
    client::Client,
    plan::{Expected, Planned, plan},
    processes::KillRate,
    report::{Latency, Report, Run},
    verdict::Upload,
};
use aws_sdk_dynamodb::Client as DynamoDb;
use futures_util::{StreamExt, stream};
use smmu_local::{Deployer, Faults};
use smmu_tests::Stack;
use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

mod client;
mod found;
mod plan;
pub(super) mod processes;
mod report;
mod verdict;

/// Time limit of a job, far beyond the interval of reconcile.
const PATIENCE: Duration = Duration::from_mins(20);
/// How often the status of a submitted job is read.
const POLL: Duration = Duration::from_millis(100);

/// Size of a soak.
#[derive(Debug, Clone, Copy)]
struct Settings {
    seed: u64,
    jobs: usize,
    /// Uploads and jobs at a time.
    at_once: usize,
    /// Value of the parameter `ReconcileRate`.
    reconcile: &'static str,
}

/// The faults of a soak: about one of twenty calls fails, and a job makes fifty.
fn faults(seed: u64) -> Faults {
    Faults {
        seed,
        refused: 0.02,
        lost: 0.02,
        cut: 0.01,
        slow: 0.05,
        slow_ms: 800,
        duplicated: 0.1,
        reordered: 0.5,
        late: 0.1,
        late_ms: 3_000,
        // Five minutes, less the time that a request may take.
        skewed: 0.2,
        skew_s: 290,
        repeated: 0.05,
        withheld_ms: 5_000,
        period_ms: 30_000,
    }
}

/// Uploads of the run without faults, at most: it only measures times to compare with.
const MOST_CALM: usize = 500;

/// Processes killed: about one for seven uploads, as in the first soak by hand (116 for 800).
const UPLOADS_PER_KILL: u64 = 7;

/// Runs a soak on a stack of its own.
fn soak(settings: Settings, faults: Option<Faults>) -> Run {
    let parameters = [
        ("UploadTrigger", "disabled"),
        ("Transcription", "disabled"),
        ("RenderImageMaxBytes", plan::RENDER_IMAGE_MAX_BYTES),
        // As by default. What fails there twice goes on in a container.
        ("WorkerFunctions", "enabled"),
        ("ReconcileRate", settings.reconcile),
        ("Push", "disabled"),
        ("Web", "disabled"),
    ];
    let kills = faults.is_some().then_some(KillRate { uploads_per_kill: UPLOADS_PER_KILL, seed: settings.seed });
    let stack = Stack::deploy_into("dev", &parameters, |options| {
        // Four small workers, or two large ones.
        options.fargate_vcpu = Some(8);
        options.faults = faults;
        options.deployer = Deployer::Own;
    });
    let runtime = Runtime::new().expect("a runtime");
    // Boxed: the state of SDK calls is large.
    runtime.block_on(Box::pin(load(&stack, settings, kills)))
}

/// An upload that was submitted and whose job has ended.
struct Done {
    upload: Upload,
    what: &'static str,
    took: Duration,
}

async fn load(stack: &Stack, settings: Settings, kills: Option<KillRate>) -> Run {
    let (client, tables) = (Client::new(stack), DynamoDb::new(&stack.sdk));
    let (begun, done) = (AtomicUsize::new(0), AtomicBool::new(false));
    let planned = plan(settings.seed, settings.jobs);
    let start = Instant::now();
    let work = async {
        let (client, tables, begun) = (&client, &tables, &begun);
        let all = stream::iter(planned.iter().enumerate()).map(|(index, one)| async move {
            begun.fetch_add(1, Ordering::Relaxed);
            let key = format!("soak-{}-{index}", settings.seed);
            Box::pin(through(client, tables, stack, one, &key))
                .await
                .map_err(|why| format!("{} {index}: {why}", one.what))
        });
        let results: Vec<_> = all.buffer_unordered(settings.at_once).collect().await;
        let took = start.elapsed();
        done.store(true, Ordering::Relaxed);
        (results, took)
    };
    let killing = async {
        match kills {
            Some(rate) => processes::kill(stack, rate, &begun, &done).await,
            None => BTreeMap::new(),
        }
    };
    let watching = processes::watch(stack, settings.jobs, &begun, &done);
    let ((results, took), kills, memory) = tokio::join!(work, killing, watching);

    let mut found = found::read(stack).await;
    let mut ended = Vec::new();
    for result in results {
        match result {
            Ok(one) => ended.push(one),
            Err(complaint) => found.complaints.push(complaint),
        }
    }
    found.uploads = ended.iter().map(|one| one.upload.clone()).collect();
    let verdict = verdict::judge(&found);
    let faults = injected(stack).await;
    let mut problems = verdict.problems;
    for job in found.jobs.iter().filter(|job| matches!(job.error, Some((_, true)))) {
        problems.extend(found::failures(stack, &job.id).await);
    }
    if faults.is_empty() {
        problems.extend(verdict.leftovers.iter().map(|key| format!("nothing failed, and {key} is left")));
    }
    let count = |status: &str| ended.iter().filter(|one| one.upload.shown == status).count();
    let (seconds, per_minute) = (took.as_secs(), ended.len() as u64 * 60_000);
    Run {
        jobs: settings.jobs,
        completed: count("COMPLETED"),
        refused: ended.iter().filter(|one| one.upload.expected == Expected::Refused).count(),
        seconds,
        jobs_per_minute: per_minute.checked_div(took.as_millis().try_into().unwrap_or(u64::MAX)).unwrap_or_default(),
        latency: Latency::of(ended.iter().map(|one| one.took)),
        latency_of: by_sort(&ended),
        client_retries: client.retries(),
        kills,
        interrupted_invocations: interrupted(stack),
        faults,
        leftovers: verdict.leftovers.len(),
        memory,
        slowest: slowest(&mut ended),
        problems,
    }
}

/// Takes one upload through the API to the end of its job.
async fn through(
    client: &Client<'_>,
    tables: &DynamoDb,
    stack: &Stack,
    planned: &Planned,
    key: &str,
) -> Result<Done, String> {
    let submitted = client.submit(planned, key).await?;
    let took = loop {
        let status = found::status(tables, stack, &submitted.job_id).await;
        let took = submitted.at.elapsed();
        if status.as_deref().is_some_and(found::is_final) {
            break took;
        }
        if took > PATIENCE {
            return Err(format!("{} is {status:?} after {} s", submitted.job_id, took.as_secs()));
        }
        tokio::time::sleep(POLL).await;
    };
    let shown = client.status(planned.user, &submitted.job_id).await?;
    let upload = Upload { media: submitted.media_id, job: submitted.job_id, expected: planned.expected, shown };
    Ok(Done { upload, what: planned.what, took })
}

fn by_sort(ended: &[Done]) -> BTreeMap<String, Latency> {
    let mut times: BTreeMap<String, Vec<Duration>> = BTreeMap::new();
    for one in ended {
        times.entry(one.what.to_owned()).or_default().push(one.took);
    }
    times.into_iter().map(|(what, times)| (what, Latency::of(times))).collect()
}

fn slowest(ended: &mut [Done]) -> Vec<(String, String, u64)> {
    ended.sort_by_key(|one| std::cmp::Reverse(one.took));
    let of = |one: &Done| {
        let ms = u64::try_from(one.took.as_millis()).unwrap_or(u64::MAX);
        (one.what.to_owned(), one.upload.job.clone(), ms)
    };
    ended.iter().take(10).map(of).collect()
}

/// Injected faults, by service and sort. None without faults, because then the emulator has no such path.
async fn injected(stack: &Stack) -> BTreeMap<String, u64> {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}/_smmu/faults", stack.cloud.address().endpoint());
    let answer = http.get(url).send().await.expect("the emulator answers");
    answer.json().await.unwrap_or_default()
}

/// Invocations whose process died, from the emulator's log.
fn interrupted(stack: &Stack) -> usize {
    let log = fs::read(stack.cloud.logs_dir().join("emulator.log")).unwrap_or_default();
    String::from_utf8_lossy(&log).matches("Runtime exited before returning a response").count()
}

/// A number of the environment.
fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}, not a number")))
}

/// `SMMU_SOAK_JOBS` makes it a long soak beside one without faults; `SMMU_SOAK_SEED` replaces its seed, and
/// `SMMU_SOAK_REPORT` names a file for the report as JSON.
#[test]
fn no_upload_is_lost_or_done_twice_under_load_and_faults() {
    let seed = number("SMMU_SOAK_SEED").unwrap_or(1);
    let long = number("SMMU_SOAK_JOBS");
    let settings = match long {
        Some(jobs) => Settings { seed, jobs, at_once: 12, reconcile: "rate(5 minutes)" },
        None => Settings { seed, jobs: 24, at_once: 6, reconcile: "rate(1 minute)" },
    };
    let calm = long.map(|jobs| soak(Settings { jobs: jobs.min(MOST_CALM), ..settings }, None));
    let faulted = soak(settings, Some(faults(seed)));
    let report = Report { seed, calm, faulted };
    eprintln!("{}", report.table());
    if let Some(file) = std::env::var_os("SMMU_SOAK_REPORT") {
        fs::write(file, serde_json::to_vec_pretty(&report).expect("it becomes JSON")).expect("the file is writable");
    }
    let problems = report.problems();
    assert!(problems.is_empty(), "{problems:#?}");
    // Otherwise the soak has shown nothing.
    let faulted = &report.faulted;
    assert!(!faulted.kills.is_empty() && !faulted.faults.is_empty(), "no faults");
    if long.is_some() {
        assert!(faulted.interrupted_invocations > 0, "no kill hit an invocation: {:?}", faulted.kills);
    }
}
