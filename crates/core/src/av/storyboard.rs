//! Storyboards: cues that map each moment to a tile of a sheet, as `WebVTT` with media fragments.

use super::StoryboardPlan;
use crate::image::Size;
use std::fmt::Write as _;

/// Media type of the cues (W3C `WebVTT`, 8).
pub const CONTENT_TYPE: &str = "text/vtt";

impl StoryboardPlan {
    /// Tiles per full sheet.
    const fn tiles_a_sheet(&self) -> u32 {
        self.columns * self.rows
    }

    /// Number of sheets; at least 1.
    #[must_use]
    pub const fn sheets(&self) -> u32 {
        self.tiles.div_ceil(self.tiles_a_sheet())
    }

    /// Width and height of every sheet in pixels.
    #[must_use]
    pub const fn sheet(&self) -> Size {
        Size { width: self.tile.width * self.columns, height: self.tile.height * self.rows }
    }

    /// The cues. Together they cover the whole video, each showing its tile by a spatial media fragment
    /// (`storyboard.jpg#xywh=160,0,160,90`, W3C Media Fragments 1.0).
    #[must_use]
    pub fn cues(&self, duration_ms: u64) -> String {
        let mut text = String::from("WEBVTT\n");
        for tile in 0..self.tiles {
            let start_ms = u64::from(tile) * self.interval_ms;
            // The last tile covers the rest; if the video turned out shorter, some tiles have no cue.
            let last = tile + 1 == self.tiles;
            let end_ms = if last { duration_ms } else { (start_ms + self.interval_ms).min(duration_ms) };
            if end_ms <= start_ms {
                break;
            }
            let on_sheet = tile % self.tiles_a_sheet();
            let Size { width, height } = self.tile;
            let (x, y) = (on_sheet % self.columns * width, on_sheet / self.columns * height);
            let sheet = Self::sheet_name(tile / self.tiles_a_sheet());
            let (start, end) = (time(start_ms), time(end_ms));
            write!(text, "\n{start} --> {end}\n{sheet}#xywh={x},{y},{width},{height}\n")
                .expect("writing to a String cannot fail");
        }
        text
    }
}

/// `HH:MM:SS.mmm`; hours may have more digits.
fn time(ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

/// The same cues with other addresses: each line that names a sheet known to `address`, with or without a fragment,
/// gets the returned address and keeps its fragment.
pub fn with_addresses(cues: &str, address: &dyn Fn(&str) -> Option<String>) -> String {
    let line = |line: &str| {
        let text = line.trim_end_matches(['\n', '\r']);
        let (name, fragment) = text.split_once('#').map_or((text, None), |(name, fragment)| (name, Some(fragment)));
        let known = (!name.is_empty() && !name.contains("-->")).then(|| address(name)).flatten();
        match (known, fragment) {
            (Some(address), Some(fragment)) => format!("{address}#{fragment}{}", &line[text.len()..]),
            (Some(address), None) => format!("{address}{}", &line[text.len()..]),
            (None, _) => line.to_owned(),
        }
    };
    cues.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    const BOARD: StoryboardPlan = StoryboardPlan {
        interval_ms: 2000,
        tiles: 5,
        columns: 2,
        rows: 2,
        tile: Size { width: 160, height: 90 },
        quality: 75,
    };

    #[test]
    fn tiles_go_from_left_to_right_then_down_then_to_the_next_sheet() {
        assert_eq!((BOARD.sheets(), BOARD.sheet()), (2, Size { width: 320, height: 180 }));
        insta::assert_snapshot!(BOARD.cues(9500), @"
        WEBVTT

        00:00:00.000 --> 00:00:02.000
        storyboard.jpg#xywh=0,0,160,90

        00:00:02.000 --> 00:00:04.000
        storyboard.jpg#xywh=160,0,160,90

        00:00:04.000 --> 00:00:06.000
        storyboard.jpg#xywh=0,90,160,90

        00:00:06.000 --> 00:00:08.000
        storyboard.jpg#xywh=160,90,160,90

        00:00:08.000 --> 00:00:09.500
        storyboard-2.jpg#xywh=0,0,160,90
        ");
    }

    #[test]
    fn a_video_that_turned_out_shorter_has_fewer_cues() {
        assert_eq!(BOARD.cues(4000).matches("-->").count(), 2);
        assert_eq!(BOARD.cues(0), "WEBVTT\n");
    }

    #[test]
    fn an_address_keeps_its_fragment() {
        let signed = |name: &str| (name == "storyboard.jpg").then(|| format!("https://api/{name}?token=1"));
        insta::assert_snapshot!(with_addresses(&BOARD.cues(9500), &signed), @"
        WEBVTT

        00:00:00.000 --> 00:00:02.000
        https://api/storyboard.jpg?token=1#xywh=0,0,160,90

        00:00:02.000 --> 00:00:04.000
        https://api/storyboard.jpg?token=1#xywh=160,0,160,90

        00:00:04.000 --> 00:00:06.000
        https://api/storyboard.jpg?token=1#xywh=0,90,160,90

        00:00:06.000 --> 00:00:08.000
        https://api/storyboard.jpg?token=1#xywh=160,90,160,90

        00:00:08.000 --> 00:00:09.500
        storyboard-2.jpg#xywh=0,0,160,90
        ");
        assert_eq!(with_addresses("storyboard.jpg\r\n#x", &signed), "https://api/storyboard.jpg?token=1\r\n#x");
    }

    /// Start, end and tile of a cue.
    type Cue = (u64, u64, String, [u32; 4]);

    /// Milliseconds of `HH:MM:SS.mmm`.
    fn read_time(text: &str) -> u64 {
        let numbers: Vec<u64> = text.split([':', '.']).map(|part| part.parse().expect("a number")).collect();
        ((numbers[0] * 60 + numbers[1]) * 60 + numbers[2]) * 1000 + numbers[3]
    }

    fn read(text: &str) -> Vec<Cue> {
        let cue = |block: &str| {
            let (times, target) = block.split_once('\n').expect("two lines");
            let (start, end) = times.split_once(" --> ").expect("two times");
            let (sheet, fragment) = target.split_once("#xywh=").expect("a fragment");
            let numbers: Vec<u32> = fragment.trim().split(',').map(|part| part.parse().expect("a number")).collect();
            (read_time(start), read_time(end), sheet.to_owned(), numbers.try_into().expect("four numbers"))
        };
        text.trim_end().split("\n\n").skip(1).map(cue).collect()
    }

    proptest! {
        #[test]
        fn cues_cover_the_video_without_gaps_and_show_every_tile_once(
            duration_ms in 1u64..=400_000_000, max_tiles in 1u32..=1000, width in 1u32..=8192, height in 1u32..=8192,
        ) {
            let size = Size { width, height };
            let profile = serde_json::from_value(json!({ "maxTiles": max_tiles })).expect("in range");
            let board = StoryboardPlan::of(duration_ms, size, profile);
            let cues = read(&board.cues(duration_ms));
            prop_assert_eq!(cues.len(), board.tiles as usize);
            prop_assert_eq!((cues[0].0, cues[cues.len() - 1].1), (0, duration_ms));
            prop_assert!(cues.windows(2).all(|pair| pair[0].1 == pair[1].0));
            prop_assert!(cues.iter().all(|(start, end, ..)| start < end));
            let sheet = board.sheet();
            let mut places = std::collections::HashSet::new();
            for (_, _, name, [x, y, width, height]) in &cues {
                prop_assert!(x + width <= sheet.width && y + height <= sheet.height);
                prop_assert_eq!(Size { width: *width, height: *height }, board.tile);
                prop_assert!(places.insert((name.clone(), *x, *y)), "a tile is shown twice");
            }
            let sheets: std::collections::HashSet<&str> = cues.iter().map(|(_, _, name, _)| name.as_str()).collect();
            prop_assert_eq!(sheets.len(), board.sheets() as usize);
        }

        #[test]
        fn unknown_lines_are_kept(text in any::<String>()) {
            prop_assert_eq!(with_addresses(&text, &|_| None), text);
        }
    }
}
