//! What is made of a source: content decides, the same way in both modes.

use smmu_core::{ErrorCode, Manifest, MediaKind, Refusal, av::AvLimits, av::AvProfile, detect};
use smmu_media::{
    Fault, ImageLimits, ImageProfile, MediaError,
    av::{self, Event},
};
use std::{fs::File, io::Read, path::Path, sync::atomic::AtomicBool};

/// Makes everything that the default profiles ask for. An image cannot be cancelled: it takes seconds.
pub(crate) fn make(
    source: &Path,
    outputs: &Path,
    watch: &mut dyn FnMut(Event),
    cancelled: &AtomicBool,
) -> Result<Manifest, MediaError> {
    match kind(source)? {
        MediaKind::Image => {
            let (profile, limits) = (ImageProfile::default(), ImageLimits::default());
            smmu_media::render(source, &profile, &limits, outputs, &mut |percent| watch(Event::Progress(percent)))
        }
        MediaKind::Video | MediaKind::Audio => {
            av::transcode(source, &AvProfile::default(), &AvLimits::default(), outputs, watch, cancelled)
        }
    }
}

fn kind(source: &Path) -> Result<MediaKind, MediaError> {
    let mut head = Vec::with_capacity(detect::HEAD_BYTES);
    let file = File::open(source).map_err(Fault::Read)?;
    file.take(detect::HEAD_BYTES as u64).read_to_end(&mut head).map_err(Fault::Read)?;
    let message = "the content is no image, video or audio of a known format";
    let format = detect::detect(&head).ok_or_else(|| Refusal::new(ErrorCode::UnsupportedMedia, message))?;
    Ok(format.kind)
}
