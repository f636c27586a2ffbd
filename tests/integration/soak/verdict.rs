//! Judges what a soak has left behind. Pure: `found` reads the stack.

use super::plan::Expected;
use smmu_core::keys;
use std::collections::{BTreeMap, BTreeSet};

/// An upload, as its client knows it.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    pub(super) media: String,
    /// The job that the API named.
    pub(super) job: String,
    pub(super) expected: Expected,
    /// The status that the API showed at the end.
    pub(super) shown: String,
}

/// A recorded job.
#[derive(Debug, Clone)]
pub(super) struct RecordedJob {
    pub(super) id: String,
    pub(super) media: String,
    pub(super) status: String,
    /// Code and `retryable` of a failed job's error.
    pub(super) error: Option<(String, bool)>,
    /// Keys and sizes of a completed job's outputs, manifests included.
    pub(super) outputs: BTreeMap<String, u64>,
    /// Keys and sizes of the artifacts in its manifests, and the keys of the manifests.
    pub(super) manifests: BTreeMap<String, BTreeMap<String, u64>>,
}

/// Everything that a soak has left behind.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) uploads: Vec<Upload>,
    /// What clients could not do.
    pub(super) complaints: Vec<String>,
    pub(super) jobs: Vec<RecordedJob>,
    pub(super) media: BTreeSet<String>,
    pub(super) executions: Vec<String>,
    /// Keys in the bucket of uploads.
    pub(super) raw: Vec<String>,
    /// Keys and sizes in the bucket of outputs.
    pub(super) processed: BTreeMap<String, u64>,
    /// Messages by queue, dead letters included.
    pub(super) messages: BTreeMap<String, u64>,
}

/// The judgement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Each is a fault of the product.
    pub(super) problems: Vec<String>,
    /// Objects of attempts that did not commit, under the prefix of their job. A killed attempt cannot remove them; they
    /// go with the media (docs/CONFIGURATION.md).
    pub(super) leftovers: Vec<String>,
}

/// Checks that every upload has exactly one ended job with one set of outputs, and that nothing else is left.
pub(super) fn judge(found: &Found) -> Verdict {
    let mut problems = found.complaints.clone();
    problems.extend(uploads(found));
    problems.extend(found.jobs.iter().flat_map(|job| outputs(job, &found.processed)));
    problems.extend(executions(found));
    for key in &found.raw {
        let named = keys::parse_upload(key).is_ok_and(|media| found.media.contains(media.as_str()));
        if !named {
            problems.push(format!("no media names the uploaded object {key}"));
        }
    }
    for (queue, count) in found.messages.iter().filter(|(_, count)| **count > 0) {
        problems.push(format!("{count} messages are left in {queue}"));
    }
    let (strays, leftovers) = unnamed(found);
    problems.extend(strays.into_iter().map(|key| format!("nothing names the object {key}")));
    Verdict { problems, leftovers }
}

fn uploads(found: &Found) -> Vec<String> {
    let mut problems = Vec::new();
    let mut asked_for = BTreeSet::new();
    for upload in &found.uploads {
        asked_for.insert(upload.media.as_str());
        if !found.media.contains(&upload.media) {
            problems.push(format!("{} is not recorded", upload.media));
        }
        let jobs: Vec<_> = found.jobs.iter().filter(|job| job.media == upload.media).collect();
        let [job] = jobs[..] else {
            problems.push(format!("{} has {} jobs", upload.media, jobs.len()));
            continue;
        };
        if job.id != upload.job {
            problems.push(format!("{} has the job {}, its client was told {}", upload.media, job.id, upload.job));
        }
        if job.status != upload.shown {
            problems.push(format!("{} is {}, its client was shown {}", job.id, job.status, upload.shown));
        }
        let as_expected = match upload.expected {
            Expected::Completed => job.status == "COMPLETED",
            Expected::Refused => job.status == "FAILED" && matches!(job.error, Some((_, false))),
        };
        if !as_expected {
            problems.push(format!("{} ended as {} {:?}, not {:?}", job.id, job.status, job.error, upload.expected));
        }
    }
    // A media without job can be the grant of a client that gave up, which is a complaint of its own.
    for job in found.jobs.iter().filter(|job| !asked_for.contains(job.media.as_str())) {
        problems.push(format!("no client submitted {} of {}", job.id, job.media));
    }
    problems
}

/// Checks that a job's outputs are the files of its manifests, all of them, from one attempt of each worker.
fn outputs(job: &RecordedJob, stored: &BTreeMap<String, u64>) -> Vec<String> {
    let id = &job.id;
    let mut problems = Vec::new();
    if job.status != "COMPLETED" {
        if !job.outputs.is_empty() {
            problems.push(format!("{id} is {} and has outputs", job.status));
        }
        return problems;
    }
    if job.manifests.is_empty() {
        problems.push(format!("{id} has no manifest"));
    }
    let workers: Vec<_> = job.manifests.keys().map(|manifest| keys::attempt_of(manifest).0).collect();
    if workers.iter().collect::<BTreeSet<_>>().len() != workers.len() {
        problems.push(format!("{id} has outputs of two attempts of one worker: {:?}", job.manifests.keys()));
    }
    let listed: BTreeSet<_> = job.outputs.keys().collect();
    let made: BTreeSet<_> = job.manifests.iter().flat_map(|(key, files)| files.keys().chain([key])).collect();
    if listed != made {
        problems.push(format!("{id} lists other outputs than its manifests: {:?}", listed.symmetric_difference(&made)));
    }
    for (key, bytes) in job.outputs.iter().chain(job.manifests.values().flatten()) {
        if stored.get(key) != Some(bytes) {
            problems.push(format!("{id} needs {bytes} bytes at {key}, there are {:?}", stored.get(key)));
        }
    }
    problems
}

fn executions(found: &Found) -> Vec<String> {
    let ran: BTreeSet<_> = found.executions.iter().collect();
    let mut problems = Vec::new();
    if ran.len() != found.executions.len() {
        problems.push("an execution is listed twice".to_owned());
    }
    let jobs: BTreeSet<_> = found.jobs.iter().map(|job| &job.id).collect();
    // A job that a light run ended has none.
    problems.extend(ran.difference(&jobs).map(|name| format!("the execution {name} has no job")));
    problems
}

/// Objects that no job lists: those of no recorded job or of an attempt that was committed, and leftovers.
fn unnamed(found: &Found) -> (Vec<String>, Vec<String>) {
    let jobs: BTreeSet<_> = found.jobs.iter().map(|job| job.id.as_str()).collect();
    let listed: BTreeSet<_> = found.jobs.iter().flat_map(|job| job.outputs.keys()).collect();
    let manifests = found.jobs.iter().flat_map(|job| job.manifests.keys());
    let committed: BTreeSet<_> = manifests.map(|key| keys::attempt_of(key).1).collect();
    let unlisted = found.processed.keys().filter(|key| !listed.contains(key)).cloned();
    unlisted.partition(|key| {
        let job = key.split('/').nth(1).unwrap_or_default();
        !jobs.contains(job) || (key.starts_with("jobs/") && committed.contains(keys::attempt_of(key).1))
    })
}

#[cfg(test)]
mod tests {
    use super::{Expected, Found, RecordedJob, Upload, Verdict, judge};
    use std::collections::BTreeMap;

    const MEDIA: &str = "med_01jd0w00000000000000000001";
    const JOB: &str = "job_01jd0w00000000000000000001";
    const ATTEMPT: &str = "jobs/job_01jd0w00000000000000000001/transcode/att_01jd0w00000000000000000002";

    /// One upload whose job has completed with a file and a manifest.
    fn sound() -> Found {
        let (file, manifest) = (format!("{ATTEMPT}/small.webp"), format!("{ATTEMPT}/manifest.json"));
        let outputs = [(file.clone(), 10), (manifest.clone(), 5)];
        let job = RecordedJob {
            id: JOB.to_owned(),
            media: MEDIA.to_owned(),
            status: "COMPLETED".to_owned(),
            error: None,
            outputs: outputs.clone().into(),
            manifests: [(manifest, [(file, 10)].into())].into(),
        };
        let upload = Upload {
            media: MEDIA.to_owned(),
            job: JOB.to_owned(),
            expected: Expected::Completed,
            shown: "COMPLETED".to_owned(),
        };
        Found {
            uploads: vec![upload],
            jobs: vec![job],
            media: [MEDIA.to_owned()].into(),
            executions: vec![JOB.to_owned()],
            raw: vec![format!("uploads/{MEDIA}")],
            processed: outputs.into(),
            messages: [("jobs".to_owned(), 0)].into(),
            complaints: Vec::new(),
        }
    }

    /// The only problem of a sound soak after a change.
    fn problem(change: impl FnOnce(&mut Found)) -> String {
        let mut found = sound();
        change(&mut found);
        let verdict = judge(&found);
        let [problem] = &verdict.problems[..] else { panic!("one problem, not {:?}", verdict.problems) };
        problem.clone()
    }

    /// All problems of a sound soak after a change.
    fn problems(change: impl FnOnce(&mut Found)) -> String {
        let mut found = sound();
        change(&mut found);
        judge(&found).problems.join("\n")
    }

    #[test]
    fn one_completed_job_with_its_outputs_is_sound() {
        assert_eq!(judge(&sound()), Verdict::default());
    }

    #[test]
    fn a_lost_job_is_found() {
        let lost = problems(|found| found.jobs.clear());
        assert!(lost.contains(&format!("{MEDIA} has 0 jobs")), "{lost}");
        assert!(lost.contains(&format!("the execution {JOB} has no job")), "{lost}");
        assert_eq!(problems(|found| found.executions.clear()), "", "a light run ended it");
        let lost = problem(|found| found.complaints.push("complete: given up".to_owned()));
        assert_eq!(lost, "complete: given up");
        assert!(problems(|found| found.media.clear()).contains("is not recorded"));
    }

    #[test]
    fn a_second_job_of_an_upload_is_found() {
        let second = problems(|found| {
            let mut second = found.jobs[0].clone();
            second.id = "job_01jd0w00000000000000000003".to_owned();
            (second.outputs, second.manifests) = (BTreeMap::new(), BTreeMap::new());
            found.executions.push(second.id.clone());
            found.jobs.push(second);
        });
        assert!(second.contains(&format!("{MEDIA} has 2 jobs")), "{second}");
        assert!(problems(|found| found.executions.push(JOB.to_owned())).contains("twice"));
        assert!(problems(|found| found.uploads.clear()).contains("no client submitted"));
    }

    #[test]
    fn a_job_that_did_not_end_or_ended_otherwise_is_found() {
        let running = problems(|found| found.jobs[0].status = "RUNNING".to_owned());
        assert!(running.contains("ended as RUNNING"), "{running}");
        assert!(running.contains("is RUNNING and has outputs"), "{running}");
        let failed = |retryable| {
            problems(|found| {
                found.uploads[0].expected = Expected::Refused;
                found.uploads[0].shown = "FAILED".to_owned();
                let job = &mut found.jobs[0];
                (job.status, job.error) = ("FAILED".to_owned(), Some(("some_code".to_owned(), retryable)));
                (job.outputs, job.manifests) = (BTreeMap::new(), BTreeMap::new());
                found.processed.clear();
            })
        };
        assert_eq!(failed(false), "");
        assert!(failed(true).contains("some_code"), "a failure of ours is not the file's");
        assert!(problem(|found| found.uploads[0].expected = Expected::Refused).contains("not Refused"));
        assert!(problem(|found| found.uploads[0].shown = "RUNNING".to_owned()).contains("was shown RUNNING"));
    }

    #[test]
    fn outputs_that_are_missing_changed_or_of_two_attempts_are_found() {
        let file = format!("{ATTEMPT}/small.webp");
        assert!(
            problems(|found| {
                found.processed.remove(&file);
            })
            .contains("there are None")
        );
        assert!(
            problems(|found| {
                found.processed.insert(file.clone(), 9);
            })
            .contains("there are Some(9)")
        );
        let unlisted = problems(|found| {
            found.jobs[0].outputs.remove(&file);
        });
        assert!(unlisted.contains("lists other outputs"), "{unlisted}");
        let two = problems(|found| {
            let other = format!("jobs/{JOB}/transcode/att_01jd0w00000000000000000009/manifest.json");
            found.jobs[0].manifests.insert(other.clone(), [].into());
            found.jobs[0].outputs.insert(other.clone(), 1);
            found.processed.insert(other, 1);
        });
        assert!(two.contains("two attempts of one worker"), "{two}");
        assert!(problems(|found| found.jobs[0].manifests.clear()).contains("has no manifest"));
    }

    #[test]
    fn an_object_that_nothing_names_is_found() {
        let strays = [
            "jobs/job_01jd0w00000000000000000007/transcode/att_01jd0w00000000000000000002/a".to_owned(),
            format!("{ATTEMPT}/extra"),
            "elsewhere".to_owned(),
        ];
        for stray in strays {
            let problem = problem(|found| {
                found.processed.insert(stray.clone(), 1);
            });
            assert_eq!(problem, format!("nothing names the object {stray}"));
        }
        for stray in ["uploads/med_01jd0w00000000000000000009", "elsewhere"] {
            let problem = problem(|found| found.raw.push(stray.to_owned()));
            assert_eq!(problem, format!("no media names the uploaded object {stray}"));
        }
    }

    #[test]
    fn files_of_a_killed_attempt_are_leftovers() {
        let mut found = sound();
        let left = [
            format!("jobs/{JOB}/transcode/att_01jd0w00000000000000000008/small.webp"),
            format!("working/{JOB}/transcribe/checkpoint"),
        ];
        found.processed.extend(left.clone().map(|key| (key, 1)));
        let verdict = judge(&found);
        assert_eq!((verdict.problems, verdict.leftovers), (Vec::new(), left.to_vec()));
    }

    #[test]
    fn messages_left_in_a_queue_are_found() {
        let left = problem(|found| {
            found.messages.insert("jobs-dlq".to_owned(), 2);
        });
        assert_eq!(left, "2 messages are left in jobs-dlq");
    }
}
