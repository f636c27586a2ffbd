//! A plain table.

use unicode_width::UnicodeWidthStr;

/// Alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Lays rows out under their header, in columns as wide as their widest cell.
#[must_use]
pub fn lay_out<const N: usize>(columns: [(&str, Side); N], rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|i| {
        let cells = rows.iter().map(|row| row[i].width());
        cells.chain([columns[i].0.width()]).max().unwrap_or_default()
    });
    let header = columns.map(|(name, _)| name.to_owned());
    let mut text = String::new();
    for row in std::iter::once(&header).chain(rows) {
        let cells = std::array::from_fn::<_, N, _>(|i| {
            let gap = " ".repeat(widths[i] - row[i].width());
            match columns[i].1 {
                Side::Left => format!("{}{gap}", row[i]),
                Side::Right => format!("{gap}{}", row[i]),
            }
        });
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Side, lay_out};

    #[test]
    fn columns_align_also_where_characters_are_wide() {
        let rows = [["日本.jpg".to_owned(), "7".to_owned()], ["a".to_owned(), "1234".to_owned()]];
        let text = lay_out([("FILE", Side::Left), ("N", Side::Right)], &rows);
        assert_eq!(text, "FILE         N\n日本.jpg     7\na         1234\n");
    }
}
