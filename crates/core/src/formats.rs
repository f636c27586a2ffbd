//! The registry of formats: what each is called by browsers, operating systems and file names.
//!
//! A media type or an extension is a claim. [`detect`](crate::detect()) decides from content.

use crate::detect::MediaKind;

/// One format, or a container whose variants people don't tell apart.
#[derive(Debug, PartialEq, Eq)]
pub struct FormatEntry {
    /// The name that messages use.
    pub name: &'static str,
    /// What the format holds unless a media type says otherwise (`audio/mp4`).
    kind: MediaKind,
    /// Lower-case media types without parameters; the first is the one that we use ourselves.
    media_types: &'static [&'static str],
    /// Lower-case file extensions without the dot, each with its media type.
    extensions: &'static [(&'static str, &'static str)],
}

/// What a media type or a file name claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The format; its variant is in `media_type`.
    pub format: &'static FormatEntry,
    /// The media type, lower case, without parameters.
    pub media_type: &'static str,
    /// The kind of media that this type names.
    pub kind: MediaKind,
}

macro_rules! formats {
    ($($name:literal, $kind:ident: [$($media_type:literal)*], [$($extensions:literal => $of:literal)*];)*) => {
        &[$(FormatEntry {
            name: $name,
            kind: MediaKind::$kind,
            media_types: &[$($media_type),*],
            extensions: &[$(($extensions, $of)),*],
        },)*]
    };
}

/// Every format that somebody may upload. Sources: IANA's media types, the MIME tables of Chromium, Firefox,
/// Windows, macOS, Android and shared-mime-info, and what client libraries were seen to send.
const FORMATS: &[FormatEntry] = formats! {
    "JPEG", Image:
        ["image/jpeg" "image/jpg" "image/pjpeg" "image/jpe" "image/x-jpeg" "image/x-jpg" "image/jfif"],
        ["jpg" => "image/jpeg" "jpeg" => "image/jpeg" "jpe" => "image/jpeg" "jfif" => "image/jpeg"
         "pjpeg" => "image/jpeg" "pjp" => "image/jpeg" "mpo" => "image/jpeg"];
    "PNG", Image:
        ["image/png" "image/x-png" "image/apng" "image/vnd.mozilla.apng"],
        ["png" => "image/png" "apng" => "image/apng"];
    "WebP", Image: ["image/webp" "image/x-webp"], ["webp" => "image/webp"];
    "GIF", Image: ["image/gif" "image/x-gif"], ["gif" => "image/gif"];
    "TIFF", Image:
        ["image/tiff" "image/tif" "image/x-tiff" "image/x-tif" "image/tiff-fx"],
        ["tif" => "image/tiff" "tiff" => "image/tiff"];
    "BMP", Image:
        ["image/bmp" "image/x-bmp" "image/x-ms-bmp" "image/x-windows-bmp" "image/ms-bmp"],
        ["bmp" => "image/bmp" "dib" => "image/bmp"];
    "AVIF", Image: ["image/avif" "image/avif-sequence"], ["avif" => "image/avif" "avifs" => "image/avif"];
    "HEIC", Image:
        ["image/heic" "image/heif" "image/heic-sequence" "image/heif-sequence" "image/x-heic" "image/x-heif"
         "image/hif"],
        ["heic" => "image/heic" "heif" => "image/heif" "hif" => "image/heif" "heics" => "image/heic"
         "heifs" => "image/heif"];
    "JPEG XL", Image: ["image/jxl" "image/x-jxl"], ["jxl" => "image/jxl"];
    "JPEG 2000", Image:
        ["image/jp2" "image/jpx" "image/jpm" "image/j2k" "image/jpeg2000"],
        ["jp2" => "image/jp2" "j2k" => "image/jp2" "jpf" => "image/jpx" "jpx" => "image/jpx"];
    "camera raw", Image:
        ["image/x-adobe-dng" "image/dng" "image/x-dng" "image/x-raw" "image/x-canon-cr2" "image/x-canon-cr3"
         "image/x-canon-crw" "image/x-nikon-nef" "image/x-nikon-nrw" "image/x-sony-arw" "image/x-sony-sr2"
         "image/x-fuji-raf" "image/x-olympus-orf" "image/x-panasonic-rw2" "image/x-panasonic-raw"
         "image/x-pentax-pef" "image/x-samsung-srw" "image/x-kodak-dcr"],
        ["dng" => "image/x-adobe-dng" "cr2" => "image/x-canon-cr2" "cr3" => "image/x-canon-cr3"
         "nef" => "image/x-nikon-nef" "arw" => "image/x-sony-arw" "raf" => "image/x-fuji-raf"
         "orf" => "image/x-olympus-orf" "rw2" => "image/x-panasonic-rw2" "pef" => "image/x-pentax-pef"
         "srw" => "image/x-samsung-srw"];
    "ICO", Image:
        ["image/vnd.microsoft.icon" "image/x-icon" "image/ico" "image/icon"],
        ["ico" => "image/vnd.microsoft.icon"];
    "PSD", Image:
        ["image/vnd.adobe.photoshop" "image/x-photoshop" "image/psd" "image/x-psd" "application/photoshop"
         "application/x-photoshop"],
        ["psd" => "image/vnd.adobe.photoshop"];
    "SVG", Image: ["image/svg+xml"], ["svg" => "image/svg+xml"];
    "TGA", Image: ["image/x-tga" "image/x-targa" "image/tga"], ["tga" => "image/x-tga"];
    "PPM", Image:
        ["image/x-portable-pixmap" "image/x-portable-graymap" "image/x-portable-bitmap" "image/x-portable-anymap"],
        ["ppm" => "image/x-portable-pixmap" "pgm" => "image/x-portable-graymap"
         "pbm" => "image/x-portable-bitmap" "pnm" => "image/x-portable-anymap"];
    "MPEG-4", Video:
        ["video/mp4" "video/x-m4v" "video/m4v" "video/mpeg4" "video/x-mp4" "application/mp4" "video/iso.segment"
         "audio/mp4" "audio/m4a" "audio/x-m4a" "audio/x-m4b" "audio/m4b" "audio/x-m4p" "audio/x-m4r"
         "audio/mpeg4-generic" "audio/mp4a-latm" "audio/x-mp4"],
        ["mp4" => "video/mp4" "m4v" => "video/x-m4v" "mp4v" => "video/mp4" "m4s" => "video/mp4"
         "m4a" => "audio/mp4" "m4b" => "audio/x-m4b" "m4p" => "audio/mp4" "m4r" => "audio/mp4"];
    "QuickTime", Video:
        ["video/quicktime" "video/x-quicktime" "video/mov" "video/x-mov" "image/mov" "audio/x-quicktime"],
        ["mov" => "video/quicktime" "qt" => "video/quicktime" "insv" => "video/mp4"];
    "3GPP", Video:
        ["video/3gpp" "video/3gpp2" "video/3gp" "video/3gpp-encrypted" "video/x-3gpp" "audio/3gpp" "audio/3gpp2"
         "audio/3gp"],
        ["3gp" => "video/3gpp" "3gpp" => "video/3gpp" "3ga" => "audio/3gpp" "3g2" => "video/3gpp2"
         "3gpp2" => "video/3gpp2"];
    "WebM", Video:
        ["video/webm" "video/x-webm" "audio/webm" "audio/x-webm"],
        ["webm" => "video/webm" "weba" => "audio/webm"];
    "Matroska", Video:
        ["video/x-matroska" "video/matroska" "video/matroska-3d" "video/x-matroska-3d" "video/mkv" "video/x-mkv"
         "application/x-matroska" "audio/x-matroska" "audio/matroska"],
        ["mkv" => "video/x-matroska" "mk3d" => "video/x-matroska" "mka" => "audio/x-matroska"];
    "AVI", Video:
        ["video/x-msvideo" "video/avi" "video/msvideo" "video/vnd.avi" "video/divx" "video/x-avi" "application/x-troff-msvideo"],
        ["avi" => "video/x-msvideo" "divx" => "video/x-msvideo"];
    "MPEG", Video:
        ["video/mpeg" "video/mpg" "video/x-mpeg" "video/mpeg2" "video/x-mpeg2" "video/dvd" "video/mp2p"
         "video/x-ms-dvr" "video/mpv"],
        ["mpg" => "video/mpeg" "mpeg" => "video/mpeg" "mpe" => "video/mpeg" "m1v" => "video/mpeg"
         "m2v" => "video/mpeg" "mpv" => "video/mpeg" "vob" => "video/mpeg" "m2p" => "video/mpeg"];
    "MPEG transport stream", Video:
        ["video/mp2t" "video/vnd.dlna.mpeg-tts" "video/ts" "video/mts" "video/x-mpegts" "video/m2ts" "video/avchd-stream"],
        ["ts" => "video/mp2t" "mts" => "video/mp2t" "m2ts" => "video/mp2t" "m2t" => "video/mp2t"
         "tts" => "video/mp2t"];
    "Ogg", Video:
        ["video/ogg" "video/x-ogg" "video/x-theora" "video/x-theora+ogg" "audio/ogg" "audio/x-ogg" "application/ogg"
         "application/x-ogg" "audio/vorbis" "audio/x-vorbis" "audio/x-vorbis+ogg" "audio/opus" "audio/x-opus"
         "audio/x-opus+ogg" "audio/x-speex" "audio/x-speex+ogg" "audio/speex" "audio/x-flac+ogg"],
        ["ogv" => "video/ogg" "ogm" => "video/ogg" "ogx" => "video/ogg" "ogg" => "audio/ogg" "oga" => "audio/ogg"
         "opus" => "audio/opus" "spx" => "audio/ogg"];
    "Flash video", Video:
        ["video/x-flv" "video/flv" "application/x-flash-video" "flv-application/octet-stream" "video/x-f4v" "video/mp4v"],
        ["flv" => "video/x-flv" "f4v" => "video/mp4"];
    "Windows Media", Video:
        ["video/x-ms-wmv" "video/x-ms-asf" "video/x-ms-asf-plugin" "video/x-ms-wm" "application/vnd.ms-asf"
         "video/asf" "video/wmv" "video/x-wmv" "audio/x-ms-wma" "audio/wma" "audio/x-wma" "audio/x-ms-asf"],
        ["wmv" => "video/x-ms-wmv" "asf" => "video/x-ms-asf" "wm" => "video/x-ms-wm" "wma" => "audio/x-ms-wma"];
    "MXF", Video: ["application/mxf" "video/mxf" "video/x-mxf"], ["mxf" => "application/mxf"];
    "DV", Video: ["video/x-dv" "video/dv" "video/vnd.dvb.file"], ["dv" => "video/x-dv" "dif" => "video/x-dv"];
    "RealMedia", Video:
        ["application/vnd.rn-realmedia" "application/vnd.rn-realmedia-vbr" "video/vnd.rn-realvideo"
         "audio/vnd.rn-realaudio" "audio/x-pn-realaudio" "audio/x-realaudio"],
        ["rm" => "application/vnd.rn-realmedia" "rmvb" => "application/vnd.rn-realmedia-vbr"
         "ra" => "audio/vnd.rn-realaudio"];
    "IVF", Video: ["video/x-ivf"], ["ivf" => "video/x-ivf"];
    "Y4M", Video: ["video/x-yuv4mpeg" "video/x-y4m"], ["y4m" => "video/x-yuv4mpeg"];
    "raw H.264 or H.265", Video:
        ["video/h264" "video/x-h264" "video/avc" "video/h265" "video/hevc"],
        ["h264" => "video/h264" "264" => "video/h264" "h265" => "video/h265" "hevc" => "video/h265"];
    "MP3", Audio:
        ["audio/mpeg" "audio/mp3" "audio/x-mp3" "audio/x-mpeg" "audio/mpeg3" "audio/x-mpeg-3" "audio/mpg"
         "audio/x-mpg" "audio/mp2" "audio/x-mp2" "audio/mpa" "audio/mpeg-layer3"],
        ["mp3" => "audio/mpeg" "mp2" => "audio/mpeg" "mpga" => "audio/mpeg" "mpa" => "audio/mpeg"];
    "AAC", Audio:
        ["audio/aac" "audio/x-aac" "audio/aacp" "audio/x-hx-aac-adts" "audio/vnd.dlna.adts" "audio/adts" "audio/x-adts"],
        ["aac" => "audio/aac" "adts" => "audio/aac" "adt" => "audio/aac"];
    "WAV", Audio:
        ["audio/wav" "audio/x-wav" "audio/wave" "audio/vnd.wave" "audio/x-pn-wav" "audio/x-wave" "audio/rf64"],
        ["wav" => "audio/wav" "wave" => "audio/wav" "bwf" => "audio/wav" "rf64" => "audio/wav"];
    "FLAC", Audio: ["audio/flac" "audio/x-flac"], ["flac" => "audio/flac"];
    "AMR", Audio:
        ["audio/amr" "audio/amr-wb" "audio/x-amr" "audio/amr-nb" "audio/amr-wb+" "audio/x-amr-wb"],
        ["amr" => "audio/amr" "awb" => "audio/amr-wb"];
    "AIFF", Audio:
        ["audio/aiff" "audio/x-aiff" "audio/x-aifc" "audio/aifc" "sound/aiff"],
        ["aif" => "audio/aiff" "aiff" => "audio/aiff" "aifc" => "audio/aiff"];
    "CAF", Audio: ["audio/x-caf" "audio/caf"], ["caf" => "audio/x-caf"];
    "AC-3", Audio:
        ["audio/ac3" "audio/x-ac3" "audio/vnd.dolby.dd-raw" "audio/eac3" "audio/x-eac3" "audio/a52"],
        ["ac3" => "audio/ac3" "eac3" => "audio/eac3" "ec3" => "audio/eac3"];
    "DTS", Audio:
        ["audio/vnd.dts" "audio/vnd.dts.hd" "audio/x-dts" "audio/dts"],
        ["dts" => "audio/vnd.dts" "dtshd" => "audio/vnd.dts.hd"];
    "AU", Audio: ["audio/basic" "audio/x-au" "audio/au"], ["au" => "audio/basic" "snd" => "audio/basic"];
    "WavPack", Audio: ["audio/x-wavpack" "audio/wavpack"], ["wv" => "audio/x-wavpack"];
    "TTA", Audio: ["audio/x-tta" "audio/tta"], ["tta" => "audio/x-tta"];
    "Monkey's Audio", Audio: ["audio/x-ape" "audio/ape"], ["ape" => "audio/x-ape"];
    "MIDI", Audio: ["audio/midi" "audio/x-midi" "audio/mid"], ["mid" => "audio/midi" "midi" => "audio/midi"];
};

/// Media types of things that cannot be media, with what people call them. A prefix ends in `*`.
const NEVER_MEDIA: &[(&str, &str)] = &[
    ("text/html", "an HTML page"),
    ("application/xhtml+xml", "an HTML page"),
    ("application/pdf", "a PDF document"),
    ("application/x-pdf", "a PDF document"),
    ("application/zip", "an archive"),
    ("application/x-zip*", "an archive"),
    ("application/gzip", "an archive"),
    ("application/x-gzip", "an archive"),
    ("application/x-tar", "an archive"),
    ("application/x-gtar*", "an archive"),
    ("application/x-7z-compressed", "an archive"),
    ("application/vnd.rar", "an archive"),
    ("application/x-rar*", "an archive"),
    ("application/x-bzip*", "an archive"),
    ("application/x-xz", "an archive"),
    ("application/zstd", "an archive"),
    ("application/x-compress*", "an archive"),
    ("application/x-iso9660-image", "a disk image"),
    ("application/x-apple-diskimage", "a disk image"),
    ("application/x-msdownload", "a program"),
    ("application/x-msdos-program", "a program"),
    ("application/vnd.microsoft.portable-executable", "a program"),
    ("application/x-dosexec", "a program"),
    ("application/x-executable", "a program"),
    ("application/x-elf", "a program"),
    ("application/x-sharedlib", "a program"),
    ("application/x-mach-binary", "a program"),
    ("application/x-msi", "a program"),
    ("application/x-sh", "a program"),
    ("application/x-shellscript", "a program"),
    ("text/x-shellscript", "a program"),
    ("text/x-python", "a program"),
    ("application/x-php", "a program"),
    ("application/x-httpd-php", "a program"),
    ("application/javascript", "a program"),
    ("application/x-javascript", "a program"),
    ("text/javascript", "a program"),
    ("application/wasm", "a program"),
    ("application/java-archive", "a program"),
    ("application/vnd.android.package-archive", "a program"),
    ("application/vnd.debian.binary-package", "a program"),
    ("application/msword", "an office document"),
    ("application/rtf", "an office document"),
    ("application/vnd.ms-excel", "an office document"),
    ("application/vnd.ms-powerpoint", "an office document"),
    ("application/vnd.openxmlformats*", "an office document"),
    ("application/vnd.oasis.opendocument*", "an office document"),
    ("application/epub+zip", "a book"),
    ("font/*", "a font"),
];

/// Extensions of things that cannot be media. They count only where the media type says nothing.
const NEVER_MEDIA_EXTENSIONS: &[(&str, &str)] = &[
    ("html", "an HTML page"),
    ("htm", "an HTML page"),
    ("pdf", "a PDF document"),
    ("zip", "an archive"),
    ("gz", "an archive"),
    ("tgz", "an archive"),
    ("tar", "an archive"),
    ("7z", "an archive"),
    ("rar", "an archive"),
    ("bz2", "an archive"),
    ("xz", "an archive"),
    ("zst", "an archive"),
    ("iso", "a disk image"),
    ("dmg", "a disk image"),
    ("exe", "a program"),
    ("msi", "a program"),
    ("dll", "a program"),
    ("com", "a program"),
    ("bat", "a program"),
    ("cmd", "a program"),
    ("scr", "a program"),
    ("sh", "a program"),
    ("ps1", "a program"),
    ("jar", "a program"),
    ("apk", "a program"),
    ("deb", "a program"),
    ("js", "a program"),
    ("php", "a program"),
    ("py", "a program"),
    ("doc", "an office document"),
    ("docx", "an office document"),
    ("xls", "an office document"),
    ("xlsx", "an office document"),
    ("ppt", "an office document"),
    ("pptx", "an office document"),
    ("odt", "an office document"),
    ("epub", "a book"),
    ("ttf", "a font"),
    ("otf", "a font"),
    ("woff", "a font"),
    ("woff2", "a font"),
];

/// What is known before an upload about its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// The media type, the extension or both name formats of media. At least one is present.
    Media {
        /// By the media type.
        by_type: Option<Claim>,
        /// By the file name's extension.
        by_extension: Option<Claim>,
    },
    /// Neither says anything; content will.
    Unknown,
    /// It cannot be media; the text says what it is, with its article.
    NotMedia(&'static str),
}

/// The media type without parameters, trimmed, in lower case (RFC 9110, section 8.3.1).
#[must_use]
pub fn essence(media_type: &str) -> String {
    media_type.split([';', ',']).next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What a declared media type and a file name together claim.
#[must_use]
pub fn declared(media_type: &str, file_name: &str) -> Declared {
    let media_type = essence(media_type);
    if let Some(what) = never_media(&media_type) {
        return Declared::NotMedia(what);
    }
    let (by_type, extension) = (of_media_type(&media_type), extension(file_name));
    let by_extension = of_extension(&extension);
    if by_type.is_some() || by_extension.is_some() {
        return Declared::Media { by_type, by_extension };
    }
    let claims_media = ["image/", "video/", "audio/"].iter().any(|kind| media_type.starts_with(kind));
    match NEVER_MEDIA_EXTENSIONS.iter().find(|(name, _)| *name == extension) {
        Some((_, what)) if !claims_media => Declared::NotMedia(what),
        _ if media_type.starts_with("text/") => Declared::NotMedia("text"),
        _ => Declared::Unknown,
    }
}

/// The claim of a media type without parameters, in lower case.
#[must_use]
pub fn of_media_type(media_type: &str) -> Option<Claim> {
    FORMATS.iter().find_map(|format| {
        let media_type = format.media_types.iter().find(|name| **name == media_type)?;
        Some(Claim { format, media_type, kind: format.kind_of(media_type) })
    })
}

/// The claim of an extension without its dot, in lower case.
#[must_use]
pub fn of_extension(extension: &str) -> Option<Claim> {
    FORMATS.iter().find_map(|format| {
        let (_, media_type) = format.extensions.iter().find(|(name, _)| *name == extension)?;
        of_media_type(media_type)
    })
}

/// What follows the last dot of a name, in lower case; empty where nothing does.
fn extension(file_name: &str) -> String {
    file_name.trim().rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default()
}

fn never_media(media_type: &str) -> Option<&'static str> {
    let is = |pattern: &str| match pattern.strip_suffix('*') {
        Some(prefix) => media_type.starts_with(prefix),
        None => media_type == pattern,
    };
    NEVER_MEDIA.iter().find(|(pattern, _)| is(pattern)).map(|(_, what)| *what)
}

impl FormatEntry {
    /// The kind that one of this format's media types names.
    fn kind_of(&self, media_type: &str) -> MediaKind {
        match media_type.split('/').next() {
            Some("audio") => MediaKind::Audio,
            Some("video") => MediaKind::Video,
            _ => self.kind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Declared, FORMATS, NEVER_MEDIA_EXTENSIONS, declared, essence, of_extension, of_media_type};
    use std::collections::BTreeSet;

    #[test]
    fn every_name_belongs_to_one_format() {
        let (mut types, mut extensions) = (BTreeSet::new(), BTreeSet::new());
        for format in FORMATS {
            for media_type in format.media_types {
                assert!(types.insert(media_type), "{media_type} is listed twice");
                assert_eq!(essence(media_type), *media_type, "{media_type} is not in its plain form");
            }
            for (extension, media_type) in format.extensions {
                assert!(extensions.insert(extension), ".{extension} is listed twice");
                assert!(of_media_type(media_type).is_some(), ".{extension} has an unlisted type, {media_type}");
                assert!(NEVER_MEDIA_EXTENSIONS.iter().all(|(name, _)| name != extension), ".{extension} is media");
            }
        }
    }

    #[test]
    fn parameters_and_case_do_not_matter() {
        for media_type in ["video/webm;codecs=vp8,opus", " Video/WebM ; codecs=\"vp9\"", "video/webm"] {
            let Declared::Media { by_type: Some(claim), .. } = declared(media_type, "blob") else {
                panic!("{media_type} is not known");
            };
            assert_eq!(claim.media_type, "video/webm");
        }
    }

    #[test]
    fn an_unhelpful_type_leaves_the_word_to_the_name() {
        for media_type in ["", "application/octet-stream", "text/vnd.trolltech.linguist", "x", "text/plain"] {
            let Declared::Media { by_type: None, by_extension: Some(claim) } = declared(media_type, "a.TS") else {
                panic!("{media_type:?} is believed more than the name");
            };
            assert_eq!(claim.media_type, "video/mp2t");
        }
    }

    #[test]
    fn what_cannot_be_media_is_named() {
        for (media_type, name, what) in [
            ("text/html", "a.jpg", "an HTML page"),
            ("application/pdf", "a", "a PDF document"),
            ("application/zip; x=1", "a.mp4", "an archive"),
            ("", "setup.exe", "a program"),
            ("application/octet-stream", "a.pdf", "a PDF document"),
            ("text/plain", "notes.txt", "text"),
        ] {
            assert_eq!(declared(media_type, name), Declared::NotMedia(what), "{media_type} {name}");
        }
        assert_eq!(declared("", "a"), Declared::Unknown);
        assert_eq!(declared("image/never-heard-of", "a.pdf"), Declared::Unknown);
        assert_eq!(of_extension(""), None);
    }
}
