//! Real files (see `fixtures/av/README.md`), the same files with changed bytes, and hostile ones.

use super::{MAX_READS, Missing, Outline, Presence, READ_BYTES, Ranges};
use crate::{
    detect::{Format, HEAD_BYTES, detect},
    image::Size,
    kind::MediaKind,
};
use Presence::{Absent, Present, Unknown};
use proptest::prelude::*;
use std::ops::Range;

/// Runs the caller's loop on a file that may be larger than memory; also returns the number of reads.
fn look(format: Format, total_bytes: u64, read: impl Fn(Range<u64>) -> Vec<u8>) -> (Outline, usize) {
    let mut known = Ranges::default();
    known.insert(0, read(0..(HEAD_BYTES as u64).min(total_bytes)));
    let mut reads = 1;
    loop {
        match Outline::read(format, &known, total_bytes) {
            Ok(outline) => return (outline, reads),
            Err(Missing(range)) => {
                assert!(range.start < range.end && range.end <= total_bytes, "{range:?} of {total_bytes}");
                assert!(range.end - range.start <= READ_BYTES, "{range:?}");
                known.insert(range.start, read(range));
                reads += 1;
                assert!(reads <= MAX_READS);
            }
        }
    }
}

fn part(file: &[u8], range: Range<u64>) -> Vec<u8> {
    let offset = |at: u64| usize::try_from(at).unwrap().min(file.len());
    file[offset(range.start)..offset(range.end)].to_vec()
}

fn outline(file: &[u8]) -> (Outline, usize) {
    look(detect(file).expect("a known format"), file.len() as u64, |range| part(file, range))
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../fixtures/av/", $name)).as_slice()
    };
}

const FILES: &[(&[u8], Presence, Presence, Option<u64>)] = &[
    (fixture!("moov-first.mp4"), Present, Present, Some(1000)),
    (fixture!("moov-last.mp4"), Present, Present, Some(1000)),
    (fixture!("fragmented.mp4"), Present, Present, None),
    (fixture!("silent.mp4"), Present, Absent, Some(1000)),
    (fixture!("sound.mp4"), Absent, Present, Some(1000)),
    (fixture!("sound.m4a"), Absent, Present, Some(1000)),
    (fixture!("both.mov"), Present, Present, Some(1000)),
    (fixture!("both.3gp"), Present, Present, Some(1000)),
    (fixture!("both.mkv"), Present, Present, Some(1128)),
    (fixture!("both.webm"), Present, Present, Some(1008)),
    (fixture!("live.webm"), Present, Present, None),
    (fixture!("sound.webm"), Absent, Present, Some(1008)),
];

#[test]
fn headers_state_the_content_of_a_file() {
    for (index, (file, picture, sound, duration_ms)) in FILES.iter().enumerate() {
        let size = (*picture == Present).then_some(Size { width: 48, height: 36 });
        let expected = Outline { picture: *picture, sound: *sound, duration_ms: *duration_ms, size };
        assert_eq!(outline(file).0, expected, "file {index}");
    }
}

#[test]
fn the_kind_follows_the_tracks_and_not_the_container() {
    let kind = |file| outline(file).0.kind(detect(file).unwrap().kind);
    assert_eq!(kind(fixture!("sound.mp4")), MediaKind::Audio);
    assert_eq!(kind(fixture!("sound.webm")), MediaKind::Audio);
    assert_eq!(kind(fixture!("silent.mp4")), MediaKind::Video);
    let mut named_sound = fixture!("both.mov").to_vec();
    named_sound[8..12].copy_from_slice(b"M4A ");
    assert_eq!(kind(&named_sound), MediaKind::Video);
    assert_eq!(kind(fixture!("both.avi")), MediaKind::Video);
    assert_eq!(kind(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), MediaKind::Image);
}

#[test]
fn a_format_without_an_outline_uses_its_defaults() {
    let evident = |file| {
        let Outline { picture, sound, .. } = outline(file).0;
        (picture, sound)
    };
    assert_eq!(evident(fixture!("sound.mp3")), (Absent, Present));
    assert_eq!(evident(fixture!("sound.flac")), (Absent, Present));
    assert_eq!(evident(fixture!("both.ts")), (Unknown, Unknown));
}

/// Builds a box of ISO BMFF.
fn atom(kind: &[u8], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), kind, body].concat()
}

const FTYP: &[u8] = b"\0\0\0\x14ftypisom\0\0\x02\0isom";

fn mp4(rest: &[u8]) -> Vec<u8> {
    [FTYP, rest].concat()
}

/// The `moov` box of a real file.
fn moov() -> &'static [u8] {
    let file = fixture!("moov-last.mp4");
    let at = file.windows(4).rposition(|window| window == b"moov").unwrap() - 4;
    &file[at..]
}

#[test]
fn the_end_of_a_file_of_five_gibibytes_is_found_in_three_reads() {
    const MEDIA: u64 = 5 * 1024 * 1024 * 1024 - 10_000;
    let start = [FTYP, &[0, 0, 0, 1], b"mdat", &MEDIA.to_be_bytes()].concat();
    let end = FTYP.len() as u64 + MEDIA;
    let total = end + moov().len() as u64;
    let (outline, reads) = look(detect(&start).unwrap(), total, |range| {
        if range.start >= end { part(moov(), range.start - end..range.end - end) } else { part(&start, range) }
    });
    assert_eq!((outline.picture, outline.sound), (Present, Present));
    assert!(reads <= 3, "{reads}");
}

#[test]
fn unread_content_is_unknown_and_not_absent() {
    let unknown = Outline::default();
    let truncated = &fixture!("moov-last.mp4")[..3000];
    assert_eq!(outline(truncated).0, unknown, "moov is cut off");
    assert_eq!(outline(&mp4(b"")).0, unknown);
    assert_eq!(outline(&mp4(b"\0\0\0\x01moov\xff\xff\xff\xff\xff\xff\xff\xff")).0, unknown, "larger than the file");
    assert_eq!(outline(&mp4(b"\0\0\0\x01moov\0\0\0\0\0\0\0\x07")).0, unknown, "smaller than its header");
    assert_eq!(outline(&mp4(b"\0\0\0\x04moov")).0, unknown, "smaller than its header");
    assert_eq!(outline(&fixture!("both.webm")[..60]).0, unknown, "cut off before the tracks");
}

#[test]
fn a_movie_box_at_the_end_may_have_size_zero() {
    let mut file = mp4(moov());
    file[FTYP.len()..FTYP.len() + 4].fill(0);
    assert_eq!(outline(&file).0.picture, Present);
}

#[test]
fn a_movie_without_tracks_has_neither() {
    let Outline { picture, sound, .. } = outline(&mp4(&atom(b"moov", b""))).0;
    assert_eq!((picture, sound), (Absent, Absent));
}

#[test]
fn a_disabled_picture_may_belong_to_a_chapter() {
    let mut file = fixture!("silent.mp4").to_vec();
    let tkhd = file.windows(4).position(|window| window == b"tkhd").unwrap();
    file[tkhd + 7] &= !1;
    assert_eq!(outline(&file).0.picture, Unknown);
}

#[test]
fn hostile_files_end_with_what_was_found_so_far() {
    let empty = mp4(&b"\0\0\0\x08free".repeat(1_000_000));
    assert_eq!(outline(&empty), (Outline::default(), MAX_READS));

    let nested = (0..100_000)
        .fold(Vec::new(), |inner: Vec<u8>, _| if inner.len() > 4096 { inner } else { atom(b"trak", &inner) });
    assert_eq!(outline(&mp4(&atom(b"moov", &nested))).0, Outline::default());

    let track = |handler: &[u8]| {
        let handler = [&[0; 8], handler, &[0; 12]].concat();
        atom(b"trak", &[atom(b"tkhd", &[0; 84]), atom(b"mdia", &atom(b"hdlr", &handler))].concat())
    };
    let crowd = mp4(&atom(b"moov", &[track(b"soun").repeat(10_000), track(b"vide")].concat()));
    let (outline, reads) = outline(&crowd);
    assert_eq!((outline.picture, outline.sound), (Unknown, Present), "the last of 10,001 was not seen");
    assert_eq!(reads, MAX_READS);
}

#[test]
fn a_source_that_returns_nothing_ends_too() {
    let start = mp4(b"\0\0\0\x01mdat\0\0\0\0\0\x01\0\0");
    let asked = look(detect(&start).unwrap(), 1 << 32, |range| part(&start, range));
    assert_eq!(asked, (Outline::default(), MAX_READS));
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![
        Format { kind: MediaKind::Video, content_type: "video/mp4" },
        Format { kind: MediaKind::Video, content_type: "video/webm" },
    ])
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic_or_an_endless_loop(
        format in format(),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        further in prop_oneof![Just(0), any::<u64>()],
    ) {
        let total = (bytes.len() as u64).saturating_add(further);
        look(format, total, |range| if range.start < bytes.len() as u64 { part(&bytes, range) } else { Vec::new() });
    }

    #[test]
    fn no_change_to_a_real_file_causes_a_panic_or_an_endless_loop(
        file in prop::sample::select(FILES),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        length in any::<prop::sample::Index>(),
    ) {
        let mut bytes = file.0.to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(length.index(bytes.len()) + 1);
        look(detect(file.0).unwrap(), bytes.len() as u64, |range| part(&bytes, range));
    }
}
