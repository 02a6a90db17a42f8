//! What a rehearsal says: a table of its moves, and the certificate of its teardown.

use std::fmt::Write as _;

use serde_json::{Value, json};
use terrace_aws::teardown::Certificate;
use terrace_core::plan::Verdict;
use terrace_core::source::Stack;

use super::door::{self, fenced, prose};
use super::paint::{Label, paint};
use super::teardown;

/// What a move does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// To a higher stage.
    Up,
    /// Lifts what `protect` protects, before the way down.
    Lift,
    /// To a lower stage.
    Down,
    /// Takes everything down.
    Destroy,
}

impl Act {
    fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Lift => "lift",
            Self::Down => "down",
            Self::Destroy => "destroy",
        }
    }

    /// The move in words; a stack of one file has no stage to name.
    pub(crate) fn title(self, stage: Option<&str>) -> String {
        match (self, stage) {
            (Self::Lift, _) => "protect = false".to_owned(),
            (Self::Destroy, _) => "destroy".to_owned(),
            (_, Some(stage)) => format!("{} to {stage}", self.word()),
            (_, None) => self.word().to_owned(),
        }
    }
}

/// One move.
pub(crate) struct Move {
    pub(crate) act: Act,
    pub(crate) title: String,
    /// What its plan says of it, if one could be made.
    pub(crate) verdict: Option<Verdict>,
    /// What a person would have had to confirm: the address, and its text.
    pub(crate) after: Vec<(String, String)>,
    /// What lowering keeps, and why.
    pub(crate) kept: Vec<(String, String)>,
    /// Whether the second plan was empty, if it came to that.
    pub(crate) empty: Option<bool>,
    /// How often it was made until it went well.
    pub(crate) runs: u32,
}

impl Move {
    /// One that came to nothing before its plan was made.
    pub(crate) fn unseen(act: Act, title: &str) -> Self {
        Self {
            act,
            title: title.to_owned(),
            verdict: None,
            after: Vec::new(),
            kept: Vec::new(),
            empty: None,
            runs: 0,
        }
    }

    /// Its columns: move, changes, impact, duration, what decides it.
    fn row(&self) -> [String; 5] {
        let Some(verdict) = &self.verdict else {
            let none = String::new;
            return [
                self.title.clone(),
                "failed".to_owned(),
                none(),
                none(),
                none(),
            ];
        };
        let counts = [
            (verdict.create, "create"),
            (verdict.change, "change"),
            (verdict.replace, "replace"),
            (verdict.delete, "delete"),
        ];
        let mut counts: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if counts.is_empty() {
            counts.push("nothing".to_owned());
        }
        let changes = match self.empty {
            Some(true) => counts.join(", "),
            Some(false) => format!("{}; NOT SETTLED", counts.join(", ")),
            None => format!("{}; FAILED", counts.join(", ")),
        };
        let path: Vec<String> = verdict.path.iter().map(ToString::to_string).collect();
        let path = match path.as_slice() {
            path if path.len() > 4 => {
                format!("{}, {} ... {}", path[0], path[1], path[path.len() - 1])
            }
            path => path.join(", "),
        };
        let minutes = match self.verdict.as_ref().map(|verdict| verdict.minutes) {
            Some(minutes) if minutes > 0.0 => format!("{:.0} min", minutes.ceil()),
            _ => String::new(),
        };
        [
            self.title.clone(),
            changes,
            verdict.impact.to_string(),
            minutes,
            path,
        ]
    }

    fn beside(&self) -> impl Iterator<Item = (Label, &'static str, String)> {
        let after = self.after.iter().map(|(address, text)| {
            (
                Label::Wait,
                "after:",
                format!("{text} ({address}; confirmed here)"),
            )
        });
        let kept = self.kept.iter();
        let kept = kept.map(|(address, why)| (Label::Quiet, "kept:", format!("{address}: {why}")));
        let again = (self.runs > 1).then(|| {
            (
                Label::Wait,
                "weather:",
                format!("it took {} runs", self.runs),
            )
        });
        after.chain(kept).chain(again)
    }

    fn to_json(&self) -> Value {
        let after = self.after.iter();
        let kept = self.kept.iter();
        json!({
            "move": self.act.word(),
            "title": self.title,
            "verdict": self.verdict,
            "after": after.map(|(address, text)| json!({ "address": address, "text": text })).collect::<Vec<_>>(),
            "kept": kept.map(|(address, why)| json!({ "address": address, "why": why })).collect::<Vec<_>>(),
            "second_plan_empty": self.empty,
            "runs": self.runs,
        })
    }
}

/// A rehearsal, as far as it came.
pub(crate) struct Rehearsal {
    stack: String,
    environment: String,
    region: String,
    stages: Vec<String>,
    pub(crate) moves: Vec<Move>,
    pub(crate) certificate: Option<Certificate>,
    pub(crate) error: Option<String>,
    /// What AWS was like, if it was bad.
    pub(crate) weather: Option<String>,
}

const HEADS: [&str; 5] = ["move", "changes", "impact", "about", "decided by"];

impl Rehearsal {
    /// One that has not begun.
    pub(crate) fn new(stack: &Stack) -> Self {
        Self {
            stack: stack.name.clone(),
            environment: stack.environment.clone(),
            region: stack.region.clone(),
            stages: stack.stages.clone(),
            moves: Vec::new(),
            certificate: None,
            error: None,
            weather: None,
        }
    }

    fn headline(&self) -> String {
        let stages = match self.stages.len() {
            0 => "one file".to_owned(),
            1 => "1 stage".to_owned(),
            many => format!("{many} stages"),
        };
        format!(
            "{}/{} in {}, {stages}",
            self.stack, self.environment, self.region
        )
    }

    fn verdict(&self) -> String {
        if let Some(error) = &self.error {
            let plain = anstream::adapter::strip_str(error.trim()).to_string();
            return paint(Label::Error, &format!("Failed: {plain}"));
        }
        paint(
            Label::Good,
            "Up and down: after every move a second plan was empty.",
        )
    }

    /// For people.
    pub(crate) fn human(&self) -> String {
        let rows: Vec<[String; 5]> = self.moves.iter().map(Move::row).collect();
        let heads = HEADS.map(str::to_owned);
        let width = |column: usize| {
            let all = rows.iter().chain(std::iter::once(&heads));
            all.map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths = [0, 1, 2, 3].map(width);
        let line = |row: &[String; 5]| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(line, "{cell:<width$}  ");
            }
            line.push_str(&row[4]);
            line.trim_end().to_owned()
        };
        let mut text = format!(
            "{}\n\n{}\n",
            paint(Label::Heading, &self.headline()),
            paint(Label::Quiet, &line(&heads))
        );
        for (one, row) in self.moves.iter().zip(&rows) {
            let _ = writeln!(text, "{}", line(row));
            for (label, word, what) in one.beside() {
                let _ = writeln!(text, "  {} {}", paint(label, word), door::plain(&what));
            }
        }
        if let Some(weather) = &self.weather {
            let _ = writeln!(
                text,
                "\n{}",
                paint(Label::Quiet, &format!("weather: {weather}"))
            );
        }
        let _ = writeln!(text, "\n{}", self.verdict());
        if let Some(certificate) = &self.certificate {
            let _ = write!(text, "\n{}", teardown::human(certificate));
        }
        text
    }

    /// As a comment on a pull request.
    pub(crate) fn markdown(&self) -> String {
        let plain = |text: &str| anstream::adapter::strip_str(text).to_string();
        let mut text = format!(
            "### terrace: rehearsal of {}\n\n{}\n\n",
            self.headline(),
            prose(&plain(&self.verdict()))
        );
        let _ = writeln!(text, "| {} |\n|---|---|---|---|---|", HEADS.join(" | "));
        for one in &self.moves {
            let row = one.row().map(|cell| prose(&cell));
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        let mut beside = self
            .moves
            .iter()
            .flat_map(|one| {
                one.beside().map(move |(_, word, what)| {
                    format!("- {}, {word} {}\n", prose(&one.title), prose(&what))
                })
            })
            .peekable();
        if beside.peek().is_some() {
            text.push('\n');
            text.extend(beside);
        }
        if let Some(weather) = &self.weather {
            let _ = writeln!(text, "\nWeather: {}", prose(weather));
        }
        if let Some(certificate) = &self.certificate {
            let human = plain(&teardown::human(certificate));
            let _ = write!(
                text,
                "\n<details><summary>Teardown certificate</summary>\n\n{}\n\n</details>\n",
                fenced(human.trim_end())
            );
        }
        text
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "stack": self.stack,
            "environment": self.environment,
            "region": self.region,
            "stages": self.stages,
            "moves": self.moves.iter().map(Move::to_json).collect::<Vec<_>>(),
            "certificate": self.certificate.as_ref().map(teardown::data),
            "weather": self.weather,
            "ok": self.error.is_none(),
            "error": self.error.as_ref().map(|error| anstream::adapter::strip_str(error.trim()).to_string()),
        })
    }
}
