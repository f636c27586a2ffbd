//! Expected start of a job that waits: for its turn, for its execution, or for its worker.
//!
//! A wait that takes longer than usual is expected to take as long again as it has taken: nothing else is known about
//! it.

use super::{Job, JobState, QueueStep};
use crate::{stage::Stage, time::Timestamp};

/// Milliseconds from an empty queue to the execution.
const DISPATCH_MS: u64 = 1000;

/// Milliseconds per message in the queue: five batches are dispatched at once by default (`DispatchConcurrency` in
/// template.yaml), and each starts at least 20 executions a second. An approximation, also with other settings.
const MESSAGE_MS: u64 = 10;

impl Job {
    /// Returns whether fewer jobs are ahead of a waiting job than when it joined the queue.
    #[must_use]
    pub fn has_moved_up(&self, before: u64) -> bool {
        self.moved_up(before).is_some_and(|places| places > 0)
    }

    /// Expected turn of a job that waits for one, with `before` jobs of its user ahead of it.
    ///
    /// It is computed from the speed of the queue since the job joined it. Before the job has moved up, a turn is
    /// expected every `usual_ms` milliseconds.
    #[must_use]
    pub fn expected_turn(&self, before: u64, usual_ms: u64, now: Timestamp) -> Option<Timestamp> {
        let waited_ms = now.ms_since(self.created_at);
        // The jobs before it, plus one for itself.
        let turns = before.saturating_add(1);
        Some(match self.moved_up(before)? {
            0 => self.created_at.plus_ms(expected_ms(usual_ms, waited_ms).saturating_mul(turns)),
            places => now.plus_ms((waited_ms / places).saturating_mul(turns)),
        })
    }

    /// Expected start of the execution of a job that has its turn, with about `before` messages of all users ahead of
    /// it.
    #[must_use]
    pub fn expected_dispatch(&self, before: u64, now: Timestamp) -> Option<Timestamp> {
        let JobState::Queued { step } = self.state else { return None };
        let since = match step {
            QueueStep::Sent(at) => at,
            QueueStep::Unsent => self.updated_at,
            QueueStep::Waiting { .. } => return None,
        };
        if before > 0 {
            return Some(now.plus_ms(before.saturating_mul(MESSAGE_MS).saturating_add(DISPATCH_MS)));
        }
        Some(since.plus_ms(expected_ms(DISPATCH_MS, now.ms_since(since))))
    }

    /// Expected start of the worker of a running job whose worker usually starts within `usual_ms` milliseconds. `None`
    /// unless the job waits for it.
    #[must_use]
    pub fn expected_worker(&self, usual_ms: u64, now: Timestamp) -> Option<Timestamp> {
        if !self.waits_for_worker() {
            return None;
        }
        // The job has not changed since it began to wait.
        Some(self.updated_at.plus_ms(expected_ms(usual_ms, now.ms_since(self.updated_at))))
    }

    /// Returns whether the job runs, but none of its workers does yet.
    #[must_use]
    pub fn waits_for_worker(&self) -> bool {
        matches!(&self.state, JobState::Running { progress, .. } if progress.stage() == Stage::Waiting)
    }

    /// Places that a waiting job has moved up since it joined the queue; 0 also if the index is behind.
    fn moved_up(&self, before: u64) -> Option<u64> {
        let JobState::Queued { step: QueueStep::Waiting { ahead } } = self.state else { return None };
        Some(u64::from(ahead).saturating_sub(before))
    }
}

/// Expected length of a wait that usually takes `usual_ms` and has taken `waited_ms` so far.
const fn expected_ms(usual_ms: u64, waited_ms: u64) -> u64 {
    if waited_ms < usual_ms { usual_ms } else { waited_ms.saturating_mul(2) }
}

#[cfg(test)]
mod tests {
    use crate::{
        execution::Branch,
        job::{
            Job, JobEvent, Share, Work,
            tests::{at, new_job, replay},
        },
        kind::MediaKind,
        pipeline::Pipeline,
        stage::Stage,
    };
    use proptest::prelude::*;

    /// Joins the queue at second 1, behind eight others.
    fn waiting() -> Job {
        replay(&[JobEvent::Deferred { ahead: 8 }])
    }

    #[test]
    fn a_turn_is_expected_at_the_speed_of_the_queue() {
        // Four of eight have started in eight seconds: two seconds each, for four before it and itself.
        assert_eq!(waiting().expected_turn(4, 60_000, at(9)), Some(at(19)));
        assert!(waiting().has_moved_up(4) && !waiting().has_moved_up(8));
        assert!(!waiting().has_moved_up(9), "the index is behind");
        assert_eq!(new_job().expected_turn(0, 1000, at(9)), None, "it does not wait for a turn");
    }

    #[test]
    fn before_the_queue_moves_a_turn_is_expected_as_often_as_usual() {
        let expected = |before, now| waiting().expected_turn(before, 5000, at(now)).unwrap();
        assert_eq!([expected(8, 1), expected(8, 5)], [at(46), at(46)], "nine turns of five seconds");
        assert_eq!(expected(8, 11), at(181), "none in ten seconds: one in twenty");
        assert_eq!(expected(9, 1), at(51), "the index is behind");
    }

    #[test]
    fn a_message_is_dispatched_within_a_second_or_after_those_before_it() {
        for job in [new_job(), replay(&[JobEvent::Sent])] {
            let since = job.updated_at;
            assert_eq!(job.expected_dispatch(0, since), Some(since.plus_ms(1000)));
            assert_eq!(job.expected_dispatch(0, since.plus_ms(30_000)), Some(since.plus_ms(60_000)), "it is late");
            assert_eq!(job.expected_dispatch(500, since.plus_ms(7)), Some(since.plus_ms(6007)));
        }
        for other in [waiting(), replay(&[JobEvent::Started])] {
            assert_eq!(other.expected_dispatch(0, at(9)), None);
        }
    }

    #[test]
    fn a_worker_is_expected_as_fast_as_usual_and_then_after_as_long_again() {
        let waits = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video)]);
        let expected = |now| waits.expected_worker(60_000, at(now));
        assert_eq!([expected(3), expected(62), expected(63)], [Some(at(63)), Some(at(63)), Some(at(123))]);
        let work = Work {
            stage: Stage::Transcode,
            pipeline: Pipeline::Transcode,
            branch: Branch::Transcode,
            share: Share::default(),
            spent: None,
            hold: None,
        };
        let works = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video), JobEvent::Worked(work)]);
        for other in [waiting(), replay(&[JobEvent::Started]), works] {
            assert_eq!(other.expected_worker(60_000, at(9)), None);
        }
    }

    proptest! {
        #[test]
        fn no_start_is_expected_in_the_past(before in any::<u64>(), usual_ms in any::<u64>(), now in 1..4_000_000_000_i64) {
            let now = at(now);
            let waits = replay(&[JobEvent::Started, JobEvent::Detected(MediaKind::Video)]);
            for expected in [
                waiting().expected_turn(before, usual_ms, now),
                new_job().expected_dispatch(before, now),
                waits.expected_worker(usual_ms, now),
            ] {
                prop_assert!(expected.unwrap() >= now);
            }
        }
    }
}
