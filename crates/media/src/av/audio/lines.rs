//! The command lines of an audio file.

use crate::av::{
    line::{Line, counted, until},
    mix::to_stereo,
};
use smmu_core::av::{AudioPlan, AvLimits, SoundPlan, names};

/// An audio file that was probed and planned.
pub(super) struct Sound<'a> {
    pub(super) plan: &'a AudioPlan,
    pub(super) limits: &'a AvLimits,
    /// The container, as ffmpeg names it.
    pub(super) container: &'a str,
}

/// Longest edge of a cover, in pixels. Players show covers small.
const COVER_EDGE: u32 = 1000;

impl Sound<'_> {
    fn source(&self, line: Line) -> Line {
        line.source(self.limits, &until(self.container, self.limits))
    }

    /// Filters that bring the audio to the outputs' channel count, so that loudness is measured on what listeners hear.
    /// Missing packets, such as a pause in a voice message, become silence to keep the timing.
    fn mixed(&self) -> String {
        let SoundPlan { stream, channels, source_channels, ref layout, sample_rate_hz, .. } = self.plan.sound;
        let (counted, mix) = (counted(self.container, self.limits), to_stereo(source_channels, layout));
        let layout = if channels == 1 { "mono" } else { "stereo" };
        format!(
            "[0:{stream}]{counted}{mix}aresample={sample_rate_hz}:async=1,\
             aformat=sample_fmts=flt:channel_layouts={layout}"
        )
    }

    /// Writes the loudness to the log, and samples of the outputs' channels to standard output.
    pub(super) fn measure_line(&self) -> Line {
        let mixed = self.mixed();
        let layout = if self.plan.sound.channels == 1 { "mono" } else { "stereo" };
        let rate = self.plan.waveform.sample_rate_hz;
        self.source(Line::quiet_ffmpeg().with("-loglevel level+info"))
            .with(format!(
                "-filter_complex {mixed},asplit=2[heard][seen];[heard]ebur128=peak=true:framelog=verbose,anullsink;\
                 [seen]aresample={rate},aformat=sample_fmts=s16:channel_layouts={layout}[peaks]"
            ))
            .with("-map [peaks] -c:a pcm_s16le -f s16le pipe:1")
    }

    /// Encodes both renditions from one decode, with the same constant gain.
    pub(super) fn encode_line(&self, gain_db: f64) -> Line {
        let SoundPlan { aac_bit_rate, .. } = self.plan.sound;
        let mixed = self.mixed();
        self.source(Line::ffmpeg())
            .with(format!("-filter_complex {mixed},volume={gain_db}dB:precision=float,asplit=2[aac][opus]"))
            .with(format!("-map [aac] -c:a aac -b:a {aac_bit_rate} -flags:a +bitexact -movflags +faststart -f mp4"))
            .output(names::AAC)
            .with(format!(
                "-map [opus] -ar 48000 -c:a libopus -b:a {} -flags:a +bitexact -f ogg",
                self.plan.opus_bit_rate
            ))
            .output(names::OPUS)
    }

    /// Decodes the cover and encodes it as JPEG.
    pub(super) fn cover_line(&self, stream: u32) -> Line {
        self.source(Line::ffmpeg())
            .with(format!("-map 0:{stream} -frames:v 1"))
            .with(format!(
                "-vf scale=min({COVER_EDGE}\\,iw):min({COVER_EDGE}\\,ih):force_original_aspect_ratio=decrease,setsar=1"
            ))
            .with("-c:v mjpeg -pix_fmt yuvj420p -q:v 3 -flags:v +bitexact -update 1 -f image2")
            .output(names::COVER)
    }
}

#[cfg(test)]
mod tests;
