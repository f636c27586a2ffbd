//! Uploads a file in one request and submits its job.

use crate::{
    api::{Api, Grant, How, InitAnswer, InitRequest, JobSnapshot, SignedUpload},
    args::ChoiceArgs,
    error::Error,
    http::{accept, retry_error},
    retry::RetryError,
    show::Line,
    source::{self, Facts},
};
use futures_util::StreamExt;
use reqwest::{Body, StatusCode};
use smmu_core::{JobId, Labels};
use std::{
    io::{self, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// Size of one read from disk.
const CHUNK_BYTES: usize = 128 * 1024;

/// Options that apply to every upload.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// External id and metadata.
    pub labels: Labels,
    /// Profile and language.
    pub choice: ChoiceArgs,
    /// Reuse an earlier upload of the same content.
    pub dedup: bool,
}

/// Requests an upload, sends the file and submits it.
pub async fn submit(api: &Api, path: &Path, facts: &Facts, wanted: &Wanted, line: &Line) -> Result<JobSnapshot, Error> {
    let request = InitRequest {
        file_name: &source::name_of(path),
        content_type: facts.content_type,
        size: facts.bytes,
        sha256: Some(facts.sha256),
        parts: false,
        labels: &wanted.labels,
        choice: &wanted.choice,
        dedup: wanted.dedup,
    };
    let Grant { media_id, estimate, how } = match api.init(&request).await? {
        InitAnswer::Granted(grant) => grant,
        InitAnswer::Duplicate { job } => return known(api, &job.job_id, line).await,
    };
    let How::Upload(upload) = &how else {
        return Err(Error::Trouble("the API granted parts instead of a single request".to_owned()));
    };
    if let Some(estimate) = &estimate {
        estimate.tell(line);
    }
    put(api, upload, path, facts.bytes, line).await?;
    let mut snapshot = api.complete(&media_id).await?;
    snapshot.job.estimate = estimate;
    Ok(snapshot)
}

/// Reads the job of an earlier upload, with its `ETag` and new links.
pub async fn known(api: &Api, job: &JobId, line: &Line) -> Result<JobSnapshot, Error> {
    line.note("already uploaded");
    api.job_now(job).await
}

async fn put(api: &Api, upload: &SignedUpload, path: &Path, bytes: u64, line: &Line) -> Result<(), Error> {
    let http = &api.http;
    http.retry(async || {
        line.transfer("uploading", bytes);
        let moved = Arc::new(AtomicU64::new(0));
        let body = body(path, bytes, Piece { start: 0, bytes }, line, &moved).await.map_err(RetryError::Final)?;
        let request = upload.request(http, bytes).map_err(RetryError::Final)?.body(body);
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(retry_error)?,
            () = wait_until_stalled(&moved, http.patience().stall) => return Err(RetryError::passing("the upload stalled")),
        };
        // Only this upload can write the key, so an existing object is from an earlier try whose answer
        // was lost. S3 verified its checksum then, and `complete` verifies it again.
        if answer.status() == StatusCode::PRECONDITION_FAILED {
            return Ok(());
        }
        accept(answer).await.map(drop)
    })
    .await
}

/// A piece of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    /// Offset in the file, in bytes.
    pub(crate) start: u64,
    /// Length in bytes.
    pub(crate) bytes: u64,
}

/// A piece of a file of `whole` bytes, as a stream of exactly its length.
pub(crate) async fn body(
    path: &Path,
    whole: u64,
    Piece { start, bytes }: Piece,
    line: &Line,
    moved: &Arc<AtomicU64>,
) -> Result<Body, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    let mut file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    if file.metadata().await.map_err(unreadable)?.len() != whole {
        return Err(unreadable(io::Error::other("it changed since it was hashed")));
    }
    file.seek(SeekFrom::Start(start)).await.map_err(unreadable)?;
    let (meter, moved) = (line.meter(), Arc::clone(moved));
    let chunks = ReaderStream::with_capacity(file.take(bytes), CHUNK_BYTES).inspect(move |chunk| {
        let count = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        moved.fetch_add(count, Ordering::Relaxed);
        meter.add(count);
    });
    Ok(Body::wrap_stream(chunks))
}

/// Returns once nothing has moved for `stall`; polling can take up to twice as long to notice.
/// The wait for the answer after the last byte counts as well.
pub(crate) async fn wait_until_stalled(moved: &AtomicU64, stall: Duration) {
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::time::sleep(stall).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}
