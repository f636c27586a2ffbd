//! A large file, in parts: several at a time, each sent again by itself, and none that the store has already. Another run,
//! or another machine, goes on where this one ended.

use crate::{
    api::{Api, Grant, How, InitAnswer, InitRequest, JobSnapshot, PartToSign, PartsGrant},
    error::Error,
    http::{accept, setback},
    resume::{Identity, Memory},
    retry::Setback,
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

/// From this size on a file is sent in parts, in bytes: below it a broken connection costs little.
pub const PARTS_FROM_BYTES: u64 = 64 * 1024 * 1024;
/// One connection does not fill a fast line over a long way.
const PARTS_AT_ONCE: usize = 4;

/// An upload under way.
struct Upload<'a> {
    api: &'a Api,
    media_id: MediaId,
    plan: PartPlan,
    /// Digests of the parts that the store has.
    arrived: BTreeMap<u32, Sha256>,
    path: &'a Path,
    line: &'a Line,
}

/// Why an upload that was found is not gone on with.
enum Found<'a> {
    /// It can be.
    Open(Upload<'a>),
    /// All of its parts were put together.
    Joined,
    /// It is no upload of this user's any more.
    Gone,
}

/// Has an upload in parts granted, or finds the one that this file has, makes it, and submits it.
pub async fn submit(api: &Api, path: &Path, wanted: &Wanted, line: &Line) -> Result<JobSnapshot, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    let file = Identity::of(path).map_err(unreadable)?;
    let memory = Memory::of(api.base(), file.clone(), wanted);
    let media_id = match resumed(api, path, &memory, line).await? {
        Some(Found::Joined) => memory.recall(),
        Some(Found::Open(upload)) => Some(upload.send().await?),
        Some(Found::Gone) | None => None,
    };
    let media_id = match media_id {
        Some(media_id) => media_id,
        None => match begun(api, path, file.bytes, wanted, &memory, line).await? {
            Begun::Upload(upload) => upload.send().await?,
            Begun::Known(job) => return upload::known(api, &job, line).await,
        },
    };
    // The parts were read one after the other: written to meanwhile, the file has no content of its own.
    if Identity::of(path).map_err(unreadable)? != file {
        memory.forget();
        return Err(unreadable(io::Error::other("it changed while it was uploaded")));
    }
    let snapshot = api.complete(&media_id).await?;
    memory.forget();
    Ok(snapshot)
}

/// The upload that this file has from an earlier run, if any.
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

/// What an upload that is asked for begins with.
enum Begun<'a> {
    /// Its parts.
    Upload(Upload<'a>),
    /// The job of the same content, which was sent before.
    Known(JobId),
}

/// A new upload of the file.
async fn begun<'a>(
    api: &'a Api,
    path: &'a Path,
    bytes: u64,
    wanted: &Wanted,
    memory: &Memory,
    line: &'a Line,
) -> Result<Begun<'a>, Error> {
    let unreadable = |cause| Error::Unreadable { path: path.to_owned(), cause };
    // A digest of the whole takes a reading of its own, which is worth it where it can save the sending.
    let sha256 = if wanted.dedup { Some(source::examine(path, line).await?.sha256) } else { None };
    let wish = InitRequest {
        file_name: &source::name_of(path),
        content_type: source::content_type_of(path).map_err(unreadable)?,
        size: bytes,
        sha256,
        parts: true,
        labels: &wanted.labels,
        choice: &wanted.choice,
        dedup: wanted.dedup,
    };
    let Grant { media_id, how } = match api.init(&wish).await? {
        InitAnswer::Granted(grant) => grant,
        InitAnswer::Duplicate { job } => return Ok(Begun::Known(job.job_id)),
    };
    let How::Parts(PartsGrant { part_bytes, .. }) = how else {
        return Err(Error::Trouble("the API granted one request where parts were asked for".to_owned()));
    };
    memory.remember(&media_id, line);
    let plan = PartPlan { bytes, part_bytes };
    Ok(Begun::Upload(Upload { api, media_id, plan, arrived: BTreeMap::new(), path, line }))
}

impl Upload<'_> {
    /// Sends what the store has not got, and answers the media.
    async fn send(self) -> Result<MediaId, Error> {
        self.line.transfer("uploading", self.plan.bytes);
        let parts = (1..=self.plan.count()).map(|number| self.send_part(number));
        match stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect::<()>().await {
            // Another run was faster.
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
            // Each time anew: a signature does not outlive a long wait.
            let first = !std::mem::replace(&mut signed_before, true);
            let signed = self.api.sign_part(&self.media_id, PartToSign { number, sha256 }).await;
            let signed = signed.map_err(Setback::Final)?;
            let moved = Arc::new(AtomicU64::new(0));
            let body = upload::body(self.path, self.plan.bytes, piece, self.line, &moved).await;
            let request =
                signed.request(http, piece.bytes).map_err(Setback::Final)?.body(body.map_err(Setback::Final)?);
            let sent = tokio::select! {
                answer = request.send() => match answer {
                    // The first time, the upload may have taken longer than its signature holds.
                    Ok(answer) if first && answer.status() == StatusCode::FORBIDDEN => {
                        Err(Setback::passing("the store refused the signature"))
                    }
                    Ok(answer) => accept(answer).await.map(drop),
                    Err(error) => Err(setback(error)),
                },
                () = upload::stand_still(&moved, http.patience().stall) => Err(Setback::passing("the upload stalled")),
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
    fn a_piece_has_the_digest_of_its_bytes_and_one_beyond_the_end_has_none() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abcdefg").unwrap();
        let found = digest(file.path(), Piece { start: 2, bytes: 3 }).unwrap();
        let expected: [u8; 32] = Hasher::digest(b"cde").into();
        assert_eq!(found.as_bytes(), &expected);
        assert!(digest(file.path(), Piece { start: 5, bytes: 3 }).is_err());
    }
}
