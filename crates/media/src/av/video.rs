//! A video: poster and preview first, then everything else from one decode. The files that players load first are
//! published first.

mod lines;
mod picture;
mod playlists;

use super::{
    Outcome,
    boxes::{TrackFile, set_upright},
    failure::corrupt,
    making::{Making, bit_rate, is_cut_off},
};
use crate::{
    error::{MediaError, Transient},
    webp,
};
pub(crate) use lines::Video;
use lines::{Window, sheet};
use playlists::Listed;
use smmu_core::{
    Artifact, Refusal, Role,
    av::{
        FrameRate, Probe, Rung, SoundPlan, StoryboardPlan,
        hls::{self, AudioRendition, Keyframes, MediaPlaylist, Variant, master_playlist},
        names,
        progress::Steps,
        storyboard,
    },
    image::Size,
};
use std::fs;

/// Steps of a video and their weights: poster, preview, main pass, packaging.
const WEIGHTS: [u32; 4] = [2, 3, 90, 5];
const POSTER: usize = 0;
const PREVIEW: usize = 1;
const MAIN: usize = 2;
const PACKAGE: usize = 3;

/// Makes all outputs of a video.
pub(crate) fn make(mut making: Making, video: &Video, probe: &Probe) -> Result<Outcome, MediaError> {
    let mut steps = Steps::new(&WEIGHTS);
    poster(&mut making, video, &mut steps)?;
    preview(&mut making, video, &mut steps)?;
    making.run(&video.main_line(), &mut steps, MAIN, video.plan.duration_ms)?;

    let Tracks { rungs, audio } = Tracks::read(&making, video)?;
    let picture_ms = rungs.iter().map(|encoded| encoded.track.file.duration_ms()).min().unwrap_or(0);
    let made_ms = audio.iter().map(|(_, track)| track.file.duration_ms()).chain([picture_ms]).max().unwrap_or(0);
    if picture_ms == 0 {
        return Err(no_frames());
    }
    let used: Vec<u32> = audio.iter().map(|(sound, _)| sound.stream).chain([video.plan.picture.stream]).collect();
    let cut_off = is_cut_off(probe, &used, made_ms)?;
    let variants: Vec<Variant> = rungs.iter().map(|encoded| encoded.variant(video.plan.picture.frame_rate)).collect();
    let rendition = audio.as_ref().map(|(sound, track)| AudioRendition {
        playlist: track.name.clone(),
        codecs: track.file.codec.clone(),
        channels: sound.channels,
        language: sound.language.clone(),
        peak_bit_rate: track.playlist.peak_bit_rate(),
        average_bit_rate: track.playlist.average_bit_rate(),
    });
    // Publish the rung that players start with first.
    let start = hls::start_of(&variants, rendition.as_ref());
    publish_rung(&mut making, &rungs[start])?;
    if let Some((_, track)) = &audio {
        publish_track(&mut making, track, None, "audio/mp4")?;
    }
    for (_, encoded) in rungs.iter().enumerate().filter(|(index, _)| *index != start) {
        publish_rung(&mut making, encoded)?;
    }
    making.space.write(names::MASTER_PLAYLIST, master_playlist(&variants, rendition.as_ref()).as_bytes())?;
    // After every playlist that it names.
    making.publish(names::MASTER_PLAYLIST, Role::MasterPlaylist, hls::CONTENT_TYPE, |artifact| artifact)?;
    publish_storyboard(&mut making, &video.plan.storyboard, picture_ms)?;
    making.run(&video.download_line(audio.is_some()), &mut steps, PACKAGE, made_ms)?;
    let top = &rungs[0];
    let codecs = [Some(&top.track), audio.as_ref().map(|(_, track)| track)].into_iter().flatten();
    let codecs = codecs.map(|track| track.file.codec.as_str()).collect::<Vec<_>>().join(",");
    making.publish(names::DOWNLOAD, Role::Rendition, "video/mp4", |artifact| {
        let bit_rate = bit_rate(artifact.bytes, made_ms);
        Artifact { duration_ms: Some(made_ms), bit_rate, codecs: Some(codecs), ..sized(artifact, top.rung.size) }
    })?;
    making.report(steps.complete(PACKAGE));
    Ok(Outcome { loudness: None, artifacts: making.into_artifacts(), made_ms, cut_off, warnings: Vec::new() })
}

/// Picks a frame that is not black at one of the plan's moments, or a black one if there is no other.
fn poster(making: &mut Making, video: &Video, steps: &mut Steps) -> Result<(), MediaError> {
    let plan = &video.plan.poster;
    let window = |&start_ms: &u64| Window { start_ms, lasting_ms: plan.window_ms };
    let lit = plan.moments_ms.iter().map(window).map(|window| (window, false));
    let any = plan.moments_ms.first().map(window).into_iter().chain([video.whole()]).map(|window| (window, true));
    let mut verdict = None;
    for (window, black_too) in lit.chain(any) {
        let line = video.poster_line(window, black_too);
        verdict = refusal_of(making.run(&line, steps, POSTER, plan.window_ms))?;
        if verdict.is_none() && making.space.has(names::POSTER) {
            return making.publish(names::POSTER, Role::Poster, "image/jpeg", |artifact| sized(artifact, plan.size));
        }
    }
    Err(verdict.map_or_else(no_frames, MediaError::from))
}

fn preview(making: &mut Making, video: &Video, steps: &mut Steps) -> Result<(), MediaError> {
    let plan = &video.plan.preview;
    let window = |start_ms| Window { start_ms, lasting_ms: plan.duration_ms };
    let mut verdict = None;
    for window in [window(plan.start_ms), window(0), video.whole()] {
        verdict = refusal_of(making.run(&video.preview_line(window), steps, PREVIEW, plan.duration_ms))?;
        if verdict.is_some() {
            continue;
        }
        let content = fs::read(making.space.path(names::PREVIEW)).unwrap_or_default();
        // ffmpeg writes a single frame as a still, and past the end of the picture a file without frames.
        let Some(container) = webp::parse(&content) else { continue };
        // Take the count from the file: the encoder merges identical frames.
        let (frames, duration_ms) =
            container.animation.map_or((1, plan.duration_ms), |animation| (animation.frames, animation.duration_ms));
        return making.publish(names::PREVIEW, Role::Preview, "image/webp", |artifact| Artifact {
            frames: Some(frames),
            duration_ms: Some(duration_ms),
            ..sized(artifact, plan.size)
        });
    }
    Err(verdict.map_or_else(no_frames, MediaError::from))
}

/// Turns a refusal into a value, so that the caller can try another part of the video. Part of a video may have no
/// decodable frame because it is damaged or has no picture there, and ffmpeg reports both as failures.
fn refusal_of(run: Result<(), MediaError>) -> Result<Option<Refusal>, MediaError> {
    match run {
        Ok(()) => Ok(None),
        Err(MediaError::Refused(refusal)) => Ok(Some(refusal)),
        Err(error @ MediaError::Transient(_)) => Err(error),
    }
}

/// Refusal of a video without a decodable frame.
fn no_frames() -> MediaError {
    corrupt("none of its frames can be decoded")
}

/// Everything that the main pass encoded for playlists.
struct Tracks<'a> {
    rungs: Vec<Encoded<'a>>,
    audio: Option<(&'a SoundPlan, Track)>,
}

impl<'a> Tracks<'a> {
    /// Reads the track files and resets the rotation matrix of each rung. All tracks get the longest target duration,
    /// because all playlists of a master playlist must have the same one (RFC 8216, 6.2.4).
    fn read(making: &Making, video: &'a Video<'a>) -> Result<Self, MediaError> {
        let mut rungs = Vec::new();
        for rung in video.rungs() {
            let file = TrackFile::read(&making.space.path(&rung.segments_name()))?;
            let track = Track::of(rung.playlist_name(), rung.segments_name(), file)?.ok_or_else(no_frames)?;
            set_upright(&making.space.path(&track.playlist.uri), track.file.header_bytes)?;
            rungs.push(Encoded { rung, track });
        }
        let mut audio = match &video.plan.audio {
            Some(sound) => {
                let file = TrackFile::read(&making.space.path(names::AUDIO_SEGMENTS))?;
                let file = TrackFile { segments: playlists::in_step(&file, &rungs[0].track.file), ..file };
                // An audio stream without samples counts as no audio.
                let track = Track::of(names::AUDIO_PLAYLIST.to_owned(), names::AUDIO_SEGMENTS.to_owned(), file)?;
                track.map(|track| (sound, track))
            }
            None => None,
        };
        let rung_tracks = rungs.iter_mut().map(|encoded| &mut encoded.track);
        let mut tracks: Vec<_> = rung_tracks.chain(audio.as_mut().map(|(_, track)| track)).collect();
        let longest_s = tracks.iter().map(|track| track.playlist.target_duration_s).max().unwrap_or_default();
        for track in &mut tracks {
            track.playlist.target_duration_s = longest_s;
        }
        Ok(Self { rungs, audio })
    }
}

/// A track with its playlist.
struct Track {
    /// The playlist's name.
    name: String,
    file: TrackFile,
    playlist: MediaPlaylist,
}

impl Track {
    /// Returns `None` if the track has no segments, because nothing in the source's stream could be decoded.
    fn of(name: String, segments: String, file: TrackFile) -> Result<Option<Self>, MediaError> {
        if file.segments.is_empty() {
            return Ok(None);
        }
        let playlist = playlists::of_track(segments, &file)?;
        Ok(Some(Self { name, file, playlist }))
    }
}

/// A rung with its encoded track.
struct Encoded<'a> {
    rung: &'a Rung,
    track: Track,
}

impl Encoded<'_> {
    fn keyframes(&self) -> MediaPlaylist {
        playlists::keyframes(&self.track.playlist, &self.track.file)
    }

    fn variant(&self, frame_rate: FrameRate) -> Variant {
        let (playlist, keyframes) = (&self.track.playlist, self.keyframes());
        Variant {
            playlist: self.track.name.clone(),
            codecs: self.track.file.codec.clone(),
            size: self.rung.size,
            frame_rate,
            peak_bit_rate: playlist.peak_bit_rate(),
            average_bit_rate: playlist.average_bit_rate(),
            keyframes: Keyframes {
                playlist: self.rung.keyframes_name(),
                peak_bit_rate: keyframes.peak_bit_rate(),
                average_bit_rate: keyframes.average_bit_rate(),
            },
        }
    }
}

/// Publishes a rung: its segments, its playlist, and the playlist of its keyframes.
fn publish_rung(making: &mut Making, encoded: &Encoded) -> Result<(), MediaError> {
    let Encoded { rung, track } = encoded;
    publish_track(making, track, Some(rung.size), "video/mp4")?;
    let keyframes = playlists::text(&encoded.keyframes(), Listed::Keyframes);
    making.space.write(&rung.keyframes_name(), keyframes.as_bytes())?;
    let described = |artifact| sized(artifact, rung.size);
    making.publish(&rung.keyframes_name(), Role::MediaPlaylist, hls::CONTENT_TYPE, described)
}

fn publish_track(making: &mut Making, track: &Track, size: Option<Size>, content_type: &str) -> Result<(), MediaError> {
    let described = |artifact: Artifact| Artifact {
        width: size.map(|size| size.width),
        height: size.map(|size| size.height),
        duration_ms: Some(track.file.duration_ms()),
        bit_rate: Some(track.playlist.average_bit_rate()),
        codecs: Some(track.file.codec.clone()),
        ..artifact
    };
    making.space.write(&track.name, playlists::text(&track.playlist, Listed::Segments).as_bytes())?;
    // Kept, because the download is made from these segments.
    making.publish_kept(&track.playlist.uri, Role::Segments, content_type, described)?;
    making.publish(&track.name, Role::MediaPlaylist, hls::CONTENT_TYPE, described)
}

/// Publishes the storyboard's sheets and the cues that name them. Counts tiles by the picture, which may end before
/// the audio.
fn publish_storyboard(making: &mut Making, plan: &StoryboardPlan, picture_ms: u64) -> Result<(), MediaError> {
    let tiles = u32::try_from(picture_ms.div_ceil(plan.interval_ms)).unwrap_or(u32::MAX).clamp(1, plan.tiles);
    let plan = StoryboardPlan { tiles, ..*plan };
    for number in 0..plan.sheets() {
        let name = StoryboardPlan::sheet_name(number);
        let (made, named) = (making.space.path(&sheet(number + 1)), making.space.path(&name));
        fs::rename(made, named).map_err(|_| Transient::Output("a sheet of the storyboard is missing".to_owned()))?;
        making.publish(&name, Role::Sprite, "image/jpeg", |artifact| sized(artifact, plan.sheet()))?;
    }
    making.space.write(names::STORYBOARD, plan.cues(picture_ms).as_bytes())?;
    making.publish(names::STORYBOARD, Role::Storyboard, storyboard::CONTENT_TYPE, |artifact| artifact)
}

fn sized(artifact: Artifact, size: Size) -> Artifact {
    Artifact { width: Some(size.width), height: Some(size.height), ..artifact }
}
