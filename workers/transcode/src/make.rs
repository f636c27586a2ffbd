//! Makes the outputs of a source, in both modes. The content of the file determines its kind.

use smmu_core::{Manifest, MediaKind, Profile, av::AvLimits, detect};
use smmu_media::{
    ImageLimits, MediaError, Transient,
    av::{self, Event},
};
use std::{fs::File, io::Read, path::Path, sync::atomic::AtomicBool};

/// Makes all outputs in the profile. Images cannot be cancelled, because they take only seconds.
pub(crate) fn make(
    source: &Path,
    profile: &Profile,
    outputs: &Path,
    watch: &mut dyn FnMut(Event),
    cancelled: &AtomicBool,
) -> Result<Manifest, MediaError> {
    match kind(source)? {
        MediaKind::Image => smmu_media::render(source, &profile.image, &ImageLimits::default(), outputs, watch),
        MediaKind::Video | MediaKind::Audio => {
            av::transcode(source, &profile.av(), &AvLimits::default(), outputs, watch, cancelled)
        }
    }
}

fn kind(source: &Path) -> Result<MediaKind, MediaError> {
    let mut head = Vec::with_capacity(detect::HEAD_BYTES);
    let file = File::open(source).map_err(Transient::Read)?;
    file.take(detect::HEAD_BYTES as u64).read_to_end(&mut head).map_err(Transient::Read)?;
    Ok(detect::known(&head)?.kind)
}
