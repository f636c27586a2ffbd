use super::*;
use crate::testing::{Fake, said};
use smmu_core::speech::{
    Language, Task,
    quality::{Attempt, LADDER},
};
use std::sync::mpsc;

/// Takes its time.
struct Slow(Duration);

impl Recogniser for Slow {
    fn recognise(&mut self, samples: &[f32], ask: &Ask) -> Result<Recognised, RecogniserFault> {
        thread::sleep(self.0);
        Fake::saying([said("at last")]).recognise(samples, ask)
    }
}

fn ask(attempt: Attempt) -> Ask {
    let spoken = crate::recogniser::Spoken::Known(Language::ENGLISH);
    Ask { spoken, task: Task::Transcribe, attempt, beam_size: 1, terms: String::new() }
}

#[test]
fn a_call_that_does_not_come_back_in_time_is_told() {
    let (stuck, told) = mpsc::channel();
    let (takes, bound) = (Duration::from_millis(800), Duration::from_millis(50));
    let mut watched = Watched::with_bound(Slow(takes), bound, move || stuck.send(Instant::now()).expect("heard"));
    let started = Instant::now();
    watched.recognise(&[], &ask(LADDER[1])).expect("an answer, at last");
    let after = told.recv().expect("it was told").duration_since(started);
    assert!(bound <= after && after < takes, "{after:?}");
}

#[test]
fn calls_in_time_are_told_of_to_nobody() {
    let (stuck, told) = mpsc::channel::<()>();
    let bound = Duration::from_mins(1);
    let mut watched =
        Watched::with_bound(Slow(Duration::from_millis(5)), bound, move || stuck.send(()).expect("heard"));
    for _ in 0..20 {
        watched.recognise(&vec![0.0; 16_000], &ask(LADDER[0])).expect("an answer");
    }
    drop(watched);
    assert!(told.recv().is_err(), "the watchdog ends with what it watches");
}

#[test]
fn a_shorter_piece_has_less_time() {
    assert!(part_of_window(&vec![0.0; 16_000]) < part_of_window(&vec![0.0; 32_000]));
    assert!((part_of_window(&vec![0.0; 40 * 16_000]) - 1.0).abs() < f64::EPSILON);
}
