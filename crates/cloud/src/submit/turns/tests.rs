//! Turns against a simple reference queue, and with a lagging index, crashes and lost events.

use super::{Ledger, release, start};
use crate::error::CloudError;
use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::json;
use smmu_core::{
    ErrorCode, Job, JobEvent, JobId, JobState, QueuePosition, QueueStep, Refusal, Stage, Timestamp, Transition, UserId,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
};

/// A user's jobs and turns in memory. The index has the state of the last `catch_up`.
#[derive(Default)]
struct State {
    jobs: BTreeMap<JobId, Job>,
    holders: BTreeSet<JobId>,
    index: BTreeSet<QueuePosition>,
    always_current: bool,
    watched: bool,
    sent: Vec<JobId>,
    /// Ends that the stream has not reported yet.
    ends: VecDeque<JobId>,
    /// The caller crashes after this many calls.
    dies_after: Option<usize>,
}

struct FakeLedger {
    most: usize,
    state: Mutex<State>,
}

impl State {
    fn call(&mut self) -> Result<&mut Self, CloudError> {
        if let Some(left) = &mut self.dies_after {
            let Some(less) = left.checked_sub(1) else { return Err(CloudError::interrupted("test", "it died")) };
            *left = less;
        }
        if self.always_current {
            self.catch_up();
        }
        Ok(self)
    }

    fn catch_up(&mut self) {
        self.index = self.jobs.values().filter(|job| job.waits()).filter_map(Job::queue_position).collect();
    }

    fn apply(&mut self, id: &JobId, event: JobEvent) -> Job {
        let job = &self.jobs[id];
        if let Transition::Changed(next) = job.apply(event, job.updated_at) {
            self.jobs.insert(id.clone(), next);
        }
        self.jobs[id].clone()
    }

    fn alive(&self, is: impl Fn(&QueueStep) -> bool) -> Vec<JobId> {
        let alive = self.jobs.values().filter(|job| matches!(&job.state, JobState::Queued { step } if is(step)));
        alive.map(|job| job.id.clone()).collect()
    }

    fn running(&self) -> Vec<JobId> {
        self.alive(|turn| matches!(turn, QueueStep::Sent(_)))
    }
}

impl Ledger for FakeLedger {
    fn most(&self) -> usize {
        self.most
    }

    async fn take(&self, _: &UserId, job: &JobId) -> Result<Result<(), Vec<JobId>>, CloudError> {
        let mut state = self.state.lock().unwrap();
        let holders = &mut state.call()?.holders;
        if holders.len() >= self.most && !holders.contains(job) {
            return Ok(Err(holders.iter().cloned().collect()));
        }
        holders.insert(job.clone());
        Ok(Ok(()))
    }

    async fn give_back(&self, _: &UserId, jobs: &[JobId]) -> Result<(), CloudError> {
        self.state.lock().unwrap().call()?.holders.retain(|holder| !jobs.contains(holder));
        Ok(())
    }

    async fn first_waiting(&self, _: &UserId, limit: usize) -> Result<Vec<QueuePosition>, CloudError> {
        Ok(self.state.lock().unwrap().call()?.index.iter().take(limit).cloned().collect())
    }

    async fn job(&self, id: &JobId) -> Result<Option<Job>, CloudError> {
        Ok(self.state.lock().unwrap().call()?.jobs.get(id).cloned())
    }

    async fn note_waiting(&self, _: &UserId) -> Result<(), CloudError> {
        self.state.lock().unwrap().call()?.watched = true;
        Ok(())
    }

    async fn defer(&self, job: Job) -> Result<Job, CloudError> {
        Ok(self.state.lock().unwrap().call()?.apply(&job.id, JobEvent::Deferred { ahead: 0 }))
    }

    async fn send(&self, job: Job) -> Result<Job, CloudError> {
        let mut state = self.state.lock().unwrap();
        let state = state.call()?;
        state.sent.push(job.id.clone());
        Ok(state.apply(&job.id, JobEvent::Sent))
    }
}

fn user() -> UserId {
    UserId::try_from("user-1".to_owned()).unwrap()
}

/// The `number`th submitted job.
fn job(number: usize) -> Job {
    let created_at = Timestamp::from_unix_ms(i64::try_from(number).unwrap()).unwrap();
    // Ids do not sort by submission: they are made when the upload is requested.
    let ulid = format!("{:026}", 1_000_000 - number);
    serde_json::from_value(json!({
        "jobId": format!("job_{ulid}"), "mediaId": format!("med_{ulid}"), "userId": "user-1", "inputKey": "k",
        "inputVersionId": "v", "status": "QUEUED", "stage": "queue", "progress": 0, "revision": 0,
        "createdAt": created_at, "updatedAt": created_at,
    }))
    .unwrap()
}

#[derive(Debug, Clone)]
enum Step {
    Submit,
    /// A running job ends.
    End(usize),
    /// A waiting or running job is cancelled.
    Cancel(usize),
    /// The stream reports an end.
    Report,
    /// The stream loses an end.
    Lose,
    CatchUp,
    Reconcile,
    /// The next caller crashes after this many calls.
    Die(usize),
}

impl FakeLedger {
    fn new(most: usize, always_current: bool) -> Self {
        Self { most, state: Mutex::new(State { always_current, ..State::default() }) }
    }

    /// Runs a caller; returns whether it finished without a crash.
    fn survives<T>(&self, done: impl Future<Output = Result<T, CloudError>>) -> bool {
        let survives = done.now_or_never().expect("nothing waits").is_ok();
        self.state.lock().unwrap().dies_after = None;
        survives
    }

    fn submit(&self) {
        let job = {
            let mut state = self.state.lock().unwrap();
            let job = job(state.jobs.len());
            state.jobs.insert(job.id.clone(), job.clone());
            job
        };
        self.survives(start(self, job));
    }

    fn end(&self, which: usize, event: JobEvent, among: impl Fn(&State) -> Vec<JobId>) -> Option<JobId> {
        let mut state = self.state.lock().unwrap();
        let among = among(&state);
        let id = among.get(which % among.len().max(1))?.clone();
        state.apply(&id, event);
        state.ends.push_back(id.clone());
        Some(id)
    }

    fn report(&self) {
        let Some(id) = self.state.lock().unwrap().ends.pop_front() else { return };
        let reported = async {
            self.give_back(&user(), std::slice::from_ref(&id)).await?;
            release(self, &user(), None).await
        };
        if !self.survives(reported) {
            // Lambda delivers the same event again.
            self.state.lock().unwrap().ends.push_front(id);
        }
    }

    fn reconcile(&self) {
        let unsent = self.state.lock().unwrap().alive(|turn| *turn == QueueStep::Unsent);
        for id in unsent {
            let job = self.state.lock().unwrap().jobs[&id].clone();
            self.survives(start(self, job));
        }
        if self.state.lock().unwrap().watched {
            self.survives(release(self, &user(), None));
        }
    }

    fn step(&self, step: &Step) {
        let failed = || JobEvent::Failed(Refusal::new(ErrorCode::CorruptMedia, "why").at(Stage::Render));
        match step {
            Step::Submit => self.submit(),
            Step::End(which) => drop(self.end(*which, failed(), State::running)),
            Step::Cancel(which) => drop(self.end(*which, JobEvent::Cancelled, |state| state.alive(|_| true))),
            Step::Report => self.report(),
            Step::Lose => drop(self.state.lock().unwrap().ends.pop_front()),
            Step::CatchUp => self.state.lock().unwrap().catch_up(),
            Step::Reconcile => self.reconcile(),
            Step::Die(calls) => self.state.lock().unwrap().dies_after = Some(*calls),
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Submit),
        4 => any::<usize>().prop_map(Step::End),
        1 => any::<usize>().prop_map(Step::Cancel),
        4 => Just(Step::Report),
        1 => Just(Step::Lose),
        3 => Just(Step::CatchUp),
        1 => Just(Step::Reconcile),
        2 => (0..12_usize).prop_map(Step::Die),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn jobs_are_sent_in_order_of_submission_as_turns_become_free(
        most in 1..5_usize,
        steps in prop::collection::vec(prop_oneof![3 => Just(None), 2 => any::<(usize, bool)>().prop_map(Some)], 0..60),
    ) {
        let ledger = FakeLedger::new(most, true);
        let (mut waiting, mut running, mut sent) = (VecDeque::new(), Vec::new(), Vec::new());
        for step in &steps {
            match step {
                None => {
                    waiting.push_back(job(ledger.state.lock().unwrap().jobs.len()).id);
                    ledger.step(&Step::Submit);
                }
                Some((which, cancelled)) => {
                    let step = if *cancelled { Step::Cancel(*which) } else { Step::End(*which) };
                    ledger.step(&step);
                    let ended = ledger.state.lock().unwrap().ends.back().cloned();
                    waiting.retain(|id| Some(id) != ended.as_ref());
                    running.retain(|id| Some(id) != ended.as_ref());
                    ledger.step(&Step::Report);
                }
            }
            while running.len() < most && let Some(next) = waiting.pop_front() {
                running.push(next.clone());
                sent.push(next);
            }
            prop_assert_eq!(&ledger.state.lock().unwrap().sent, &sent);
        }
    }

    #[test]
    fn crashes_and_lag_never_exceed_the_limit_or_strand_a_job(
        most in 1..5_usize,
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let ledger = FakeLedger::new(most, false);
        for step in &steps {
            ledger.step(step);
            let running = ledger.state.lock().unwrap().running().len();
            prop_assert!(running <= most, "{running} run after {step:?}");
        }
        ledger.state.lock().unwrap().dies_after = None;
        let jobs = ledger.state.lock().unwrap().jobs.len();
        for _ in 0..=jobs {
            for step in [Step::CatchUp, Step::Reconcile, Step::End(0), Step::CatchUp, Step::Report] {
                ledger.step(&step);
            }
        }
        let state = ledger.state.lock().unwrap();
        prop_assert_eq!(state.alive(|_| true), Vec::new());
    }

    #[test]
    fn each_reported_end_sends_the_next_job(most in 1..5_usize, jobs in 0..30_usize) {
        let ledger = FakeLedger::new(most, true);
        (0..jobs).for_each(|_| ledger.step(&Step::Submit));
        for done in 0..jobs {
            prop_assert_eq!(ledger.state.lock().unwrap().running().len(), most.min(jobs - done));
            ledger.step(&Step::End(0));
            ledger.step(&Step::Report);
        }
        prop_assert_eq!(ledger.state.lock().unwrap().alive(|_| true), Vec::new());
    }
}
