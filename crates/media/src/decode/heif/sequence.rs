//! Image sequences: the tracks of an animated AVIF file (ISO/IEC 23008-12, 7; ISO/IEC 14496-12, 8).

mod samples;

use super::{
    super::shown_ms,
    Unusable,
    bytes::Bytes,
    container::{Coding, Container, Parsed, Picture, Tile},
    properties::{self, Property},
};
use samples::SampleTable;
use smmu_core::image::{ImageLimits, Size};
use std::{ops::Range, sync::Arc};

/// The frames of an animation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sequence {
    /// Frames to process, at least one.
    pub(super) frames: Vec<Frame>,
    /// Number of plays; 0 is endless.
    pub(super) plays: u32,
    /// Number of frames stated in the file.
    pub(super) stated: u64,
    pub(super) ended: Ended,
}

/// Reason why there are no more frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The sequence has no more.
    Whole,
    /// The limit was reached.
    Limit,
    /// The bytes of the next frame are missing.
    CutOff,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) colour: Range<usize>,
    pub(super) alpha: Option<Range<usize>>,
    /// Display time in milliseconds.
    pub(super) shown_ms: u32,
}

/// Maximum number of tracks to read.
const MAX_TRACKS: usize = 16;

/// A track of pictures.
#[derive(Default)]
struct Track<'a> {
    id: u32,
    duration: u64,
    timescale: u32,
    entry: Option<Entry>,
    samples: SampleTable<'a>,
    /// The edit list: true if it repeats, and the duration of one repetition.
    edit: Option<(bool, u64)>,
    /// Ids of the tracks whose alpha this track is.
    alpha_of: Vec<u32>,
    /// Ids of the tracks by whose alpha the colours are premultiplied.
    multiplied_by: Vec<u32>,
}

/// Sample description of a track.
struct Entry {
    size: Size,
    properties: Vec<Property>,
}

/// Reads the sequence of a `moov` box, with its first frame as the picture. The caller adds Exif.
pub(super) fn read(moov: Bytes, content: &[u8], limits: &ImageLimits) -> Parsed<Container> {
    let mut tracks = Vec::new();
    for found in moov.boxes() {
        let (kind, payload) = found?;
        if &kind == b"trak" && tracks.len() < MAX_TRACKS {
            tracks.push(Track::read(payload)?);
        }
    }
    let colour = tracks.iter().find(|track| track.entry.is_some() && track.alpha_of.is_empty());
    let colour = colour.ok_or(Unusable::Unsupported("a sequence of no known pictures"))?;
    let alpha = tracks.iter().find(|track| track.entry.is_some() && track.alpha_of.contains(&colour.id));
    let entry = colour.entry.as_ref().ok_or(Unusable::Damaged("a track has no description"))?;
    let properties: Vec<&Property> = entry.properties.iter().collect();
    let (crop, orientation) = properties::shown(entry.size, &properties)?;
    let sequence = frames(colour, alpha, content.len(), limits)?;
    let first = sequence.frames.first().ok_or(Unusable::Damaged("a sequence has no frames"))?;
    let of_alpha = alpha.zip(first.alpha.clone());
    Ok(Container {
        colour: picture(entry, first.colour.clone())?,
        alpha: of_alpha.and_then(|(track, range)| Some(picture(track.entry.as_ref()?, range))).transpose()?,
        premultiplied: alpha.is_some_and(|alpha| colour.multiplied_by.contains(&alpha.id)),
        crop,
        orientation,
        icc: properties::icc(&properties),
        code_points: properties::code_points(&properties),
        exif: None,
        sequence: Some(sequence),
    })
}

/// The frames within limits whose bytes are present.
fn frames(colour: &Track, alpha: Option<&Track>, file: usize, limits: &ImageLimits) -> Parsed<Sequence> {
    let canvas = colour.entry.as_ref().map_or(Size { width: 0, height: 0 }, |entry| entry.size);
    let most = limits.frames(canvas) as usize;
    let timescale = u64::from(colour.timescale).max(1);
    let mut alphas = alpha.map(|alpha| alpha.samples.samples(file));
    let (mut frames, mut at) = (Vec::new(), 0_u64);
    for sample in colour.samples.samples(file).take(most) {
        let alpha = match alphas.as_mut().map(Iterator::next) {
            None => None,
            Some(Some(alpha)) => Some(alpha.bytes),
            // Without its alpha, a frame would show hidden pixels.
            Some(None) => break,
        };
        // Round start and end, not the duration, so that rounding errors do not accumulate.
        let ends = at.saturating_add(sample.duration.into());
        let ms = |ticks: u64| ticks.saturating_mul(1000) / timescale;
        let shown_ms = shown_ms(ms(ends) - ms(at));
        frames.push(Frame { colour: sample.bytes, alpha, shown_ms });
        at = ends;
    }
    let stated = colour.samples.count();
    let ended = match frames.len() {
        there if there as u64 >= stated => Ended::Whole,
        there if there == most => Ended::Limit,
        _ => Ended::CutOff,
    };
    Ok(Sequence { frames, plays: colour.plays()?, stated, ended })
}

fn picture(entry: &Entry, first: Range<usize>) -> Parsed<Picture> {
    let (coding, coded, bits, subsampling) = entry
        .properties
        .iter()
        .find_map(|property| match property {
            Property::Av1 { bits, subsampling } => Some((Coding::Av1, entry.size, *bits, *subsampling)),
            Property::Hevc(configuration) => Some((
                Coding::Hevc(Arc::clone(configuration)),
                configuration.sequence.coded,
                configuration.sequence.bits,
                configuration.sequence.subsampling,
            )),
            _ => None,
        })
        .ok_or(Unusable::Damaged("a track has no configuration"))?;
    let tiles = vec![Tile { stream: vec![first], coding, cut: false }];
    Ok(Picture { size: entry.size, columns: 1, tile: entry.size, coded, tiles, bits, subsampling })
}

impl<'a> Track<'a> {
    fn read(trak: Bytes<'a>) -> Parsed<Self> {
        let mut track = Self::default();
        for found in trak.boxes() {
            let (kind, mut payload) = found?;
            match &kind {
                b"tkhd" => {
                    let (version, _) = payload.full_box()?;
                    let wide = if version == 1 { 8 } else { 4 };
                    payload.take(2 * wide)?;
                    track.id = payload.u32(4)?;
                    payload.take(4)?;
                    // A duration of all ones means endless.
                    let duration = payload.number(wide)?;
                    let endless = u64::MAX >> (64 - 8 * wide);
                    track.duration = if duration == endless { u64::MAX } else { duration };
                }
                b"edts" => track.edit = edit(payload)?,
                b"tref" => track.read_references(payload)?,
                b"mdia" => track.read_media(payload)?,
                _ => {}
            }
        }
        Ok(track)
    }

    fn read_references(&mut self, tref: Bytes) -> Parsed<()> {
        for found in tref.boxes() {
            let (kind, payload) = found?;
            let ids = || payload.0.as_chunks().0.iter().map(|&id| u32::from_be_bytes(id)).collect();
            match &kind {
                b"auxl" => self.alpha_of = ids(),
                b"prem" => self.multiplied_by = ids(),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_media(&mut self, mdia: Bytes<'a>) -> Parsed<()> {
        for found in mdia.boxes() {
            let (kind, mut payload) = found?;
            match &kind {
                b"mdhd" => {
                    let (version, _) = payload.full_box()?;
                    payload.take(if version == 1 { 16 } else { 8 })?;
                    self.timescale = payload.u32(4)?;
                }
                b"minf" => {
                    for found in payload.boxes() {
                        let (kind, payload) = found?;
                        if &kind == b"stbl" {
                            self.read_samples(payload)?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_samples(&mut self, stbl: Bytes<'a>) -> Parsed<()> {
        for found in stbl.boxes() {
            let (kind, payload) = found?;
            match &kind {
                b"stsd" => self.entry = entry(payload)?,
                _ => self.samples.read(kind, payload)?,
            }
        }
        Ok(())
    }

    /// Number of plays, 0 for endless. Counted as in libavif, which writes such files: an edit list repeats until the
    /// end of the track's duration. Without an edit list, browsers repeat forever.
    fn plays(&self) -> Parsed<u32> {
        Ok(match self.edit {
            None => 0,
            Some((false, _)) => 1,
            Some((true, _)) if self.duration == u64::MAX => 0,
            Some((true, 0)) => return Err(Unusable::Damaged("it repeats a part without length")),
            Some((true, once)) => u32::try_from(self.duration.div_ceil(once)).unwrap_or(u32::MAX).max(1),
        })
    }
}

/// The edit list: true if it repeats, and the duration of its first entry.
fn edit(edts: Bytes) -> Parsed<Option<(bool, u64)>> {
    for found in edts.boxes() {
        let (kind, mut payload) = found?;
        if &kind == b"elst" {
            let (version, flags) = payload.full_box()?;
            if payload.number(4)? == 0 {
                return Ok(None);
            }
            return Ok(Some((flags & 1 == 1, payload.number(if version == 1 { 8 } else { 4 })?)));
        }
    }
    Ok(None)
}

/// The first sample description; `None` if its codec is unknown.
fn entry(mut stsd: Bytes) -> Parsed<Option<Entry>> {
    stsd.full_box()?;
    stsd.take(4)?;
    let Some(first) = stsd.boxes().next() else { return Ok(None) };
    let (kind, mut payload) = first?;
    // `hev1` is HEVC that can also have parameter sets in the stream.
    if !matches!(&kind, b"av01" | b"hvc1" | b"hev1") {
        return Ok(None);
    }
    payload.take(24)?;
    let size = Size { width: payload.u32(2)?, height: payload.u32(2)? };
    payload.take(50)?;
    let properties = payload.boxes().map(|found| found.and_then(|(kind, inner)| properties::read(kind, inner)));
    Ok(Some(Entry { size, properties: properties.collect::<Parsed<_>>()? }))
}
