//! Uploads a large file in parts: several at a time, each retried on its own, skipping those that the store already
//! has. A later run resumes where this one ended.

use crate::{
    api::{Api, Grant, How, InitAnswer, InitRequest, JobSnapshot, PartToSign, PartsGrant},
    error::Error,
    estimate::Estimate,
    http::{accept, retry_error},
    resume::{Identity, Memory},
    retry::RetryError,
    show::Line,
    source,
    upload::{self, Piece, Wanted},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::StatusCode;
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{JobId, MediaId, PartPlan, Sha256};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// Smallest file sent in parts, in bytes. Below this size a broken connection costs little.
pub const PARTS_FROM_BYTES: u64 = 64 * 1024 * 1024;
/// One connection cannot saturate a fast link with a long round trip.
const PARTS_AT_ONCE: usize = 4;

/// An upload in progress.
struct Upload<'a> {
    api: &'a Api,
    media_id: MediaId,
    plan: PartPlan,
    /// Digests of the parts that the store has.
    arrived: BTreeMap<u32, Sha256>,
    path: &'a Path,
    line: &'a Line,
}

/// State of an upload from an earlier run.
enum Found<'a> {
    /// It can be resumed.
    Open(Upload<'a>),
    /// Its parts were already joined.
    Joined,
    /// It has expired or was deleted.
    Gone,
}

/// Starts an upload in parts or resumes an earlier one, sends the parts, and submits it.
pub async fn submit(api: &Api, path: &Path, wanted: &Wanted, line: &Line) -> Result<JobSnapshot, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    let file = Identity::of(path).map_err(unreadable)?;
    let memory = Memory::of(api.base(), file.clone(), wanted);
    let media_id = match resumed(api, path, &memory, line).await? {
        Some(Found::Joined) => memory.recall(),
        Some(Found::Open(upload)) => Some(upload.send().await?),
        Some(Found::Gone) | None => None,
    };
    let (media_id, estimate) = match media_id {
        Some(media_id) => (media_id, None),
        None => match begun(api, path, file.bytes, wanted, &memory, line).await? {
            Begun::Upload(upload, estimate) => (upload.send().await?, estimate),
            Begun::Known(job) => return upload::known(api, &job, line).await,
        },
    };
    // The parts were read at different times, so after a change the upload would mix two versions.
    if Identity::of(path).map_err(unreadable)? != file {
        memory.forget();
        return Err(unreadable(io::Error::other("it changed while it was uploaded")));
    }
    let mut snapshot = api.complete(&media_id).await?;
    snapshot.job.estimate = estimate;
    memory.forget();
    Ok(snapshot)
}

/// The upload of this file from an earlier run, if any.
async fn resumed<'a>(
    api: &'a Api,
    path: &'a Path,
    memory: &Memory,
    line: &'a Line,
) -> Result<Option<Found<'a>>, Error> {
    let Some(media_id) = memory.recall() else { return Ok(None) };
    let found = match api.parts(&media_id).await {
        Ok((plan, arrived)) => {
            line.note(&format!("resuming: {} of {} parts have arrived", arrived.len(), plan.count()));
            Found::Open(Upload { api, media_id, plan, arrived, path, line })
        }
        Err(Error::Refused(refused)) if refused.code == "parts_joined" => Found::Joined,
        Err(Error::Refused(refused)) if matches!(refused.code.as_str(), "upload_expired" | "not_found") => Found::Gone,
        Err(error) => return Err(error),
    };
    Ok(Some(found))
}

/// Result of a request for an upload.
enum Begun<'a> {
    /// A new upload, and the estimate of its job.
    Upload(Upload<'a>, Option<Estimate>),
    /// The job of an earlier upload of the same content.
    Known(JobId),
}

/// Requests a new upload of the file.
async fn begun<'a>(
    api: &'a Api,
    path: &'a Path,
    bytes: u64,
    wanted: &Wanted,
    memory: &Memory,
    line: &'a Line,
) -> Result<Begun<'a>, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    // Hashing the whole file takes an extra read, which pays off only if it can avoid the upload.
    let sha256 = if wanted.dedup { Some(source::examine(path, line).await?.sha256) } else { None };
    let request = InitRequest {
        file_name: &source::name_of(path),
        content_type: source::content_type_of(path).map_err(unreadable)?,
        size: bytes,
        sha256,
        parts: true,
        labels: &wanted.labels,
        choice: &wanted.choice,
        dedup: wanted.dedup,
    };
    let Grant { media_id, estimate, how } = match api.init(&request).await? {
        InitAnswer::Granted(grant) => grant,
        InitAnswer::Duplicate { job } => return Ok(Begun::Known(job.job_id)),
    };
    let How::Parts(PartsGrant { part_bytes, .. }) = how else {
        return Err(Error::Trouble("the API granted a single request instead of parts".to_owned()));
    };
    if let Some(estimate) = &estimate {
        estimate.tell(line);
    }
    memory.remember(&media_id, line);
    let plan = PartPlan { bytes, part_bytes };
    Ok(Begun::Upload(Upload { api, media_id, plan, arrived: BTreeMap::new(), path, line }, estimate))
}

impl Upload<'_> {
    /// Sends the parts that the store does not have, and returns the media id.
    async fn send(self) -> Result<MediaId, Error> {
        self.line.transfer("uploading", self.plan.bytes);
        let parts = (1..=self.plan.count()).map(|number| self.send_part(number));
        match stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect::<()>().await {
            // Another run has completed the upload.
            Err(Error::Refused(refused)) if refused.code == "parts_joined" => {}
            sent => sent?,
        }
        Ok(self.media_id)
    }

    async fn send_part(&self, number: u32) -> Result<(), Error> {
        let piece = self.piece(number);
        let sha256 = self.digest(piece).await?;
        if self.arrived.get(&number) == Some(&sha256) {
            self.line.meter().add(piece.bytes);
            return Ok(());
        }
        let http = &self.api.http;
        let mut signed_before = false;
        http.retry(async || {
            // Sign for each try: a signature may expire during a long wait.
            let first = !std::mem::replace(&mut signed_before, true);
            let signed = self.api.sign_part(&self.media_id, PartToSign { number, sha256 }).await;
            let signed = signed.map_err(RetryError::Final)?;
            let moved = Arc::new(AtomicU64::new(0));
            let body = upload::body(self.path, self.plan.bytes, piece, self.line, &moved).await;
            let request =
                signed.request(http, piece.bytes).map_err(RetryError::Final)?.body(body.map_err(RetryError::Final)?);
            let sent = tokio::select! {
                answer = request.send() => match answer {
                    // On the first try, the signature may have expired during the upload.
                    Ok(answer) if first && answer.status() == StatusCode::FORBIDDEN => {
                        Err(RetryError::passing("the store refused the signature"))
                    }
                    Ok(answer) => accept(answer).await.map(drop),
                    Err(error) => Err(retry_error(error)),
                },
                () = upload::wait_until_stalled(&moved, http.patience().stall) => Err(RetryError::passing("the upload stalled")),
            };
            if sent.is_err() {
                self.line.meter().take_back(moved.load(Ordering::Relaxed));
            }
            sent
        })
        .await
    }

    fn piece(&self, number: u32) -> Piece {
        let start = u64::from(number - 1) * self.plan.part_bytes;
        Piece { start, bytes: self.plan.bytes_of(number).unwrap_or_default() }
    }

    async fn digest(&self, piece: Piece) -> Result<Sha256, Error> {
        let unreadable = |cause| Error::Unreadable { path: self.path.to_owned(), cause };
        let path = self.path.to_owned();
        let read = tokio::task::spawn_blocking(move || digest(&path, piece)).await;
        read.map_err(|error| unreadable(io::Error::other(error)))?.map_err(unreadable)
    }
}

fn digest(path: &Path, piece: Piece) -> io::Result<Sha256> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(piece.start))?;
    let mut hasher = Hasher::new();
    let read = io::copy(&mut file.take(piece.bytes), &mut hasher)?;
    if read < piece.bytes {
        return Err(io::Error::other("it changed while it was uploaded"));
    }
    Ok(Sha256::from_bytes(hasher.finalize().into()))
}

#[cfg(test)]
mod tests {
    use super::digest;
    use crate::upload::Piece;
    use sha2::{Digest, Sha256 as Hasher};
    use std::io::Write;

    #[test]
    fn a_piece_is_hashed_and_one_beyond_the_end_fails() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abcdefg").unwrap();
        let found = digest(file.path(), Piece { start: 2, bytes: 3 }).unwrap();
        let expected: [u8; 32] = Hasher::digest(b"cde").into();
        assert_eq!(found.as_bytes(), &expected);
        assert!(digest(file.path(), Piece { start: 5, bytes: 3 }).is_err());
    }
}
