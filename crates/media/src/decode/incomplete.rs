//! Pictures whose pixels lie in the file as they are: what is missing at the end of such a file is known before it is
//! decoded, and made up of the last row that is there.

use super::cut_off;
use crate::error::{MediaError, corrupt};
use smmu_core::{
    Warning,
    ifd::ReadAt,
    image::{ImageLimits, Size},
};

/// How rows lie in a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Where the first one begins.
    pub(super) at: u64,
    /// Bytes from one to the next.
    pub(super) bytes: u64,
    /// Pixels of the picture.
    pub(super) size: Size,
}

impl Rows {
    /// What is to follow a file of so many bytes for all rows to be there, and what is said of it; nothing of a whole
    /// file. A canvas beyond the limits is refused first; of one within, nothing is allocated before enough is there.
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
        // The row that has begun goes on as the one before it.
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
    fn what_is_missing_is_the_last_row_again() {
        // 38 rows and a byte of the next are there.
        let file = file(2 + 38 * 3 + 1);
        let (rest, warning) = missing(ROWS, &file).expect("enough").expect("something");
        assert_eq!(rest, [112, 113, 111, 112, 113]);
        assert!(warning.message.contains("95%"), "{}", warning.message);
    }

    #[test]
    fn a_whole_file_lacks_nothing_and_one_of_few_rows_is_refused() {
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
