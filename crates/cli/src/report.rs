//! The result of each file: a JSON document for programs, a table row for people, an exit code for scripts.

use crate::{
    api::{Cost, Job},
    error::{Error, Exit},
    estimate::Estimate,
    show::printable,
    source::name_of,
    table::{Side, lay_out},
    waiting,
};
use indicatif::HumanBytes;
use serde_json::{Value, json};
use smmu_core::{Status, speech::names};
use std::{collections::BTreeMap, path::PathBuf};

/// Longest file name in the table, in characters.
const LONGEST_NAME: usize = 40;

/// Longest transcript excerpt to show, in characters; the saved file has the whole text.
const LONGEST_WORDS: usize = 1000;

/// The result of one file, or of one job requested by id.
#[derive(Debug, Default)]
pub struct Report {
    /// The file as given on the command line; none for a job requested by id.
    pub file: Option<PathBuf>,
    /// Its size, once hashed.
    pub bytes: Option<u64>,
    /// The job as it was last seen.
    pub job: Option<Job>,
    /// The estimate that the API returned before the job began.
    pub estimate: Option<Estimate>,
    /// Paths of downloaded outputs, by output name.
    pub saved: BTreeMap<String, PathBuf>,
    /// The error that ended the run early.
    pub error: Option<Error>,
}

impl Report {
    /// The exit code for this result.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let error = self.error.as_ref().map_or(Exit::Done, Error::exit);
        self.job.as_ref().map_or(Exit::Done, |job| Exit::of(job.status)).and(error)
    }

    /// The document that `--json` prints.
    pub fn document(&self) -> Result<Value, serde_json::Error> {
        let mut document = self.job.as_ref().map_or(Ok(json!({})), serde_json::to_value)?;
        for output in document.get_mut("outputs").and_then(Value::as_array_mut).into_iter().flatten() {
            let path = output["name"].as_str().and_then(|name| self.saved.get(name));
            if let Some(path) = path.map(|path| path.to_string_lossy().into_owned()) {
                output["path"] = path.into();
            }
        }
        if let Some(file) = &self.file {
            document["file"] = file.to_string_lossy().into();
        }
        if let Some(estimate) = &self.estimate {
            document["estimate"] = serde_json::to_value(estimate)?;
        }
        if let Some(error) = &self.error {
            document["problem"] = serde_json::to_value(error.view())?;
        }
        Ok(document)
    }

    /// A one-line, human-readable error.
    #[must_use]
    pub fn complaint(&self) -> Option<String> {
        let failed = self.job.as_ref().and_then(|job| Some((job, job.error.as_ref()?)));
        let failed = failed.map(|(job, error)| {
            let remedy = error.remedy.as_ref().map_or_else(String::new, |remedy| format!(". {remedy}"));
            let again = if error.retryable { format!(" [smmu rerun {}]", job.job_id) } else { String::new() };
            format!("failed: {} at {}: {}{remedy}{again}", error.code, error.stage, error.message)
        });
        let text = failed.or_else(|| self.error.as_ref().map(ToString::to_string))?;
        Some(printable(&text, 600))
    }

    /// Warnings about a processed file, one line each.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let warnings = self.job.iter().flat_map(|job| job.warnings.iter().map(move |warning| (job, warning)));
        warnings.map(|(job, warning)| {
            let step = warning.more.get("step").and_then(Value::as_str);
            let step = step.filter(|_| warning.more.get("retryable") == Some(&true.into()));
            let again = step.map(|step| format!(" [smmu rerun {} --step {step}]", job.job_id)).unwrap_or_default();
            printable(&format!("warning: {}: {}{again}", warning.code, warning.message), 600)
        })
    }

    fn row(&self) -> [String; 9] {
        const NONE: &str = "–";
        let job = self.job.as_ref();
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
        // A path's folders would hide the file name, since the column is narrow.
        let name = self.file.as_ref().map(|path| name_of(path));
        let outputs = job.and_then(|job| job.outputs.as_ref());
        let bytes_in = self.bytes.map(|bytes| HumanBytes(bytes).to_string());
        let bytes_out = outputs.map(|outputs| HumanBytes(outputs.iter().map(|o| o.bytes).sum()).to_string());
        let size = match (bytes_in, bytes_out) {
            (None, None) => NONE.to_owned(),
            (Some(before), None) => before,
            (before, Some(after)) => format!("{} → {after}", or_none(before)),
        };
        [
            printable(&or_none(name), LONGEST_NAME),
            printable(&or_none(job.and_then(|job| job.kind.clone())), 10),
            self.status(),
            or_none(outputs.map(|outputs| outputs.len().to_string())),
            size,
            or_none(job.and_then(seconds)),
            or_none(job.and_then(|job| job.cost.as_ref()).map(Cost::cell)),
            or_none(self.estimate.as_ref().map(Estimate::cell)),
            or_none(job.map(|job| job.job_id.to_string())),
        ]
    }

    fn status(&self) -> String {
        match (&self.job, &self.error) {
            (Some(job), Some(Error::Unverified { .. } | Error::Unwritable { .. })) => {
                format!("{}, not saved", job.status)
            }
            (Some(job), _) => {
                let wait = waiting::of_job(job).map(|wait| format!(", {wait}")).unwrap_or_default();
                format!("{}{wait}", job.status)
            }
            (None, Some(Error::Refused(_))) => "REFUSED".to_owned(),
            (None, Some(Error::Unreadable { .. })) => "UNREADABLE".to_owned(),
            (
                None,
                Some(Error::Trouble(_) | Error::Usage(_) | Error::Unverified { .. } | Error::Unwritable { .. }) | None,
            ) => "NOT SENT".to_owned(),
        }
    }
}

/// Seconds from the submission of a job to its end, by the service's clock.
fn seconds(job: &Job) -> Option<String> {
    let ms = job.updated_at.unix_ms().checked_sub(job.created_at.unix_ms())?;
    job.status.is_terminal().then(|| format!("{}.{}", ms / 1000, ms % 1000 / 100))
}

/// Excerpts of the downloaded transcripts, one paragraph each.
#[must_use]
pub fn spoken(reports: &[Report]) -> String {
    let said = reports.iter().filter_map(|report| {
        let words = std::fs::read_to_string(report.saved.get(names::TEXT)?).ok()?;
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let name = report.file.as_ref().map_or_else(|| names::TEXT.to_owned(), |path| name_of(path));
        (!words.is_empty())
            .then(|| format!("\n{}: {}\n", printable(&name, LONGEST_NAME), printable(&words, LONGEST_WORDS)))
    });
    said.collect()
}

/// The table for people.
#[must_use]
pub fn table(reports: &[Report]) -> String {
    let columns = [
        ("FILE", Side::Left),
        ("KIND", Side::Left),
        ("STATUS", Side::Left),
        ("OUTPUTS", Side::Right),
        ("SIZE", Side::Right),
        ("SECONDS", Side::Right),
        ("COST", Side::Right),
        ("EXPECTED", Side::Right),
        ("JOB", Side::Left),
    ];
    let rows: Vec<_> = reports.iter().map(Report::row).collect();
    let completed = |report: &&Report| report.job.as_ref().is_some_and(|job| job.status == Status::Completed);
    let count = reports.iter().filter(completed).count();
    format!("{}\n{count} of {} completed\n", lay_out(columns, &rows), reports.len())
}

#[cfg(test)]
mod tests {
    use super::Report;
    use serde_json::{Value, json};

    fn report(more: &Value) -> Report {
        let mut job = json!({
            "jobId": "job_01j00000000000000000000000", "mediaId": "med_01j00000000000000000000000", "stage": "transcode",
            "status": "FAILED", "progress": 40,
            "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:02.500Z",
        });
        job.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        Report { job: Some(serde_json::from_value(job).unwrap()), ..Report::default() }
    }

    #[test]
    fn the_status_of_a_job_that_waits_has_its_position_and_expected_start() {
        let queue = json!({"ahead": 3, "startsAt": "2026-01-01T00:02:30.000Z"});
        let waits = report(&json!({"status": "QUEUED", "stage": "queue", "queue": queue}));
        assert_eq!(waits.row()[2], "QUEUED, about 3 ahead, starts about 00:02 UTC");
        assert_eq!(report(&json!({})).row()[2], "FAILED");
    }

    #[test]
    fn the_cost_of_a_job_that_did_not_complete_is_a_lower_bound() {
        let cost = |more: &Value| {
            let mut cost = json!({"totalMicroDollars": 1731});
            cost.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
            report(&json!({ "cost": cost })).row()[6].clone()
        };
        assert_eq!([cost(&json!({})), cost(&json!({"atLeast": true}))], ["$0.0017", "≥ $0.0017"]);
    }

    #[test]
    fn retryable_errors_and_warnings_name_the_command_to_rerun() {
        let failed = |retryable: bool| {
            let error = json!({"code": "c", "message": "m", "stage": "s", "retryable": retryable, "remedy": "Do."});
            report(&json!({ "error": error })).complaint().unwrap()
        };
        assert_eq!(failed(true), "failed: c at s: m. Do. [smmu rerun job_01j00000000000000000000000]");
        assert_eq!(failed(false), "failed: c at s: m. Do.");
        let warned = |retryable: bool| {
            let warning = json!({"code": "step_failed", "message": "m", "step": "transcribe", "retryable": retryable});
            report(&json!({ "warnings": [warning, {"code": "cut_off", "message": "n"}] })).remarks().collect::<Vec<_>>()
        };
        let again = " [smmu rerun job_01j00000000000000000000000 --step transcribe]";
        assert_eq!(warned(true), [format!("warning: step_failed: m{again}"), "warning: cut_off: n".to_owned()]);
        assert_eq!(warned(false)[0], "warning: step_failed: m");
    }
}
