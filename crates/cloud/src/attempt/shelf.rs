//! What is ready before the rest is made, and when it is listed.

use smmu_core::Output;
use std::time::{Duration, Instant};

/// What a maker has finished, in its order: a file that names others comes after them.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) told: Vec<String>,
    pub(super) stored: Vec<Output>,
}

impl Shelf {
    /// What may be listed: everything that is stored, up to the first that is not yet.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Output> {
        let stored = |name: &String| self.stored.iter().find(|output| output.artifact.name == *name);
        self.told.iter().map_while(stored)
    }
}

/// How often what is ready is listed at most: every time the whole job is written, and a small image is done sooner.
const LISTING_INTERVAL: Duration = Duration::from_secs(1);

/// When what is ready is listed: the first of it at once. What is ready when everything is, the commit lists.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Listing {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Listing {
    /// Something more is to be listed.
    pub(super) fn ask(&mut self, now: Instant) {
        let next = self.last.map_or(now, |last| now.max(last + LISTING_INTERVAL));
        self.due.get_or_insert(next);
    }

    /// Everything that is there is listed.
    pub(super) const fn done(&mut self, now: Instant) {
        *self = Self { last: Some(now), due: None };
    }

    pub(super) const fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// When to list, where something is due.
    pub(super) fn due_at(&self) -> Instant {
        self.due.unwrap_or_else(Instant::now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smmu_core::{Artifact, Role, Sha256};

    fn output(name: &str) -> Output {
        Output::ready("jobs/j/transcode/a/", Artifact::new(name, Role::Segments, "", 1, Sha256::from_bytes([0; 32])))
    }

    #[test]
    fn a_file_is_listed_once_all_that_came_before_it_are_stored() {
        let told = ["segments", "playlist", "poster"].map(str::to_owned).to_vec();
        let mut shelf = Shelf { told, stored: Vec::new() };
        let listed = |shelf: &Shelf| shelf.listed().map(|output| output.artifact.name.clone()).collect::<Vec<_>>();
        shelf.stored.push(output("playlist"));
        assert_eq!(listed(&shelf), [""; 0]);
        shelf.stored.push(output("segments"));
        assert_eq!(listed(&shelf), ["segments", "playlist"]);
        shelf.stored.push(output("poster"));
        assert_eq!(listed(&shelf), ["segments", "playlist", "poster"]);
    }

    #[test]
    fn the_first_that_is_ready_is_listed_at_once_and_the_rest_together() {
        let start = Instant::now();
        let mut listing = Listing::default();
        assert!(!listing.is_due());
        listing.ask(start);
        assert_eq!((listing.is_due(), listing.due_at()), (true, start));
        listing.done(start);
        assert!(!listing.is_due());
        for milliseconds in [10, 400] {
            listing.ask(start + Duration::from_millis(milliseconds));
            assert_eq!(listing.due_at(), start + LISTING_INTERVAL);
        }
        listing.done(start + LISTING_INTERVAL);
        let later = start + LISTING_INTERVAL * 5;
        listing.ask(later);
        assert_eq!(listing.due_at(), later, "long after the last time it is listed at once");
    }
}
