//! What goes on, for programs: a line of JSON on stdout for each event, where JSON was asked for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};
use terrace_aws::teardown::Certificate;
use terrace_core::apply::{End, Event};
use terrace_core::inventory::Inventory;
use terrace_core::mutex::lock;
use terrace_core::plan::{Plan, Step};

use super::Ui;
use super::plan::PlanView;
use super::teardown;
use crate::cli::Format;
use crate::failure::{Exit, Failure};

/// The answers of a run that changes something.
pub(crate) struct Events {
    ui: Ui,
    json: bool,
    quiet: bool,
    begun: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    since: HashMap<usize, Instant>,
    waits: HashMap<usize, String>,
    ended: BTreeMap<&'static str, usize>,
}

/// How a part can end, in the order of the last line.
const ENDS: [&str; 5] = ["done", "failed", "skipped", "held", "stopped"];

impl Events {
    /// The answers in this format.
    pub(crate) fn new(ui: Ui, format: Format) -> Self {
        Self {
            ui,
            json: format == Format::Json,
            quiet: false,
            begun: Instant::now(),
            seen: Mutex::default(),
        }
    }

    /// None: for a command that says itself what it does.
    pub(crate) fn quiet(ui: Ui) -> Self {
        Self {
            quiet: true,
            ..Self::new(ui, Format::Human)
        }
    }

    /// Whether nothing is shown, and whoever runs this hears Ctrl-C.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Who says how it went, if that is to be said.
    pub(crate) fn talker(&self, ui: Ui) -> Option<Ui> {
        (!self.quiet).then_some(ui)
    }

    /// What is left after a teardown.
    pub(crate) fn certificate(&self, certificate: &Certificate) {
        if self.json {
            self.line(
                "certificate",
                json!({ "certificate": teardown::data(certificate) }),
            );
        } else {
            self.ui
                .answer(&format!("\n{}", teardown::human(certificate)));
        }
    }

    /// What is about to be done: for people the plan, for programs the same as the first line.
    pub(crate) fn plan(&self, plan: &Plan, inventory: &Inventory) {
        if self.json {
            self.line("plan", json!({ "plan": plan.to_json() }));
        } else {
            self.ui.answer(&PlanView::new(plan, inventory).human());
        }
    }

    /// One event.
    pub(crate) fn see(&self, plan: &Plan, event: Event<'_>) {
        let mut seen = lock(&self.seen);
        match event {
            Event::Started(index, step) => {
                seen.since.insert(index, Instant::now());
                self.part("started", index, step, &seen, json!({}));
            }
            Event::Waiting(index, step, why) => {
                if seen.waits.insert(index, why.to_owned()).as_deref() != Some(why) {
                    self.part("waiting", index, step, &seen, json!({ "for": why }));
                }
            }
            Event::Ended(index, step, end) => {
                let (word, more) = ended(plan, step, end);
                *seen.ended.entry(word).or_default() += 1;
                self.part(word, index, step, &seen, more);
            }
        }
    }

    /// The last line, whatever came before.
    pub(crate) fn end(&self, end: &Result<Exit, Failure>) {
        let seen = lock(&self.seen);
        let mut more = json!({ "exit": end.as_ref().map_or_else(|failure| failure.exit, |exit| *exit).code() });
        for word in ENDS {
            more[word] = seen.ended.get(word).copied().unwrap_or_default().into();
        }
        if let Err(failure) = end {
            let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
            let hints = failure.hints.iter().map(|hint| plain(hint));
            more["error"] = plain(failure.message.trim_end()).into();
            more["hints"] = hints.collect();
        }
        self.line("end", more);
    }

    fn part(&self, word: &str, index: usize, step: &Step, seen: &Seen, more: Value) {
        let taken = seen.since.get(&index);
        let mut facts = json!({
            "address": step.address,
            "part": step.action.word(),
            "step": index,
            "seconds": taken.map_or(0.0, |since| seconds(*since)),
        });
        merge(&mut facts, more);
        self.line(word, facts);
    }

    fn line(&self, word: &str, more: Value) {
        if !self.json {
            return;
        }
        let mut line = json!({ "event": word, "at": seconds(self.begun) });
        merge(&mut line, more);
        self.ui.answer(&format!("{line}\n"));
    }
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

fn ended(plan: &Plan, step: &Step, end: &End) -> (&'static str, Value) {
    match end {
        End::Done => ("done", json!({})),
        End::Failed(error) => (
            "failed",
            json!({ "error": error.to_string(), "hints": error.hints }),
        ),
        End::Skipped(origin) => ("skipped", json!({ "for": plan.steps[*origin].address })),
        End::Held => ("held", json!({ "for": step.held })),
        End::Stopped => ("stopped", json!({})),
    }
}

/// Seconds since a moment, to the millisecond.
fn seconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
}
