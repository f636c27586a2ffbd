//! Every format, who decodes it, and what it is called.

use super::{Decoder, FormatEntry};
use crate::kind::MediaKind;

macro_rules! formats {
    ($($name:literal, $kind:ident, $decoder:ident: [$($media_type:literal)*], [$($extensions:literal => $of:literal)*];)*) => {
        &[$(FormatEntry {
            name: $name,
            kind: MediaKind::$kind,
            decoder: Decoder::$decoder,
            media_types: &[$($media_type),*],
            extensions: &[$(($extensions, $of)),*],
        },)*]
    };
}

/// Every format that somebody may upload. Sources: IANA's media types, the MIME tables of Chromium, Firefox,
/// Windows, macOS, Android and shared-mime-info, and what client libraries were seen to send.
pub(super) const FORMATS: &[FormatEntry] = formats! {
    "JPEG", Image, Pixels:
        ["image/jpeg" "image/jpg" "image/pjpeg" "image/jpe" "image/x-jpeg" "image/x-jpg" "image/jfif"],
        ["jpg" => "image/jpeg" "jpeg" => "image/jpeg" "jpe" => "image/jpeg" "jfif" => "image/jpeg"
         "pjpeg" => "image/jpeg" "pjp" => "image/jpeg" "mpo" => "image/jpeg"];
    "PNG", Image, Pixels:
        ["image/png" "image/x-png" "image/apng" "image/vnd.mozilla.apng"],
        ["png" => "image/png" "apng" => "image/apng"];
    "WebP", Image, Pixels: ["image/webp" "image/x-webp"], ["webp" => "image/webp"];
    "GIF", Image, Pixels: ["image/gif" "image/x-gif"], ["gif" => "image/gif"];
    "TIFF", Image, Pixels:
        ["image/tiff" "image/tif" "image/x-tiff" "image/x-tif" "image/tiff-fx"],
        ["tif" => "image/tiff" "tiff" => "image/tiff"];
    "BMP", Image, Pixels:
        ["image/bmp" "image/x-bmp" "image/x-ms-bmp" "image/x-windows-bmp" "image/ms-bmp"],
        ["bmp" => "image/bmp" "dib" => "image/bmp"];
    "AVIF", Image, Pixels: ["image/avif" "image/avif-sequence"], ["avif" => "image/avif" "avifs" => "image/avif"];
    "HEIC", Image, Pixels:
        ["image/heic" "image/heif" "image/heic-sequence" "image/heif-sequence" "image/x-heic" "image/x-heif"
         "image/hif"],
        ["heic" => "image/heic" "heif" => "image/heif" "hif" => "image/heif" "heics" => "image/heic"
         "heifs" => "image/heif"];
    "JPEG XL", Image, Pixels: ["image/jxl" "image/x-jxl"], ["jxl" => "image/jxl"];
    "JPEG 2000", Image, Nobody:
        ["image/jp2" "image/jpx" "image/jpm" "image/j2k" "image/jpeg2000"],
        ["jp2" => "image/jp2" "j2k" => "image/jp2" "jpf" => "image/jpx" "jpx" => "image/jpx"];
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
         "rwl" => "image/x-panasonic-rw2" "dcr" => "image/x-kodak-dcr" "iiq" => "image/x-phaseone-iiq"];
    "camera raw of a discontinued kind (CRW, MRW, X3F)", Image, Nobody:
        ["image/x-canon-crw" "image/x-minolta-mrw" "image/x-sigma-x3f"],
        ["crw" => "image/x-canon-crw" "mrw" => "image/x-minolta-mrw" "x3f" => "image/x-sigma-x3f"];
    "ICO", Image, Pixels:
        ["image/vnd.microsoft.icon" "image/x-icon" "image/ico" "image/icon"],
        ["ico" => "image/vnd.microsoft.icon"];
    "PSD", Image, Nobody:
        ["image/vnd.adobe.photoshop" "image/x-photoshop" "image/psd" "image/x-psd" "application/photoshop"
         "application/x-photoshop"],
        ["psd" => "image/vnd.adobe.photoshop"];
    "SVG", Image, Nobody: ["image/svg+xml"], ["svg" => "image/svg+xml"];
    "TGA", Image, Pixels: ["image/x-tga" "image/x-targa" "image/tga"], ["tga" => "image/x-tga"];
    "PPM", Image, Pixels:
        ["image/x-portable-pixmap" "image/x-portable-graymap" "image/x-portable-bitmap" "image/x-portable-anymap"],
        ["ppm" => "image/x-portable-pixmap" "pgm" => "image/x-portable-graymap"
         "pbm" => "image/x-portable-bitmap" "pnm" => "image/x-portable-anymap"];
    "PFM", Image, Nobody: ["image/x-portable-floatmap"], ["pfm" => "image/x-portable-floatmap"];
    "DPX or Cineon", Image, Nobody:
        ["image/x-dpx" "image/x-cineon"], ["dpx" => "image/x-dpx" "cin" => "image/x-cineon"];
    "MIFF (ImageMagick)", Image, Nobody: ["image/x-miff"], ["miff" => "image/x-miff"];
    "OpenEXR", Image, Nobody: ["image/x-exr" "image/aces"], ["exr" => "image/x-exr"];
    "Radiance HDR", Image, Nobody: ["image/vnd.radiance" "image/x-hdr"], ["hdr" => "image/vnd.radiance"];
    "DDS", Image, Nobody: ["image/vnd.ms-dds" "image/x-dds"], ["dds" => "image/vnd.ms-dds"];
    "KTX", Image, Nobody: ["image/ktx" "image/ktx2"], ["ktx" => "image/ktx" "ktx2" => "image/ktx2"];
    "QOI", Image, Nobody: ["image/qoi" "image/x-qoi"], ["qoi" => "image/qoi"];
    "FLIF", Image, Nobody: ["image/flif"], ["flif" => "image/flif"];
    "BPG", Image, Nobody: ["image/bpg"], ["bpg" => "image/bpg"];
    "DjVu", Image, Nobody:
        ["image/vnd.djvu" "image/vnd.djvu+multipage" "image/x-djvu"],
        ["djvu" => "image/vnd.djvu" "djv" => "image/vnd.djvu"];
    "Windows metafile (WMF, EMF)", Image, Nobody:
        ["image/wmf" "image/x-wmf" "image/emf" "image/x-emf"],
        ["wmf" => "image/wmf" "emf" => "image/emf"];
    "PCX", Image, Nobody: ["image/vnd.zbrush.pcx" "image/x-pcx"], ["pcx" => "image/vnd.zbrush.pcx"];
    "JPEG XR", Image, Nobody:
        ["image/jxr" "image/vnd.ms-photo"], ["jxr" => "image/jxr" "wdp" => "image/vnd.ms-photo" "hdp" => "image/vnd.ms-photo"];
    "PostScript (EPS, PS, AI)", Image, Nobody:
        ["application/postscript" "image/x-eps" "application/eps" "application/x-eps"],
        ["ps" => "application/postscript" "eps" => "image/x-eps" "ai" => "application/postscript"];
    "Amiga picture (ILBM)", Image, Nobody:
        ["image/x-ilbm" "image/ilbm"], ["ilbm" => "image/x-ilbm" "lbm" => "image/x-ilbm" "iff" => "image/x-ilbm"];
    "XCF (GIMP)", Image, Nobody: ["image/x-xcf"], ["xcf" => "image/x-xcf"];
    "OpenRaster", Image, Nobody: ["image/openraster"], ["ora" => "image/openraster"];
    "AutoCAD drawing (DWG)", Image, Nobody: ["image/vnd.dwg"], ["dwg" => "image/vnd.dwg"];
    "Apple icon (ICNS)", Image, Nobody: ["image/x-icns"], ["icns" => "image/x-icns"];
    "MNG or JNG", Image, Nobody: ["image/x-mng" "video/x-mng" "image/x-jng"], ["mng" => "image/x-mng" "jng" => "image/x-jng"];
    "SGI image", Image, Nobody: ["image/x-sgi"], ["sgi" => "image/x-sgi" "rgb" => "image/x-sgi"];
    "Sun raster", Image, Nobody: ["image/x-sun-raster"], ["ras" => "image/x-sun-raster"];
    "XPM or XBM", Image, Nobody:
        ["image/x-xpixmap" "image/x-xbitmap"], ["xpm" => "image/x-xpixmap" "xbm" => "image/x-xbitmap"];
    "JBIG2", Image, Nobody: ["image/jbig2"], ["jb2" => "image/jbig2" "jbig2" => "image/jbig2"];
    "FITS", Image, Nobody: ["image/fits" "application/fits"], ["fits" => "image/fits"];
    "DICOM", Image, Nobody: ["application/dicom"], ["dcm" => "application/dicom"];
    "MPEG-4", Video, Ffmpeg:
        ["video/mp4" "video/x-m4v" "video/m4v" "video/mpeg4" "video/x-mp4" "application/mp4" "video/iso.segment"
         "audio/mp4" "audio/m4a" "audio/x-m4a" "audio/x-m4b" "audio/m4b" "audio/x-m4p" "audio/x-m4r"
         "audio/mpeg4-generic" "audio/mp4a-latm" "audio/x-mp4"],
        ["mp4" => "video/mp4" "m4v" => "video/x-m4v" "mp4v" => "video/mp4" "m4s" => "video/mp4"
         "m4a" => "audio/mp4" "m4b" => "audio/x-m4b" "m4p" => "audio/mp4" "m4r" => "audio/mp4"];
    "QuickTime", Video, Ffmpeg:
        ["video/quicktime" "video/x-quicktime" "video/mov" "video/x-mov" "image/mov" "audio/x-quicktime"],
        ["mov" => "video/quicktime" "qt" => "video/quicktime" "insv" => "video/mp4"];
    "3GPP", Video, Ffmpeg:
        ["video/3gpp" "video/3gpp2" "video/3gp" "video/3gpp-encrypted" "video/x-3gpp" "audio/3gpp" "audio/3gpp2"
         "audio/3gp"],
        ["3gp" => "video/3gpp" "3gpp" => "video/3gpp" "3ga" => "audio/3gpp" "3g2" => "video/3gpp2"
         "3gpp2" => "video/3gpp2"];
    "WebM", Video, Ffmpeg:
        ["video/webm" "video/x-webm" "audio/webm" "audio/x-webm"],
        ["webm" => "video/webm" "weba" => "audio/webm"];
    "Matroska", Video, Ffmpeg:
        ["video/x-matroska" "video/matroska" "video/matroska-3d" "video/x-matroska-3d" "video/mkv" "video/x-mkv"
         "application/x-matroska" "audio/x-matroska" "audio/matroska"],
        ["mkv" => "video/x-matroska" "mk3d" => "video/x-matroska" "mka" => "audio/x-matroska"];
    "AVI", Video, Ffmpeg:
        ["video/x-msvideo" "video/avi" "video/msvideo" "video/vnd.avi" "video/divx" "video/x-avi" "application/x-troff-msvideo"],
        ["avi" => "video/x-msvideo" "divx" => "video/x-msvideo"];
    "MPEG", Video, Ffmpeg:
        ["video/mpeg" "video/mpg" "video/x-mpeg" "video/mpeg2" "video/x-mpeg2" "video/dvd" "video/mp2p"
         "video/x-ms-dvr" "video/mpv"],
        ["mpg" => "video/mpeg" "mpeg" => "video/mpeg" "mpe" => "video/mpeg" "m1v" => "video/mpeg"
         "m2v" => "video/mpeg" "mpv" => "video/mpeg" "vob" => "video/mpeg" "m2p" => "video/mpeg"];
    "MPEG transport stream", Video, Ffmpeg:
        ["video/mp2t" "video/vnd.dlna.mpeg-tts" "video/ts" "video/mts" "video/x-mpegts" "video/m2ts" "video/avchd-stream"],
        ["ts" => "video/mp2t" "mts" => "video/mp2t" "m2ts" => "video/mp2t" "m2t" => "video/mp2t"
         "tts" => "video/mp2t"];
    "Ogg", Video, Ffmpeg:
        ["video/ogg" "video/x-ogg" "video/x-theora" "video/x-theora+ogg" "audio/ogg" "audio/x-ogg" "application/ogg"
         "application/x-ogg" "audio/vorbis" "audio/x-vorbis" "audio/x-vorbis+ogg" "audio/opus" "audio/x-opus"
         "audio/x-opus+ogg" "audio/x-speex" "audio/x-speex+ogg" "audio/speex" "audio/x-flac+ogg"],
        ["ogv" => "video/ogg" "ogm" => "video/ogg" "ogx" => "video/ogg" "ogg" => "audio/ogg" "oga" => "audio/ogg"
         "opus" => "audio/opus" "spx" => "audio/ogg"];
    "Flash video", Video, Ffmpeg:
        ["video/x-flv" "video/flv" "application/x-flash-video" "flv-application/octet-stream" "video/x-f4v" "video/mp4v"],
        ["flv" => "video/x-flv" "f4v" => "video/mp4"];
    "Windows Media", Video, Ffmpeg:
        ["video/x-ms-wmv" "video/x-ms-asf" "video/x-ms-asf-plugin" "video/x-ms-wm" "application/vnd.ms-asf"
         "video/asf" "video/wmv" "video/x-wmv" "audio/x-ms-wma" "audio/wma" "audio/x-wma" "audio/x-ms-asf"],
        ["wmv" => "video/x-ms-wmv" "asf" => "video/x-ms-asf" "wm" => "video/x-ms-wm" "wma" => "audio/x-ms-wma"];
    "MXF", Video, Ffmpeg: ["application/mxf" "video/mxf" "video/x-mxf"], ["mxf" => "application/mxf"];
    "DV", Video, Ffmpeg: ["video/x-dv" "video/dv" "video/vnd.dvb.file"], ["dv" => "video/x-dv" "dif" => "video/x-dv"];
    "RealMedia", Video, Nobody:
        ["application/vnd.rn-realmedia" "application/vnd.rn-realmedia-vbr" "video/vnd.rn-realvideo"
         "audio/vnd.rn-realaudio" "audio/x-pn-realaudio" "audio/x-realaudio"],
        ["rm" => "application/vnd.rn-realmedia" "rmvb" => "application/vnd.rn-realmedia-vbr"
         "ra" => "audio/vnd.rn-realaudio"];
    "IVF", Video, Ffmpeg: ["video/x-ivf"], ["ivf" => "video/x-ivf"];
    "Y4M", Video, Nobody: ["video/x-yuv4mpeg" "video/x-y4m"], ["y4m" => "video/x-yuv4mpeg"];
    "raw H.264 or H.265", Video, Nobody:
        ["video/h264" "video/x-h264" "video/avc" "video/h265" "video/hevc"],
        ["h264" => "video/h264" "264" => "video/h264" "h265" => "video/h265" "hevc" => "video/h265"];
    "Bink video", Video, Nobody: ["video/vnd.radgamettools.bink"], ["bik" => "video/vnd.radgamettools.bink"];
    "NUT", Video, Nobody: ["video/x-nut"], ["nut" => "video/x-nut"];
    "FLIC animation", Video, Nobody: ["video/x-flic"], ["fli" => "video/x-flic" "flc" => "video/x-flic"];
    "recorded TV (WTV)", Video, Nobody: ["video/x-wtv"], ["wtv" => "video/x-wtv"];
    "MP3", Audio, Ffmpeg:
        ["audio/mpeg" "audio/mp3" "audio/x-mp3" "audio/x-mpeg" "audio/mpeg3" "audio/x-mpeg-3" "audio/mpg"
         "audio/x-mpg" "audio/mp2" "audio/x-mp2" "audio/mpa" "audio/mpeg-layer3"],
        ["mp3" => "audio/mpeg" "mp2" => "audio/mpeg" "mpga" => "audio/mpeg" "mpa" => "audio/mpeg"];
    "AAC", Audio, Ffmpeg:
        ["audio/aac" "audio/x-aac" "audio/aacp" "audio/x-hx-aac-adts" "audio/vnd.dlna.adts" "audio/adts" "audio/x-adts"],
        ["aac" => "audio/aac" "adts" => "audio/aac" "adt" => "audio/aac"];
    "WAV", Audio, Ffmpeg:
        ["audio/wav" "audio/x-wav" "audio/wave" "audio/vnd.wave" "audio/x-pn-wav" "audio/x-wave" "audio/rf64"
         "audio/x-w64"],
        ["wav" => "audio/wav" "wave" => "audio/wav" "bwf" => "audio/wav" "rf64" => "audio/wav" "w64" => "audio/x-w64"];
    "FLAC", Audio, Ffmpeg: ["audio/flac" "audio/x-flac"], ["flac" => "audio/flac"];
    "AMR", Audio, Ffmpeg:
        ["audio/amr" "audio/amr-wb" "audio/x-amr" "audio/amr-nb" "audio/amr-wb+" "audio/x-amr-wb"],
        ["amr" => "audio/amr" "awb" => "audio/amr-wb"];
    "AIFF", Audio, Ffmpeg:
        ["audio/aiff" "audio/x-aiff" "audio/x-aifc" "audio/aifc" "sound/aiff"],
        ["aif" => "audio/aiff" "aiff" => "audio/aiff" "aifc" => "audio/aiff"];
    "CAF", Audio, Ffmpeg: ["audio/x-caf" "audio/caf"], ["caf" => "audio/x-caf"];
    "AC-3", Audio, Ffmpeg:
        ["audio/ac3" "audio/x-ac3" "audio/vnd.dolby.dd-raw" "audio/eac3" "audio/x-eac3" "audio/a52"],
        ["ac3" => "audio/ac3" "eac3" => "audio/eac3" "ec3" => "audio/eac3"];
    "DTS", Audio, Ffmpeg:
        ["audio/vnd.dts" "audio/vnd.dts.hd" "audio/x-dts" "audio/dts"],
        ["dts" => "audio/vnd.dts" "dtshd" => "audio/vnd.dts.hd"];
    "AU", Audio, Ffmpeg: ["audio/basic" "audio/x-au" "audio/au"], ["au" => "audio/basic" "snd" => "audio/basic"];
    "WavPack", Audio, Ffmpeg: ["audio/x-wavpack" "audio/wavpack"], ["wv" => "audio/x-wavpack"];
    "TTA", Audio, Ffmpeg: ["audio/x-tta" "audio/tta"], ["tta" => "audio/x-tta"];
    "NIST SPHERE", Audio, Ffmpeg:
        ["audio/x-nist" "audio/x-sph"], ["sph" => "audio/x-sph" "nist" => "audio/x-nist"];
    "GSM", Audio, Ffmpeg: ["audio/x-gsm" "audio/gsm"], ["gsm" => "audio/x-gsm"];
    "Monkey's Audio", Audio, Nobody: ["audio/x-ape" "audio/ape"], ["ape" => "audio/x-ape"];
    "MIDI", Audio, Nobody: ["audio/midi" "audio/x-midi" "audio/mid"], ["mid" => "audio/midi" "midi" => "audio/midi"];
    "Musepack", Audio, Nobody: ["audio/x-musepack" "audio/musepack"], ["mpc" => "audio/x-musepack"];
    "DSD (DSF, DFF)", Audio, Nobody: ["audio/x-dsf" "audio/x-dff"], ["dsf" => "audio/x-dsf" "dff" => "audio/x-dff"];
    "AAC in LATM", Audio, Nobody: ["audio/x-latm"], ["latm" => "audio/x-latm" "loas" => "audio/x-latm"];
    "8SVX (Amiga)", Audio, Nobody: ["audio/x-8svx" "audio/8svx"], ["8svx" => "audio/x-8svx" "8sv" => "audio/x-8svx"];
    "SILK", Audio, Nobody: ["audio/silk"], ["silk" => "audio/silk"];
    "Creative Voice", Audio, Nobody: ["audio/x-voc"], ["voc" => "audio/x-voc"];
    "OptimFROG", Audio, Nobody: ["audio/x-optimfrog"], ["ofr" => "audio/x-optimfrog"];
    "Shorten", Audio, Nobody: ["audio/x-shorten"], ["shn" => "audio/x-shorten"];
    "tracker music (MOD, XM, IT, S3M)", Audio, Nobody:
        ["audio/x-mod" "audio/x-xm" "audio/x-it" "audio/x-s3m"],
        ["xm" => "audio/x-xm" "it" => "audio/x-it" "s3m" => "audio/x-s3m"];
};
