//! What ffmpeg says with `-progress`, in pieces of any size.

use smmu_core::av::progress::written_ms;

/// Puts lines together and reads them.
#[derive(Debug, Default)]
pub(crate) struct ProgressReader {
    line: Vec<u8>,
    /// How far the outputs are, in milliseconds; it never goes back.
    pub(crate) out_ms: u64,
}

/// Longer lines are none of ours.
const LINE_BYTES: usize = 200;

impl ProgressReader {
    /// Takes the next piece.
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
    fn a_report_in_pieces_is_read() {
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
