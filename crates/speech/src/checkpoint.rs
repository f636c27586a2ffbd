//! What was heard so far, for a later attempt at the same recording.

use crate::hear::Outcome;
use serde::{Deserialize, Serialize};
use smmu_core::speech::{Language, ModelIdentity, Span, SpeechProfile};
use std::collections::HashMap;

/// The regions that were heard to their end. A later attempt finds the same ones, since that costs little and the
/// detector is exact, and takes what became of each from here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    /// Who heard them.
    model: ModelIdentity,
    /// What was wanted.
    profile: SpeechProfile,
    regions: Vec<Finished>,
}

/// One region.
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

    /// What became of the regions, if it was this model that heard them and the same was wanted of it.
    pub(crate) fn outcomes(&self, model: &ModelIdentity, profile: &SpeechProfile) -> Outcomes {
        let is_ours = (&self.model, &self.profile) == (model, profile);
        let regions = self.regions.iter().filter(|_| is_ours);
        Outcomes(regions.map(|finished| ((finished.channel, finished.region), finished.outcome.clone())).collect())
    }

    /// Where the last region ends.
    pub(crate) fn reached_ms(&self) -> u64 {
        self.regions.iter().map(|finished| finished.region.end_ms()).max().unwrap_or(0)
    }

    /// Everything that was heard, in the order of hearing.
    pub(crate) fn heard(&self) -> impl Iterator<Item = &Outcome> {
        self.regions.iter().map(|finished| &finished.outcome)
    }

    /// The language that was spoken last on a channel.
    pub(crate) fn language(&self, channel: Option<u16>) -> Option<Language> {
        let of_channel = self.regions.iter().rev().filter(|finished| finished.channel == channel);
        of_channel.filter_map(|finished| finished.outcome.segments.last()).map(|segment| segment.language).next()
    }
}

/// What became of regions earlier.
pub(crate) struct Outcomes(HashMap<(Option<u16>, Span), Outcome>);

impl Outcomes {
    pub(crate) fn none() -> Self {
        Self(HashMap::new())
    }

    pub(crate) fn take(&mut self, channel: Option<u16>, region: Span) -> Option<Outcome> {
        self.0.remove(&(channel, region))
    }
}
