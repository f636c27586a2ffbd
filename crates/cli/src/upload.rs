//! From a file to a submitted job.

use crate::{
    api::{Api, InitRequest, JobSnapshot, SignedUpload},
    args::ChoiceArgs,
    error::Error,
    http::{accept, setback},
    retry::Setback,
    show::Line,
    source::{self, Facts},
};
use futures_util::StreamExt;
use reqwest::{Body, StatusCode};
use smmu_core::Labels;
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

/// How much is read from the disk at once.
const CHUNK_BYTES: usize = 128 * 1024;

/// Has an upload granted, makes it, and submits it.
pub async fn submit(
    api: &Api,
    path: &Path,
    facts: &Facts,
    (labels, choice): (&Labels, &ChoiceArgs),
    line: &Line,
) -> Result<JobSnapshot, Error> {
    let wish = InitRequest {
        file_name: &source::name_of(path),
        content_type: facts.content_type,
        size: facts.bytes,
        sha256: facts.sha256,
        labels,
        choice,
    };
    let grant = api.init(&wish).await?;
    put(api, &grant.upload, path, facts.bytes, line).await?;
    api.complete(&grant.media_id).await
}

async fn put(api: &Api, upload: &SignedUpload, path: &Path, bytes: u64, line: &Line) -> Result<(), Error> {
    let http = &api.http;
    http.retry(async || {
        line.transfer("uploading", bytes);
        let moved = Arc::new(AtomicU64::new(0));
        let body = body(path, bytes, line, &moved).await.map_err(Setback::Final)?;
        let request = upload.request(http).map_err(Setback::Final)?.body(body);
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

/// The file as a stream of exactly the granted length.
async fn body(path: &Path, bytes: u64, line: &Line, moved: &Arc<AtomicU64>) -> Result<Body, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
    if file.metadata().await.map_err(unreadable)?.len() != bytes {
        return Err(unreadable(io::Error::other("it changed since it was hashed")));
    }
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
async fn stand_still(moved: &AtomicU64, stall: Duration) {
    loop {
        let before = moved.load(Ordering::Relaxed);
        tokio::time::sleep(stall).await;
        if moved.load(Ordering::Relaxed) == before {
            return;
        }
    }
}
