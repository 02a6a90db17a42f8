//! What is said of a plan of which something failed: every cause once, however many steps it has met.

use terrace_core::address::Address;
use terrace_core::apply::{End, Outcome};
use terrace_core::error::{CloudError, ErrorClass};
use terrace_core::plan::Plan;

use crate::failure::Failure;

/// How many steps are named that have met the same.
const NAMED: usize = 3;

/// What the user is told to do next: an apply or a teardown, whichever it was.
pub(crate) const AGAIN: &str = "run it again to go on from what is live";

/// What some steps have met.
struct Cause<'a> {
    error: &'a CloudError,
    met: Vec<&'a Address>,
}

impl Cause<'_> {
    /// `subnet.a, subnet.b, vpc.main and 4 more: ServiceUnavailable: ..`.
    fn words(&self) -> String {
        let named: Vec<String> = self
            .met
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect();
        let named = named.join(", ");
        // Which of several calls it was first is chance.
        match self.met.len() {
            0..=1 => format!("{named}: {}", self.error),
            2..=NAMED => format!("{named}: {}", self.error.cause()),
            many => format!("{named} and {} more: {}", many - NAMED, self.error.cause()),
        }
    }
}

/// Everything that made steps fail, in the plan's order. What differs in the call alone is the same.
fn causes<'a>(plan: &'a Plan, outcome: &'a Outcome) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for (step, end) in plan.steps.iter().zip(&outcome.ends) {
        let End::Failed(error) = end else { continue };
        match causes.iter_mut().find(|cause| cause.error.is_like(error)) {
            Some(cause) if cause.met.contains(&&step.address) => {}
            Some(cause) => cause.met.push(&step.address),
            None => causes.push(Cause {
                error,
                met: vec![&step.address],
            }),
        }
    }
    causes
}

/// Why a plan was not carried out to its end, if something failed.
pub(crate) fn failure(plan: &Plan, outcome: &Outcome) -> Option<Failure> {
    let count = |which: fn(&End) -> bool| outcome.ends.iter().filter(|end| which(end)).count();
    let failed = count(|end| matches!(end, End::Failed(_)));
    let skipped = count(|end| matches!(end, End::Skipped(_)));
    let stopped = count(|end| matches!(end, End::Stopped));
    let done = count(|end| matches!(end, End::Done));
    if failed == 0 {
        return None;
    }
    let causes = causes(plan, outcome);
    let caller = |cause: &&Cause<'_>| cause.error.class == ErrorClass::Caller;
    let mut failure = match causes.iter().find(caller) {
        // It is about the whole run, and the steps that met it are of no account.
        Some(Cause { error, .. }) => Failure::from((*error).clone()).hint(format!(
            "{done} done, {failed} broken off, {} not started; nothing that was begun is lost",
            skipped + stopped
        )),
        None => Failure::new(format!(
            "{failed} failed, {skipped} skipped for it, {done} done"
        )),
    };
    for cause in causes.iter().filter(|cause| !caller(cause)) {
        failure = failure.hint(cause.words());
        let hints = cause.error.hints.iter().map(|hint| format!("  {hint}"));
        failure.hints.extend(hints);
    }
    // A lease that was lost says so itself.
    let is_said = failure.hints.iter().any(|hint| hint.contains(AGAIN));
    Some(if is_said {
        failure
    } else {
        failure.hint(AGAIN)
    })
}

/// Whether an error only says again what has made steps fail.
pub(crate) fn is_told(outcome: &Outcome, error: &CloudError) -> bool {
    let told = |end: &End| matches!(end, End::Failed(told) if told.is_like(error));
    outcome.ends.iter().any(told)
}
