//! What is going on: on a terminal a line for each running step and one for what is left, elsewhere a plain line an
//! event, and now and then one for what is left.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use terrace_core::apply::{End, Event};
use terrace_core::error::ErrorClass;
use terrace_core::mutex::lock;
use terrace_core::plan::{Plan, Step};
use terrace_core::remaining::{Left, Remaining};

use super::Ui;
use super::door::plain;
use super::paint::{Label, paint};

/// Off a terminal it is said this often what is left: often enough to see that it goes on.
const QUIET: Duration = Duration::from_mins(1);

/// Shows the events of an apply.
pub(crate) struct Progress<'a> {
    ui: Ui,
    plan: &'a Plan,
    begun: Instant,
    bars: Option<Bars>,
    running: Mutex<HashMap<usize, Running>>,
    remaining: Arc<Mutex<Remaining>>,
    pace: Pace,
    /// When it was last said what is left.
    said: Mutex<Instant>,
}

/// Whether things take as long as they typically do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// AWS's own: what is left can be said in minutes.
    Typical,
    /// Another one, of which nothing is known.
    Unknown,
}

struct Bars {
    all: MultiProgress,
    /// The last line: what is left.
    left: ProgressBar,
}

struct Running {
    since: Instant,
    bar: Option<ProgressBar>,
    waits: String,
}

impl<'a> Progress<'a> {
    /// Shows how this plan goes.
    pub(crate) fn new(ui: Ui, plan: &'a Plan, pace: Pace) -> Self {
        let remaining = Arc::new(Mutex::new(Remaining::new(plan)));
        let begun = Instant::now();
        let shown = std::io::stderr().is_terminal() && !plan.steps.is_empty();
        let bars = shown.then(|| Bars::new(&remaining, begun, pace));
        Self {
            ui,
            plan,
            begun,
            bars,
            running: Mutex::default(),
            remaining,
            pace,
            said: Mutex::new(begun),
        }
    }

    /// Shows one event.
    pub(crate) fn see(&self, event: Event<'_>) {
        lock(&self.remaining).see(&event, minutes(self.begun));
        self.show(event);
        if self.bars.is_none() {
            self.say_left();
        }
    }

    /// Says off a terminal what is left, unless that was said a moment ago.
    fn say_left(&self) {
        let mut said = lock(&self.said);
        if said.elapsed() < QUIET {
            return;
        }
        *said = Instant::now();
        let left = lock(&self.remaining).left(minutes(self.begun));
        self.line(&words(&left, self.pace));
    }

    fn show(&self, event: Event<'_>) {
        let mut running = lock(&self.running);
        match event {
            Event::Started(index, step) => {
                let bar = self.bars.as_ref().map(|bars| bars.spinner(step));
                if bar.is_none() {
                    self.line(&format!("{} {}: started", step.action.word(), step.address));
                }
                running.insert(
                    index,
                    Running {
                        since: Instant::now(),
                        bar,
                        waits: String::new(),
                    },
                );
            }
            Event::Waiting(index, step, why) => {
                let Some(state) = running.get_mut(&index) else {
                    return;
                };
                if state.waits == why {
                    return;
                }
                why.clone_into(&mut state.waits);
                let why = plain(why);
                match &state.bar {
                    Some(bar) => bar.set_message(format!("{}: waits, {why}", name(step))),
                    None => self.line(&format!("{}: waits, {why}", name(step))),
                }
            }
            Event::Ended(index, step, end) => {
                let state = running.remove(&index);
                let took = state
                    .as_ref()
                    .map_or(Duration::ZERO, |state| state.since.elapsed());
                if let Some(bar) = state.and_then(|state| state.bar) {
                    bar.finish_and_clear();
                }
                self.ended(step, end, took);
            }
        }
    }

    fn ended(&self, step: &Step, end: &End, took: Duration) {
        let took = took.as_secs_f64();
        let name = name(step);
        let text = match end {
            End::Done => format!("{} {name} ({took:.1} s)", paint(Label::Good, "done")),
            // What it is is said once, at the end.
            End::Failed(error) if error.class == ErrorClass::Caller => {
                format!("{} {name}", paint(Label::Error, "broken off"))
            }
            End::Failed(error) => format!("{} {name}: {error}", paint(Label::Error, "failed")),
            End::Skipped(origin) => {
                let origin = &self.plan.steps[*origin].address;
                format!("{} {name}: {origin} failed", paint(Label::Wait, "skipped"))
            }
            End::Held => {
                let why = step.held.as_deref().unwrap_or("waits for what is held");
                format!("{} {name}: {}", paint(Label::Wait, "held"), plain(why))
            }
            End::Stopped => format!("{} {name}", paint(Label::Wait, "stopped")),
        };
        match &self.bars {
            Some(bars) => bars.all.suspend(|| self.ui.say(&text)),
            None => self.line(&text),
        }
    }

    fn line(&self, text: &str) {
        self.ui.say(&format!(
            "[{:>6.1}s] {text}",
            self.begun.elapsed().as_secs_f64()
        ));
    }
}

fn name(step: &Step) -> String {
    format!("{} {}", step.action.word(), step.address)
}

impl Bars {
    fn new(remaining: &Arc<Mutex<Remaining>>, begun: Instant, pace: Pace) -> Self {
        let all = MultiProgress::new();
        let left = all.add(ProgressBar::new_spinner());
        let remaining = Arc::clone(remaining);
        // Asked for whenever it is drawn: what is left grows less without any event.
        let tell = move |_: &ProgressState, out: &mut dyn std::fmt::Write| {
            let left = lock(&remaining).left(minutes(begun));
            let _ = out.write_str(&words(&left, pace));
        };
        if let Ok(style) = ProgressStyle::with_template("  {left}") {
            left.set_style(style.with_key("left", tell));
        }
        left.enable_steady_tick(Duration::from_millis(500));
        Self { all, left }
    }

    fn spinner(&self, step: &Step) -> ProgressBar {
        let bar = self
            .all
            .insert_before(&self.left, ProgressBar::new_spinner());
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(name(step));
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.left.finish_and_clear();
    }
}

fn minutes(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() / 60.0
}

/// What is left, in one line: `12 of 33 done, about 9 min left (db_instance.main ...)`.
fn words(left: &Left, pace: Pace) -> String {
    let mut words = format!("{} of {} done", left.done, left.all);
    if left.given > 0 {
        let _ = write!(words, ", {} not in this run", left.given);
    }
    let Some(longest) = left.longest.as_ref().filter(|_| pace == Pace::Typical) else {
        return words;
    };
    let on = if longest.followed { " ..." } else { "" };
    if let Some(minutes) = longest.overdue {
        let least = if minutes < 1.0 {
            "longer than usual".to_owned()
        } else {
            format!("{minutes:.0} min already, longer than usual")
        };
        let _ = write!(words, ", {} takes {least}", longest.address);
        return words;
    }
    let minutes = match left.minutes.ceil() {
        few if few <= 1.0 => "a minute or less".to_owned(),
        minutes => format!("about {minutes:.0} min"),
    };
    let _ = write!(words, ", {minutes} left ({}{on})", longest.address);
    words
}

#[cfg(test)]
mod tests {
    use terrace_core::remaining::Longest;

    use super::*;

    fn left(minutes: f64, followed: bool, overdue: Option<f64>) -> Left {
        Left {
            done: 12,
            given: 0,
            all: 33,
            minutes,
            longest: Some(Longest {
                address: "db_instance.main".to_owned(),
                followed,
                overdue,
            }),
        }
    }

    #[test]
    fn what_is_left_is_one_line() {
        let typical = |left: &Left| words(left, Pace::Typical);
        assert_eq!(
            typical(&left(8.2, true, None)),
            "12 of 33 done, about 9 min left (db_instance.main ...)"
        );
        assert_eq!(
            typical(&left(0.3, false, None)),
            "12 of 33 done, a minute or less left (db_instance.main)"
        );
        assert_eq!(
            typical(&left(1.0, false, Some(18.4))),
            "12 of 33 done, db_instance.main takes 18 min already, longer than usual"
        );
        let ended = Left {
            given: 2,
            longest: None,
            ..left(0.0, false, None)
        };
        assert_eq!(typical(&ended), "12 of 33 done, 2 not in this run");
    }

    #[test]
    fn where_the_pace_is_not_aws_s_nothing_is_said_of_minutes() {
        assert_eq!(
            words(&left(8.2, true, None), Pace::Unknown),
            "12 of 33 done"
        );
        let overdue = left(1.0, false, Some(18.4));
        assert_eq!(words(&overdue, Pace::Unknown), "12 of 33 done");
    }
}
