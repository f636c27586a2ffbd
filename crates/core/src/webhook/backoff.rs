//! Retry schedule of failed deliveries: soon at first, for short outages, then for about three days.

/// Seconds from a failed attempt to the next. With jitter, the longest stays below 12 hours, the longest time that SQS
/// can hide a message.
const STEPS_S: [u32; 12] = [5, 30, 300, 1800, 7200, 18_000, 36_000, 38_880, 38_880, 38_880, 38_880, 38_880];

/// Number of attempts, after which a message becomes a dead letter. Equals `maxReceiveCount` of the queue in
/// template.yaml.
pub const LAST_ATTEMPT: u32 = 13;

/// Highest jitter, in thousandths of a step.
const MAX_JITTER: u32 = 100;

/// Seconds until the next attempt after failed attempt number `attempt` (from 1); `None` after the last. A receiver can
/// ask for a longer delay (`asked_s`), up to that of the following step. `jitter` (0 to 100) adds that many
/// thousandths, so that messages that failed together are not retried together.
#[must_use]
pub fn retry_after_s(attempt: u32, asked_s: Option<u32>, jitter: u32) -> Option<u32> {
    let at = usize::try_from(attempt.saturating_sub(1)).ok()?;
    let step = *STEPS_S.get(at)?;
    let next = STEPS_S.get(at + 1).copied().unwrap_or(step);
    let seconds = asked_s.unwrap_or(step).clamp(step, next);
    Some(seconds + seconds * jitter.min(MAX_JITTER) / 1000)
}

#[cfg(test)]
mod tests {
    use super::{LAST_ATTEMPT, STEPS_S, retry_after_s};

    /// Longest time that SQS can hide a message ("Amazon SQS visibility timeout"), less the longest attempt, in
    /// seconds.
    const LONGEST_S: u32 = 43_200 - 30;

    #[test]
    fn delays_between_attempts_grow_over_about_three_days() {
        let steps: Vec<_> = (1..LAST_ATTEMPT).map(|attempt| retry_after_s(attempt, None, 0).unwrap()).collect();
        assert_eq!((steps[0], steps.len()), (5, STEPS_S.len()));
        assert!(steps.is_sorted());
        for (jitter, hours) in [(0, 71), (100, 78)] {
            let all: u32 = (1..LAST_ATTEMPT).map(|attempt| retry_after_s(attempt, None, jitter).unwrap()).sum();
            assert_eq!(all / 3600, hours, "within the four days that the queue keeps a message");
        }
        for over in [LAST_ATTEMPT, LAST_ATTEMPT + 1, u32::MAX] {
            assert_eq!(retry_after_s(over, Some(1), 0), None);
        }
    }

    #[test]
    fn a_receiver_can_lengthen_the_delay_up_to_the_next_step_and_never_shorten_it() {
        assert_eq!(retry_after_s(2, Some(1), 0), Some(30));
        assert_eq!(retry_after_s(2, Some(120), 0), Some(120));
        assert_eq!(retry_after_s(2, Some(86_400), 0), Some(300));
        for attempt in 1..LAST_ATTEMPT {
            assert!(retry_after_s(attempt, Some(u32::MAX), u32::MAX).unwrap() < LONGEST_S, "{attempt}");
        }
    }

    #[test]
    fn the_queue_in_the_template_makes_a_dead_letter_after_the_last_attempt() {
        let template = include_str!("../../../../template.yaml");
        let (_, queue) = template.split_once("\n  WebhookQueue:\n").expect("the template has the queue");
        let (_, count) = queue.split_once("maxReceiveCount: ").expect("it has dead letters");
        assert_eq!(count.lines().next(), Some(LAST_ATTEMPT.to_string().as_str()));
    }
}
