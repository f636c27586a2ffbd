use super::{HEAD_BYTES, MediaKind, detect, known, known_as};
use crate::{
    formats::{self, Decoder},
    image::ImageFormat,
    policy::UploadPolicy,
};
use std::collections::BTreeSet;

macro_rules! fixtures {
    ($($name:literal: $content_type:literal,)*) => {
        &[$(($name, include_bytes!(concat!("../../fixtures/av/", $name)).as_slice(), $content_type),)*]
    };
}

// Files of phones, browsers, cameras and recorders, as ffmpeg writes them.
const FILES: &[(&str, &[u8], &str)] = fixtures! {
    "both.3gp": "video/3gpp",
    "both.avi": "video/x-msvideo",
    "both.m2ts": "video/mp2t",
    "both.mkv": "video/x-matroska",
    "both.mov": "video/quicktime",
    "both.ogv": "video/ogg",
    "both.ts": "video/mp2t",
    "both.webm": "video/webm",
    "both.wmv": "video/x-ms-wmv",
    "fragmented.mp4": "video/mp4",
    "live.webm": "video/webm",
    "moov-first.mp4": "video/mp4",
    "silent.flv": "video/x-flv",
    "silent.mpg": "video/mpeg",
    "rf64.wav": "audio/x-wav",
    "sound.aac": "audio/aac",
    "sound.aiff": "audio/x-aiff",
    "sound.caf": "audio/x-caf",
    "sound.flac": "audio/x-flac",
    "sound.m4a": "audio/m4a",
    "sound.mp2": "audio/mpeg",
    "sound.mp3": "audio/mpeg",
    "sound.ogg": "audio/ogg",
    "sound.opus": "audio/opus",
    "sound.wav": "audio/x-wav",
    "sound.webm": "video/webm",
};

#[test]
fn content_shows_the_format_and_that_type_is_accepted_as_declared() {
    for (name, file, content_type) in FILES {
        let format = detect(&file[..file.len().min(HEAD_BYTES)]);
        let format = format.unwrap_or_else(|| panic!("{name} is not known"));
        assert_eq!(&format.content_type, content_type, "{name}");
        let granted = UploadPolicy::default().admit(content_type, "sample", 1000);
        assert_eq!(granted.ok(), Some(*content_type), "{name}: a client declares what it detects");
    }
}

#[test]
fn brands_and_marks_that_ffmpeg_does_not_write_are_detected() {
    let kind = |head: &[u8]| detect(head).map(|format| (format.content_type, format.kind));
    for brand in ["isom", "iso6", "mp42", "cmfc", "dash", "MSNV", "XAVC"] {
        let head = format!("\0\0\0\u{14}ftyp{brand}\0\0\0\0mp42");
        assert_eq!(kind(head.as_bytes()), Some(("video/mp4", MediaKind::Video)), "{brand}");
    }
    assert_eq!(kind(b"\0\0\0\x14ftyp3g2a\0\0\0\0"), Some(("video/3gpp2", MediaKind::Video)));
    assert_eq!(kind(b"\0\0\0\x14ftypM4B \0\0\0\0"), Some(("audio/m4a", MediaKind::Audio)));
    assert_eq!(kind(b"\0\0\0\x08wide\0\0\0\0mdat"), Some(("video/quicktime", MediaKind::Video)));
    assert_eq!(kind(b"#!AMR\n\x3c\x91\x17\x16\xbe\x66"), Some(("audio/amr", MediaKind::Audio)));
    assert_eq!(kind(b"#!AMR-WB\n\x3c\x91\x17"), Some(("audio/amr-wb", MediaKind::Audio)));
    assert_eq!(kind(b"ID3\x03\0\0\0\0\0\0"), Some(("audio/mpeg", MediaKind::Audio)));
}

#[test]
fn a_mark_of_an_image_wins_over_bytes_that_look_like_audio() {
    let mut gif = b"GIF89a".to_vec();
    gif.resize(400, 0);
    (gif[188], gif[376]) = (b'G', b'G');
    assert_eq!(detect(&gif).map(|format| format.content_type), Some("image/gif"));
    assert_eq!(detect(b"\n\xFF\xD8\xFF\xE0").map(|format| format.content_type), Some("image/jpeg"));
    let padded = [vec![0; 500], b"\xFF\xFB\x90\x64".to_vec()].concat();
    assert_eq!(detect(&padded).map(|format| format.content_type), Some("audio/mpeg"));
}

#[test]
fn a_mark_at_the_start_wins_over_one_of_an_undecoded_format_later() {
    let mut wav = b"RIFF\x24\x10\0\0WAVEfmt ".to_vec();
    wav.resize(44, 0);
    wav.extend(b"SCRM");
    assert_eq!(detect(&wav).map(|format| format.content_type), Some("audio/x-wav"));
    let mut mp3 = b"ID3\x03\0\0\0\0\0\0".to_vec();
    mp3.resize(1080, 0);
    mp3.extend(b"M.K.");
    assert_eq!(detect(&mp3).map(|format| format.content_type), Some("audio/mpeg"));
}

#[test]
fn heif_is_detected_by_any_brand_but_not_by_its_minor_version() {
    let of = |brands: &[u8; 16]| {
        let head = [&b"\0\0\0\x18ftyp"[..], brands, b"\0\0\0\x08free"].concat();
        detect(&head).map(|format| format.content_type)
    };
    for (brands, content_type) in [
        (b"avif\0\0\0\0mif1miaf", "image/avif"),
        (b"mif1\0\0\0\0avifmiaf", "image/avif"),
        (b"mif1\0\0\0\0heicmiaf", "image/heic"),
        (b"heix\0\0\0\0mif1heix", "image/heic"),
        (b"MSNV\0\0\0\0heicmiaf", "video/mp4"),
        (b"mif1avifmif1miaf", "image/heif"),
        (b"crx \0\0\0\x01isomcrx ", "image/x-canon-cr3"),
        (b"mp42\0\0\0\0isommif1", "video/mp4"),
    ] {
        assert_eq!(of(brands), Some(content_type), "{}", String::from_utf8_lossy(brands));
    }
    // If the major brand is unknown, the others decide.
    for (brands, content_type) in
        [(b"mqt \0\0\0\0mp42isom", Some("video/mp4")), (b"FACE\0\0\0\0mp42heic", Some("image/heic"))]
    {
        assert_eq!(of(brands), content_type, "{}", String::from_utf8_lossy(brands));
    }
    assert_eq!(of(b"????\0\0\0\0nono????"), None);
}

#[test]
fn quicktime_may_start_with_free_space_and_a_transport_stream_within_a_packet() {
    let content_type = |head: &[u8]| detect(head).map(|format| format.content_type);
    for kind in [b"free", b"skip"] {
        let room = [&b"\0\0\0\x10"[..], kind, &[0; 8]].concat();
        assert_eq!(content_type(&[&room, &b"\0\0\x20\0moov"[..]].concat()), Some("video/quicktime"));
        assert_eq!(content_type(&[&room, &b"\0\0\x20\0nono"[..]].concat()), None);
    }
    for length in [188, 192, 204] {
        let packet = [&b"G\x40\0\x10"[..], &vec![0x55; length - 4]].concat();
        let stream = packet.repeat(12);
        for cut in [0, 1, 100, 187] {
            assert_eq!(content_type(&stream[cut..]), Some("video/mp2t"), "{length} from {cut}");
        }
        assert_eq!(content_type(&packet.repeat(7)[1..]), None, "too few to be sure");
    }
}

#[test]
fn images_and_text_are_not_detected_as_video_or_audio() {
    for brand in ["avif", "heic"] {
        let head = format!("\0\0\0\u{18}ftyp{brand}\0\0\0\0mif1{brand}");
        assert_eq!(detect(head.as_bytes()).map(|format| format.kind), Some(MediaKind::Image), "{brand}");
    }
    for text in ["Good morning", "#!/bin/sh", "#EXTM3U\n#EXT-X-VERSION:7", "ffconcat version 1.0", "<!DOCTYPE html>"] {
        assert_eq!(detect(text.as_bytes()), None, "{text}");
        let utf16: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(detect(&utf16), None, "{text} in UTF-16");
    }
}

/// First bytes of a file of each format, padded with zeros in the test, and the format's name.
const HEADS: &[(&str, &[u8])] = &[
    ("JPEG", b"\xFF\xD8\xFF\xE0"),
    ("PNG", b"\x89PNG\r\n\x1a\n"),
    ("WebP", b"RIFF\x1a\0\0\0WEBPVP8L"),
    ("GIF", b"GIF87a"),
    ("TIFF", b"MM\0*\0\0\x20\0"),
    ("TIFF", b"II\x2B\0\x08\0\0\0\x10\x20"),
    ("BMP", b"BM\x46\0\0\0"),
    ("AVIF", b"\0\0\0\x14ftypavif\0\0\0\0mif1"),
    ("HEIC", b"\0\0\0\x14ftypheic\0\0\0\0mif1"),
    ("JPEG XL", b"\xFF\x0A\xFA\x7F\x01"),
    ("JPEG XL", b"\0\0\0\x0CJXL \r\n\x87\n"),
    ("JPEG 2000", b"\0\0\0\x0CjP  \r\n\x87\n"),
    ("JPEG 2000", b"\xFF\x4F\xFF\x51"),
    ("camera raw", b"II*\0\x10\0\0\0CR\x02\0"),
    ("camera raw", b"\0\0\0\x14ftypcrx \0\0\0\x01isom"),
    ("camera raw", b"FUJIFILMCCD-RAW 0201"),
    ("camera raw", b"II*\0\x20\0\0\0IIII"),
    ("camera raw", b"IIRO\x08\0\0\0"),
    ("camera raw", b"IIU\0\x18\0\0\0"),
    ("camera raw", b"II*\0\x08\0\0\0\x01\0\x12\xC6\x01\0\x04\0\0\0\x01\x04\0\0"),
    ("camera raw of a discontinued kind (CRW, MRW, X3F)", b"II\x1A\0\0\0HEAPCCDR"),
    ("camera raw of a discontinued kind (CRW, MRW, X3F)", b"\0MRM\0\0"),
    ("camera raw of a discontinued kind (CRW, MRW, X3F)", b"FOVb"),
    ("ICO", b"\0\0\x01\0\x01\0\x10\x10"),
    ("PSD", b"8BPS\0\x01"),
    ("SVG", b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("TGA", b"\0\0\x02\0\0\0\0\0\0\0\0\0\x40\0\x30\0\x18\x20"),
    ("PPM", b"P6\n64 48\n255\n"),
    ("PFM", b"PF\n64 48\n-1.0\n"),
    ("DPX or Cineon", b"SDPX\0\0\x20\0V1.0"),
    ("DPX or Cineon", b"\x80\x2A\x5F\xD7\0\0\x08\0"),
    ("MIFF (ImageMagick)", b"id=ImageMagick version=1.0\n"),
    ("OpenEXR", b"\x76\x2F\x31\x01\x02\0\0\0"),
    ("Radiance HDR", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"),
    ("DDS", b"DDS \x7C\0\0\0"),
    ("KTX", b"\xABKTX 11\xBB\r\n\x1A\n"),
    ("KTX", b"\xABKTX 20\xBB\r\n\x1A\n"),
    ("QOI", b"qoif\0\0\0\x40"),
    ("FLIF", b"FLIF31"),
    ("BPG", b"BPG\xFB"),
    ("DjVu", b"AT&TFORM\0\0\x10\0DJVU"),
    ("Windows metafile (WMF, EMF)", b"\xD7\xCD\xC6\x9A"),
    ("PCX", b"\x0A\x05\x01\x08"),
    ("JPEG XR", b"II\xBC\x01"),
    ("PostScript (EPS, PS, AI)", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    ("Amiga picture (ILBM)", b"FORM\0\0\x10\0ILBMBMHD"),
    ("XCF (GIMP)", b"gimp xcf v011\0"),
    ("OpenRaster", b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0\x10\0\0\0\x08\0\0\0mimetypeimage/openraster"),
    ("AutoCAD drawing (DWG)", b"AC1018\0"),
    ("Apple icon (ICNS)", b"icns\0\0\x10\0"),
    ("MNG or JNG", b"\x8AMNG\r\n\x1A\n"),
    ("SGI image", b"\x01\xDA\x01\x01\0\x03"),
    ("Sun raster", b"\x59\xA6\x6A\x95"),
    ("XPM or XBM", b"/* XPM */\nstatic char *a[] = {"),
    ("XPM or XBM", b"#define cat_width 16\n#define cat_height 16\n"),
    ("JBIG2", b"\x97JB2\r\n\x1A\n"),
    ("FITS", b"SIMPLE  =                    T"),
    ("DICOM", &DICOM),
    ("MPEG-4", b"\0\0\0\x14ftypisom\0\0\0\0mp42"),
    ("QuickTime", b"\0\0\0\x14ftypqt  \0\0\0\0qt  "),
    ("3GPP", b"\0\0\0\x14ftyp3gp5\0\0\0\0isom"),
    ("WebM", b"\x1A\x45\xDF\xA3\x8F\x42\x82\x84webm"),
    ("Matroska", b"\x1A\x45\xDF\xA3\x93\x42\x82\x88matroska"),
    ("AVI", b"RIFF\0\x10\0\0AVI LIST"),
    ("MPEG", b"\0\0\x01\xBA\x44"),
    ("MPEG transport stream", &TRANSPORT_STREAM),
    ("Ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1E\x01vorbis"),
    ("Flash video", b"FLV\x01\x05"),
    ("Windows Media", b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9"),
    ("MXF", b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01\x02"),
    ("DV", b"\x1F\x07\x00\x3F"),
    ("RealMedia", b".RMF\0\0"),
    ("RealMedia", b".ra\xFD\0\x04"),
    ("IVF", b"DKIF\0\0\x20\0VP80"),
    ("Y4M", b"YUV4MPEG2 W64 H48 F25:1"),
    ("raw H.264 or H.265", b"\0\0\0\x01\x67\x64"),
    ("raw MPEG-4 or AV1 video", b"\0\0\x01\xB0\x01\0\0\x01\xB5"),
    ("raw MPEG-4 or AV1 video", b"\x12\0\x0A\x0B"),
    ("Dirac or VC-2 video", b"BBCD\0"),
    ("GXF", b"\0\0\0\0\x01\xBC\0"),
    ("Bink video", b"BIKi"),
    ("NUT", b"nut/multimedia container\0"),
    ("FLIC animation", b"\0\x10\0\0\x12\xAF"),
    ("recorded TV (WTV)", b"\xB7\xD8\0\x20\x37\x49\xDA\x11\xA6\x4E"),
    ("MP3", b"\xFF\xFB\x90\x64"),
    ("AAC", b"\xFF\xF1\x50\x80"),
    ("WAV", b"riff\x2E\x91\xCF\x11\xA5\xD6\x28\xDB\x04\xC1\0\0\x88\x62\x05\0\0\0\0\0wave\xF3\xAC\xD3\x11"),
    ("WAV", b"RIFF\0\x10\0\0WAVEfmt "),
    ("FLAC", b"fLaC\0\0\0\x22"),
    ("AMR", b"#!AMR\n\x3C"),
    ("AIFF", b"FORM\0\0\x10\0AIFFCOMM"),
    ("CAF", b"caff\0\x01"),
    ("AC-3", b"\x0B\x77\0\0\0\x40"),
    ("DTS", b"\x7F\xFE\x80\x01"),
    ("AU", b".snd\0\0\0\x18"),
    ("WavPack", b"wvpk"),
    ("TTA", b"TTA1\x01\0"),
    ("NIST SPHERE", b"NIST_1A\n   1024\n"),
    ("GSM", &GSM),
    ("Monkey's Audio", b"MAC \x96\x0F"),
    ("MIDI", b"MThd\0\0\0\x06"),
    ("Musepack", b"MPCKSH"),
    ("DSD (DSF, DFF)", b"DSD \x1C\0"),
    ("TrueHD or MLP", b"\xC0\x1E\0\0\xF8\x72\x6F\xBA"),
    ("AAC in LATM", b"\x56\xE0\x04\x20\0\x11\x90\x56\xE0\x04"),
    ("8SVX (Amiga)", b"FORM\0\0\x10\x008SVXVHDR"),
    ("SILK", b"\x02#!SILK_V3"),
    ("Creative Voice", b"Creative Voice File\x1A"),
    ("OptimFROG", b"OFR \x14"),
    ("Shorten", b"ajkg\x02"),
    ("tracker music (MOD, XM, IT, S3M)", b"Extended Module: song"),
];

/// Half a second of silence.
const GSM: [u8; 32 * 33] = {
    let mut bytes = [0; 32 * 33];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = 0xD8;
        at += 33;
    }
    bytes
};
const DICOM: [u8; 132] = marked_at::<132>(&[(128, b'D'), (129, b'I'), (130, b'C'), (131, b'M')]);
const TRANSPORT_STREAM: [u8; 400] = marked_at::<400>(&[(0, b'G'), (188, b'G'), (376, b'G')]);

const fn marked_at<const N: usize>(marks: &[(usize, u8)]) -> [u8; N] {
    let mut bytes = [0; N];
    let mut at = 0;
    while at < marks.len() {
        bytes[marks[at].0] = marks[at].1;
        at += 1;
    }
    bytes
}

#[test]
fn every_format_is_detected_by_its_first_bytes_and_accepted_if_it_has_a_decoder() {
    let mut seen = BTreeSet::new();
    for (name, mark) in HEADS {
        let mut head = mark.to_vec();
        head.resize(head.len().max(64), 0);
        let found = detect(&head).unwrap_or_else(|| panic!("{name} is not detected"));
        let format = formats::of_media_type(found.content_type).expect("a listed media type").format;
        assert_eq!(format.name, *name);
        seen.insert(format.name);
        let refusal = known(&head).err().map(|refusal| refusal.message);
        let expected = (format.decoder == Decoder::Nobody).then(|| format!("unsupported format: {name}"));
        assert_eq!(refusal, expected, "{name}");
    }
    for format in formats::all() {
        assert!(seen.contains(format.name), "{} is listed but never detected", format.name);
    }
}

#[test]
fn decoders_match_the_registry() {
    for format in ImageFormat::ALL {
        let entry = formats::of_media_type(format.content_type()).expect("a listed media type").format;
        assert_eq!(entry.decoder, Decoder::Pixels, "{}", entry.name);
    }
    for entry in formats::all() {
        for media_type in entry.media_types() {
            let format = ImageFormat::of_content_type(media_type);
            assert_eq!(format.is_some(), entry.decoder == Decoder::Pixels, "{media_type}");
            // A declared type never causes a refusal: content decides, and may differ.
            assert_eq!(UploadPolicy::default().admit(media_type, "sample", 1000).ok(), Some(*media_type));
        }
    }
}

#[test]
fn known_non_media_is_named_and_anything_else_is_unrecognised() {
    for (head, words) in [
        (&b"%PDF-1.7"[..], "a PDF document"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"Rar!\x1A\x07\x01\0", "a RAR archive"),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an Office document from before 2007, or an installer"),
        (b"\0\x01\0\0\0\x0E", "a TrueType font"),
        (b"wOF2\0\x01", "a web font"),
        (b"MZ\x90\0", "a Windows program"),
        (b"\x7FELF\x02", "a Linux program"),
        (b"#!/bin/sh", "a script"),
        (b"CWS\x09", "a Flash program"),
        (b"\n<!DOCTYPE HTML><html>", "an HTML page"),
        (b"#EXTM3U\n", "a playlist"),
        (b"hello", "not a recognised image, video or audio file"),
        (b"", "not a recognised image, video or audio file"),
    ] {
        assert_eq!(known(head).unwrap_err().message, format!("unsupported format: {words}"));
    }
}

#[test]
fn gsm_needs_many_frames_and_is_never_detected_in_text() {
    assert_eq!(detect(&GSM[..31 * 33]), None);
    let mut one_wrong = GSM;
    one_wrong[33 * 7] = 0xC8;
    assert_eq!(detect(&one_wrong), None);
    // G.711 silence in A-law.
    assert_eq!(detect(&[0xD5; 4096]), None);
    let letters = "Съешь ещё этих мягких французских булок, да выпей чаю. ".repeat(40);
    assert_eq!(detect(letters.as_bytes()), None);
}

/// `count` frames of MPEG audio at 128 kb/s and 44,100 Hz, filled with 0x55.
fn mp3_frames(count: usize) -> Vec<u8> {
    let mut frame = [0x55; 417];
    frame[..4].copy_from_slice(b"\xFF\xFB\x90\x64");
    frame.repeat(count)
}

/// `count` frames of AAC of 100 bytes, filled with 0x55.
fn aac_frames(count: usize) -> Vec<u8> {
    let mut frame = [0x55; 100];
    frame[..7].copy_from_slice(b"\xFF\xF1\x50\x80\x0C\x9F\xFC");
    frame.repeat(count)
}

#[test]
fn audio_is_found_after_junk_if_its_frames_are_consecutive() {
    let of = |head: &[u8]| detect(&head[..head.len().min(HEAD_BYTES)]).map(|format| format.content_type);
    for junk in [vec![7; 3], vec![9; 720], vec![1; 30_000], vec![0; 4097], vec![0; 60_000]] {
        let behind = |frames: &[u8]| of(&[&junk[..], frames].concat());
        assert_eq!(behind(&mp3_frames(200)), Some("audio/mpeg"), "{}", junk.len());
        assert_eq!(behind(&aac_frames(1000)), Some("audio/aac"), "{}", junk.len());
    }
    let behind = |frames: &[u8]| of(&[&b"junk"[..], frames].concat());
    assert_eq!(behind(&mp3_frames(4)), Some("audio/mpeg"));
    assert_eq!(behind(&[&mp3_frames(16)[..], b"TAGa song of sixteen frames"].concat()), Some("audio/mpeg"));
    // Three may be a coincidence, and so may four with other data after them.
    assert_eq!(behind(&mp3_frames(3)), None);
    assert_eq!(behind(&[&mp3_frames(5)[..], &[3; 2000]].concat()), None);
    assert_eq!(behind(&aac_frames(3)), None);
}

#[test]
fn other_files_are_not_detected_as_audio_by_frames_inside() {
    for mark in [&b"%PDF-1.7"[..], b"PK\x03\x04\x14\0", b"MZ\x90\0", b"8BPS\0\x01"] {
        let content = [mark, &[0; 100], &mp3_frames(200)].concat();
        assert!(known(&content[..HEAD_BYTES]).is_err(), "{}", String::from_utf8_lossy(mark));
    }
    // A disk image whose first file is a song.
    let image = [&vec![0; 32_769], &b"CD001\x01"[..], &vec![0; 16_377], &mp3_frames(60)].concat();
    assert_eq!(known(&image[..HEAD_BYTES]).unwrap_err().message, "unsupported format: a disk image");
    // Random bytes (xorshift64).
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = vec![0; HEAD_BYTES];
    for _ in 0..100 {
        for chunk in bytes.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.to_le_bytes());
        }
        assert_eq!(crate::formats::after_junk(&bytes), None);
    }
    assert_eq!(crate::formats::after_junk(&vec![0xFF; HEAD_BYTES]), None);
}

#[test]
fn a_refusal_names_the_detected_and_the_accepted_kinds() {
    let message = |head: &[u8], kinds| known_as(head, kinds).unwrap_err().message;
    let (pictures, plays) = (&[MediaKind::Image][..], &[MediaKind::Video, MediaKind::Audio][..]);
    assert_eq!(message(b"ID3\x03\0\0\0\0\0\0", pictures), "the content is audio (MP3), not an image");
    assert_eq!(message(b"GIF89a", plays), "the content is an image (GIF), not video or audio");
    assert!(known_as(b"GIF89a", pictures).is_ok());
}
