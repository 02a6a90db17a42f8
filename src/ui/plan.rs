//! A plan for people: three movements, each step with what differs, who wants it and what it costs.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::Value;
use terrace_core::canon::printed;
use terrace_core::fields::{Effect, FieldChange};
use terrace_core::inventory::Inventory;
use terrace_core::kind::Impact;
use terrace_core::mark::LEAVING;
use terrace_core::plan::{Action, Gate, Movement, Plan, Reason, Step};
use terrace_core::said::Said;

use super::door::{fenced, plain, prose};
use super::paint::{Label, paint};
use super::statement::statements;

/// Writes a plan, with addresses in place of ids.
pub(crate) struct PlanView<'a> {
    plan: &'a Plan,
    names: HashMap<String, String>,
    depth: Vec<usize>,
}

impl<'a> PlanView<'a> {
    /// A view of a plan made against this inventory.
    pub(crate) fn new(plan: &'a Plan, inventory: &Inventory) -> Self {
        let mut names = HashMap::new();
        let ours = inventory
            .ours
            .iter()
            .filter_map(|found| found.mark.as_ref().map(|(address, _)| (address, found)));
        for (address, found) in inventory.existing.iter().chain(ours) {
            names.insert(found.live.id().to_owned(), address.to_string());
            if let Some(arn) = found.live.outputs().get("arn").and_then(Value::as_str) {
                names.insert(arn.to_owned(), format!("{address} (ARN)"));
            }
        }
        Self {
            plan,
            names,
            depth: plan.depths(),
        }
    }

    /// The whole plan.
    pub(crate) fn human(&self) -> String {
        let mut text = self.headline();
        for movement in [Movement::Build, Movement::Switch, Movement::Retire] {
            self.movement(movement, &mut text);
        }
        self.kept(&mut text);
        self.soaking(&mut text);
        self.notes(&mut text);
        self.refusals(&mut text);
        let _ = writeln!(text, "\n{}", self.verdict());
        text
    }

    /// The plan as a comment on a pull request.
    pub(crate) fn markdown(&self) -> String {
        let id = &self.plan.identity;
        let human = anstream::adapter::strip_str(&self.human()).to_string();
        let body = human.split_once('\n').map_or("", |(_, rest)| rest);
        let verdict = anstream::adapter::strip_str(&self.verdict()).to_string();
        format!(
            "### terrace: {}/{} at {}\n\n{}\n\n<details><summary>The plan</summary>\n\n{}\n\n</details>\n",
            id.stack,
            id.environment,
            if self.plan.stage.is_empty() {
                "its one stage"
            } else {
                &self.plan.stage
            },
            prose(&verdict),
            fenced(body.trim()),
        )
    }

    /// Some of the steps, without their movements; for commands that are about a part of a plan.
    pub(crate) fn some(&self, which: impl Fn(&Step) -> bool) -> String {
        let mut steps: Vec<&Step> = self.plan.steps.iter().filter(|step| which(step)).collect();
        steps.sort_by_key(|step| (&step.address, step.action.movement()));
        let mut text = String::new();
        for step in steps {
            self.step(step, &mut text);
        }
        text
    }

    /// The stack, its environment, and where they are.
    pub(crate) fn headline(&self) -> String {
        let id = &self.plan.identity;
        let stage = match self.plan.stage.as_str() {
            "" => String::new(),
            stage => format!(", stage {stage}"),
        };
        let place = format!("in {}, account {}{stage}", id.region, id.account);
        let name = paint(Label::Heading, &format!("{}/{}", id.stack, id.environment));
        format!("{name} {place}\n")
    }

    fn movement(&self, movement: Movement, text: &mut String) {
        let all = self.plan.steps.iter().enumerate();
        let mut steps: Vec<(usize, &Step)> = all
            .filter(|(_, step)| step.action.movement() == movement && !self.is_told(step))
            .collect();
        if steps.is_empty() {
            return;
        }
        let (title, what) = match movement {
            Movement::Build => ("Build", "adds; nothing that serves is touched"),
            Movement::Switch => ("Switch", "alters what is live"),
            Movement::Retire => ("Retire", "takes away, once nothing uses it"),
        };
        let what = paint(Label::Quiet, what);
        let _ = writeln!(text, "\n{} {what}", paint(Label::Heading, title));
        // What comes first stands first.
        steps.sort_by(|(a, first), (b, second)| {
            self.depth[*a]
                .cmp(&self.depth[*b])
                .then_with(|| first.address.cmp(&second.address))
        });
        for (_, step) in steps {
            self.step(step, text);
        }
    }

    /// What is set after a creation is told with the creation, and what is noted of a deletion with that.
    fn is_told(&self, step: &Step) -> bool {
        let creates = |other: &Step| {
            matches!(other.action, Action::Create { .. }) && other.address == step.address
        };
        let note = match &step.action {
            Action::Leave(_) => true,
            Action::Tag { set, unset } => set.is_empty() && *unset == [LEAVING],
            _ => false,
        };
        note || matches!(step.action, Action::Late) && self.plan.steps.iter().any(creates)
    }

    fn changes<'s>(&'s self, step: &'s Step) -> impl Iterator<Item = &'s FieldChange> {
        let late = self.plan.steps.iter().filter(move |other| {
            matches!(step.action, Action::Create { .. })
                && matches!(other.action, Action::Late)
                && other.address == step.address
        });
        step.changes
            .iter()
            .chain(late.flat_map(|late| &late.changes))
    }

    fn step(&self, step: &Step, text: &mut String) {
        let (glyph, label, word) = glyph(&step.action);
        let address = step.address.to_string();
        let mut facts = vec![format!("{word}{}", because(step))];
        if let Some(region) = &step.region {
            facts.push(format!("in {region}"));
        }
        if step.impact > Impact::None {
            facts.push(step.impact.to_string());
        }
        if let Some(left) = step.leaves {
            facts.push(format!("leaves {left}"));
        }
        if step.rest > 0 {
            facts.push(format!("{} s after requests are led elsewhere", step.rest));
        }
        if step.minutes >= 1.0 {
            facts.push(format!("about {:.0} min", step.minutes));
        }
        let awaited: Vec<String> = step.gates.iter().filter_map(Gate::words).collect();
        if !awaited.is_empty() {
            facts.push(format!("waits for {}", awaited.join(", ")));
        }
        let facts = paint(Label::Quiet, &plain(&facts.join("; ")));
        let _ = writeln!(text, "  {} {address:<36} {facts}", paint(label, glyph));
        let changes: Vec<&FieldChange> = self.changes(step).collect();
        let width = changes
            .iter()
            .map(|change| change.field.len())
            .max()
            .unwrap_or(0);
        for change in changes {
            self.change(&step.action, change, width, text);
        }
        if let Action::Tag { set, unset } = &step.action {
            for (key, value) in set {
                let _ = writeln!(text, "      + {} = {}", plain(key), plain(value));
            }
            for key in unset {
                let _ = writeln!(text, "      - {}", plain(key));
            }
        }
        if let Some(held) = &step.held {
            let _ = writeln!(
                text,
                "      {} {}",
                paint(Label::Wait, "held:"),
                plain(held)
            );
        }
    }

    fn change(&self, action: &Action, change: &FieldChange, width: usize, text: &mut String) {
        let name = change.field;
        let creates = matches!(action, Action::Create { .. } | Action::Late);
        match &change.effect {
            Effect::Grow | Effect::Shrink => {
                let (sign, said) = match change.effect {
                    Effect::Grow => ("+", &change.want),
                    _ => ("-", &change.have),
                };
                for element in self.elements(said) {
                    let _ = writeln!(text, "      {name:<width$}  {sign} {element}");
                }
            }
            _ if creates && change.have == Said::Nothing => {
                let (_, want) = self.sides(change);
                let lines = self.statements(&change.want).unwrap_or(vec![want]);
                lines_of(name, width, lines.into_iter(), text);
            }
            _ => {
                if let Some(lines) = self.policies(change) {
                    return lines_of(name, width, lines.into_iter(), text);
                }
                let (have, want) = self.sides(change);
                let impact = match change.impact {
                    Impact::None => String::new(),
                    impact => paint(Label::Quiet, &format!("  {impact}")),
                };
                let _ = writeln!(text, "      {name:<width$}  {have} -> {want}{impact}");
            }
        }
    }

    /// A policy, statement by statement.
    fn statements(&self, said: &Said) -> Option<Vec<String>> {
        statements(said.value()?, &|value| self.value(value))
    }

    /// What goes and what comes of a policy; what stays is not said.
    fn policies(&self, change: &FieldChange) -> Option<Vec<String>> {
        let (have, want) = (self.statements(&change.have), self.statements(&change.want));
        if have.is_none() && want.is_none() || change.told.is_some() {
            return None;
        }
        let (have, want) = (have.unwrap_or_default(), want.unwrap_or_default());
        let gone = have.iter().filter(|line| !want.contains(line));
        let gone = gone.map(|line| format!("- {line}"));
        let come = want.iter().filter(|line| !have.contains(line));
        let lines: Vec<String> = gone.chain(come.map(|line| format!("+ {line}"))).collect();
        (!lines.is_empty()).then_some(lines)
    }

    /// What is live and what is wanted; in the kind's own words, where values are digests.
    fn sides(&self, change: &FieldChange) -> (String, String) {
        let side = |said: &Said, told: Option<&String>| match (said, told) {
            (Said::Value(value), Some(told)) if !value.is_null() => plain(told).into_owned(),
            _ => self.said(said),
        };
        let told = change.told.as_ref();
        (
            side(&change.have, told.map(|told| &told.have)),
            side(&change.want, told.map(|told| &told.want)),
        )
    }

    fn elements(&self, said: &Said) -> Vec<String> {
        let Said::Value(Value::Object(map)) = said else {
            return vec![self.said(said)];
        };
        let element = |(key, value): (&String, &Value)| match value {
            Value::Null => self.name(key),
            value => format!("{} = {}", self.name(key), self.value(value)),
        };
        let mut elements: Vec<String> = map.iter().map(element).collect();
        elements.sort();
        elements
    }

    fn said(&self, said: &Said) -> String {
        match said {
            Said::Nothing => "(none)".to_owned(),
            Said::Value(value) => self.value(value),
            Said::Later(what) => format!("({})", what.trim_matches(['(', ')'])),
        }
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::String(text) => self.name(&shorten(text)),
            Value::Array(items) => {
                // Resources in a list are a set: by their names, not by ids that nobody knows.
                let known =
                    |item: &Value| item.as_str().is_some_and(|id| self.names.contains_key(id));
                let is_set = items.iter().all(known);
                let mut items: Vec<String> = items.iter().map(|item| self.value(item)).collect();
                if is_set {
                    items.sort();
                }
                format!("[{}]", items.join(", "))
            }
            Value::Object(map) => {
                let entry = |(key, value): (&String, &Value)| match value {
                    Value::Null => self.name(key),
                    value => format!("{} = {}", self.name(key), self.value(value)),
                };
                let entries: Vec<String> = map.iter().map(entry).collect();
                format!("{{ {} }}", entries.join(", "))
            }
            // A count that AWS keeps as a fraction is still a count to people.
            Value::Number(number) => {
                let text = number.to_string();
                text.strip_suffix(".0").unwrap_or(&text).to_owned()
            }
            other => other.to_string(),
        }
    }

    /// Ids become addresses: people know their own names.
    fn name(&self, text: &str) -> String {
        if let Some(name) = self.names.get(text) {
            return name.clone();
        }
        let text = &*plain(text);
        let words: Vec<&str> = text
            .split(' ')
            .map(|word| self.names.get(word).map_or(word, String::as_str))
            .collect();
        words.join(" ")
    }

    fn kept(&self, text: &mut String) {
        if self.plan.kept.is_empty() {
            return;
        }
        let heading = paint(Label::Heading, "Kept");
        let _ = writeln!(
            text,
            "\n{heading} {}",
            paint(Label::Quiet, "though this stage does not name it")
        );
        for kept in &self.plan.kept {
            let address = kept.address.to_string();
            let _ = writeln!(
                text,
                "  = {address:<36} {}",
                paint(Label::Quiet, &plain(&kept.why))
            );
        }
    }

    fn soaking(&self, text: &mut String) {
        if self.plan.soaking.is_empty() {
            return;
        }
        let heading = paint(Label::Heading, "Soaking");
        let what = "traffic has left it; a later apply deletes it";
        let _ = writeln!(text, "\n{heading} {}", paint(Label::Quiet, what));
        for one in &self.plan.soaking {
            let address = one.address.to_string();
            let until = match &one.until {
                Some(until) => format!("until {}", until.replace('T', " ").replace('Z', " UTC")),
                None => "until what uses it is gone".to_owned(),
            };
            let facts = format!("{until}: {}", one.why);
            let _ = writeln!(
                text,
                "  … {address:<36} {}",
                paint(Label::Quiet, &plain(&facts))
            );
        }
    }

    fn notes(&self, text: &mut String) {
        if self.plan.notes.is_empty() {
            return;
        }
        text.push('\n');
        for note in &self.plan.notes {
            let address = note
                .address
                .as_ref()
                .map(|a| format!("{a}: "))
                .unwrap_or_default();
            let _ = writeln!(
                text,
                "{} {address}{}",
                paint(Label::Hint, "note:"),
                plain(&note.text)
            );
        }
    }

    fn refusals(&self, text: &mut String) {
        if self.plan.refusals.is_empty() {
            return;
        }
        let heading = paint(Label::Error, "Refused");
        let _ = writeln!(
            text,
            "\n{heading} {}",
            paint(Label::Quiet, "nothing is done until each is settled")
        );
        for refusal in &self.plan.refusals {
            let _ = writeln!(text, "  ! {}: {}", refusal.address, plain(&refusal.what));
            for way in &refusal.ways {
                let way = printed(way).replace('\n', "\n          ");
                let _ = writeln!(text, "      {} {way}", paint(Label::Hint, "either"));
            }
        }
    }

    /// The plan in one line.
    pub(crate) fn verdict(&self) -> String {
        let verdict = self.plan.verdict();
        if self.plan.is_empty() {
            let line = match verdict.unchanged {
                1 => "Nothing to do: 1 resource is as the TOML says.".to_owned(),
                count => format!("Nothing to do: {count} resources are as the TOML says."),
            };
            return paint(Label::Good, &line);
        }
        let counts = [
            (verdict.create, "to create"),
            (verdict.change, "to change"),
            (verdict.replace, "to replace"),
            (verdict.delete, "to delete"),
            (verdict.unchanged, "unchanged"),
        ];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let path: Vec<String> = verdict.path.iter().map(ToString::to_string).collect();
        let longest = match path.as_slice() {
            [] => String::new(),
            path if path.len() > 4 => {
                format!(" ({} ... {})", path[..2].join(", "), path[path.len() - 1])
            }
            path => format!(" ({})", path.join(", ")),
        };
        let minutes = verdict.minutes.ceil().max(1.0);
        format!(
            "{}; {}; about {minutes:.0} min{longest}",
            paint(Label::Heading, &counts.join(", ")),
            verdict.impact,
        )
    }
}

/// A property and its lines, the later ones below the first.
fn lines_of(name: &str, width: usize, lines: impl Iterator<Item = String>, text: &mut String) {
    for (index, line) in lines.enumerate() {
        let name = if index == 0 { name } else { "" };
        let _ = writeln!(text, "      {name:<width$}  {line}");
    }
}

fn glyph(action: &Action) -> (&'static str, Label, &'static str) {
    match action {
        Action::Create {
            replaces: false, ..
        } => ("+", Label::Add, "create"),
        Action::Create { replaces: true, .. } => ("±", Label::Replace, "replace"),
        Action::Wait(_) | Action::WaitGone => ("…", Label::Wait, "wait"),
        Action::Late => ("+", Label::Add, "then set"),
        Action::Grow => ("+", Label::Add, "add"),
        Action::Update => ("~", Label::Change, "update"),
        Action::Tag { .. } => ("~", Label::Change, "tag"),
        Action::Shrink => ("-", Label::Remove, "drop"),
        Action::Clear(_) => ("-", Label::Remove, "clear"),
        Action::Leave(_) => ("~", Label::Change, "note that it leaves"),
        Action::Soak(_) => ("…", Label::Wait, "let it soak"),
        Action::Unprotect => ("-", Label::Remove, "lift the protection"),
        Action::Delete(Reason::Orphan) => ("?", Label::Remove, "delete orphan"),
        Action::Delete(_) => ("-", Label::Remove, "delete"),
    }
}

fn because(step: &Step) -> String {
    match &step.action {
        Action::Wait(state) => format!(": it is {state}"),
        Action::WaitGone => ": its namesake is being deleted".to_owned(),
        Action::Delete(_) | Action::Unprotect => format!(": {}", step.why),
        Action::Soak(time) => format!(", to be deleted {} after this: {}", span(*time), step.why),
        _ if step.why.is_empty() => String::new(),
        _ => format!(" for {}", step.why),
    }
}

/// `24h`, `1d 12h`.
fn span(time: std::time::Duration) -> String {
    jiff::SignedDuration::try_from(time)
        .map_or_else(|_| "ages".to_owned(), |time| format!("{time:#}"))
}

/// Long and many-lined values say their first line and their length.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 80;
    let first = text.lines().next().unwrap_or_default();
    let visible: String = first
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    if text.lines().count() > 1 || first.chars().count() > LONGEST {
        return format!("{visible}… ({} bytes)", text.len());
    }
    visible
}
