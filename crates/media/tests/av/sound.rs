//! Audio: loudness, waveforms, covers and tags.

use crate::{Bench, Made, ffmpeg, tone};
use serde_json::Value;
use smmu_core::{WarningCode, av::LoudnessFacts};

fn facts(made: &Made) -> LoudnessFacts {
    made.manifest.av.as_ref().and_then(|facts| facts.loudness).expect("it was measured")
}

/// Asserts that both renditions are at the target loudness, or as near as the peak allows.
fn assert_normalised(made: &Made) {
    let facts = facts(made);
    let (before, peak) = (facts.integrated_lufs.expect("not silent"), facts.true_peak_dbtp.expect("not silent"));
    for name in ["audio.m4a", "audio.opus"] {
        let (lufs, dbtp) = ffmpeg::loudness(&made.path(name));
        assert!(dbtp <= -1.5 + 0.3, "{name} peaks at {dbtp} dBTP");
        let wanted = (-16.0_f64).min(before + (-1.5 - peak));
        assert!((lufs - wanted).abs() <= 0.5, "{name} has {lufs} LUFS, not {wanted}");
    }
}

#[test]
fn soft_and_loud_audio_is_normalised_to_the_same_loudness() {
    for volume in ["-8dB", "0dB", "12dB"] {
        let clip = format!("-f lavfi -i anoisesrc=color=brown:seed=1:amplitude=0.2:duration=5,volume={volume} -ac 2");
        let made = Bench::with_clip(&clip, "wav").transcode();
        assert_normalised(&made);
        let (lufs, _) = ffmpeg::loudness(&made.path("audio.m4a"));
        assert!((lufs + 16.0).abs() <= 0.5, "{volume}: {lufs} LUFS");
        made.assert_valid();
    }
}

#[test]
fn a_peak_limits_the_gain() {
    // Soft for five seconds, with one loud click.
    let clip = "-f lavfi -i aevalsrc=0.02*sin(2*PI*440*t)+if(between(t\\,2\\,2.005)\\,0.7*sin(2*PI*1000*t)\\,0):d=5";
    let made = Bench::with_clip(&format!("{clip} -ac 2"), "flac").transcode();
    let facts = facts(&made);
    let peak = facts.true_peak_dbtp.expect("a click");
    assert!((facts.gain_db - (-1.5 - peak)).abs() <= 0.1, "{facts:?}");
    for name in ["audio.m4a", "audio.opus"] {
        let (lufs, dbtp) = ffmpeg::loudness(&made.path(name));
        assert!(lufs < -20.0, "{name} has {lufs} LUFS");
        assert!(dbtp <= -1.5 + 1.0, "{name} peaks at {dbtp} dBTP: a click is smeared by the codec");
    }
}

#[test]
fn every_layout_and_sample_rate_is_converted_to_one_that_plays_everywhere() {
    for (words, extension, channels, rate) in [
        ("-ac 1 -ar 96000", "wav", 1, "48000"),
        ("-ac 6 -c:a flac", "flac", 2, "44100"),
        ("-ac 2 -ar 22050 -c:a libmp3lame", "mp3", 2, "44100"),
        ("-ac 1 -ar 8000 -c:a pcm_mulaw", "wav", 1, "48000"),
        ("-ac 2 -c:a aac", "m4a", 2, "44100"),
        ("-ac 2 -c:a libvorbis", "ogg", 2, "44100"),
        ("-ac 2 -c:a pcm_s24be", "aiff", 2, "44100"),
        ("-ac 2 -c:a aac", "aac", 2, "44100"),
    ] {
        let made = Bench::with_clip(&format!("{} {words}", tone(997, 3.0)), extension).transcode();
        let stream = &ffmpeg::probe("-show_entries stream=channels,sample_rate", &made.path("audio.m4a"))["streams"][0];
        assert_eq!(stream["channels"], channels, "{words}");
        assert_eq!(stream["sample_rate"], rate, "{words}");
        assert!(ffmpeg::duration_ms(&made.path("audio.opus")).abs_diff(3000) < 100, "{words}");
        assert_normalised(&made);
        made.assert_valid();
    }
}

#[test]
fn fifty_milliseconds_of_audio_are_processed() {
    let made = Bench::with_clip(&tone(440, 0.05), "wav").transcode();
    // Shorter than the 400 ms of a BS.1770 block: no loudness, so no gain.
    assert_eq!(facts(&made).integrated_lufs, None);
    assert!(facts(&made).gain_db.abs() < f64::EPSILON);
    assert_eq!(made.artifact("audio.m4a").duration_ms, Some(50));
    made.assert_valid();
}

#[test]
fn a_pause_without_packets_keeps_its_duration() {
    // As in a voice message: the packets of three seconds are missing.
    let words = "-f lavfi -i sine=duration=8:sample_rate=48000 -c:a libopus -bsf:a noise=drop=between(pts*tb\\,3\\,6)";
    let made = Bench::with_clip(words, "webm").transcode();
    for name in ["audio.m4a", "audio.opus"] {
        let ms = ffmpeg::duration_ms(&made.path(name));
        assert!((7900..=8150).contains(&ms), "{name}: {ms}");
    }
    let waveform: Value =
        serde_json::from_slice(&std::fs::read(made.path("waveform.json")).expect("a file")).expect("JSON");
    let seconds = waveform["length"].as_f64().expect("a number")
        * waveform["samples_per_pixel"].as_f64().expect("a number")
        / waveform["sample_rate"].as_f64().expect("a number");
    assert!((seconds - 8.0).abs() < 0.2, "{seconds}");
}

#[test]
fn silence_stays_silence() {
    let made = Bench::with_clip("-f lavfi -i anullsrc=duration=3", "wav").transcode();
    let facts = facts(&made);
    assert_eq!((facts.integrated_lufs, facts.true_peak_dbtp), (None, None));
    assert!(facts.gain_db.abs() < f64::EPSILON);
    assert!(ffmpeg::samples(&made.path("audio.m4a")).iter().all(|&sample| sample == 0));
    made.assert_valid();
}

#[test]
fn a_waveform_has_the_layout_of_audiowaveform_and_follows_the_volume() {
    let clip = "-f lavfi -i aevalsrc=if(lt(t\\,1)\\,0\\,0.5*sin(2*PI*440*t)):sample_rate=44100:d=2";
    let made = Bench::with_clip(clip, "wav").transcode();
    let waveform: Value = serde_json::from_str(&made.text("waveform.json")).expect("JSON");
    let number = |name: &str| waveform[name].as_u64().expect("a number");
    assert_eq!((number("version"), number("channels"), number("bits")), (2, 1, 8));
    assert_eq!((number("sample_rate"), number("samples_per_pixel")), (44_100, 2205));
    let data: Vec<i64> =
        waveform["data"].as_array().expect("data").iter().map(|n| n.as_i64().expect("a number")).collect();
    assert_eq!(data.len() as u64, number("length") * 2);
    assert_eq!(number("length"), 40);
    let (pairs, _) = data.as_chunks::<2>();
    assert!(pairs.iter().all(|[lowest, highest]| lowest <= highest && *lowest >= -128 && *highest <= 127));
    assert!(pairs[..19].iter().all(|&pair| pair == [0, 0]), "{pairs:?}");
    // Half of the highest sample, at the renditions' gain.
    let wanted = (64.0 * 10_f64.powf(facts(&made).gain_db / 20.0)).round() as i64;
    let near = |pair: &[i64; 2]| (pair[0] + wanted).abs() <= 2 && (pair[1] - wanted).abs() <= 2;
    assert!(pairs[21..].iter().all(near), "{wanted}: {pairs:?}");
    let picture = image::open(made.path("waveform.png")).expect("a picture").into_rgba8();
    let inked = |x: u32| (0..picture.height()).filter(|&y| picture.get_pixel(x, y).0[3] > 0).count();
    assert_eq!(inked(picture.width() / 4), 1);
    assert!(inked(picture.width() * 3 / 4).abs_diff(wanted as usize * 2 * 200 / 256) <= 4);
}

#[test]
fn a_songs_cover_is_extracted_and_its_tags_go_into_the_manifest() {
    let bench = Bench::empty();
    let (cover, song) = (bench.path("cover.png"), bench.path("song.mp3"));
    ffmpeg::make("-f lavfi -i testsrc2=size=1400x1400:rate=1 -frames:v 1", &cover);
    let cover = cover.to_str().expect("a plain path");
    let tags = "-metadata title=Road -metadata artist=Anna -metadata album=Roads -metadata track=3/9 \
                -metadata comment=private -metadata location=+52.5+013.4/";
    let clip = format!(
        "{} -i {cover} -map 0 -map 1 -c:a libmp3lame -c:v copy -disposition:v attached_pic -id3v2_version 3 {tags}",
        tone(440, 1.0)
    );
    ffmpeg::make(&clip, &song);
    std::fs::rename(song, bench.input()).expect("renamed");
    let made = bench.transcode();
    assert_eq!(made.size("cover.jpg"), (1000, 1000));
    let tags = &made.manifest.av.as_ref().expect("facts").probe.tags;
    assert_eq!((tags.title.as_deref(), tags.artist.as_deref()), (Some("Road"), Some("Anna")));
    assert_eq!((tags.album.as_deref(), tags.track.as_deref()), (Some("Roads"), Some("3/9")));
    for name in made.names().into_iter().chain(["manifest.json"]) {
        let content = std::fs::read(made.path(name)).expect("an output");
        for words in [&b"private"[..], b"+52.5"] {
            assert!(!content.windows(words.len()).any(|window| window == words), "{name}");
        }
    }
    made.assert_valid();
}

/// Audio with `channels` channels, only one of which is not silent.
fn one_of(channels: usize, heard: usize, codec: &str) -> String {
    let of = |channel| if channel == heard { "0.5*sin(2*PI*440*t)" } else { "0" };
    let expressions = (0..channels).map(of).collect::<Vec<_>>().join("|");
    format!("-f lavfi -i aevalsrc=exprs={expressions}:duration=2:sample_rate=48000 {codec}")
}

#[test]
fn every_channel_is_audible_whatever_their_number() {
    let picture = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2";
    for channels in [3, 4, 5, 6, 7, 8, 10, 12, 16] {
        for heard in [0, 2, channels - 1] {
            let sound = one_of(channels, heard, "-c:a pcm_s16le");
            let loudest = |made: &Made, name: &str| {
                ffmpeg::samples(&made.path(name)).iter().map(|sample| sample.unsigned_abs()).max()
            };
            let made = Bench::with_clip(&sound, "wav").transcode();
            assert!(loudest(&made, "audio.m4a") > Some(2000), "channel {heard} of {channels}");
            if heard == channels - 1 {
                let clip = format!("{picture} {sound} -c:v libx264 -preset ultrafast -pix_fmt yuv420p");
                let made = Bench::with_clip(&clip, "mov").transcode();
                assert!(loudest(&made, "video.mp4") > Some(500), "channel {heard} of {channels}, with a picture");
            }
        }
    }
}

#[test]
fn a_mix_of_six_loud_channels_neither_clips_nor_is_late() {
    let expressions = ["if(gte(t\\,1)\\,0.98*sin(2*PI*440*t)\\,0)"; 6].join("|");
    let clip = format!(
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2 \
         -f lavfi -i aevalsrc=exprs={expressions}:channel_layout=5.1:duration=2:sample_rate=48000 \
         -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a pcm_s16le"
    );
    let made = Bench::with_clip(&clip, "mov").transcode();
    let samples = ffmpeg::samples(&made.path("video.mp4"));
    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().expect("samples");
    assert!((10_000..32_000).contains(&loudest), "{loudest}");
    let onset_ms = samples.iter().position(|sample| sample.unsigned_abs() > 2000).expect("a tone") / 48;
    assert!(onset_ms.abs_diff(1000) <= 5, "{onset_ms} ms");
}

#[test]
fn channels_out_of_phase_have_a_waveform() {
    let clip = "-f lavfi -i aevalsrc=exprs=0.5*sin(2*PI*440*t)|-0.5*sin(2*PI*440*t):duration=2:sample_rate=48000";
    let made = Bench::with_clip(clip, "wav").transcode();
    let waveform: Value = serde_json::from_str(&made.text("waveform.json")).expect("JSON");
    let highest = waveform["data"].as_array().expect("data").iter().filter_map(Value::as_i64).max();
    assert!(highest > Some(15), "{highest:?}");
}

#[test]
fn a_downloads_audio_is_in_sync_with_its_picture_within_five_milliseconds() {
    // A click every second, in sync with a flash.
    for (codec, extension) in [("aac", "mp4"), ("pcm_s16le", "mov"), ("libopus", "mkv")] {
        let clip = format!(
            "-f lavfi -i color=black:size=160x120:rate=25:duration=4,drawbox=color=white:t=fill:enable=lt(mod(t\\,1)\\,0.04)*gte(t\\,1) \
             -f lavfi -i aevalsrc=if(gte(t\\,1)*lt(mod(t\\,1)\\,0.002)\\,0.9*sin(2*PI*3000*t)\\,0):duration=4:sample_rate=48000 \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a {codec} -b:a 192k"
        );
        let made = Bench::with_clip(&clip, extension).transcode();
        let video = made.path("video.mp4");
        let light = ffmpeg::brightness(&video).iter().position(|&luma| luma > 128).expect("a flash") * 40;
        let samples = ffmpeg::samples(&video);
        // The loudest moment around each second: a codec's pre-echo before the click is softer.
        for second in 1..4 {
            let around = (second * 48_000 - 4800)..(second * 48_000 + 4800);
            let click = around.max_by_key(|&at| samples[at].unsigned_abs()).expect("samples") / 48;
            assert!(click.abs_diff(second * 1000 + 1) <= 5, "{codec}: the click is at {click} ms");
        }
        assert_eq!(light, 1000, "{codec}");
    }
}

#[test]
fn a_cover_stored_as_a_video_track_in_matroska_is_a_cover() {
    for (codec, extension) in [("mjpeg", "mka"), ("png", "mkv")] {
        let clip = format!(
            "{} -f lavfi -i testsrc2=size=300x300:rate=1:duration=1 -map 0 -map 1 -c:a libmp3lame -c:v {codec} -frames:v 1",
            tone(440, 3.0)
        );
        let made = Bench::with_clip(&clip, extension).transcode();
        assert_eq!(made.manifest.kind, smmu_core::MediaKind::Audio, "{extension}");
        assert_eq!(made.size("cover.jpg"), (300, 300), "{extension}");
        made.assert_valid();
    }
}

/// A song with a square cover, `edge` pixels wide.
fn covered(edge: u32, extension: &str, codec: &str) -> Bench {
    let bench = Bench::empty();
    let cover = bench.path("cover.jpg");
    ffmpeg::make(&format!("-f lavfi -i color=teal:size={edge}x{edge} -frames:v 1"), &cover);
    let song = format!("song.{extension}");
    let words = format!(
        "{} -i {} -map 0 -map 1 -c:a {codec} -c:v copy -disposition:v attached_pic",
        tone(440, 2.0),
        cover.to_str().expect("a plain path")
    );
    ffmpeg::make(&words, &bench.path(&song));
    std::fs::rename(bench.path(&song), bench.input()).expect("renamed");
    bench
}

#[test]
fn a_cover_that_is_left_out_is_reported() {
    for (extension, codec) in [("mp3", "libmp3lame"), ("m4a", "aac"), ("flac", "flac")] {
        let made = covered(4000, extension, codec).transcode();
        assert_eq!((made.size("cover.jpg"), made.manifest.warnings.len()), ((1000, 1000), 0), "{extension}");
        let made = covered(12_000, extension, codec).transcode();
        assert!(!made.names().contains(&"cover.jpg"), "{extension}");
        let warnings: Vec<_> =
            made.manifest.warnings.iter().map(|warning| (warning.code, warning.message.as_str())).collect();
        let message = "the cover is left out: a picture in the file has more pixels than are accepted";
        assert_eq!(warnings, [(WarningCode::Shortened, message)], "{extension}");
        made.assert_valid();
    }
    let song = std::fs::read(covered(400, "mp3", "libmp3lame").input()).expect("a song");
    let mut damaged = song;
    let at = damaged.windows(3).position(|bytes| bytes == [0xFF, 0xD8, 0xFF]).expect("a cover");
    damaged[at + 20..at + 400].fill(0xEE);
    let made = Bench::with_bytes(&damaged).transcode();
    assert!(!made.names().contains(&"cover.jpg"));
    assert_eq!(made.manifest.warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), [WarningCode::Repaired]);
}

#[test]
fn audio_after_leading_junk_or_tags_is_processed() {
    let clip = |codec: &str, extension: &str| {
        std::fs::read(Bench::with_clip(&format!("{} {codec}", tone(440, 3.0)), extension).input()).expect("a clip")
    };
    let mp3 = clip("-c:a libmp3lame -write_xing 0 -id3v2_version 0", "mp3");
    assert!(mp3.starts_with(&[0xFF]));
    let aac = clip("-c:a aac", "aac");
    // A tag of `length` bytes; its header stores the length with seven bits per byte (ID3v2.4, 3.1).
    let tag = |length: u32| {
        let size = [21, 14, 7, 0].map(|shift| (length >> shift & 0x7F) as u8);
        [b"ID3\x04\0\0", &size[..], &vec![0; length as usize]].concat()
    };
    let noise = |length: usize| (0..length).map(|at| (at * 7 % 199) as u8 + 1).collect::<Vec<u8>>();
    for (name, sound) in [("MP3", &mp3), ("AAC", &aac)] {
        for front in [noise(3), noise(720), noise(30_000), tag(11), tag(777), tag(5001)] {
            let made = Bench::with_bytes(&[&front[..], sound].concat()).transcode();
            let ms = made.manifest.av.as_ref().expect("facts").probe.duration_ms;
            assert!(ms.abs_diff(3000) <= 60, "{name} after {} bytes: {ms} ms", front.len());
            made.assert_valid();
        }
    }
    for front in [vec![0; 5000], vec![0; 40_000], tag(3_000_001)] {
        let made = Bench::with_bytes(&[&front[..], &mp3].concat()).transcode();
        let ms = made.manifest.av.as_ref().expect("facts").probe.duration_ms;
        assert!(ms.abs_diff(3000) <= 60, "after {} bytes: {ms} ms", front.len());
    }
}

#[test]
fn audio_of_every_format_after_a_tag_of_megabytes_is_processed() {
    // The tag of an MP3, with a title and a cover, that tools also put before other formats.
    let cover = Bench::empty();
    let noise = "-f lavfi -i color=gray:size=1200x1200,noise=alls=100:all_seed=7 -frames:v 1 -q:v 1";
    ffmpeg::make(noise, &cover.path("cover.jpg"));
    let (picture, song) = (cover.path("cover.jpg"), cover.path("song.mp3"));
    let words = format!(
        "{} -i {} -map 0 -map 1 -c:a libmp3lame -write_xing 0 -c:v copy -metadata title=Tagged",
        tone(440, 1.0),
        picture.to_str().expect("a plain path")
    );
    ffmpeg::make(&words, &song);
    let tagged = std::fs::read(&song).expect("a song");
    let tag = &tagged[..smmu_core::formats::tag_bytes(&tagged).expect("a tag") as usize];
    assert!(tag.len() > 1 << 20, "ffmpeg looks behind a tag of {} bytes by itself", tag.len());
    for (extension, codec, media_type, covered) in [
        ("aac", "aac", "audio/aac", true),
        ("wav", "pcm_s16le", "audio/x-wav", true),
        ("tta", "tta", "audio/x-tta", true),
        ("flac", "flac", "audio/x-flac", false),
        ("ac3", "ac3", "audio/ac3", false),
        ("aiff", "pcm_s16be", "audio/x-aiff", false),
        ("wv", "wavpack", "audio/x-wavpack", false),
        ("ogg", "libvorbis", "audio/ogg", false),
        ("mp3", "libmp3lame -id3v2_version 0", "audio/mpeg", true),
    ] {
        let clip = Bench::with_clip(&format!("{} -c:a {codec}", tone(440, 3.0)), extension);
        let sound = std::fs::read(clip.input()).expect("a clip");
        let made = Bench::with_bytes(&[tag, &sound].concat()).transcode();
        let probe = &made.manifest.av.as_ref().expect("facts").probe;
        assert!(probe.duration_ms.abs_diff(3000) <= 60, "{extension}: {} ms", probe.duration_ms);
        assert_eq!(made.manifest.source.content_type, media_type);
        // ffmpeg reads pictures only from tags of these formats.
        assert_eq!(made.names().contains(&"cover.jpg"), covered, "{extension}");
        if ["aac", "mp3"].contains(&extension) {
            assert_eq!(probe.tags.title.as_deref(), Some("Tagged"), "{extension}");
        }
        made.assert_valid();
    }
}
