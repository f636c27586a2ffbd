//! Parses the output of ffmpeg's `-progress`, in chunks of any size.

use smmu_core::av::progress::written_ms;

/// Assembles lines from chunks and parses them.
#[derive(Debug, Default)]
pub(crate) struct ProgressReader {
    line: Vec<u8>,
    /// Milliseconds of output written so far. Never decreases.
    pub(crate) out_ms: u64,
}

/// Bytes that are kept of a line. Lines that we need are shorter.
const LINE_BYTES: usize = 200;

impl ProgressReader {
    /// Parses the next chunk.
    pub(crate) fn take(&mut self, chunk: &[u8]) {
        for &byte in chunk {
            if byte == b'\n' {
                if let Some(ms) = str::from_utf8(&self.line).ok().and_then(written_ms) {
                    self.out_ms = self.out_ms.max(ms);
                }
                self.line.clear();
            } else if self.line.len() < LINE_BYTES {
                self.line.push(byte);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_parsed_from_chunks() {
        let report =
            b"frame=1\nout_time_us=N/A\nprogress=continue\nout_time_us=-21000\nout_time_us=1500000\nout_time_us=9";
        let mut reader = ProgressReader::default();
        for piece in report.chunks(7) {
            reader.take(piece);
        }
        assert_eq!(reader.out_ms, 1500);
        reader.take(b"000000\nout_time_us=1\n");
        assert_eq!(reader.out_ms, 9000);
    }
}
