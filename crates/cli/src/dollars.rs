//! Formats amounts of money.

use smmu_core::MicroDollars;

/// Formats US dollars: to the cent from ten cents on, otherwise to two significant digits.
#[must_use]
pub fn dollars(amount: MicroDollars) -> String {
    let micro = amount.0;
    // Unit of the last digit shown, in millionths: 10,000 is a cent.
    let unit = match micro {
        0..=99 => 1,
        100..=999 => 10,
        1000..=9999 => 100,
        10_000..=99_999 => 1000,
        _ => 10_000,
    };
    let rounded = (micro + unit / 2) / unit * unit;
    let digits = format!("{:06}", rounded % 1_000_000);
    let shown = 6 - unit.ilog10() as usize;
    format!("${}.{}", rounded / 1_000_000, &digits[..shown])
}

#[cfg(test)]
mod tests {
    use super::dollars;
    use smmu_core::MicroDollars;

    #[test]
    fn small_amounts_have_two_significant_digits() {
        let shown =
            [0, 7, 42, 313, 995, 1646, 41_234, 99_999, 123_456, 1_237_000, 20_004_000].map(MicroDollars).map(dollars);
        let expected = [
            "$0.000000",
            "$0.000007",
            "$0.000042",
            "$0.00031",
            "$0.00100",
            "$0.0016",
            "$0.041",
            "$0.100",
            "$0.12",
            "$1.24",
            "$20.00",
        ];
        assert_eq!(shown, expected);
    }
}
