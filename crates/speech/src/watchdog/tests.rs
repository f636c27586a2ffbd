use super::*;
use crate::testing::{Fake, said};
use smmu_core::speech::{
    Language, Task,
    quality::{Attempt, LADDER},
};
use std::sync::mpsc;

/// A recogniser that sleeps for this long on every call.
struct Slow(Duration);

impl Recogniser for Slow {
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserError> {
        thread::sleep(self.0);
        Fake::saying([said("at last")]).recognise(samples, ask)
    }
}

fn ask(attempt: Attempt) -> Ask {
    let spoken = crate::recogniser::Spoken::Known(Language::ENGLISH);
    Ask { spoken, task: Task::Transcribe, attempt, beam_size: 1, terms: String::new() }
}

#[test]
fn a_call_over_its_time_limit_is_reported() {
    let (stuck, reports) = mpsc::channel();
    let (takes, bound) = (Duration::from_millis(800), Duration::from_millis(50));
    let mut watched = Watched::with_bound(Slow(takes), bound, move || stuck.send(Instant::now()).expect("heard"));
    let started = Instant::now();
    watched.recognise(&[], &ask(LADDER[1])).expect("an answer, at last");
    let after = reports.recv().expect("it was reported").duration_since(started);
    assert!(bound <= after && after < takes, "{after:?}");
}

#[test]
fn calls_within_the_limit_are_not_reported() {
    let (stuck, reports) = mpsc::channel::<()>();
    let bound = Duration::from_mins(1);
    let mut watched =
        Watched::with_bound(Slow(Duration::from_millis(5)), bound, move || stuck.send(()).expect("heard"));
    for _ in 0..20 {
        watched.recognise(&vec![0.0; 16_000], &ask(LADDER[0])).expect("an answer");
    }
    drop(watched);
    assert!(reports.recv().is_err(), "the watchdog ends with its recogniser");
}

#[test]
fn shorter_samples_have_a_lower_limit() {
    assert!(part_of_window(&vec![0.0; 16_000]) < part_of_window(&vec![0.0; 32_000]));
    assert!((part_of_window(&vec![0.0; 40 * 16_000]) - 1.0).abs() < f64::EPSILON);
}
