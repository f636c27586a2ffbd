//! Every format: its decoder, names and signs.

use super::{
    Decoder, FormatEntry,
    sign::{Sign, looks},
};
use crate::{kind::MediaKind, raw};

macro_rules! formats {
    ($($name:literal, $kind:ident, $decoder:ident:
        [$($media_type:literal)*],
        [$($extensions:literal => $of:literal)*],
        [$($($sign:ident($($mark:tt)*))|+ => $shown:literal)*];)*) => {
        &[$(FormatEntry {
            name: $name,
            kind: MediaKind::$kind,
            decoder: Decoder::$decoder,
            media_types: &[$($media_type),*],
            extensions: &[$(($extensions, $of)),*],
            signs: &[$((&[$(Sign::$sign($($mark)*)),+], $shown)),*],
        },)*]
    };
}

/// Every format that users may upload. Sources: IANA's media types, the MIME tables of Chromium, Firefox, Windows,
/// macOS, Android and shared-mime-info, and types sent by client libraries.
///
/// Each entry has its name, kind and decoder, its media types, its extensions, and the [signs](Sign) of its content. If
/// signs of two formats match a file, the first wins, so camera raw files come before the TIFF that they resemble.
pub(super) const FORMATS: &[FormatEntry] = formats! {
    "JPEG", Image, Pixels:
        ["image/jpeg" "image/jpg" "image/pjpeg" "image/jpe" "image/x-jpeg" "image/x-jpg" "image/jfif"],
        ["jpg" => "image/jpeg" "jpeg" => "image/jpeg" "jpe" => "image/jpeg" "jfif" => "image/jpeg"
         "pjpeg" => "image/jpeg" "pjp" => "image/jpeg" "mpo" => "image/jpeg"],
        [Start(b"\xFF\xD8\xFF") | Padded(b"\r\n", &Sign::Start(b"\xFF\xD8\xFF")) => "image/jpeg"];
    "PNG", Image, Pixels:
        ["image/png" "image/x-png" "image/apng" "image/vnd.mozilla.apng"],
        ["png" => "image/png" "apng" => "image/apng"],
        [Start(b"\x89PNG") => "image/png"];
    "WebP", Image, Pixels:
        ["image/webp" "image/x-webp"], ["webp" => "image/webp"],
        [Form(b"RIFF", b"WEBP") => "image/webp"];
    "GIF", Image, Pixels:
        ["image/gif" "image/x-gif"], ["gif" => "image/gif"],
        [Start(b"GIF8") => "image/gif"];
    "camera raw", Image, Pixels:
        ["image/x-adobe-dng" "image/dng" "image/x-dng" "image/x-raw" "image/x-canon-cr2" "image/x-canon-cr3"
         "image/x-nikon-nef" "image/x-nikon-nrw" "image/x-sony-arw" "image/x-sony-sr2"
         "image/x-fuji-raf" "image/x-olympus-orf" "image/x-panasonic-rw2" "image/x-panasonic-raw"
         "image/x-pentax-pef" "image/x-samsung-srw" "image/x-kodak-dcr"
         "image/x-phaseone-iiq"],
        ["dng" => "image/x-adobe-dng" "cr2" => "image/x-canon-cr2" "cr3" => "image/x-canon-cr3"
         "nef" => "image/x-nikon-nef" "arw" => "image/x-sony-arw" "raf" => "image/x-fuji-raf"
         "orf" => "image/x-olympus-orf" "rw2" => "image/x-panasonic-rw2" "pef" => "image/x-pentax-pef"
         "srw" => "image/x-samsung-srw" "nrw" => "image/x-nikon-nrw" "sr2" => "image/x-sony-sr2"
         "rwl" => "image/x-panasonic-rw2" "dcr" => "image/x-kodak-dcr" "iiq" => "image/x-phaseone-iiq"],
        [Major(b"crx ") => "image/x-canon-cr3" Start(b"FUJIFILMCCD-RAW ") => "image/x-fuji-raf"
         Start(b"IIRO") | Start(b"IIRS") | Start(b"MMOR") => "image/x-olympus-orf"
         Start(b"IIU\0") => "image/x-panasonic-rw2"
         // Makers' own marks after the header of a TIFF.
         All(&[(0, b"II*\0"), (8, b"CR\x02")]) | All(&[(0, b"MM\0*"), (8, b"CR\x02")]) => "image/x-canon-cr2"
         All(&[(0, b"II*\0"), (8, b"IIII")]) | All(&[(0, b"MM\0*"), (8, b"MMMM")]) => "image/x-phaseone-iiq"
         Which(raw::content_type) => "image/x-raw"];
    "TIFF", Image, Pixels:
        ["image/tiff" "image/tif" "image/x-tiff" "image/x-tif" "image/tiff-fx"],
        ["tif" => "image/tiff" "tiff" => "image/tiff"],
        [Start(b"II*\0") | Start(b"MM\0*") => "image/tiff"
         // BigTIFF: its offsets have 8 bytes.
         Start(b"II\x2B\0\x08\0\0\0") | Start(b"MM\0\x2B\0\x08\0\0") => "image/tiff"];
    "BMP", Image, Pixels:
        ["image/bmp" "image/x-bmp" "image/x-ms-bmp" "image/x-windows-bmp" "image/ms-bmp"],
        ["bmp" => "image/bmp" "dib" => "image/bmp"],
        [Start(b"BM") => "image/bmp"];
    "AVIF", Image, Pixels:
        ["image/avif" "image/avif-sequence"], ["avif" => "image/avif" "avifs" => "image/avif"],
        [Brand(b"avif") | Brand(b"avis") => "image/avif"];
    "HEIC", Image, Pixels:
        ["image/heic" "image/heif" "image/heic-sequence" "image/heif-sequence" "image/x-heic" "image/x-heif"
         "image/hif"],
        ["heic" => "image/heic" "heif" => "image/heif" "hif" => "image/heif" "heics" => "image/heic"
         "heifs" => "image/heif"],
        [Brand(b"heic") | Brand(b"heix") | Brand(b"heim") | Brand(b"heis") | Brand(b"hevc") | Brand(b"hevx")
         | Brand(b"hevm") | Brand(b"hevs") => "image/heic"
         // The codec is not certain.
         Brand(b"mif1") | Brand(b"mif2") | Brand(b"msf1") | Brand(b"miaf") | Brand(b"MiHB") | Brand(b"MiHE")
         | Brand(b"1pic") => "image/heif"];
    "JPEG XL", Image, Pixels:
        ["image/jxl" "image/x-jxl"], ["jxl" => "image/jxl"],
        [
         // As a bare codestream and in boxes (ISO/IEC 18181-2, 5 and 9.1).
         Start(b"\xFF\x0A") | Start(b"\0\0\0\x0CJXL \r\n\x87\n") => "image/jxl"];
    "JPEG 2000", Image, Nobody:
        ["image/jp2" "image/jpx" "image/jpm" "image/j2k" "image/jpeg2000"],
        ["jp2" => "image/jp2" "j2k" => "image/jp2" "jpf" => "image/jpx" "jpx" => "image/jpx"],
        [Start(b"\0\0\0\x0CjP  \r\n\x87\n") => "image/jp2" Start(b"\xFF\x4F\xFF\x51") => "image/j2k"];
    "camera raw of a discontinued kind (CRW, MRW, X3F)", Image, Nobody:
        ["image/x-canon-crw" "image/x-minolta-mrw" "image/x-sigma-x3f"],
        ["crw" => "image/x-canon-crw" "mrw" => "image/x-minolta-mrw" "x3f" => "image/x-sigma-x3f"],
        [At(6, b"HEAPCCDR") => "image/x-canon-crw" Start(b"\0MRM") => "image/x-minolta-mrw"
         Start(b"FOVb") => "image/x-sigma-x3f"];
    "ICO", Image, Pixels:
        ["image/vnd.microsoft.icon" "image/x-icon" "image/ico" "image/icon"],
        ["ico" => "image/vnd.microsoft.icon"],
        [Start(b"\0\0\x01\0") | Is(looks::cursor) => "image/vnd.microsoft.icon"];
    "PSD", Image, Nobody:
        ["image/vnd.adobe.photoshop" "image/x-photoshop" "image/psd" "image/x-psd" "application/photoshop"
         "application/x-photoshop"],
        ["psd" => "image/vnd.adobe.photoshop"],
        [Start(b"8BPS") => "image/vnd.adobe.photoshop"];
    "SVG", Image, Nobody:
        ["image/svg+xml"], ["svg" => "image/svg+xml"],
        [Is(looks::svg) => "image/svg+xml"];
    "TGA", Image, Pixels:
        ["image/x-tga" "image/x-targa" "image/tga"], ["tga" => "image/x-tga"],
        [Guess(looks::tga) => "image/x-tga"];
    "PPM", Image, Pixels:
        ["image/x-portable-pixmap" "image/x-portable-graymap" "image/x-portable-bitmap" "image/x-portable-anymap"],
        ["ppm" => "image/x-portable-pixmap" "pgm" => "image/x-portable-graymap"
         "pbm" => "image/x-portable-bitmap" "pnm" => "image/x-portable-anymap"],
        [Is(|head| looks::pnm(head, b"14")) => "image/x-portable-bitmap"
         Is(|head| looks::pnm(head, b"25")) => "image/x-portable-graymap"
         Is(|head| looks::pnm(head, b"36")) => "image/x-portable-pixmap"
         Is(|head| looks::pnm(head, b"7")) => "image/x-portable-anymap"];
    "PFM", Image, Nobody:
        ["image/x-portable-floatmap"], ["pfm" => "image/x-portable-floatmap"],
        [Start(b"PF\n") | Start(b"Pf\n") => "image/x-portable-floatmap"];
    "DPX or Cineon", Image, Nobody:
        ["image/x-dpx" "image/x-cineon"], ["dpx" => "image/x-dpx" "cin" => "image/x-cineon"],
        [Start(b"SDPX") | Start(b"XPDS") => "image/x-dpx"
         Start(b"\x80\x2A\x5F\xD7") | Start(b"\xD7\x5F\x2A\x80") => "image/x-cineon"];
    "MIFF (ImageMagick)", Image, Nobody:
        ["image/x-miff"], ["miff" => "image/x-miff"],
        [Start(b"id=ImageMagick") => "image/x-miff"];
    "OpenEXR", Image, Nobody:
        ["image/x-exr" "image/aces"], ["exr" => "image/x-exr"],
        [Start(b"\x76\x2F\x31\x01") => "image/x-exr"];
    "Radiance HDR", Image, Nobody:
        ["image/vnd.radiance" "image/x-hdr"], ["hdr" => "image/vnd.radiance"],
        [Start(b"#?RADIANCE") | Start(b"#?RGBE") => "image/vnd.radiance"];
    "DDS", Image, Nobody:
        ["image/vnd.ms-dds" "image/x-dds"], ["dds" => "image/vnd.ms-dds"],
        [Start(b"DDS ") => "image/vnd.ms-dds"];
    "KTX", Image, Nobody:
        ["image/ktx" "image/ktx2"], ["ktx" => "image/ktx" "ktx2" => "image/ktx2"],
        [Start(b"\xABKTX 20") => "image/ktx2" Start(b"\xABKTX ") => "image/ktx"];
    "QOI", Image, Nobody:
        ["image/qoi" "image/x-qoi"], ["qoi" => "image/qoi"],
        [Start(b"qoif") => "image/qoi"];
    "FLIF", Image, Nobody:
        ["image/flif"], ["flif" => "image/flif"],
        [Start(b"FLIF") => "image/flif"];
    "BPG", Image, Nobody:
        ["image/bpg"], ["bpg" => "image/bpg"],
        [Start(b"BPG\xFB") => "image/bpg"];
    "DjVu", Image, Nobody:
        ["image/vnd.djvu" "image/vnd.djvu+multipage" "image/x-djvu"],
        ["djvu" => "image/vnd.djvu" "djv" => "image/vnd.djvu"],
        [Start(b"AT&TFORM") => "image/vnd.djvu"];
    "Windows metafile (WMF, EMF)", Image, Nobody:
        ["image/wmf" "image/x-wmf" "image/emf" "image/x-emf"],
        ["wmf" => "image/wmf" "emf" => "image/emf"],
        [Start(b"\xD7\xCD\xC6\x9A") | Start(b"\x01\0\x09\0\0\x03") => "image/wmf" At(40, b" EMF") => "image/emf"];
    "PCX", Image, Nobody:
        ["image/vnd.zbrush.pcx" "image/x-pcx"], ["pcx" => "image/vnd.zbrush.pcx"],
        [Is(looks::pcx) => "image/vnd.zbrush.pcx"];
    "JPEG XR", Image, Nobody:
        ["image/jxr" "image/vnd.ms-photo"], ["jxr" => "image/jxr" "wdp" => "image/vnd.ms-photo" "hdp" => "image/vnd.ms-photo"],
        [Start(b"II\xBC") => "image/jxr"];
    "PostScript (EPS, PS, AI)", Image, Nobody:
        ["application/postscript" "image/x-eps" "application/eps" "application/x-eps"],
        ["ps" => "application/postscript" "eps" => "image/x-eps" "ai" => "application/postscript"],
        [Start(b"%!PS") => "application/postscript" Start(b"\xC5\xD0\xD3\xC6") => "image/x-eps"];
    "Amiga picture (ILBM)", Image, Nobody:
        ["image/x-ilbm" "image/ilbm"], ["ilbm" => "image/x-ilbm" "lbm" => "image/x-ilbm" "iff" => "image/x-ilbm"],
        [Form(b"FORM", b"ILBM") | Form(b"FORM", b"PBM ") => "image/x-ilbm"];
    "XCF (GIMP)", Image, Nobody:
        ["image/x-xcf"], ["xcf" => "image/x-xcf"],
        [Start(b"gimp xcf ") => "image/x-xcf"];
    "OpenRaster", Image, Nobody:
        ["image/openraster"], ["ora" => "image/openraster"],
        [All(&[(0, b"PK\x03\x04"), (30, b"mimetypeimage/openraster")]) => "image/openraster"];
    "AutoCAD drawing (DWG)", Image, Nobody:
        ["image/vnd.dwg"], ["dwg" => "image/vnd.dwg"],
        [Start(b"AC100") | Start(b"AC101") | Start(b"AC102") | Start(b"AC103") | Start(b"AC1.") | Start(b"AC2.")
         | Start(b"MC0.0\0") => "image/vnd.dwg"];
    "Apple icon (ICNS)", Image, Nobody:
        ["image/x-icns"], ["icns" => "image/x-icns"],
        [Start(b"icns") => "image/x-icns"];
    "MNG or JNG", Image, Nobody:
        ["image/x-mng" "video/x-mng" "image/x-jng"], ["mng" => "image/x-mng" "jng" => "image/x-jng"],
        [Start(b"\x8AMNG\r\n") => "image/x-mng" Start(b"\x8BJNG\r\n") => "image/x-jng"];
    "SGI image", Image, Nobody:
        ["image/x-sgi"], ["sgi" => "image/x-sgi" "rgb" => "image/x-sgi"],
        [Start(b"\x01\xDA\0\x01") | Start(b"\x01\xDA\x01\x01") | Start(b"\x01\xDA\0\x02")
         | Start(b"\x01\xDA\x01\x02") => "image/x-sgi"];
    "Sun raster", Image, Nobody:
        ["image/x-sun-raster"], ["ras" => "image/x-sun-raster"],
        [Start(b"\x59\xA6\x6A\x95") => "image/x-sun-raster"];
    "XPM or XBM", Image, Nobody:
        ["image/x-xpixmap" "image/x-xbitmap"], ["xpm" => "image/x-xpixmap" "xbm" => "image/x-xbitmap"],
        [Start(b"/* XPM */") => "image/x-xpixmap" Is(looks::xbm) => "image/x-xbitmap"];
    "JBIG2", Image, Nobody:
        ["image/jbig2"], ["jb2" => "image/jbig2" "jbig2" => "image/jbig2"],
        [Start(b"\x97JB2\r\n\x1A\n") => "image/jbig2"];
    "FITS", Image, Nobody:
        ["image/fits" "application/fits"], ["fits" => "image/fits"],
        [Start(b"SIMPLE  = ") => "image/fits"];
    "DICOM", Image, Nobody:
        ["application/dicom"], ["dcm" => "application/dicom"],
        [At(128, b"DICM") => "application/dicom"];
    "MPEG-4", Video, Ffmpeg:
        ["video/mp4" "video/x-m4v" "video/m4v" "video/mpeg4" "video/x-mp4" "application/mp4" "video/iso.segment"
         "audio/mp4" "audio/m4a" "audio/x-m4a" "audio/x-m4b" "audio/m4b" "audio/x-m4p" "audio/x-m4r"
         "audio/mpeg4-generic" "audio/mp4a-latm" "audio/x-mp4"],
        ["mp4" => "video/mp4" "m4v" => "video/x-m4v" "mp4v" => "video/mp4" "m4s" => "video/mp4"
         "m4a" => "audio/mp4" "m4b" => "audio/x-m4b" "m4p" => "audio/mp4" "m4r" => "audio/mp4"],
        [Major(b"M4A") | Major(b"M4B") | Major(b"M4P") => "audio/m4a" Major(b"M4V") => "video/x-m4v"
         // Formats derived from MP4 (mp4ra.org); still images have other brands.
         Major(b"iso") | Major(b"ism") | Major(b"mp2") | Major(b"mp4") | Major(b"mp7") | Major(b"mmp4")
         | Major(b"cmf") | Major(b"avc1") | Major(b"hvc1") | Major(b"av01") | Major(b"dash") | Major(b"msdh")
         | Major(b"piff") | Major(b"MSNV") | Major(b"XAVC") | Major(b"F4") | Major(b"ND") => "video/mp4"];
    "QuickTime", Video, Ffmpeg:
        ["video/quicktime" "video/x-quicktime" "video/mov" "video/x-mov" "image/mov" "audio/x-quicktime"],
        ["mov" => "video/quicktime" "qt" => "video/quicktime" "insv" => "video/mp4"],
        [Major(b"qt") => "video/quicktime"
         // From before it had brands.
         At(4, b"moov") | At(4, b"mdat") | At(4, b"wide") | At(4, b"pnot") | At(12, b"mdat")
         | Guess(looks::free_space_before_quicktime) => "video/quicktime"];
    "3GPP", Video, Ffmpeg:
        ["video/3gpp" "video/3gpp2" "video/3gp" "video/3gpp-encrypted" "video/x-3gpp" "audio/3gpp" "audio/3gpp2"
         "audio/3gp"],
        ["3gp" => "video/3gpp" "3gpp" => "video/3gpp" "3ga" => "audio/3gpp" "3g2" => "video/3gpp2"
         "3gpp2" => "video/3gpp2"],
        [Major(b"3g2") => "video/3gpp2" Major(b"3g") => "video/3gpp"];
    "WebM", Video, Ffmpeg:
        ["video/webm" "video/x-webm" "audio/webm" "audio/x-webm"],
        ["webm" => "video/webm" "weba" => "audio/webm"],
        [Is(|head| looks::ebml(head, b"webm")) => "video/webm"];
    "Matroska", Video, Ffmpeg:
        ["video/x-matroska" "video/matroska" "video/matroska-3d" "video/x-matroska-3d" "video/mkv" "video/x-mkv"
         "application/x-matroska" "audio/x-matroska" "audio/matroska"],
        ["mkv" => "video/x-matroska" "mk3d" => "video/x-matroska" "mka" => "audio/x-matroska"],
        [Is(|head| looks::ebml(head, b"matroska")) => "video/x-matroska"];
    "AVI", Video, Ffmpeg:
        ["video/x-msvideo" "video/avi" "video/msvideo" "video/vnd.avi" "video/divx" "video/x-avi" "application/x-troff-msvideo"],
        ["avi" => "video/x-msvideo" "divx" => "video/x-msvideo"],
        [Form(b"RIFF", b"AVI ") => "video/x-msvideo"];
    "MPEG", Video, Ffmpeg:
        ["video/mpeg" "video/mpg" "video/x-mpeg" "video/mpeg2" "video/x-mpeg2" "video/dvd" "video/mp2p"
         "video/x-ms-dvr" "video/mpv"],
        ["mpg" => "video/mpeg" "mpeg" => "video/mpeg" "mpe" => "video/mpeg" "m1v" => "video/mpeg"
         "m2v" => "video/mpeg" "mpv" => "video/mpeg" "vob" => "video/mpeg" "m2p" => "video/mpeg"],
        [Is(looks::mpeg) => "video/mpeg"];
    "MPEG transport stream", Video, Ffmpeg:
        ["video/mp2t" "video/vnd.dlna.mpeg-tts" "video/ts" "video/mts" "video/x-mpegts" "video/m2ts" "video/avchd-stream"],
        ["ts" => "video/mp2t" "mts" => "video/mp2t" "m2ts" => "video/mp2t" "m2t" => "video/mp2t"
         "tts" => "video/mp2t"],
        [
         // Packets of 188 bytes (ISO/IEC 13818-1), or of 192 with a timestamp before each (camcorders).
         All(&[(0, b"G"), (188, b"G"), (376, b"G")]) | All(&[(4, b"G"), (196, b"G"), (388, b"G")])
         | Guess(looks::transport_packets) => "video/mp2t"];
    "Ogg", Video, Ffmpeg:
        ["video/ogg" "video/x-ogg" "video/x-theora" "video/x-theora+ogg" "audio/ogg" "audio/x-ogg" "application/ogg"
         "application/x-ogg" "audio/vorbis" "audio/x-vorbis" "audio/x-vorbis+ogg" "audio/opus" "audio/x-opus"
         "audio/x-opus+ogg" "audio/x-speex" "audio/x-speex+ogg" "audio/speex" "audio/x-flac+ogg"],
        ["ogv" => "video/ogg" "ogm" => "video/ogg" "ogx" => "video/ogg" "ogg" => "audio/ogg" "oga" => "audio/ogg"
         "opus" => "audio/opus" "spx" => "audio/ogg"],
        [Is(looks::theora) => "video/ogg" All(&[(0, b"OggS"), (28, b"OpusHead")]) => "audio/opus"
         Start(b"OggS") => "audio/ogg"];
    "Flash video", Video, Ffmpeg:
        ["video/x-flv" "video/flv" "application/x-flash-video" "flv-application/octet-stream" "video/x-f4v" "video/mp4v"],
        ["flv" => "video/x-flv" "f4v" => "video/mp4"],
        [Start(b"FLV\x01") => "video/x-flv"];
    "Windows Media", Video, Ffmpeg:
        ["video/x-ms-wmv" "video/x-ms-asf" "video/x-ms-asf-plugin" "video/x-ms-wm" "application/vnd.ms-asf"
         "video/asf" "video/wmv" "video/x-wmv" "audio/x-ms-wma" "audio/wma" "audio/x-wma" "audio/x-ms-asf"],
        ["wmv" => "video/x-ms-wmv" "asf" => "video/x-ms-asf" "wm" => "video/x-ms-wm" "wma" => "audio/x-ms-wma"],
        [Start(b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9") => "video/x-ms-wmv"];
    "MXF", Video, Ffmpeg:
        ["application/mxf" "video/mxf" "video/x-mxf"], ["mxf" => "application/mxf"],
        [
         // The partition pack of a header (SMPTE ST 377-1).
         Start(b"\x06\x0E\x2B\x34\x02\x05\x01\x01\x0D\x01\x02\x01\x01\x02") => "application/mxf"];
    "DV", Video, Ffmpeg:
        ["video/x-dv" "video/dv" "video/vnd.dvb.file"], ["dv" => "video/x-dv" "dif" => "video/x-dv"],
        [
         // The header block of DIF sequence 0 (IEC 61834-2), NTSC or PAL.
         Start(b"\x1F\x07\x00\x3F") | Start(b"\x1F\x07\x00\xBF") => "video/x-dv"];
    "RealMedia", Video, Nobody:
        ["application/vnd.rn-realmedia" "application/vnd.rn-realmedia-vbr" "video/vnd.rn-realvideo"
         "audio/vnd.rn-realaudio" "audio/x-pn-realaudio" "audio/x-realaudio"],
        ["rm" => "application/vnd.rn-realmedia" "rmvb" => "application/vnd.rn-realmedia-vbr"
         "ra" => "audio/vnd.rn-realaudio"],
        [Start(b".RMF") => "application/vnd.rn-realmedia" Start(b".ra\xFD") => "audio/vnd.rn-realaudio"];
    "IVF", Video, Ffmpeg:
        ["video/x-ivf"], ["ivf" => "video/x-ivf"],
        [Start(b"DKIF\0\0") => "video/x-ivf"];
    "Y4M", Video, Nobody:
        ["video/x-yuv4mpeg" "video/x-y4m"], ["y4m" => "video/x-yuv4mpeg"],
        [Start(b"YUV4MPEG2 ") => "video/x-yuv4mpeg"];
    "raw H.264 or H.265", Video, Nobody:
        ["video/h264" "video/x-h264" "video/avc" "video/h265" "video/hevc"],
        ["h264" => "video/h264" "264" => "video/h264" "h265" => "video/h265" "hevc" => "video/h265"],
        [Start(b"\0\0\0\x01") => "video/h264"];
    "raw MPEG-4 or AV1 video", Video, Nobody:
        ["video/mp4v-es" "video/av1"], ["obu" => "video/av1"],
        // The start of a visual object sequence (ISO/IEC 14496-2, 6.2.2), and of a temporal unit (AV1, 5.6).
        [Start(b"\0\0\x01\xB0") => "video/mp4v-es" Is(looks::av1) => "video/av1"];
    "Dirac or VC-2 video", Video, Nobody:
        ["video/x-dirac"], ["drc" => "video/x-dirac" "vc2" => "video/x-dirac"],
        [Start(b"BBCD") => "video/x-dirac"];
    "GXF", Video, Nobody:
        ["video/x-gxf" "application/gxf"], ["gxf" => "video/x-gxf"],
        [Start(b"\0\0\0\0\x01\xBC") => "video/x-gxf"];
    "Bink video", Video, Nobody:
        ["video/vnd.radgamettools.bink"], ["bik" => "video/vnd.radgamettools.bink"],
        [Start(b"BIKi") => "video/vnd.radgamettools.bink"];
    "NUT", Video, Nobody:
        ["video/x-nut"], ["nut" => "video/x-nut"],
        [Start(b"nut/multimedia container") => "video/x-nut"];
    "FLIC animation", Video, Nobody:
        ["video/x-flic"], ["fli" => "video/x-flic" "flc" => "video/x-flic"],
        [At(4, b"\x11\xAF") | At(4, b"\x12\xAF") => "video/x-flic"];
    "recorded TV (WTV)", Video, Nobody:
        ["video/x-wtv"], ["wtv" => "video/x-wtv"],
        [Start(b"\xB7\xD8\x00\x20\x37\x49\xDA\x11") => "video/x-wtv"];
    "MP3", Audio, Ffmpeg:
        ["audio/mpeg" "audio/mp3" "audio/x-mp3" "audio/x-mpeg" "audio/mpeg3" "audio/x-mpeg-3" "audio/mpg"
         "audio/x-mpg" "audio/mp2" "audio/x-mp2" "audio/mpa" "audio/mpeg-layer3"],
        ["mp3" => "audio/mpeg" "mp2" => "audio/mpeg" "mpga" => "audio/mpeg" "mpa" => "audio/mpeg"],
        [Start(b"ID3") | Is(looks::mpeg_audio) | Padded(b"\0", &Sign::Start(b"ID3"))
         | Padded(b"\0", &Sign::Is(looks::mpeg_audio)) => "audio/mpeg"];
    "AAC", Audio, Ffmpeg:
        ["audio/aac" "audio/x-aac" "audio/aacp" "audio/x-hx-aac-adts" "audio/vnd.dlna.adts" "audio/adts" "audio/x-adts"],
        ["aac" => "audio/aac" "adts" => "audio/aac" "adt" => "audio/aac"],
        [Is(looks::adts) => "audio/aac"];
    "WAV", Audio, Ffmpeg:
        ["audio/wav" "audio/x-wav" "audio/wave" "audio/vnd.wave" "audio/x-pn-wav" "audio/x-wave" "audio/rf64"
         "audio/x-w64"],
        ["wav" => "audio/wav" "wave" => "audio/wav" "bwf" => "audio/wav" "rf64" => "audio/wav" "w64" => "audio/x-w64"],
        [Form(b"RIFF", b"WAVE") => "audio/x-wav"
         // RF64, for files over 4 GiB (EBU Tech 3306, ITU-R BS.2088); Sony's Wave64 uses GUIDs as names.
         Form(b"RF64", b"WAVE") | Form(b"BW64", b"WAVE") => "audio/x-wav"
         All(&[(0, b"riff\x2E\x91\xCF\x11"), (24, b"wave")]) => "audio/x-w64"];
    "FLAC", Audio, Ffmpeg:
        ["audio/flac" "audio/x-flac"], ["flac" => "audio/flac"],
        [Start(b"fLaC") => "audio/x-flac"];
    "AMR", Audio, Ffmpeg:
        ["audio/amr" "audio/amr-wb" "audio/x-amr" "audio/amr-nb" "audio/amr-wb+" "audio/x-amr-wb"],
        ["amr" => "audio/amr" "awb" => "audio/amr-wb"],
        [Start(b"#!AMR-WB\n") => "audio/amr-wb" Start(b"#!AMR\n") => "audio/amr"];
    "AIFF", Audio, Ffmpeg:
        ["audio/aiff" "audio/x-aiff" "audio/x-aifc" "audio/aifc" "sound/aiff"],
        ["aif" => "audio/aiff" "aiff" => "audio/aiff" "aifc" => "audio/aiff"],
        [Form(b"FORM", b"AIFF") | Form(b"FORM", b"AIFC") => "audio/x-aiff"];
    "CAF", Audio, Ffmpeg:
        ["audio/x-caf" "audio/caf"], ["caf" => "audio/x-caf"],
        [Start(b"caff") => "audio/x-caf"];
    "AC-3", Audio, Ffmpeg:
        ["audio/ac3" "audio/x-ac3" "audio/vnd.dolby.dd-raw" "audio/eac3" "audio/x-eac3" "audio/a52"],
        ["ac3" => "audio/ac3" "eac3" => "audio/eac3" "ec3" => "audio/eac3"],
        [Is(looks::ac3) => "audio/ac3" Is(looks::eac3) => "audio/eac3"];
    "DTS", Audio, Ffmpeg:
        ["audio/vnd.dts" "audio/vnd.dts.hd" "audio/x-dts" "audio/dts"],
        ["dts" => "audio/vnd.dts" "dtshd" => "audio/vnd.dts.hd"],
        [Start(b"\x7F\xFE\x80\x01") => "audio/vnd.dts"];
    "AU", Audio, Ffmpeg:
        ["audio/basic" "audio/x-au" "audio/au"], ["au" => "audio/basic" "snd" => "audio/basic"],
        [Start(b".snd") => "audio/basic"];
    "WavPack", Audio, Ffmpeg:
        ["audio/x-wavpack" "audio/wavpack"], ["wv" => "audio/x-wavpack"],
        [Start(b"wvpk") => "audio/x-wavpack"];
    "TTA", Audio, Ffmpeg:
        ["audio/x-tta" "audio/tta"], ["tta" => "audio/x-tta"],
        [Start(b"TTA1") => "audio/x-tta"];
    "NIST SPHERE", Audio, Ffmpeg:
        ["audio/x-nist" "audio/x-sph"], ["sph" => "audio/x-sph" "nist" => "audio/x-nist"],
        [Start(b"NIST_1A\n") => "audio/x-nist"];
    "GSM", Audio, Ffmpeg:
        ["audio/x-gsm" "audio/gsm"], ["gsm" => "audio/x-gsm"],
        [Guess(looks::gsm) => "audio/x-gsm"];
    "Monkey's Audio", Audio, Nobody:
        ["audio/x-ape" "audio/ape"], ["ape" => "audio/x-ape"],
        [Start(b"MAC ") => "audio/x-ape"];
    "MIDI", Audio, Nobody:
        ["audio/midi" "audio/x-midi" "audio/mid"], ["mid" => "audio/midi" "midi" => "audio/midi"],
        [Start(b"MThd") => "audio/midi"];
    "Musepack", Audio, Nobody:
        ["audio/x-musepack" "audio/musepack"], ["mpc" => "audio/x-musepack"],
        [Start(b"MPCK") | Start(b"MP+") => "audio/x-musepack"];
    "DSD (DSF, DFF)", Audio, Nobody:
        ["audio/x-dsf" "audio/x-dff"], ["dsf" => "audio/x-dsf" "dff" => "audio/x-dff"],
        [Start(b"DSD ") => "audio/x-dsf" Start(b"FRM8") => "audio/x-dff"];
    "TrueHD or MLP", Audio, Nobody:
        ["audio/vnd.dolby.mlp" "audio/true-hd"], ["thd" => "audio/vnd.dolby.mlp" "mlp" => "audio/vnd.dolby.mlp"],
        [At(4, b"\xF8\x72\x6F\xBA") | At(4, b"\xF8\x72\x6F\xBB") => "audio/vnd.dolby.mlp"];
    "AAC in LATM", Audio, Nobody:
        ["audio/x-latm"], ["latm" => "audio/x-latm" "loas" => "audio/x-latm"],
        [Is(looks::latm) => "audio/x-latm"];
    "8SVX (Amiga)", Audio, Nobody:
        ["audio/x-8svx" "audio/8svx"], ["8svx" => "audio/x-8svx" "8sv" => "audio/x-8svx"],
        [Form(b"FORM", b"8SVX") => "audio/x-8svx"];
    "SILK", Audio, Nobody:
        ["audio/silk"], ["silk" => "audio/silk"],
        [Start(b"#!SILK") | Start(b"\x02#!SILK") => "audio/silk"];
    "Creative Voice", Audio, Nobody:
        ["audio/x-voc"], ["voc" => "audio/x-voc"],
        [Start(b"Creative Voice File") => "audio/x-voc"];
    "OptimFROG", Audio, Nobody:
        ["audio/x-optimfrog"], ["ofr" => "audio/x-optimfrog"],
        [Start(b"OFR ") => "audio/x-optimfrog"];
    "Shorten", Audio, Nobody:
        ["audio/x-shorten"], ["shn" => "audio/x-shorten"],
        [Start(b"ajkg") => "audio/x-shorten"];
    "tracker music (MOD, XM, IT, S3M)", Audio, Nobody:
        ["audio/x-mod" "audio/x-xm" "audio/x-it" "audio/x-s3m"],
        ["xm" => "audio/x-xm" "it" => "audio/x-it" "s3m" => "audio/x-s3m"],
        [Start(b"Extended Module: ") => "audio/x-xm" Start(b"IMPM") => "audio/x-it" At(44, b"SCRM") => "audio/x-s3m"
         At(1080, b"M.K.") => "audio/x-mod"];
};
