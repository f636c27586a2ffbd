//! The uploads of a soak, from a seed.

use smmu_tests::samples;
use std::sync::{Arc, LazyLock};

/// A sequence of random numbers (`SplitMix64`, Steele et al., "Fast splittable pseudorandom number generators").
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound` - 1.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// An element of a list, or `None` if it is empty.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let length = u64::try_from(list.len()).ok().filter(|length| *length > 0)?;
        list.get(usize::try_from(self.below(length)).ok()?)
    }
}

/// How a job has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Completed,
    /// Failed because of the file, which no retry can help.
    Refused,
}

/// One upload.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) user: &'static str,
    /// For the report.
    pub(super) what: &'static str,
    pub(super) bytes: Arc<Vec<u8>>,
    pub(super) content_type: &'static str,
    pub(super) expected: Expected,
}

const USERS: [&str; 5] = ["ada", "edsger", "grace", "barbara", "tony"];

/// Images over this size are rendered by a worker; the value of the parameter `RenderImageMaxBytes`. Every picture up
/// to 120 × 120 pixels is smaller.
pub(super) const RENDER_IMAGE_MAX_BYTES: &str = "50000";

/// Of twenty uploads thirteen are small images, two are images for a worker, three have video or sound, and two are
/// broken. The seed decides their order, sizes and users.
pub(super) fn plan(seed: u64, jobs: usize) -> Vec<Planned> {
    let mut dice = Dice::new(seed);
    let mut planned: Vec<_> = (0..jobs).map(|index| upload(index, &mut dice)).collect();
    // Fisher-Yates.
    for last in (1..planned.len()).rev() {
        let other = usize::try_from(dice.below(last as u64 + 1)).expect("an index");
        planned.swap(last, other);
    }
    planned
}

fn upload(index: usize, dice: &mut Dice) -> Planned {
    static CLIP: LazyLock<Arc<Vec<u8>>> = LazyLock::new(|| Arc::new(samples::silent_clip()));
    static SOUND: LazyLock<Arc<Vec<u8>>> = LazyLock::new(|| Arc::new(samples::sound_in_mp4()));
    static VOICE: LazyLock<Arc<Vec<u8>>> = LazyLock::new(|| Arc::new(samples::spoken("Milk, bread and apples.")));
    let mut side = || 40 + u32::try_from(dice.below(81)).expect("small");
    let (width, height) = (side(), side());
    let (what, bytes, content_type) = match index % 20 {
        0 | 7 => ("large image", Arc::new(samples::png(300 + width, 300 + height)), "image/png"),
        1 => ("clip", CLIP.clone(), "video/mp4"),
        2 => ("sound", SOUND.clone(), "video/mp4"),
        3 => ("voice note", VOICE.clone(), "audio/wav"),
        4 => return broken(index / 20 * 2, dice),
        11 => return broken(index / 20 * 2 + 1, dice),
        even if even % 2 == 0 => ("small PNG", Arc::new(samples::png(width, height)), "image/png"),
        _ => ("small JPEG", Arc::new(samples::jpeg(width, height)), "image/jpeg"),
    };
    Planned { user: user(dice), what, bytes, content_type, expected: Expected::Completed }
}

fn broken(which: usize, dice: &mut Dice) -> Planned {
    static CLIP: LazyLock<Vec<u8>> = LazyLock::new(samples::truncated_clip);
    let (what, bytes, content_type) = match which % 4 {
        0 => ("no media", b"#!/bin/sh\necho not a photo\n".to_vec(), "image/jpeg"),
        1 => ("broken clip", CLIP.clone(), "video/mp4"),
        2 => {
            let mut half = samples::jpeg(200, 150);
            half.truncate(half.len() / 2);
            ("broken JPEG", half, "image/jpeg")
        }
        _ => ("broken FLAC", samples::empty_flac(), "audio/flac"),
    };
    Planned { user: user(dice), what, bytes: Arc::new(bytes), content_type, expected: Expected::Refused }
}

fn user(dice: &mut Dice) -> &'static str {
    dice.pick(&USERS).expect("there are users")
}

#[test]
fn a_seed_always_gives_the_same_uploads_of_all_kinds() {
    let kinds = |seed| plan(seed, 40).iter().map(|one| (one.what, one.user, one.bytes.len())).collect::<Vec<_>>();
    assert_eq!(kinds(7), kinds(7));
    assert_ne!(kinds(7), kinds(8));
    let mut names: Vec<_> = kinds(7).into_iter().map(|(what, ..)| what).collect();
    names.sort_unstable();
    names.dedup();
    let all = "broken FLAC,broken JPEG,broken clip,clip,large image,no media,small JPEG,small PNG,sound,voice note";
    assert_eq!(names.join(","), all);
    let limit: usize = RENDER_IMAGE_MAX_BYTES.parse().unwrap();
    for one in plan(7, 60) {
        let large = one.bytes.len() > limit;
        match one.what {
            "large image" => assert!(large, "{}", one.bytes.len()),
            "small PNG" | "small JPEG" => assert!(!large, "{}", one.bytes.len()),
            _ => {}
        }
    }
}
