//! Outputs that are ready before the maker has ended, and the times at which they are listed.

use smmu_core::Output;
use std::time::{Duration, Instant};

/// Finished outputs, in the maker's order: a file that refers to others comes after them.
#[derive(Default)]
pub(super) struct Shelf {
    pub(super) finished: Vec<String>,
    pub(super) stored: Vec<Output>,
}

impl Shelf {
    /// The outputs that can be listed: all in order, up to the first that is not stored yet.
    pub(super) fn listed(&self) -> impl Iterator<Item = &Output> {
        let stored = |name: &String| self.stored.iter().find(|output| output.artifact.name == *name);
        self.finished.iter().map_while(stored)
    }
}

/// Minimum time between two listings: each writes the whole job, and a small image is done sooner than this.
const LISTING_INTERVAL: Duration = Duration::from_secs(1);

/// Schedules listings: the first at once, later ones at intervals. The commit lists the rest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Listing {
    last: Option<Instant>,
    due: Option<Instant>,
}

impl Listing {
    /// Requests a listing.
    pub(super) fn ask(&mut self, now: Instant) {
        let next = self.last.map_or(now, |last| now.max(last + LISTING_INTERVAL));
        self.due.get_or_insert(next);
    }

    /// Notes that everything ready so far is listed.
    pub(super) const fn done(&mut self, now: Instant) {
        *self = Self { last: Some(now), due: None };
    }

    pub(super) const fn is_due(&self) -> bool {
        self.due.is_some()
    }

    /// Time of the next listing, if one is due.
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
    fn a_file_is_listed_once_all_files_before_it_are_stored() {
        let finished = ["segments", "playlist", "poster"].map(str::to_owned).to_vec();
        let mut shelf = Shelf { finished, stored: Vec::new() };
        let listed = |shelf: &Shelf| shelf.listed().map(|output| output.artifact.name.clone()).collect::<Vec<_>>();
        shelf.stored.push(output("playlist"));
        assert_eq!(listed(&shelf), [""; 0]);
        shelf.stored.push(output("segments"));
        assert_eq!(listed(&shelf), ["segments", "playlist"]);
        shelf.stored.push(output("poster"));
        assert_eq!(listed(&shelf), ["segments", "playlist", "poster"]);
    }

    #[test]
    fn the_first_output_is_listed_at_once_and_later_ones_together() {
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
        assert_eq!(listing.due_at(), later, "long after the last listing, the next is at once");
    }
}
