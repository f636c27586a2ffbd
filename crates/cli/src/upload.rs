//! From a file to a submitted job.

use crate::{
    api::{Api, Grant, How, InitAnswer, InitRequest, JobSnapshot, SignedUpload},
    args::ChoiceArgs,
    error::Error,
    http::{accept, setback},
    retry::Setback,
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

/// How much is read from the disk at once.
const CHUNK_BYTES: usize = 128 * 1024;

/// What is wanted of each upload.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What is noted on it.
    pub labels: Labels,
    /// What is made of it.
    pub choice: ChoiceArgs,
    /// Whether an earlier upload of the same content will do.
    pub dedup: bool,
}

/// Has an upload granted, makes it, and submits it.
pub async fn submit(api: &Api, path: &Path, facts: &Facts, wanted: &Wanted, line: &Line) -> Result<JobSnapshot, Error> {
    let wish = InitRequest {
        file_name: &source::name_of(path),
        content_type: facts.content_type,
        size: facts.bytes,
        sha256: Some(facts.sha256),
        parts: false,
        labels: &wanted.labels,
        choice: &wanted.choice,
        dedup: wanted.dedup,
    };
    let Grant { media_id, how } = match api.init(&wish).await? {
        InitAnswer::Granted(grant) => grant,
        InitAnswer::Duplicate { job } => return known(api, &job.job_id, line).await,
    };
    let How::Upload(upload) = &how else {
        return Err(Error::Trouble("the API granted parts where one request was asked for".to_owned()));
    };
    put(api, upload, path, facts.bytes, line).await?;
    api.complete(&media_id).await
}

/// The job of a file that need not be sent, with its tag and links that last as long as any.
pub async fn known(api: &Api, job: &JobId, line: &Line) -> Result<JobSnapshot, Error> {
    line.note("it was sent before");
    api.job_now(job).await
}

async fn put(api: &Api, upload: &SignedUpload, path: &Path, bytes: u64, line: &Line) -> Result<(), Error> {
    let http = &api.http;
    http.retry(async || {
        line.transfer("uploading", bytes);
        let moved = Arc::new(AtomicU64::new(0));
        let body = body(path, bytes, Piece { start: 0, bytes }, line, &moved).await.map_err(Setback::Final)?;
        let request = upload.request(http, bytes).map_err(Setback::Final)?.body(body);
        let answer = tokio::select! {
            answer = request.send() => answer.map_err(setback)?,
            () = stand_still(&moved, http.patience().stall) => return Err(Setback::passing("the upload stalled")),
        };
        // The key was granted to this upload alone: whatever is there came from an earlier try, whose
        // answer was lost. S3 compared its checksum then, and `complete` compares it once more.
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
    /// Where it begins.
    pub(crate) start: u64,
    /// How long it is.
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

/// Returns once nothing has moved for `stall` (at most twice that, since it looks only so often).
/// The wait for the answer after the last byte counts as well.
pub(crate) async fn stand_still(moved: &AtomicU64, stall: Duration) {
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::time::sleep(stall).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}
