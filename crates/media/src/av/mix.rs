//! Filters that mix any number of channels down to two, so that every channel is audible.

use std::fmt::Write as _;

/// Layouts with standard speaker positions, by ffmpeg's names. In other layouts of more than two channels only the
/// order counts: a recorder's microphones, or three channels, the third of which ffmpeg guesses to be bass.
const PLACED: &[&str] = &[
    "3.0",
    "3.0(back)",
    "3.1",
    "4.0",
    "4.1",
    "quad",
    "quad(side)",
    "5.0",
    "5.0(side)",
    "5.1",
    "5.1(side)",
    "6.0",
    "6.0(front)",
    "hexagonal",
    "6.1",
    "6.1(back)",
    "6.1(front)",
    "7.0",
    "7.0(front)",
    "7.1",
    "7.1(wide)",
    "7.1(wide-side)",
    "octagonal",
];

/// Channels for the left and the right side, with the weights of ITU-R BS.775 (table 2). Missing channels are ignored.
const SIDES: [(&str, &str, &str); 6] = [
    ("1", "FL", "FR"),
    ("1", "FLC", "FRC"),
    ("0.707", "BL", "BR"),
    ("0.707", "SL", "SR"),
    ("0.707", "FC", "FC"),
    ("0.5", "BC", "BC"),
];
/// Bass is mixed in too, at a lower level, because it can be the only channel with sound.
const BASS: &str = "0.35*LFE";

/// Raises the level 3 dB above the one that can never clip, and compresses the rare peak that would. (A look-ahead
/// limiter would delay the audio.)
const LEVEL: &str =
    "volume=1.41,acompressor=threshold=0.7:ratio=20:attack=0.01:release=80:knee=1:detection=peak:link=maximum";

/// Filters for the mix, with a trailing comma; empty for one or two channels.
pub(crate) fn to_stereo(channels: u32, layout: &str) -> String {
    if channels <= 2 {
        return String::new();
    }
    let (mut left, mut right) = (String::new(), String::new());
    if PLACED.contains(&layout) {
        for (weight, of_left, of_right) in SIDES {
            let _infallible = write!(left, "{weight}*{of_left}+").and(write!(right, "{weight}*{of_right}+"));
        }
        left += BASS;
        right += BASS;
    } else {
        // The first channel goes left, the second right, all others in the middle.
        for channel in 0..channels {
            let term = |own| match channel {
                0 | 1 if channel != own => String::new(),
                0 | 1 => format!("c{channel}"),
                _ => format!("+0.707*c{channel}"),
            };
            left += &term(0);
            right += &term(1);
        }
    }
    // With "<" instead of "=", ffmpeg normalises the weights to a sum of one.
    format!("aformat=sample_fmts=fltp,pan=stereo|c0<{left}|c1<{right},{LEVEL},")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_is_in_the_mix() {
        assert_eq!(to_stereo(1, "mono"), "");
        assert_eq!(to_stereo(2, ""), "");
        let three = to_stereo(3, "2.1");
        assert!(three.contains("pan=stereo|c0<c0+0.707*c2|c1<c1+0.707*c2,"), "{three}");
        let many = to_stereo(16, "");
        assert!((2..16).all(|channel| many.matches(&format!("*c{channel}")).count() >= 2), "{many}");
        let film = to_stereo(6, "5.1");
        for name in ["FL", "FR", "FC", "LFE", "BL", "BR"] {
            assert!(film.contains(name), "{film}");
        }
    }
}
