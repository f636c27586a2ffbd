//! A model of everything that can run for one job: its message, any number of light runs, which vanish, are late or hand
//! the job over, and the Standard state machine. Whatever the interleaving, the job has one end and one set of outputs.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test matches only the cases that it checks")]

use super::{
    Dispatch, Hold, Job, JobEvent, JobState, Share, Transition, Work,
    tests::{at, new_job},
};
use crate::{
    artifact::{Artifact, Output, Role},
    execution::Branch,
    ids::Sha256,
    keys,
    kind::MediaKind,
    pipeline::Pipeline,
    run::Run,
    stage::Stage,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// A light run makes its next step.
    Step(usize),
    /// A light run ends without a trace.
    Vanish(usize),
    /// A light run gives the job to the Standard state machine.
    HandOver(usize),
    /// The Standard state machine makes its next step.
    Standard,
}

/// A run of the light state machine.
#[derive(Debug)]
struct LightRun {
    run: Run,
    steps: u32,
    over: bool,
}

/// The job's message.
#[derive(Debug)]
struct Message {
    visible_at: i64,
    receipts: u32,
}

#[derive(Debug)]
struct World {
    now: i64,
    job: Job,
    message: Option<Message>,
    /// Starts of a light run that Step Functions carries out twice.
    twice: bool,
    light: Vec<LightRun>,
    /// Steps of the Standard state machine, if it was started.
    standard: Option<u32>,
    ends: usize,
    /// Light runs that took the job.
    took: BTreeSet<usize>,
    /// Attempts that stored outputs.
    stored: BTreeSet<String>,
    /// When the job was last left by a run that held it, and has not been taken up again.
    left_at: Option<i64>,
    /// Set if a hold expired although its run had not vanished.
    late: bool,
}

impl World {
    fn new(twice: bool) -> Self {
        let sent = new_job().apply(JobEvent::Sent, at(1));
        let Transition::Changed(job) = sent else { panic!("a new job can be sent") };
        Self {
            now: 1,
            job,
            message: Some(Message { visible_at: 1, receipts: 0 }),
            twice,
            light: Vec::new(),
            standard: None,
            ends: 0,
            took: BTreeSet::new(),
            stored: BTreeSet::new(),
            left_at: None,
            late: false,
        }
    }

    /// Applies an event as `Jobs::advance` does. Returns whether the job runs on.
    fn advance(&mut self, event: JobEvent) -> bool {
        match self.job.apply(event, at(self.now)) {
            Transition::Changed(next) => {
                if next.status().is_terminal() {
                    self.ends += 1;
                    self.left_at = None;
                }
                self.job = next;
                true
            }
            Transition::Unchanged => true,
            Transition::Ended(_) => false,
            Transition::TooEarly => panic!("a step came before the one that it needs"),
        }
    }

    /// One second passes, in which SQS delivers the message if it is visible.
    fn tick(&mut self) {
        self.now += 1;
        let Some(message) = self.message.as_mut().filter(|message| message.visible_at <= self.now) else { return };
        message.receipts += 1;
        match self.job.dispatch(message.receipts, at(self.now)) {
            Dispatch::StartLight => {
                message.visible_at = self.now + i64::from(Hold::SECONDS) + 1;
                for _ in 0..=u8::from(self.twice) {
                    let run = Run { id: format!("run-{}", self.light.len()), started_at: at(self.now) };
                    self.light.push(LightRun { run, steps: 0, over: false });
                }
                self.left_at = None;
            }
            Dispatch::StartStandard => {
                self.message = None;
                self.late |= self.left_at.is_none() && self.standard.is_none();
                self.start_standard();
            }
            Dispatch::Wait(until) => message.visible_at = until.unix_ms() / 1000 + 1,
            Dispatch::Done => self.message = None,
        }
    }

    fn start_standard(&mut self) {
        // A second start of the same name changes nothing.
        self.standard.get_or_insert(0);
        self.left_at = None;
    }

    /// The work of one attempt, up to its commit.
    fn commit(&mut self, attempt: &str) -> bool {
        let prefix = format!("jobs/j/transcode/{attempt}/");
        self.stored.insert(prefix.clone());
        self.advance(JobEvent::Committed(Pipeline::Transcode, format!("{prefix}manifest.json")))
    }

    /// As `update-status` completes a job: from the committed manifest, if there is one.
    fn complete(&mut self) -> bool {
        let JobState::Running { committed, .. } = &self.job.state else { return true };
        let Some(key) = committed.get(&Pipeline::Transcode) else { return false };
        let prefix = key.strip_suffix("manifest.json").expect("it ends so");
        let artifact = Artifact::new("still.jpg", Role::Poster, "image/jpeg", 3, Sha256::from_bytes([7; 32]));
        let outputs = vec![Output::ready(prefix, artifact)];
        self.advance(JobEvent::Completed { outputs, warnings: Vec::new(), bill: None });
        true
    }

    fn worked(&self, percent: u8, run: Option<&Run>) -> JobEvent {
        JobEvent::Worked(Work {
            stage: Stage::Render,
            pipeline: Pipeline::Transcode,
            branch: Branch::RenderImage,
            share: Share { percent, ends_at: None },
            spent: None,
            hold: run.map(|run| Hold::by(run, at(self.now))),
        })
    }

    /// The next step of a light run. A run that finds the job ended or not its own ends quietly.
    fn step(&mut self, index: usize) {
        let Some(light) = self.light.get_mut(index).filter(|light| !light.over) else { return };
        light.steps += 1;
        let (steps, run) = (light.steps, light.run.clone());
        let event = match steps {
            1 => JobEvent::Held(Hold::by(&run, at(self.now))),
            2 => JobEvent::Detected(MediaKind::Image),
            3..=5 => self.worked(u8::try_from(steps).expect("few"), Some(&run)),
            6 => {
                self.light[index].over = !self.commit(&format!("light-{index}"));
                return;
            }
            _ => {
                if !self.complete() {
                    self.start_standard();
                }
                self.light[index].over = true;
                return;
            }
        };
        self.light[index].over = !self.advance(event) || !self.job.is_held_by(&run);
        if steps == 1 && !self.light[index].over {
            self.took.insert(index);
        }
    }

    fn standard_step(&mut self) {
        let Some(steps) = self.standard.as_mut() else { return };
        *steps += 1;
        match *steps {
            1 => _ = self.advance(JobEvent::Started),
            2 => _ = self.advance(JobEvent::Detected(MediaKind::Image)),
            3 => _ = self.advance(self.worked(0, None)),
            4 if !self.job.has_committed(Pipeline::Transcode) && !self.job.status().is_terminal() => {
                self.commit("standard");
            }
            5 => assert!(self.complete(), "the Standard state machine has nothing to complete"),
            _ => {}
        }
    }

    fn act(&mut self, act: Act) {
        let holds = |world: &Self, index: usize| {
            world.light.get(index).is_some_and(|light| !light.over && world.job.is_held_by(&light.run))
        };
        match act {
            Act::Step(index) => self.step(index),
            Act::Vanish(index) => {
                if holds(self, index) && self.standard.is_none() {
                    self.left_at = Some(self.now);
                }
                if let Some(light) = self.light.get_mut(index) {
                    light.over = true;
                    let waits = matches!(self.job.state, JobState::Queued { .. }) && self.standard.is_none();
                    if waits && self.left_at.is_none() && self.light.iter().all(|light| light.over) {
                        self.left_at = Some(self.now);
                    }
                }
            }
            // Before it has taken the job, a run that is throttled just ends, as if it vanished.
            Act::HandOver(index) if holds(self, index) => {
                self.light[index].over = true;
                self.start_standard();
            }
            Act::HandOver(_) => {}
            Act::Standard => self.standard_step(),
        }
    }

    /// Whether nothing is left to happen.
    fn is_over(&self) -> bool {
        let standard = self.standard.is_none_or(|steps| steps >= 5);
        self.message.is_none() && standard && self.light.iter().all(|light| light.over)
    }

    /// What must hold at any time.
    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.ends <= 1, "it ended twice");
        prop_assert!(self.took.len() <= 1, "two light runs worked on the job: {:?}", self.took);
        if let Some(left_at) = self.left_at {
            prop_assert!(self.now - left_at < 60, "nothing took the job up within a minute");
        }
        Ok(())
    }
}

fn any_act() -> impl Strategy<Value = Act> {
    let index = 0..3_usize;
    prop_oneof![
        12 => index.clone().prop_map(Act::Step),
        2 => index.clone().prop_map(Act::Vanish),
        1 => index.prop_map(Act::HandOver),
        4 => Just(Act::Standard),
    ]
}

/// Light runs of a job: ten starts, each of which can run twice.
const MOST_RUNS: usize = 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_interleaving_of_runs_gives_one_end_and_one_set_of_outputs(
        twice in any::<bool>(),
        acts in prop::collection::vec((prop_oneof![4 => 0..6_i64, 1 => 6..90_i64], any_act()), 0..40),
    ) {
        let mut world = World::new(twice);
        let late = Act::Standard;
        // What is still under way after the chosen acts goes on, a step a second.
        let second = (0..MOST_RUNS).map(|index| (i64::from(index == 0), Act::Step(index))).chain([(0, late)]);
        let rest = (0..300).flat_map(|_| second.clone());
        for (seconds, act) in acts.into_iter().chain(rest) {
            for _ in 0..seconds {
                world.tick();
                world.check()?;
            }
            world.act(act);
            world.check()?;
        }
        prop_assert!(world.is_over(), "{world:?}");
        prop_assert_eq!(world.ends, 1, "{:?}", &world);
        let JobState::Completed { outputs, .. } = &world.job.state else { panic!("{world:?}") };
        let named: BTreeSet<String> = outputs.iter().map(|output| {
            let (pipeline, attempt) = keys::attempt_of(&output.key);
            format!("{pipeline}/{attempt}")
        }).collect();
        prop_assert_eq!(named.len(), 1);
        // Only a run that outlives its hold can store what nothing names.
        prop_assert!(world.stored.len() == 1 || world.late, "{:?}", &world);
        prop_assert!(world.stored.len() <= 2);
    }
}

#[test]
fn a_message_follows_the_holder_of_its_job() {
    let run = Run { id: "a".into(), started_at: at(2) };
    let next = |job: &Job, event, second| match job.apply(event, at(second)) {
        Transition::Changed(job) => job,
        other => panic!("{other:?}"),
    };
    let queued = new_job();
    assert_eq!(
        [1, 10, 11].map(|receipts| queued.dispatch(receipts, at(9))),
        [Dispatch::StartLight, Dispatch::StartLight, Dispatch::StartStandard]
    );
    let held = next(&queued, JobEvent::Held(Hold::by(&run, at(3))), 3);
    assert_eq!(held.dispatch(2, at(47)), Dispatch::Wait(at(48)));
    assert_eq!(held.dispatch(2, at(48)), Dispatch::StartStandard);
    let taken = next(&held, JobEvent::Started, 50);
    assert_eq!((taken.hold.clone(), taken.dispatch(3, at(51))), (None, Dispatch::Done));
    let other = Run { id: "b".into(), started_at: at(60) };
    for late in [run, other] {
        let again = taken.apply(JobEvent::Held(Hold::by(&late, at(60))), at(60));
        assert_eq!(again, Transition::Unchanged, "nothing takes a job from the Standard state machine");
    }
    let ended = next(&held, JobEvent::Cancelled, 9);
    assert_eq!((ended.hold.clone(), ended.dispatch(1, at(9))), (None, Dispatch::Done));
}

#[test]
fn the_light_state_machine_ends_when_its_runs_expect_it() {
    let run = Run { id: "a".into(), started_at: at(2) };
    assert_eq!(run.deadline(), at(292));
    assert_eq!([1, 2, 5, 600].map(|now| run.lasted_ms(at(now))), [0, 0, 3000, 290_000]);
    let definition: serde_json::Value = serde_json::from_str(include_str!("../../../../light.asl.json")).unwrap();
    assert_eq!(definition["TimeoutSeconds"], Run::LONGEST_SECONDS);
}
