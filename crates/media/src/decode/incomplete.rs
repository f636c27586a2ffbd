//! Truncated files with uncompressed rows. The number of missing rows is known before decoding, and they are filled
//! with copies of the last complete row.

use super::cut_off;
use crate::error::{MediaError, corrupt};
use smmu_core::{
    Warning,
    ifd::ReadAt,
    image::{ImageLimits, Size},
};

/// Layout of uncompressed rows in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Offset of the first row.
    pub(super) at: u64,
    /// Bytes from one row to the next.
    pub(super) bytes: u64,
    /// Width and height of the picture.
    pub(super) size: Size,
}

impl Rows {
    /// Bytes that complete the rows when appended to a file of `file_bytes`, with a warning; `None` if all rows are
    /// present.
    ///
    /// # Errors
    /// Refuses a canvas beyond the limits, and a file with too few rows; allocates nothing before both checks.
    pub(super) fn missing<R: ReadAt + ?Sized>(
        &self,
        format: &str,
        (file, file_bytes): (&R, u64),
        limits: &ImageLimits,
    ) -> Result<Option<(Vec<u8>, Warning)>, MediaError> {
        limits.check_canvas(self.size)?;
        let count = self.size.height;
        let there = file_bytes.saturating_sub(self.at);
        let whole = there.checked_div(self.bytes).unwrap_or(0).min(count.into());
        if whole == u64::from(count) {
            return Ok(None);
        }
        let warning = cut_off(format, whole as u32, count)?;
        let too_early = || corrupt(format, "it ends too early");
        let mut row = vec![0; usize::try_from(self.bytes).map_err(|_| too_early())?];
        file.fill(self.at + (whole - 1) * self.bytes, &mut row).ok_or_else(too_early)?;
        // The incomplete row continues with the bytes of the row before it.
        let begun = (there % self.bytes) as usize;
        let mut rest = row[begun..].to_vec();
        rest.extend(row.repeat((u64::from(count) - whole - 1) as usize));
        Ok(Some((rest, warning)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smmu_core::{ErrorCode, Refusal};

    const ROWS: Rows = Rows { at: 2, bytes: 3, size: Size { width: 3, height: 40 } };

    fn missing(rows: Rows, file: &[u8]) -> Result<Option<(Vec<u8>, Warning)>, MediaError> {
        rows.missing("BMP", (file, file.len() as u64), &ImageLimits::default())
    }

    fn file(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| if at < 2 { 99 } else { ((at - 2) / 3 * 3 + (at - 2) % 3) as u8 }).collect()
    }

    #[test]
    fn missing_rows_repeat_the_last_complete_row() {
        // 38 rows and one byte of the next.
        let file = file(2 + 38 * 3 + 1);
        let (rest, warning) = missing(ROWS, &file).expect("enough").expect("something");
        assert_eq!(rest, [112, 113, 111, 112, 113]);
        assert!(warning.message.contains("95%"), "{}", warning.message);
    }

    #[test]
    fn a_whole_file_is_left_alone_and_one_with_few_rows_is_refused() {
        for bytes in [2 + 120, 2 + 121, 900] {
            assert!(missing(ROWS, &file(bytes)).expect("whole").is_none());
        }
        for bytes in [0, 1, 2, 60, 2 + 37 * 3 + 2] {
            let refusal = missing(ROWS, &file(bytes)).expect_err("too little");
            assert!(refusal.to_string().contains("cut off"), "{refusal}");
        }
        assert!(missing(Rows { bytes: 0, ..ROWS }, &[1, 2]).is_err());
        let huge = missing(Rows { size: Size { width: 60_000, height: 60_000 }, ..ROWS }, &[1, 2]);
        assert!(matches!(huge, Err(MediaError::Refused(Refusal { code: ErrorCode::TooManyPixels, .. }))));
    }
}
