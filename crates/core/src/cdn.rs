//! URLs on a content delivery network that grant access to the playable outputs of one job, and to nothing else.
//!
//! Playlists refer to their neighbours by file name, and a player resolves these names against the playlist's URL. So
//! the URL ends in a folder that contains all playable files of a job: `/t/EXPIRY.MAC/SCOPE/NAME`. The function
//! `CdnFunction` in template.yaml checks it. SCOPE alone tells it where a file is stored; the MAC signs `EXPIRY/SCOPE`.
//!
//! A job's files are in the folder of one attempt, or in two: captions, and the playlist that lists them, come from the
//! transcription. A job that only transcribed takes its renditions from an earlier job's folder
//! ([`run again`](crate::DescribedMedia::run_again)).

use crate::{
    artifact::{Output, OutputState, Role},
    pipeline::Pipeline,
    time::Timestamp,
};
use std::fmt;

/// Files that a URL gives access to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CdnScope {
    /// Folder of the renditions. Every file in it can be read, except the manifest.
    folder: String,
    /// Another folder, with the only files in it that can be read. They take precedence over files of the same name in
    /// `folder`.
    beside: Option<(String, Vec<String>)>,
}

/// Returns whether a player needs outputs of this role. All others have their own URLs: a link that its owner passes on
/// to viewers must not give them the transcript.
fn is_for_players(role: Role) -> bool {
    match role {
        Role::Rendition
        | Role::Poster
        | Role::Preview
        | Role::Sprite
        | Role::Storyboard
        | Role::MasterPlaylist
        | Role::MediaPlaylist
        | Role::Segments
        | Role::Waveform
        | Role::Cover
        | Role::Captions => true,
        Role::Transcript | Role::Manifest => false,
    }
}

/// The folder of a playable output, as one path segment, and its file name.
fn place(output: &Output) -> Option<(String, &str)> {
    if output.state != OutputState::Ready || !is_for_players(output.artifact.role) {
        return None;
    }
    let (folder, name) = output.key.strip_prefix("jobs/")?.rsplit_once('/')?;
    Some((folder.replace('/', "."), name))
}

impl CdnScope {
    /// The scope of a job's outputs. `None` if there are no renditions. Outputs in a third folder would have no URL; no
    /// pipeline makes any.
    #[must_use]
    pub fn of(outputs: &[Output]) -> Option<Self> {
        let places: Vec<_> = outputs.iter().filter_map(place).collect();
        let made = |folder: &str| folder.split('.').nth(1) == Some(Pipeline::Transcode.as_str());
        let (folder, _) = places.iter().find(|(folder, _)| made(folder))?;
        let mut beside: Option<(String, Vec<String>)> = None;
        for (other, name) in places.iter().filter(|(other, _)| other != folder) {
            let (known, names) = beside.get_or_insert_with(|| (other.clone(), Vec::new()));
            if known == other {
                names.push((*name).to_owned());
            }
        }
        Some(Self { folder: folder.clone(), beside })
    }

    /// Returns whether the scope's URL leads to this output.
    #[must_use]
    pub fn opens(&self, output: &Output) -> bool {
        let Some((folder, name)) = place(output) else { return false };
        match &self.beside {
            Some((beside, names)) if names.iter().any(|one| one == name) => *beside == folder,
            _ => self.folder == folder,
        }
    }

    /// The text that a token for this scope signs. `expires` has ten digits, enough until the year 2286.
    #[must_use]
    pub fn signed_text(&self, expires: Timestamp) -> String {
        format!("{:010}/{self}", expires.unix_s())
    }
}

/// The form in a URL: the folder, then the other folder with its files.
impl fmt::Display for CdnScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.folder)?;
        if let Some((folder, names)) = &self.beside {
            write!(f, "/{folder}~{}", names.join("~"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::CdnScope;
    use crate::{Artifact, Output, Role, Sha256, Timestamp};

    const MADE: &str = "jobs/job_1/transcode/att_1/";
    const HEARD: &str = "jobs/job_2/transcribe/att_2/";

    fn output(prefix: &str, name: &str, role: Role) -> Output {
        Output::ready(prefix, Artifact::new(name, role, "a/b", 1, Sha256::from_bytes([0; 32])))
    }

    fn with_captions() -> Vec<Output> {
        vec![
            output(HEARD, "transcript.json", Role::Transcript),
            output(HEARD, "captions.m3u8", Role::MediaPlaylist),
            output(MADE, "video-90p.mp4", Role::Segments),
            output(HEARD, "master.m3u8", Role::MasterPlaylist),
            output(MADE, "manifest.json", Role::Manifest),
            Output::partial(MADE, output(MADE, "poster.jpg", Role::Poster).artifact),
        ]
    }

    #[test]
    fn a_scope_names_captions_and_their_master_playlist_after_the_folder_of_the_renditions() {
        let scope = CdnScope::of(&with_captions()).expect("there is a rendition");
        assert_eq!(scope.to_string(), "job_1.transcode.att_1/job_2.transcribe.att_2~captions.m3u8~master.m3u8");
        let expires = Timestamp::from_unix_ms(1_800_000_000_999).expect("a time");
        assert_eq!(scope.signed_text(expires), format!("1800000000/{scope}"));
        let opened: Vec<_> = with_captions().iter().map(|one| scope.opens(one)).collect();
        assert_eq!(opened, [false, true, true, true, false, false]);
        let replaced = output(MADE, "master.m3u8", Role::MasterPlaylist);
        assert!(!scope.opens(&replaced), "the URL leads to the one with captions");
    }

    #[test]
    fn outputs_of_one_worker_are_in_one_folder_and_a_transcript_alone_is_not_playable() {
        let made = [output(MADE, "master.m3u8", Role::MasterPlaylist), output(MADE, "video-90p.mp4", Role::Segments)];
        assert_eq!(CdnScope::of(&made).expect("a rendition").to_string(), "job_1.transcode.att_1");
        assert_eq!(CdnScope::of(&[output(HEARD, "captions.vtt", Role::Captions)]), None);
        assert_eq!(CdnScope::of(&[]), None);
    }
}
