//! Output of `smmu list`, and of `smmu show` for a media.

use crate::{
    api::{Api, JobEntry, Media},
    args::Filter,
    error::Error,
    show::printable,
    table::{Side, lay_out},
};
use indicatif::HumanBytes;
use serde::Serialize;

/// Largest page that the API returns, in entries.
const PAGE: usize = 100;

/// Longest file name in a table, in characters.
const LONGEST_NAME: usize = 40;

/// The collected pages of a list.
#[derive(Debug)]
pub struct List<T> {
    /// The entries, newest first.
    pub entries: Vec<T>,
    /// Cursor of the next page, if any.
    pub next: Option<String>,
}

/// The user's jobs, over as many pages as the filter needs.
pub async fn jobs(api: &Api, filter: &Filter) -> Result<List<JobEntry>, Error> {
    gather(filter, async |parameters| api.jobs(parameters).await.map(|page| (page.jobs, page.next))).await
}

/// The user's media, over as many pages as the filter needs.
pub async fn media(api: &Api, filter: &Filter) -> Result<List<Media>, Error> {
    gather(filter, async |parameters| api.media_list(parameters).await.map(|page| (page.media, page.next))).await
}

async fn gather<T>(
    filter: &Filter,
    page: impl AsyncFn(&[(&str, &str)]) -> Result<(Vec<T>, Option<String>), Error>,
) -> Result<List<T>, Error> {
    let most = if filter.all { usize::MAX } else { filter.limit };
    let status = filter.status.as_deref().map(str::to_ascii_uppercase);
    let (mut entries, mut next) = (Vec::new(), filter.after.as_ref().map(ToString::to_string));
    while entries.len() < most {
        let limit = (most - entries.len()).min(PAGE).to_string();
        let parameters = [
            ("limit", Some(limit.as_str())),
            ("status", status.as_deref()),
            ("kind", filter.kind.as_deref()),
            ("after", next.as_deref()),
        ];
        let parameters: Vec<_> = parameters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let (more, following) = page(&parameters).await?;
        entries.extend(more);
        next = following;
        if next.is_none() {
            break;
        }
    }
    Ok(List { entries, next })
}

/// A table of jobs.
#[must_use]
pub fn job_table(jobs: &List<JobEntry>) -> String {
    let columns = [
        ("JOB", Side::Left),
        ("KIND", Side::Left),
        ("STATUS", Side::Left),
        ("CREATED", Side::Left),
        ("ERROR", Side::Left),
    ];
    let rows = jobs.entries.iter().map(|job| {
        let error = job.error.as_ref().map(|error| printable(&error.code, LONGEST_NAME));
        [
            job.job_id.to_string(),
            printable(or_dash(job.kind.as_deref()), 10),
            printable(&job.status, 20),
            job.created_at.to_string(),
            error.unwrap_or_default(),
        ]
    });
    lay_out(columns, &rows.collect::<Vec<_>>()) + &continued(jobs.next.as_deref())
}

/// A table of media.
#[must_use]
pub fn media_table(media: &List<Media>) -> String {
    let columns = [
        ("MEDIA", Side::Left),
        ("FILE", Side::Left),
        ("KIND", Side::Left),
        ("STATUS", Side::Left),
        ("SIZE", Side::Right),
        ("CREATED", Side::Left),
    ];
    let rows = media.entries.iter().map(|media| {
        [
            media.media_id.to_string(),
            printable(&media.filename, LONGEST_NAME),
            printable(or_dash(media.kind.as_deref()), 10),
            printable(&media.status, 20),
            HumanBytes(media.size).to_string(),
            media.created_at.to_string(),
        ]
    });
    lay_out(columns, &rows.collect::<Vec<_>>()) + &continued(media.next.as_deref())
}

/// One media, with a line per field.
#[must_use]
pub fn media_lines(media: &Media) -> String {
    let fields = [
        ("media", media.media_id.to_string()),
        ("file", printable(&media.filename, 200)),
        ("status", printable(&media.status, 20)),
        ("kind", printable(or_dash(media.kind.as_deref()), 10)),
        ("size", HumanBytes(media.size).to_string()),
        ("created", media.created_at.to_string()),
        ("job", or_dash(media.job_id.as_ref().map(smmu_core::JobId::as_str)).to_owned()),
    ];
    let lines: Vec<_> = fields.iter().map(|(name, value)| format!("{name:9}{value}\n")).collect();
    lines.concat()
}

/// One JSON document per line.
#[must_use]
pub fn documents<T: Serialize>(entries: &[T]) -> String {
    let document = |entry| serde_json::to_string(entry).expect("what was read as JSON can be written as JSON");
    entries.iter().map(|entry| document(entry) + "\n").collect()
}

fn or_dash(text: Option<&str>) -> &str {
    text.unwrap_or("–")
}

fn continued(next: Option<&str>) -> String {
    next.map(|id| format!("\nmore: --after {}\n", printable(id, 64))).unwrap_or_default()
}
