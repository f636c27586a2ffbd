//! Downloads a source from S3 to a file, a few parts of bounded size at a time: memory does not grow with the file, and
//! a broken connection costs only the rest of one part. A multipart upload is verified part by part as it arrives.

use super::{Uploads, parts::digest_of_digests};
use crate::error::CloudError;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256 as Hasher};
use smmu_core::{Checksum, Composite, Sha256, Source, with_causes};
use std::{io::SeekFrom, ops::Range, path::Path, time::Duration};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt},
};

/// Size of one range request.
pub(crate) const PART_BYTES: u64 = 32 * 1024 * 1024;
/// One connection to S3 does not use the whole bandwidth of a large worker.
const PARTS_AT_ONCE: usize = 4;
/// Maximum number of requests per part. Each resumes where the last broke off; the SDK retries requests, not transfers.
const TRIES: u32 = 4;
/// Pause before a part is resumed, times the number of tries so far.
const PAUSE: Duration = Duration::from_millis(500);

const OPERATION: &str = "s3:GetObject";

impl Uploads {
    /// Writes a source to a new file. The file is complete if this succeeds, and useless otherwise. `arrived` is called
    /// with the number of bytes of each piece. For a multipart upload, success also means that the digests of the parts
    /// are those that were validated; the caller compares a digest of the whole.
    pub async fn download(
        &self,
        source: &Source,
        file: &Path,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<(), CloudError> {
        File::create_new(file).await.map_err(unwritable)?;
        match source.checksum {
            Checksum::Whole { .. } => {
                let fetched = parts(source.bytes, PART_BYTES).map(|part| self.fetch(source, part, None, file, arrived));
                stream::iter(fetched).buffer_unordered(PARTS_AT_ONCE).map_ok(drop).try_collect().await
            }
            Checksum::Composite { composite: Composite { sha256, part_bytes }, .. } => {
                // Each request covers a whole number of uploaded parts, about `PART_BYTES` in total.
                let together = part_bytes.saturating_mul((PART_BYTES / part_bytes.max(1)).max(1));
                let fetched = parts(source.bytes, together);
                let fetched = fetched.map(|part| self.fetch(source, part, Some(part_bytes), file, arrived));
                let digests: Vec<_> = stream::iter(fetched).buffered(PARTS_AT_ONCE).try_collect().await?;
                if digest_of_digests(digests.into_iter().flatten()) == sha256 {
                    return Ok(());
                }
                Err(CloudError::interrupted(OPERATION, "the downloaded parts do not match their checksum"))
            }
        }
    }

    /// Downloads a part. With `digested`, returns the digest of each piece of that many bytes.
    async fn fetch(
        &self,
        source: &Source,
        mut part: Range<u64>,
        digested: Option<u64>,
        file: &Path,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<Vec<Sha256>, CloudError> {
        let mut digests = digested.map(Digests::of_each);
        let mut out = OpenOptions::new().write(true).open(file).await.map_err(unwritable)?;
        out.seek(SeekFrom::Start(part.start)).await.map_err(unwritable)?;
        let mut tried = 0;
        while !part.is_empty() {
            tried += 1;
            let broken = match self.get(source, &part).await {
                Ok(body) => match copy(body, &mut part, &mut digests, &mut out, arrived).await? {
                    Some(broken) => broken,
                    None => continue,
                },
                Err(error) => error,
            };
            if !broken.transient || tried == TRIES {
                return Err(broken);
            }
            tracing::warn!(error = with_causes(&broken), "resuming the download of a part of the source");
            tokio::time::sleep(PAUSE * tried).await;
        }
        // tokio buffers writes: only a flush reports a full disk.
        out.flush().await.map_err(unwritable)?;
        Ok(digests.map(Digests::finish).unwrap_or_default())
    }

    async fn get(&self, source: &Source, part: &Range<u64>) -> Result<ByteStream, CloudError> {
        let answer = self.get_range(OPERATION, source, part).await?;
        // `bytes 0-9/100` (RFC 9110, section 14.4). The disk was checked for the validated size.
        let whole = answer.content_range().and_then(|range| range.rsplit('/').next()?.parse().ok());
        if whole != Some(source.bytes) {
            return Err(CloudError::unreadable(OPERATION, "the object's size is not the validated one"));
        }
        Ok(answer.body)
    }
}

/// Writes the body to the file and advances the start of `part`. Returns the error that interrupted the transfer, if
/// any; `Err` is an error that resuming cannot fix.
async fn copy(
    mut body: ByteStream,
    part: &mut Range<u64>,
    digests: &mut Option<Digests>,
    out: &mut File,
    arrived: &(dyn Fn(u64) + Sync),
) -> Result<Option<CloudError>, CloudError> {
    while let Some(piece) = body.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) => return Ok(Some(CloudError::interrupted(OPERATION, error))),
        };
        let bytes = piece.len() as u64;
        if bytes > part.end - part.start {
            return Err(CloudError::unreadable(OPERATION, "more bytes than requested"));
        }
        out.write_all(&piece).await.map_err(unwritable)?;
        if let Some(digests) = digests {
            digests.update(&piece);
        }
        part.start += bytes;
        arrived(bytes);
    }
    Ok((!part.is_empty()).then(|| CloudError::interrupted(OPERATION, "the transfer ended early")))
}

fn parts(bytes: u64, part_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    (0..bytes.div_ceil(part_bytes)).map(move |index| index * part_bytes..bytes.min((index + 1) * part_bytes))
}

/// Digests of consecutive pieces of one size; the last can be shorter.
struct Digests {
    each: u64,
    left: u64,
    hasher: Hasher,
    done: Vec<Sha256>,
}

impl Digests {
    fn of_each(bytes: u64) -> Self {
        Self { each: bytes, left: bytes, hasher: Hasher::new(), done: Vec::new() }
    }

    fn update(&mut self, mut content: &[u8]) {
        while !content.is_empty() {
            let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(content.len());
            let (now, later) = content.split_at(here);
            self.hasher.update(now);
            self.left -= now.len() as u64;
            if self.left == 0 {
                self.end_piece();
            }
            content = later;
        }
    }

    fn end_piece(&mut self) {
        self.done.push(Sha256::from_bytes(self.hasher.finalize_reset().into()));
        self.left = self.each;
    }

    fn finish(mut self) -> Vec<Sha256> {
        if self.left < self.each {
            self.end_piece();
        }
        self.done
    }
}

fn unwritable(error: std::io::Error) -> CloudError {
    CloudError::interrupted("writing the source", error)
}

#[cfg(test)]
mod tests {
    use super::{Digests, PART_BYTES, parts};
    use sha2::{Digest, Sha256 as Hasher};
    use smmu_core::Sha256;

    #[test]
    fn parts_cover_every_byte_once() {
        for bytes in [1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 5 * PART_BYTES + 7] {
            let mut next = 0;
            for part in parts(bytes, PART_BYTES) {
                assert_eq!(part.start, next);
                assert!(!part.is_empty() && part.end - part.start <= PART_BYTES);
                next = part.end;
            }
            assert_eq!(next, bytes);
        }
        assert_eq!(parts(0, PART_BYTES).count(), 0);
    }

    #[test]
    fn digests_do_not_depend_on_how_the_content_is_split() {
        let content: Vec<u8> = (0..=255).collect();
        for (each, pieces) in [(100, 7), (100, 256), (64, 1), (64, 64), (256, 30), (1000, 1000)] {
            let mut digests = Digests::of_each(each as u64);
            content.chunks(pieces).for_each(|piece| digests.update(piece));
            let expected: Vec<_> =
                content.chunks(each).map(|part| Sha256::from_bytes(Hasher::digest(part).into())).collect();
            assert_eq!(digests.finish(), expected, "{each} in pieces of {pieces}");
        }
        assert_eq!(Digests::of_each(1).finish(), []);
    }
}
