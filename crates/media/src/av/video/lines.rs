//! The command lines of a video: its stills, the main pass, and the download.

use super::picture::{self, TO_JPEG, TO_WEBP};
use crate::av::{
    line::{Line, NOTHING_TWICE, seconds},
    mix::to_stereo,
};
use smmu_core::{
    av::{AvLimits, Rung, SEGMENT_SECONDS, SoundPlan, StoryboardPlan, VideoEncoding, VideoPlan, VideoStream, names},
    image::Size,
};
use std::fmt::Write as _;

/// A video that was probed and planned.
pub(crate) struct Video<'a> {
    pub(crate) plan: &'a VideoPlan,
    pub(crate) stream: &'a VideoStream,
    pub(crate) limits: &'a AvLimits,
    /// How far before 0 its first packet lies, in microseconds.
    pub(crate) delay_us: u32,
}

/// A part of a video.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start_ms: u64,
    pub(crate) lasting_ms: u64,
}

/// Sheets of the storyboard are numbered by ffmpeg, from 1, and get their names when they are published.
pub(crate) fn sheet(number: u32) -> String {
    format!("sheet-{number}.jpg")
}

/// A track file by CMAF: one fragment from each keyframe to the next; negative times before the first
/// shown frame put right by an edit list, as Table 9 of ISO/IEC 23000-19 wants it; nothing after the
/// last fragment. (ffmpeg's HLS muxer delays the picture against the sound instead, by two frames.)
const TRACK_FILE: &str = "-use_editlist 1 -f mp4";
const TRACK_FLAGS: &str = "+cmaf+delay_moov+skip_trailer";

/// The sound's fragments, in microseconds: short, because segments are joined of them that end where the picture's do.
const SOUND_FRAGMENT_US: u64 = SEGMENT_SECONDS as u64 * 1_000_000 / 12;

/// The share of their bits that the first segments get, so that a minute is at most 1.02 times as large as with one
/// keyframe in their place. PSNR of these 6 s is then 0.1 to 0.2 dB lower than with one.
const OPENING_BITS: &str = "0.88";

/// Frames a second among which a poster is chosen, and most of them.
const POSTER_RATE: u32 = 8;
const POSTER_FRAMES: u32 = 32;

impl Video<'_> {
    /// What holds for the decoder in every run. All filters are set up once, after the probe: by default ffmpeg begins
    /// all of them anew when the picture changes its size, and time then begins at 0 again. Nor does it put filters of
    /// its own in front.
    fn source(&self, line: Line, window: Window) -> Line {
        let from = if window.start_ms > 0 { format!("-ss {}", seconds(window.start_ms)) } else { String::new() };
        let lasting = seconds(window.lasting_ms.max(1));
        // ffmpeg lets every file begin at 0. The delay of an encoder would come out as time before the sound.
        let delay = match self.delay_us {
            0 => String::new(),
            delay_us => format!("-itsoffset -{}.{:06}", delay_us / 1_000_000, delay_us % 1_000_000),
        };
        let options = format!("-noautorotate -reinit_filter:v 0 {} {delay} {from} -t {lasting}", self.decoder());
        line.source(self.limits, &options)
    }

    /// The decoder, where the usual one knows no alpha: that of VP8 and VP9 is a stream of its own.
    fn decoder(&self) -> String {
        let decoder = match (self.stream.transparent, self.stream.codec.as_str()) {
            (true, "vp8") => "libvpx",
            (true, "vp9") => "libvpx-vp9",
            (true | false, _) => return String::new(),
        };
        format!("-c:{} {decoder}", self.stream.index)
    }

    /// All of it, however long it turns out to be. The picture may begin long after the sound, and end long before.
    pub(crate) fn whole(&self) -> Window {
        Window { start_ms: 0, lasting_ms: self.limits.max_video_ms }
    }

    /// The most representative of the first frames in a window; none if all are black, unless black is accepted.
    pub(crate) fn poster_line(&self, window: Window, black_too: bool) -> Line {
        let plan = &self.plan.poster;
        let chain = picture::first(&self.plan.picture, self.stream, sampled(POSTER_RATE, window), plan.size);
        let lit = if black_too {
            ""
        } else {
            ",blackframe=amount=0:threshold=32,metadata=select:key=lavfi.blackframe.pblack:value=95:function=less"
        };
        self.source(Line::ffmpeg(), window)
            .with(format!(
                "-filter_complex [0:{}]{chain}{lit},thumbnail=n={POSTER_FRAMES},{TO_JPEG}[poster]",
                self.stream.index
            ))
            .with("-map [poster] -frames:v 1")
            .with(jpeg(plan.quality))
            .with("-update 1 -f image2")
            .output(names::POSTER)
    }

    /// The first few seconds in a window as an animated WebP.
    pub(crate) fn preview_line(&self, window: Window) -> Line {
        let plan = &self.plan.preview;
        let chain = picture::first(&self.plan.picture, self.stream, sampled(plan.frame_rate, window), plan.size);
        let frames = (plan.duration_ms * u64::from(plan.frame_rate)).div_ceil(1000).max(1);
        self.source(Line::ffmpeg(), window)
            .with(format!("-filter_complex [0:{}]{chain},{TO_WEBP}[preview]", self.stream.index))
            .with(format!("-map [preview] -c:v libwebp_anim -quality {} -compression_level 4 -loop 0", plan.quality))
            .with(format!("-frames:v {frames} -fps_mode passthrough -f webp"))
            .output(names::PREVIEW)
    }

    /// The main pass: decoded once, and every rung, the sound and the storyboard made of that.
    pub(crate) fn main_line(&self) -> Line {
        let line = self.source(Line::ffmpeg(), self.whole()).with("-filter_complex").with(self.graph());
        let line = self.rungs().fold(line, |line, rung| self.rung(line, rung));
        let line = match &self.plan.audio {
            Some(sound) => Self::sound(line, sound),
            None => line,
        };
        line.with("-map [storyboard]")
            .with(jpeg(self.plan.storyboard.quality))
            .with(format!("-frames:v {} -fps_mode passthrough -f image2", self.plan.storyboard.sheets()))
            .output("sheet-%d.jpg")
    }

    pub(crate) fn rungs(&self) -> impl Iterator<Item = &Rung> {
        self.plan.rungs.iter().chain(&self.plan.av1_rungs)
    }

    /// Every size is scaled from the next larger one, and each is made once.
    fn graph(&self) -> String {
        let mut sizes: Vec<Size> = self.rungs().map(|rung| rung.size).collect();
        sizes.sort_by_key(|size| std::cmp::Reverse(size.pixels()));
        sizes.dedup();
        let picture = &self.plan.picture;
        let mut graph = format!("[0:{}]", self.stream.index);
        for (index, &size) in sizes.iter().enumerate() {
            if index == 0 {
                // A last frame can claim to stay for hours; what repeats it stops where the file says that it ends.
                let steps = picture::steps(picture.frame_rate, self.stream);
                let rate = format!("{steps},trim=end={}", seconds(self.limits.max_video_ms));
                graph += &picture::first(picture, self.stream, rate, size);
            } else {
                // The scaler would keep what rounding to even sizes changes of the shape, as pixels that are not square.
                let chain = picture::scale(size);
                write!(graph, ";[size{index}]{chain},setsar=1").expect("a String takes everything");
            }
            let mut uses: Vec<String> =
                self.rungs().filter(|rung| rung.size == size).map(|rung| format!("[{}]", rung.name)).collect();
            uses.push(if index + 1 < sizes.len() { format!("[size{}]", index + 1) } else { "[small]".to_owned() });
            graph += &[format!(",split={}", uses.len()), uses.concat()].concat();
        }
        graph + ";[small]" + &tiles(&self.plan.storyboard) + "[storyboard]"
    }

    fn rung(&self, line: Line, rung: &Rung) -> Line {
        let gop = self.plan.gop_frames;
        // SVT-AV1 1.4 has keyframes at one distance only; its segments begin where some of H.264 do. One every 2 s, of which
        // 2, 2, 2 and 6 s could be cut, would make a rung 1.7 times as large.
        // x264 counts from the last keyframe, whyever it is one, so that all of them are named.
        let early = self.plan.early_keyframes().map(|frame| format!("eq(n,{frame})")).join("+");
        let encoder = match rung.encoding {
            VideoEncoding::H264 { preset, crf, level } => format!(
                "-c:v libx264 -preset {} -crf {crf} -maxrate {} -bufsize {} -profile:v high -level:v {}.{} \
                 -g {gop} -keyint_min {gop} -sc_threshold 0 -force_key_frames expr:not(mod(n,{gop}))+{early} {}",
                preset.as_str(),
                rung.max_bit_rate,
                rung.buffer_bits,
                level / 10,
                level % 10,
                self.opening()
            ),
            VideoEncoding::Av1 { preset, crf } => {
                format!("-c:v libsvtav1 -preset {preset} -crf {crf} -g {gop} -svtav1-params scd=0")
            }
        };
        line.with(format!("-map [{}]", rung.name))
            .with(encoder)
            .with("-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv -flags:v +bitexact")
            .with(format!("-fps_mode passthrough {TRACK_FILE} -movflags +frag_keyframe{TRACK_FLAGS}"))
            .output(&rung.segments_name())
    }

    /// What x264 does with the first segments. A keyframe is better than the frames before it, and so are those that follow:
    /// three of them instead of one cost 5% of a minute, and lift PSNR of the first 6 s by 0.4 dB, which is given back.
    fn opening(&self) -> String {
        let Self { plan: VideoPlan { duration_ms, gop_frames, .. }, .. } = self;
        let first_ms = u64::from(SEGMENT_SECONDS) * 1000 / 3;
        // What has one segment has no keyframe more.
        if *duration_ms <= first_ms {
            return String::new();
        }
        format!("-x264-params zones=0,{},b={OPENING_BITS}", gop_frames - 1)
    }

    /// The sound as it is: how loud a video is made is its author's choice, and changing it would need
    /// one more pass before the first segment. Gaps are filled, so that it stays in step with the picture.
    fn sound(line: Line, sound: &SoundPlan) -> Line {
        let SoundPlan { stream, channels, source_channels, layout, sample_rate_hz, aac_bit_rate, .. } = sound;
        let mix = to_stereo(*source_channels, layout);
        line.with(format!("-map 0:{stream} -af {mix}aresample=async=1:first_pts=0"))
            .with(format!("-ac {channels} -ar {sample_rate_hz} -c:a aac -b:a {aac_bit_rate} -flags:a +bitexact"))
            .with(NOTHING_TWICE)
            .with(format!("-frag_duration {SOUND_FRAGMENT_US} {TRACK_FILE}"))
            .with(format!("-movflags {TRACK_FLAGS}"))
            .output(names::AUDIO_SEGMENTS)
    }

    /// The download: the top rung and the sound, if there is any, copied.
    pub(crate) fn download_line(&self, sound: bool) -> Line {
        let line = Line::ffmpeg().input(&self.plan.rungs[0].segments_name());
        let line =
            if sound { line.input(names::AUDIO_SEGMENTS).with("-map 0:v -map 1:a") } else { line.with("-map 0:v") };
        // Times as they are: an encoder's delay lies before 0, and ffmpeg would shift each input to begin there.
        line.with("-copyts -c copy -movflags +faststart -f mp4").output(names::DOWNLOAD)
    }
}

/// So many frames a second of a window, and none after it, however long its last frame claims to stay.
fn sampled(rate: u32, window: Window) -> picture::Chain {
    format!("{},trim=end={}", picture::samples(rate), seconds(window.lasting_ms.max(1)))
}

/// Each tile is the frame at the start of its time.
fn tiles(plan: &StoryboardPlan) -> String {
    let Size { width, height } = plan.tile;
    // A thousandth is less than any frame, and more than what a float loses.
    format!(
        r"select=gte(t+0.001\,{}*selected_n),scale={width}:{height}:flags=bicubic,setsar=1,tile={}x{},{TO_JPEG}",
        seconds(plan.interval_ms),
        plan.columns,
        plan.rows
    )
}

/// JPEG at a quality on libjpeg's scale: its factor for the tables, in ffmpeg's eighths.
fn jpeg(quality: u32) -> String {
    let quality = quality.clamp(1, 100);
    let percent = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    let scale = (percent * 8).div_ceil(100).clamp(2, 31);
    format!("-c:v mjpeg -pix_fmt yuvj420p -q:v {scale} -flags:v +bitexact")
}

#[cfg(test)]
mod tests;
