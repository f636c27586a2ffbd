//! Decides when work that began in a function moves to a container, because the function could not end it.

use crate::{clock, config::Environment};
use smmu_core::{Choice, Machine, Profile, Stage, Timestamp, WorkerFunctions, expected_end, make::MakeEvent};
use std::time::Duration;
use tokio::sync::watch;

/// Variable with the time at which the attempt must leave the function, in milliseconds since 1970. Only the function
/// mode sets it.
pub(super) const LEAVE_BY: &str = "SMMU_LEAVE_BY_UNIX_MS";

/// How long the maker works before its speed is extrapolated.
const OBSERVED_MS: u64 = 20_000;

/// What an attempt in a function knows about its limits.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    leave_by: Timestamp,
    functions: WorkerFunctions,
}

impl Limits {
    /// The limits of this process; `None` outside a function.
    pub(super) fn of(environment: &Environment) -> Option<Self> {
        let leave_by = environment.get(LEAVE_BY)?.parse().ok()?;
        let (Some(Machine::Lambda { memory_mb }), Ok(routing)) = (environment.machine().ok()?, environment.routing())
        else {
            return None;
        };
        let configured = routing.functions?;
        Some(Self {
            leave_by: Timestamp::from_unix_ms(leave_by).ok()?,
            functions: WorkerFunctions { memory_mb, ..configured },
        })
    }

    /// Completes when the attempt has to leave.
    pub(super) async fn reached(&self) -> String {
        tokio::time::sleep(Duration::from_millis(self.leave_by.ms_since(clock::now()))).await;
        "the function's time is nearly over".to_owned()
    }
}

/// Watches the events of one maker in a function.
pub(super) struct Observer {
    limits: Limits,
    stage: Stage,
    profile: Profile,
    began: Timestamp,
    bytes: u64,
    move_on: watch::Sender<Option<String>>,
}

impl Observer {
    pub(super) fn new(
        limits: Limits,
        stage: Stage,
        (choice, stack): (&Choice, &Profile),
        bytes: u64,
        move_on: watch::Sender<Option<String>>,
    ) -> Self {
        // An invalid choice is refused by the maker.
        let profile = choice.over(stack).unwrap_or_else(|_| stack.clone());
        Self { limits, stage, profile, began: clock::now(), bytes, move_on }
    }

    /// Moves the work if this event shows that it is too long for the function.
    pub(super) fn see(&self, event: &MakeEvent) {
        if let Some(reason) = self.reason(event, clock::now()) {
            self.move_on.send_replace(Some(reason));
        }
    }

    fn reason(&self, event: &MakeEvent, now: Timestamp) -> Option<String> {
        match event {
            MakeEvent::Probed(_, facts) => {
                let left_ms = self.limits.leave_by.ms_since(now);
                let pipeline = self.stage.pipeline()?;
                let ends = self.limits.functions.ends(&facts.probe, pipeline, &self.profile, self.bytes, left_ms);
                (!ends).then(|| "the recording is longer or larger than its headers stated".to_owned())
            }
            MakeEvent::Progress(percent) => {
                let end = expected_end(self.began, now, *percent)?;
                let late = now.ms_since(self.began) >= OBSERVED_MS && end > self.limits.leave_by;
                late.then(|| format!("the work would end at {end}, and the function ends at {}", self.limits.leave_by))
            }
            MakeEvent::Ready(_) | MakeEvent::Partial(..) | MakeEvent::Checkpoint(_) => None,
        }
    }
}

/// Completes when an observer has found a reason to move.
pub(super) async fn requested(mut found: watch::Receiver<Option<String>>) -> String {
    match found.wait_for(Option::is_some).await.map(|reason| reason.clone()) {
        Ok(Some(reason)) => reason,
        // The maker has ended without a reason.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observer(began_ms: i64, leave_by_ms: i64) -> Observer {
        let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let functions = WorkerFunctions { memory_mb: 3008, disk_mb: 2048, most_vcpu_seconds: 60, knows_model: true };
        let (move_on, _) = watch::channel(None);
        Observer {
            limits: Limits { leave_by: at(leave_by_ms), functions },
            stage: Stage::Transcode,
            profile: Profile::default(),
            began: at(began_ms),
            bytes: 1,
            move_on,
        }
    }

    #[test]
    fn work_moves_once_its_speed_shows_that_it_would_end_too_late() {
        let observer = observer(0, 100_000);
        let reason =
            |percent, now_ms| observer.reason(&MakeEvent::Progress(percent), Timestamp::from_unix_ms(now_ms).unwrap());
        assert_eq!(reason(10, 19_000), None, "its start says little");
        assert!(reason(10, 20_000).is_some(), "it would take 200 s");
        assert_eq!(reason(50, 40_000), None, "it takes 80 s");
    }

    #[test]
    fn a_process_outside_a_function_has_no_limits() {
        let variables = |pairs: &[(&str, &str)]| {
            Environment::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
        };
        let function = [
            (LEAVE_BY, "1000"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("SMMU_WORKER_FUNCTION_MEMORY", "3008"),
            ("SMMU_WORKER_FUNCTION_VCPU_SECONDS", "60"),
        ];
        let limits = Limits::of(&variables(&function)).unwrap();
        assert_eq!((limits.leave_by.unix_ms(), limits.functions.memory_mb), (1000, 1769));
        assert!(Limits::of(&variables(&function[1..])).is_none());
        assert!(Limits::of(&variables(&[])).is_none());
    }

    #[tokio::test]
    async fn a_reason_stops_the_attempt() {
        let (move_on, found) = watch::channel(None);
        move_on.send_replace(Some("too long".to_owned()));
        assert_eq!(requested(found).await, "too long");
    }
}
