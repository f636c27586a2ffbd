//! Turns against a queue as anybody would draw it, and under an index that is behind, crashes and lost events.

use super::{Ledger, release, start};
use crate::error::CloudError;
use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::json;
use smmu_core::{
    ErrorCode, Job, JobEvent, JobId, JobState, Place, Refusal, Stage, Timestamp, Transition, Turn, UserId,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
};

/// A user's jobs and turns in memory. The index is what it was when it was last brought up to date.
#[derive(Default)]
struct State {
    jobs: BTreeMap<JobId, Job>,
    holders: BTreeSet<JobId>,
    index: BTreeSet<Place>,
    always_current: bool,
    watched: bool,
    sent: Vec<JobId>,
    /// Ends that nobody has heard of yet.
    ends: VecDeque<JobId>,
    /// Whoever calls dies after so many calls.
    dies_after: Option<usize>,
}

struct Desk {
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
        self.index = self.jobs.values().filter(|job| job.waits()).filter_map(Job::place).collect();
    }

    fn apply(&mut self, id: &JobId, event: JobEvent) -> Job {
        let job = &self.jobs[id];
        if let Transition::Changed(next) = job.apply(event, job.updated_at) {
            self.jobs.insert(id.clone(), next);
        }
        self.jobs[id].clone()
    }

    fn alive(&self, is: impl Fn(&Turn) -> bool) -> Vec<JobId> {
        let alive = self.jobs.values().filter(|job| matches!(&job.state, JobState::Queued { turn } if is(turn)));
        alive.map(|job| job.id.clone()).collect()
    }

    fn running(&self) -> Vec<JobId> {
        self.alive(|turn| matches!(turn, Turn::Sent(_)))
    }
}

impl Ledger for Desk {
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

    async fn first_waiting(&self, _: &UserId, limit: usize) -> Result<Vec<Place>, CloudError> {
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

/// The job that was submitted as the `number`th.
fn job(number: usize) -> Job {
    let created_at = Timestamp::from_unix_ms(i64::try_from(number).unwrap()).unwrap();
    // Ids do not sort by submission: they are made when an upload is asked for.
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
    /// One that runs ends.
    End(usize),
    /// One that has not ended is cancelled, whether it waits or runs.
    Cancel(usize),
    /// The stream tells of an end.
    Tell,
    /// It never tells of one.
    Lose,
    CatchUp,
    Reconcile,
    /// Whoever comes next dies after so many calls.
    Die(usize),
}

impl Desk {
    fn new(most: usize, always_current: bool) -> Self {
        Self { most, state: Mutex::new(State { always_current, ..State::default() }) }
    }

    /// Whether whoever did this has lived to its end.
    fn lived<T>(&self, done: impl Future<Output = Result<T, CloudError>>) -> bool {
        let lived = done.now_or_never().expect("nothing waits").is_ok();
        self.state.lock().unwrap().dies_after = None;
        lived
    }

    fn submit(&self) {
        let job = {
            let mut state = self.state.lock().unwrap();
            let job = job(state.jobs.len());
            state.jobs.insert(job.id.clone(), job.clone());
            job
        };
        self.lived(start(self, job));
    }

    fn end(&self, which: usize, event: JobEvent, among: impl Fn(&State) -> Vec<JobId>) -> Option<JobId> {
        let mut state = self.state.lock().unwrap();
        let among = among(&state);
        let id = among.get(which % among.len().max(1))?.clone();
        state.apply(&id, event);
        state.ends.push_back(id.clone());
        Some(id)
    }

    fn tell(&self) {
        let Some(id) = self.state.lock().unwrap().ends.pop_front() else { return };
        let told = async {
            self.give_back(&user(), std::slice::from_ref(&id)).await?;
            release(self, &user(), None).await
        };
        if !self.lived(told) {
            // Lambda gives the same event again.
            self.state.lock().unwrap().ends.push_front(id);
        }
    }

    fn reconcile(&self) {
        let unsent = self.state.lock().unwrap().alive(|turn| *turn == Turn::Unsent);
        for id in unsent {
            let job = self.state.lock().unwrap().jobs[&id].clone();
            self.lived(start(self, job));
        }
        if self.state.lock().unwrap().watched {
            self.lived(release(self, &user(), None));
        }
    }

    fn step(&self, step: &Step) {
        let failed = || JobEvent::Failed(Refusal::new(ErrorCode::CorruptMedia, "why").at(Stage::Render));
        match step {
            Step::Submit => self.submit(),
            Step::End(which) => drop(self.end(*which, failed(), State::running)),
            Step::Cancel(which) => drop(self.end(*which, JobEvent::Cancelled, |state| state.alive(|_| true))),
            Step::Tell => self.tell(),
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
        4 => Just(Step::Tell),
        1 => Just(Step::Lose),
        3 => Just(Step::CatchUp),
        1 => Just(Step::Reconcile),
        2 => (0..12_usize).prop_map(Step::Die),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn jobs_are_sent_in_the_order_of_a_queue_whose_head_goes_whenever_a_turn_is_free(
        most in 1..5_usize,
        steps in prop::collection::vec(prop_oneof![3 => Just(None), 2 => any::<(usize, bool)>().prop_map(Some)], 0..60),
    ) {
        let desk = Desk::new(most, true);
        let (mut waiting, mut running, mut sent) = (VecDeque::new(), Vec::new(), Vec::new());
        for step in &steps {
            match step {
                None => {
                    waiting.push_back(job(desk.state.lock().unwrap().jobs.len()).id);
                    desk.step(&Step::Submit);
                }
                Some((which, cancelled)) => {
                    let step = if *cancelled { Step::Cancel(*which) } else { Step::End(*which) };
                    desk.step(&step);
                    let ended = desk.state.lock().unwrap().ends.back().cloned();
                    waiting.retain(|id| Some(id) != ended.as_ref());
                    running.retain(|id| Some(id) != ended.as_ref());
                    desk.step(&Step::Tell);
                }
            }
            while running.len() < most && let Some(next) = waiting.pop_front() {
                running.push(next.clone());
                sent.push(next);
            }
            prop_assert_eq!(&desk.state.lock().unwrap().sent, &sent);
        }
    }

    #[test]
    fn whatever_dies_or_is_behind_no_more_run_than_may_and_none_is_left(
        most in 1..5_usize,
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let desk = Desk::new(most, false);
        for step in &steps {
            desk.step(step);
            let running = desk.state.lock().unwrap().running().len();
            prop_assert!(running <= most, "{running} run after {step:?}");
        }
        desk.state.lock().unwrap().dies_after = None;
        let jobs = desk.state.lock().unwrap().jobs.len();
        for _ in 0..=jobs {
            for step in [Step::CatchUp, Step::Reconcile, Step::End(0), Step::CatchUp, Step::Tell] {
                desk.step(&step);
            }
        }
        let state = desk.state.lock().unwrap();
        prop_assert_eq!(state.alive(|_| true), Vec::new());
    }

    #[test]
    fn an_end_that_is_told_is_enough_for_the_next_to_go(most in 1..5_usize, jobs in 0..30_usize) {
        let desk = Desk::new(most, true);
        (0..jobs).for_each(|_| desk.step(&Step::Submit));
        for done in 0..jobs {
            prop_assert_eq!(desk.state.lock().unwrap().running().len(), most.min(jobs - done));
            desk.step(&Step::End(0));
            desk.step(&Step::Tell);
        }
        prop_assert_eq!(desk.state.lock().unwrap().alive(|_| true), Vec::new());
    }
}
