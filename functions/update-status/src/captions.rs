//! Adds captions to the master playlist. Two workers make captions and renditions concurrently, so it happens here.

use smmu_cloud::{Artifacts, CloudError};
use smmu_core::{
    Manifest, Output, Role,
    av::hls::{SubtitleRendition, master_with_subtitles},
    speech::names,
};

/// Largest master playlist that is read, in bytes: ours have a few hundred bytes per rung.
const MAX_MASTER_BYTES: u64 = 64 * 1024;

/// Replaces the master playlist with one that lists the captions, if the job has both. Repeating it stores the same
/// text under the same key.
pub(crate) async fn join(
    outputs: &mut [Output],
    manifests: &[Manifest],
    artifacts: &Artifacts,
) -> Result<(), CloudError> {
    let Some(captions) = outputs.iter().find(|output| output.artifact.name == names::CAPTIONS_PLAYLIST).cloned() else {
        return Ok(());
    };
    let Some(master) = outputs.iter_mut().find(|output| output.artifact.role == Role::MasterPlaylist) else {
        return Ok(());
    };
    let text = artifacts.read_text(master, MAX_MASTER_BYTES).await?;
    let text = master_with_subtitles(&text, &rendition(manifests));
    *master = artifacts.put_revised(&master.artifact, &captions, text).await?;
    Ok(())
}

/// The captions as an entry in a player's menu, named by their language.
fn rendition(manifests: &[Manifest]) -> SubtitleRendition {
    let speech = manifests.iter().find_map(|manifest| manifest.speech.as_ref());
    let language = speech.and_then(|speech| speech.written_language);
    SubtitleRendition {
        playlist: names::CAPTIONS_PLAYLIST.to_owned(),
        name: language.map_or("Captions", |language| language.name()).to_owned(),
        // "Undetermined" (BCP 47).
        language: language.map_or("und", |language| language.tag()).to_owned(),
    }
}
