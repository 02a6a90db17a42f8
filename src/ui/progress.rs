//! What is going on: on a terminal a line for each running step, elsewhere a plain line an event.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use terrace_core::apply::{End, Event};
use terrace_core::plan::{Plan, Step};

use super::Ui;
use super::paint::{Label, paint};

/// Shows the events of an apply.
pub(crate) struct Progress<'a> {
    ui: Ui,
    plan: &'a Plan,
    begun: Instant,
    bars: Option<MultiProgress>,
    running: Mutex<HashMap<usize, Running>>,
}

struct Running {
    since: Instant,
    bar: Option<ProgressBar>,
    waits: String,
}

impl<'a> Progress<'a> {
    /// Shows how this plan goes.
    pub(crate) fn new(ui: Ui, plan: &'a Plan) -> Self {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Self {
            ui,
            plan,
            begun: Instant::now(),
            bars,
            running: Mutex::default(),
        }
    }

    /// Shows one event.
    pub(crate) fn see(&self, event: Event<'_>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started(index, step) => {
                let bar = self.bars.as_ref().map(|bars| spinner(bars, step));
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
            End::Failed(error) => format!("{} {name}: {error}", paint(Label::Error, "failed")),
            End::Skipped(origin) => {
                let origin = &self.plan.steps[*origin].address;
                format!("{} {name}: {origin} failed", paint(Label::Wait, "skipped"))
            }
            End::Held => {
                let why = step.held.as_deref().unwrap_or("waits for what is held");
                format!("{} {name}: {why}", paint(Label::Wait, "held"))
            }
            End::Stopped => format!("{} {name}", paint(Label::Wait, "stopped")),
        };
        match &self.bars {
            Some(bars) => bars.suspend(|| self.ui.say(&text)),
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

fn spinner(bars: &MultiProgress, step: &Step) -> ProgressBar {
    let bar = bars.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    bar.set_message(name(step));
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
