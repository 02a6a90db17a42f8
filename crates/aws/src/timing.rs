//! Every wait of terrace comes from one value, which tests and the sandbox scale.

use std::time::Duration;

/// How long waits, polls and back-offs are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timing {
    /// A factor on everything: 1 against AWS, far less against the sandbox.
    pub scale: f64,
}

impl Default for Timing {
    fn default() -> Self {
        Self { scale: 1.0 }
    }
}

impl Timing {
    /// The sandbox's pace.
    pub fn sandbox() -> Self {
        Self { scale: 0.02 }
    }

    /// How long to wait before looking again at something that typically takes `minutes`. Nothing is worth a
    /// look in its first seconds: each look is a call, and what takes minutes is not done by then.
    pub fn poll(&self, attempt: u32, minutes: f64) -> Duration {
        let longest = (minutes * 60.0 / 12.0).clamp(3.0, 15.0);
        let first = (longest / 2.0).max(2.5);
        self.scaled((first * 1.4_f64.powi(attempt.min(20).cast_signed())).min(longest))
    }

    /// Whether looking again after `attempt` times is still worth it: six times the typical time, but
    /// at least ten minutes (aws-semantics 7.3: the SDK's own waiters give up too early).
    pub fn patient(&self, attempt: u32, minutes: f64) -> bool {
        let waited: Duration = (0..attempt)
            .map(|attempt| self.poll(attempt, minutes))
            .sum();
        waited < self.scaled((minutes * 6.0).max(10.0) * 60.0)
    }

    /// How long to back off after a call that may be repeated: exponential, with full jitter.
    pub fn back_off(&self, attempt: u32) -> Duration {
        let ceiling = (0.5 * 2.0_f64.powi(attempt.min(10).cast_signed())).min(30.0);
        self.scaled(ceiling * jitter())
    }

    /// How many seconds of AWS's time a span of ours is.
    pub fn seconds(&self, span: Duration) -> f64 {
        span.as_secs_f64() / self.scale
    }

    /// A span of AWS's time.
    pub fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64((seconds * self.scale).max(0.002))
    }
}

/// Between a half and one: enough to keep callers apart, without a dependency on randomness.
fn jitter() -> f64 {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = nanos.map_or(0, |since| since.subsec_nanos());
    0.5 + f64::from(nanos % 1000) / 2000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_six_times_the_typical_time() {
        let timing = Timing::default();
        assert!(timing.patient(3, 10.0));
        let hour: u32 = 3600 / 15;
        assert!(timing.patient(hour - 10, 10.0));
        assert!(!timing.patient(hour + 20, 10.0));
    }

    #[test]
    fn polls_grow_and_then_keep_their_pace() {
        let timing = Timing::default();
        assert!(timing.poll(0, 0.1) < timing.poll(3, 10.0));
        assert_eq!(timing.poll(50, 10.0), timing.poll(60, 10.0));
    }
}
