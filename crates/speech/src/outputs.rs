//! Writes the outputs of a transcript.

use smmu_core::{
    Artifact, MediaKind, Role,
    av::hls,
    speech::{Transcript, captions, names, plain_text},
};
use smmu_media::{MediaError, Transient, av::Listener};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";
const VTT: &str = "text/vtt; charset=utf-8";
// Not registered with IANA; this is the type in common use.
const SRT: &str = "application/x-subrip";

/// Publishes all outputs of a transcript. One without words gets no captions.
pub(crate) fn publish(listener: &mut Listener, transcript: &Transcript) -> Result<Vec<Artifact>, MediaError> {
    let mut json = serde_json::to_vec_pretty(transcript).map_err(|error| Transient::Output(error.to_string()))?;
    json.push(b'\n');
    let mut artifacts = vec![
        listener.publish(names::TRANSCRIPT, Role::Transcript, JSON, &json)?,
        listener.publish(names::TEXT, Role::Transcript, TEXT, plain_text(transcript).as_bytes())?,
    ];
    let cues = captions::cues(transcript);
    if cues.is_empty() {
        return Ok(artifacts);
    }
    artifacts.push(listener.publish(names::CAPTIONS_VTT, Role::Captions, VTT, captions::vtt(&cues).as_bytes())?);
    artifacts.push(listener.publish(names::CAPTIONS_SRT, Role::Captions, SRT, captions::srt(&cues).as_bytes())?);
    match listener.kind() {
        MediaKind::Video => {
            let playlist = hls::subtitle_playlist(names::CAPTIONS_VTT, transcript.duration_ms);
            let (name, role) = (names::CAPTIONS_PLAYLIST, Role::MediaPlaylist);
            artifacts.push(listener.publish(name, role, hls::CONTENT_TYPE, playlist.as_bytes())?);
        }
        MediaKind::Audio | MediaKind::Image => {}
    }
    Ok(artifacts)
}
