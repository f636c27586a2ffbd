//! A source from S3 to a file: some parts at a time, each of bounded size, so that memory does not grow
//! with the file and a broken connection costs what is left of one part.

use super::Uploads;
use crate::error::CloudError;
use aws_sdk_s3::primitives::ByteStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use smmu_core::Source;
use std::{io::SeekFrom, ops::Range, path::Path, time::Duration};
use tokio::{
    fs::{File, OpenOptions},
    io::{AsyncSeekExt, AsyncWriteExt},
};

/// What one request asks for.
pub(crate) const PART_BYTES: u64 = 32 * 1024 * 1024;
/// One connection to S3 does not fill the line of a large worker.
const PARTS_AT_ONCE: usize = 4;
/// How often a part is taken up again where it broke off. The SDK repeats requests, not transfers.
const TRIES: u32 = 4;
/// Before a part is taken up again.
const PAUSE: Duration = Duration::from_millis(500);

const OPERATION: &str = "s3:GetObject";

impl Uploads {
    /// Writes a source to a new file, which is complete if this succeeds and of no use otherwise.
    /// `arrived` is told the number of bytes of each piece.
    pub async fn download(
        &self,
        source: &Source,
        file: &Path,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<(), CloudError> {
        File::create_new(file).await.map_err(unwritable)?;
        let parts = parts(source.bytes).map(|part| self.fetch(source, part, file, arrived));
        stream::iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect().await
    }

    async fn fetch(
        &self,
        source: &Source,
        mut part: Range<u64>,
        file: &Path,
        arrived: &(dyn Fn(u64) + Sync),
    ) -> Result<(), CloudError> {
        let mut out = OpenOptions::new().write(true).open(file).await.map_err(unwritable)?;
        out.seek(SeekFrom::Start(part.start)).await.map_err(unwritable)?;
        let mut tried = 0;
        while !part.is_empty() {
            tried += 1;
            let broken = match self.get(source, &part).await {
                Ok(body) => match copy(body, &mut part, &mut out, arrived).await? {
                    Some(broken) => broken,
                    None => continue,
                },
                Err(error) => error,
            };
            if !broken.transient || tried == TRIES {
                return Err(broken);
            }
            tracing::warn!(error = %broken, "resuming the download of a part of the source");
            tokio::time::sleep(PAUSE * tried).await;
        }
        // tokio writes behind: only a flush tells of a full disk.
        out.flush().await.map_err(unwritable)
    }

    async fn get(&self, source: &Source, part: &Range<u64>) -> Result<ByteStream, CloudError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(&source.key)
            .version_id(&source.version_id)
            .range(format!("bytes={}-{}", part.start, part.end - 1))
            .send()
            .await
            .map_err(|error| CloudError::from_sdk(OPERATION, error))?;
        // `bytes 0-9/100` (RFC 9110, section 14.4): the disk was looked at for the size that was validated.
        let whole = answer.content_range().and_then(|range| range.rsplit('/').next()?.parse().ok());
        if whole != Some(source.bytes) {
            return Err(CloudError::unreadable(OPERATION, "the object has another size than was validated"));
        }
        Ok(answer.body)
    }
}

/// Writes what comes and takes it off the front of `part`. Answers what broke off the transfer; an error
/// is what cannot be taken up again.
async fn copy(
    mut body: ByteStream,
    part: &mut Range<u64>,
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
            return Err(CloudError::unreadable(OPERATION, "more bytes than were asked for"));
        }
        out.write_all(&piece).await.map_err(unwritable)?;
        part.start += bytes;
        arrived(bytes);
    }
    Ok((!part.is_empty()).then(|| CloudError::interrupted(OPERATION, "the transfer ended early")))
}

fn parts(bytes: u64) -> impl Iterator<Item = Range<u64>> {
    (0..bytes.div_ceil(PART_BYTES)).map(move |index| index * PART_BYTES..bytes.min((index + 1) * PART_BYTES))
}

fn unwritable(error: std::io::Error) -> CloudError {
    CloudError::interrupted("writing the source", error)
}

#[cfg(test)]
mod tests {
    use super::{PART_BYTES, parts};

    #[test]
    fn parts_cover_every_byte_once() {
        for bytes in [1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 5 * PART_BYTES + 7] {
            let mut next = 0;
            for part in parts(bytes) {
                assert_eq!(part.start, next);
                assert!(!part.is_empty() && part.end - part.start <= PART_BYTES);
                next = part.end;
            }
            assert_eq!(next, bytes);
        }
        assert_eq!(parts(0).count(), 0);
    }
}
