//! Malicious and damaged files. Each is refused with the right code and leaves nothing behind.

use crate::{Bench, H264, ffmpeg, moving, profile, tone};
use smmu_core::{
    ErrorCode,
    av::{AvLimits, names},
};
use smmu_media::MediaError;
use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

/// A file that detects whether anyone opens it: a named pipe, whose other end sees it being opened.
struct Trap {
    path: PathBuf,
}

impl Trap {
    fn in_folder(folder: &Path) -> Self {
        let path = folder.join("secret.mp4");
        let made = Command::new("mkfifo").arg(&path).status().expect("coreutils");
        assert!(made.success());
        Self { path }
    }

    /// Runs `action`, which must not panic, and returns whether the file was opened meanwhile.
    fn sprung_by<T>(&self, action: impl FnOnce() -> T) -> (bool, T) {
        /// `O_NONBLOCK` on Linux: opening a pipe for writing then fails while it has no reader.
        const NONBLOCK: i32 = 0o4000;
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let watch = scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    if fs::OpenOptions::new().write(true).custom_flags(NONBLOCK).open(&self.path).is_ok() {
                        return true;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                false
            });
            let result = action();
            over.store(true, Ordering::Relaxed);
            (watch.join().expect("no panic"), result)
        })
    }
}

#[test]
fn a_trap_detects_that_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let trap = Trap::in_folder(folder.path());
    assert_eq!(trap.sprung_by(|| ()), (false, ()));
    let (sprung, read) = trap.sprung_by(|| fs::read(&trap.path));
    assert!(sprung && read.expect("read").is_empty());
}

/// Playlists and lists that name other files, both plain and after a header that is detected as media.
fn lists(local: &str, url: &str) -> Vec<(&'static str, Vec<u8>)> {
    let hls = |target: &str| {
        format!("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:5.0,\n{target}\n#EXT-X-ENDLIST\n")
    };
    let dash = |target: &str| {
        format!(
            "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\" \
             mediaPresentationDuration=\"PT5S\"><Period><AdaptationSet><Representation id=\"0\" mimeType=\"video/mp4\">\
             <BaseURL>{target}</BaseURL><SegmentBase/></Representation></AdaptationSet></Period></MPD>\n"
        )
    };
    let concat = format!("ffconcat version 1.0\nfile '{local}'\n");
    let sdp = "v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n";
    // A list after the first bytes of ADTS or AMR; ffmpeg detects its own format from the rest.
    let behind = |head: &[u8], text: &str| [head, text.as_bytes()].concat();
    vec![
        ("ffconcat of /etc/passwd", b"ffconcat version 1.0\nfile '/etc/passwd'\n".to_vec()),
        ("ffconcat", concat.clone().into_bytes()),
        ("HLS of a file", hls(local).into_bytes()),
        ("HLS of an address", hls(url).into_bytes()),
        ("DASH", dash(local).into_bytes()),
        ("SDP", sdp.as_bytes().to_vec()),
        ("DASH of a file behind ADTS", behind(b"\xff\xf1", &dash(local))),
        ("DASH of an address behind ADTS", behind(b"\xff\xf1", &dash(url))),
        ("HLS behind ADTS", behind(b"\xff\xf1\n", &hls(local))),
        ("ffconcat behind ADTS", behind(b"\xff\xf1\n", &concat)),
        ("SDP behind AMR", behind(b"#!AMR-WB\n", sdp)),
        ("HLS of an address behind MP4", behind(b"\0\0\0\x10ftypisom\0\0\0\0", &hls(url))),
    ]
}

#[test]
fn a_list_of_files_or_addresses_is_refused_without_opening_any_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let trap = Trap::in_folder(folder.path());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("it can");
    let url = format!("http://{}/clip.mp4", listener.local_addr().expect("bound"));
    for (name, content) in lists(trap.path.to_str().expect("a plain path"), &url) {
        let transcode = || Bench::with_bytes(&content).transcode_with(&profile(), &AvLimits::default());
        let (sprung, result) = trap.sprung_by(transcode);
        match result {
            Err((bench, MediaError::Refused(refusal))) => {
                assert_eq!(bench.left(), [""; 0], "{name}: {refusal}");
                let expected = [ErrorCode::UnsupportedMedia, ErrorCode::CorruptMedia];
                assert!(expected.contains(&refusal.code), "{name}: {refusal}");
                assert!(name.contains("behind") || refusal.code == ErrorCode::UnsupportedMedia, "{name}: {refusal}");
            }
            Err((_, MediaError::Transient(transient))) => panic!("{name}: {transient}"),
            // Any bytes decode as noise in AMR.
            Ok(made) => {
                assert_eq!((name, made.manifest.source.content_type.as_str()), ("SDP behind AMR", "audio/amr-wb"));
            }
        }
        assert!(!sprung, "{name}: the named file was opened");
        let connection = listener.accept().map_err(|error| error.kind());
        assert!(matches!(connection, Err(ErrorKind::WouldBlock)), "{name}: {connection:?}");
    }
}

#[test]
fn the_whitelist_of_containers_stops_a_list_that_ffmpeg_would_follow() {
    let (name, content) = lists("/etc/passwd", "http://127.0.0.1:9/").swap_remove(6);
    let refusal = Bench::with_bytes(&content).refused();
    assert_eq!(refusal.code, ErrorCode::UnsupportedMedia, "{name}: {refusal}");
    assert!(refusal.message.contains("refers to other files"), "{refusal}");
}

/// The bytes of a clip of four seconds with audio, made with these muxer flags.
fn mp4(flags: &str) -> Vec<u8> {
    let clip = format!("{} {} {H264} -g 12 -c:a aac {flags}", moving("160x120", "25", 4), tone(440, 4.0));
    fs::read(Bench::with_clip(&clip, "mp4").input()).expect("a clip")
}

fn position(content: &[u8], kind: [u8; 4]) -> usize {
    content.windows(4).position(|window| window == kind).expect("the box")
}

#[test]
fn a_header_at_the_end_works_like_one_at_the_start() {
    let (last, first) = (mp4(""), mp4("-movflags +faststart"));
    assert!(position(&last, *b"moov") > position(&last, *b"mdat"));
    assert!(position(&first, *b"moov") < position(&first, *b"mdat"));
    for content in [last, first, mp4("-movflags +frag_keyframe+empty_moov")] {
        Bench::with_bytes(&content).transcode().assert_valid();
    }
}

#[test]
fn a_file_without_its_header_is_damaged() {
    let last = mp4("");
    let refusal = Bench::with_bytes(&last[..last.len() * 9 / 10]).refused();
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "the header is lost: {refusal}");
    let first = mp4("-movflags +faststart");
    let refusal = Bench::with_bytes(&first[..position(&first, *b"moov") + 100]).refused();
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "half of the header: {refusal}");
}

#[test]
fn audio_that_ends_before_another_track_is_not_truncated() {
    let sounds =
        "-f lavfi -i anoisesrc=duration=4:sample_rate=48000 -f lavfi -i anullsrc=duration=60:sample_rate=48000";
    for extension in ["m4a", "mka"] {
        let clip = format!("{sounds} -map 0 -map 1 -disposition:a:0 default -disposition:a:1 0 -c:a aac");
        Bench::with_clip(&clip, extension).transcode().assert_valid();
    }
}

#[test]
fn two_gigabytes_of_zeros_after_a_header_are_refused_quickly() {
    const BYTES: u64 = 2 << 30;
    let head = b"\0\0\0\x18ftypisom\0\0\x02\0isommp42".to_vec();
    let to_the_end = [&head[..], b"\0\0\0\0mdat"].concat();
    let long = [&head[..], b"\0\0\0\x01mdat", &(BYTES - 24).to_be_bytes()].concat();
    let whole = mp4("-movflags +faststart");
    for (content, code) in [
        (head, ErrorCode::CorruptMedia),
        (to_the_end, ErrorCode::CorruptMedia),
        (long, ErrorCode::CorruptMedia),
        // A valid clip with a hole after it: four seconds with four gigabits each.
        (whole, ErrorCode::BitRateTooHigh),
    ] {
        let started = Instant::now();
        let bench = Bench::with_bytes(&content);
        let file = fs::OpenOptions::new().write(true).open(bench.input()).expect("opened");
        file.set_len(BYTES).expect("a hole");
        file.write_at(b"\0", BYTES - 1).expect("written");
        assert_eq!(bench.refused().code, code);
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }
}

#[test]
fn a_video_without_frames_is_damaged() {
    for flags in ["", "-movflags +empty_moov"] {
        let clip = format!("{} -t 0 {H264} {flags}", moving("160x120", "25", 1));
        let refusal = Bench::with_clip(&clip, "mp4").refused();
        assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{refusal}");
    }
    // The header and the sample table exist, but the media does not.
    let content = mp4("-movflags +faststart");
    let (_, refusal) =
        Bench::with_bytes(&content[..position(&content, *b"mdat") + 4]).refused_late(&AvLimits::default());
    assert_eq!(refusal.code, ErrorCode::CorruptMedia, "{refusal}");
}

/// A Matroska element with its size in eight bytes.
fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, body].concat()
}

/// A Matroska file with these tracks, this stated duration and one invalid frame.
fn matroska(tracks: &[u8], duration_ms: f64) -> Vec<u8> {
    let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"matroska"));
    let times = [
        element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes()),
        element(&[0x44, 0x89], &duration_ms.to_be_bytes()),
    ];
    let cluster = [element(&[0xe7], &[0]), element(&[0xa3], b"\x81\0\0\x80nonsense")].concat();
    let segment = [
        element(&[0x15, 0x49, 0xa9, 0x66], &times.concat()),
        element(&[0x16, 0x54, 0xae, 0x6b], tracks),
        element(&[0x1f, 0x43, 0xb6, 0x75], &cluster),
    ];
    [header, element(&[0x18, 0x53, 0x80, 0x67], &segment.concat())].concat()
}

/// A picture track of this size in pixels, with this frame duration in nanoseconds.
fn track(number: u16, width: u32, height: u32, frame_ns: u32) -> Vec<u8> {
    let size = [element(&[0xb0], &width.to_be_bytes()), element(&[0xba], &height.to_be_bytes())].concat();
    let fields = [
        element(&[0xd7], &number.to_be_bytes()),
        element(&[0x73, 0xc5], &number.to_be_bytes()),
        element(&[0x83], &[1]),
        element(&[0x86], b"V_MPEG4/ISO/ASP"),
        element(&[0x23, 0xe3, 0x83], &frame_ns.to_be_bytes()),
        element(&[0xe0], &size),
    ];
    element(&[0xae], &fields.concat())
}

const FRAME_NS: u32 = 40_000_000;

#[test]
fn ten_thousand_streams_are_too_many() {
    let tracks: Vec<u8> = (1..=10_000).flat_map(|number| track(number, 64, 64, FRAME_NS)).collect();
    // The same in MP4: one track, repeated ten thousand times.
    let clip =
        fs::read(Bench::with_clip(&format!("{} {H264}", moving("64x64", "25", 1)), "mp4").input()).expect("a clip");
    let (moov, trak) = (position(&clip, *b"moov") - 4, position(&clip, *b"trak") - 4);
    let length = |at: usize| u32::from_be_bytes(*clip[at..].first_chunk().expect("a size"));
    let copies = clip[trak..][..length(trak) as usize].repeat(9_999);
    let mut many = clip[..moov].to_vec();
    many.extend((length(moov) + copies.len() as u32).to_be_bytes());
    many.extend(&clip[moov + 4..trak]);
    many.extend(&copies);
    many.extend(&clip[trak..]);
    for (name, content) in [("Matroska", matroska(&tracks, 1000.0)), ("MP4", many)] {
        let started = Instant::now();
        let refusal = Bench::with_bytes(&content).refused();
        assert_eq!(refusal.code, ErrorCode::TooManyStreams, "{name}: {refusal}");
        assert!(started.elapsed() < Duration::from_secs(10), "{name} took {:?}", started.elapsed());
    }
}

#[test]
fn the_frame_rate_is_measured_from_the_packets() {
    let clip = |rate: &str, timing: &str, file: &str| {
        Bench::with_clip(&format!("{} {timing} {H264} -fps_mode passthrough", moving("64x64", rate, 2)), file)
    };
    let refusal = clip("500", "", "mp4").refused();
    assert_eq!(refusal.code, ErrorCode::FrameRateTooHigh, "{refusal}");
    // A recorder's clock: thirty frames per second, each a few milliseconds late, in a container with a millisecond
    // clock.
    let late = r"-vf setpts=(floor(N*1000/30)+floor(random(0)*12))/1000/TB -enc_time_base 1/1000";
    let manifest = clip("30", late, "mkv").transcode().manifest;
    let video = manifest.av.expect("a video").probe.video.expect("a picture");
    assert!((29.0..31.0).contains(&video.frame_rate.per_second()), "{:?}", video.frame_rate);
}

#[test]
fn a_matroska_file_is_as_long_as_its_content_whatever_its_header_states() {
    let clip = |words: &str| Bench::with_clip(&format!("{} {H264} {words}", moving("64x64", "25", 10)), "mkv");
    let late = clip("-output_ts_offset 5");
    let whole = fs::read(late.input()).expect("a clip");
    // Element 4489, eight bytes: a float in milliseconds.
    let at = position(&whole, [0x44, 0x89, 0x88, 0x40]) + 3;
    for claimed_ms in [15_000.0_f64, 10_000.0, 1000.0] {
        let mut content = whole.clone();
        content[at..at + 8].copy_from_slice(&claimed_ms.to_be_bytes());
        let made = Bench::with_bytes(&content).transcode();
        let duration_ms = made.manifest.av.as_ref().expect("a video").probe.duration_ms;
        assert!((9_900..=10_100).contains(&duration_ms), "{claimed_ms} gave {duration_ms}");
        let artifact = made.artifact(names::DOWNLOAD);
        let lasting_ms = artifact.duration_ms.expect("a video has a duration");
        assert!((9_900..=10_200).contains(&lasting_ms), "{claimed_ms} gave {lasting_ms}");
    }
}

#[test]
fn absurd_headers_are_refused() {
    for (name, width, height, frame_ns, duration_ms, code) in [
        ("wide", 16_000, 16_000, FRAME_NS, 1000.0, ErrorCode::TooManyPixels),
        ("too wide for ffmpeg", 60_000, 60_000, FRAME_NS, 1000.0, ErrorCode::CorruptMedia),
        ("long edge", 20_000, 2, FRAME_NS, 1000.0, ErrorCode::TooManyPixels),
        // An implausible rate is replaced by a measured one, but there are no packets to measure.
        ("fast", 64, 64, 100_000, 1000.0, ErrorCode::CorruptMedia),
        // A stated duration alone is not refused; the content counts, and there is none.
        ("five hours", 64, 64, FRAME_NS, 5.0 * 3_600_000.0, ErrorCode::CorruptMedia),
        ("three years", 64, 64, FRAME_NS, 1e11, ErrorCode::CorruptMedia),
        // Not plausible, so it is measured, and there is no content.
        ("ages", 64, 64, FRAME_NS, 1e18, ErrorCode::CorruptMedia),
        ("negative", 64, 64, FRAME_NS, -1e9, ErrorCode::CorruptMedia),
        ("not a number", 64, 64, FRAME_NS, f64::NAN, ErrorCode::CorruptMedia),
    ] {
        let content = matroska(&track(1, width, height, frame_ns), duration_ms);
        let (_, refusal) = Bench::with_bytes(&content).refused_late(&AvLimits::default());
        assert_eq!(refusal.code, code, "{name}: {refusal}");
    }
}

#[test]
fn an_image_is_refused_even_after_the_header_of_a_video() {
    let bench = Bench::empty();
    let still = bench.path("still.jpg");
    ffmpeg::make(&format!("{} -frames:v 1", moving("160x120", "1", 1)), &still);
    let jpeg = fs::read(still).expect("a picture");
    let refusal = Bench::with_bytes(&jpeg).refused();
    assert_eq!(refusal.code, ErrorCode::UnsupportedMedia);
    assert_eq!(refusal.message, "the content is an image (JPEG), not video or audio");
    let behind = [b"\0\0\0\x10ftypisom\0\0\0\0", &jpeg[..]].concat();
    assert_eq!(Bench::with_bytes(&behind).refused().code, ErrorCode::CorruptMedia);
    for text in [&b""[..], b"just some words", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7\n"] {
        assert_eq!(Bench::with_bytes(text).refused().code, ErrorCode::UnsupportedMedia);
    }
}

/// A tiny clip in each container.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let both = |codecs: &str| format!("{} {} -shortest {codecs}", moving("64x48", "25", 1), tone(440, 1.0));
    let sound = |codec: &str| format!("{} {codec}", tone(440, 1.0));
    let h264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac";
    let clips = [
        ("mp4", both(h264)),
        ("mov", both("-c:v mjpeg -pix_fmt yuvj420p -c:a pcm_s16le")),
        ("mkv", both("-c:v mpeg4 -c:a flac")),
        ("webm", both("-c:v libvpx -deadline realtime -c:a libopus")),
        ("ts", both(h264)),
        ("mpg", both("-c:v mpeg2video -c:a mp2")),
        ("avi", both("-c:v mpeg4 -c:a libmp3lame")),
        ("flv", both(h264)),
        ("wmv", both("-c:v wmv2 -c:a wmav2")),
        ("ogv", both("-c:v libtheora -c:a libvorbis")),
        ("wav", sound("")),
        ("mp3", sound("-c:a libmp3lame")),
        ("aac", sound("-c:a aac")),
        ("flac", sound("-c:a flac")),
        ("aiff", sound("")),
        ("caf", sound("-c:a pcm_s16be")),
        ("opus", sound("-c:a libopus")),
    ];
    clips
        .into_iter()
        .map(|(extension, clip)| (extension, fs::read(Bench::with_clip(&clip, extension).input()).expect("a clip")))
        .collect()
}

/// Deterministic pseudo-random numbers (xorshift).
struct Dice(u32);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize % end
    }
}

/// Asserts that a file is either made or refused, without a transient error and without unfinished files.
fn assert_made_or_refused(name: &str, content: &[u8]) {
    match Bench::with_bytes(content).transcode_with(&profile(), &AvLimits::default()) {
        Ok(made) => made.assert_listed(),
        Err((bench, MediaError::Refused(_))) => bench.assert_nothing_half_made(),
        Err((_, MediaError::Transient(transient))) => panic!("{name}: {transient}"),
    }
}

#[test]
fn every_container_with_changed_or_lost_bytes_is_made_or_refused() {
    let mut dice = Dice(0x2545_f491);
    for (name, content) in samples() {
        assert_made_or_refused(name, &content);
        let mut flipped = content.clone();
        // Change the header, where errors matter most.
        for _ in 0..6 {
            let at = dice.below(content.len().min(600));
            flipped[at] = dice.below(256) as u8;
        }
        assert_made_or_refused(&format!("{name}, head flipped"), &flipped);
        let mut noisy = content.clone();
        for _ in 0..40 {
            let at = content.len() / 8 + dice.below(content.len() * 7 / 8);
            noisy[at] = dice.below(256) as u8;
        }
        assert_made_or_refused(&format!("{name}, noisy"), &noisy);
        assert_made_or_refused(&format!("{name}, cut"), &content[..content.len() / 3]);
        let head = &content[..content.len().min(64)];
        let nonsense: Vec<u8> = (0..4000).map(|_| dice.below(256) as u8).collect();
        assert_made_or_refused(&format!("{name}, nonsense after its header"), &[head, &nonsense].concat());
    }
}
