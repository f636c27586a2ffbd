//! Checkpoints: the regions transcribed so far, from which a later attempt at the same recording resumes.

use crate::hear::Outcome;
use serde::{Deserialize, Serialize};
use smmu_core::speech::{Language, ModelIdentity, Span, SpeechProfile};
use std::collections::HashMap;

/// The finished regions. A later attempt runs voice detection again, which is cheap and deterministic, finds the same
/// regions, and takes their outcomes from here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// The model that transcribed them.
    model: ModelIdentity,
    /// The profile that they were transcribed with.
    profile: SpeechProfile,
    regions: Vec<Finished>,
}

/// A finished region and its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Finished {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<u16>,
    region: Span,
    outcome: Outcome,
}

impl Checkpoint {
    pub(crate) fn new(model: ModelIdentity, profile: SpeechProfile) -> Self {
        Self { model, profile, regions: Vec::new() }
    }

    pub(crate) fn add(&mut self, channel: Option<u16>, region: Span, outcome: Outcome) {
        self.regions.push(Finished { channel, region, outcome });
    }

    /// Outcomes of the regions; none if they are from another model or profile.
    pub(crate) fn outcomes(&self, model: &ModelIdentity, profile: &SpeechProfile) -> Outcomes {
        let is_ours = (&self.model, &self.profile) == (model, profile);
        let regions = self.regions.iter().filter(|_| is_ours);
        Outcomes(regions.map(|finished| ((finished.channel, finished.region), finished.outcome.clone())).collect())
    }

    /// End of the last finished region.
    pub(crate) fn reached_ms(&self) -> u64 {
        self.regions.iter().map(|finished| finished.region.end_ms()).max().unwrap_or(0)
    }

    /// All outcomes, in the order in which the regions were finished.
    pub(crate) fn heard(&self) -> impl Iterator<Item = &Outcome> {
        self.regions.iter().map(|finished| &finished.outcome)
    }

    /// The language last spoken on a channel.
    pub(crate) fn language(&self, channel: Option<u16>) -> Option<Language> {
        let of_channel = self.regions.iter().rev().filter(|finished| finished.channel == channel);
        of_channel.filter_map(|finished| finished.outcome.segments.last()).map(|segment| segment.language).next()
    }
}

/// Outcomes of an earlier attempt, by channel and region.
pub(crate) struct Outcomes(HashMap<(Option<u16>, Span), Outcome>);

impl Outcomes {
    pub(crate) fn none() -> Self {
        Self(HashMap::new())
    }

    pub(crate) fn take(&mut self, channel: Option<u16>, region: Span) -> Option<Outcome> {
        self.0.remove(&(channel, region))
    }
}
