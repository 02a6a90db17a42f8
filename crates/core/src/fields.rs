//! The table of a kind: one row a property, saying how it is compared and what a change of it means.
//!
//! The diff is made from it, once; the plan prints that same value and apply carries it out.

use serde_json::{Map, Value};

use crate::kind::{Impact, Kind, Loss};
use crate::known::Known;
use crate::said::Said;

/// What the TOML says of a property.
pub type Want<K> = fn(&<K as Kind>::Spec, &Known) -> Said;
/// What AWS says of a property.
pub type Have<K> = fn(&<K as Kind>::Live) -> Said;
/// What people are told of a wanted value in place of the digest by which it is compared.
pub type TellWant<K> = fn(&<K as Kind>::Spec) -> String;
/// The same of a live value.
pub type TellHave<K> = fn(&<K as Kind>::Live) -> String;
/// Judges a difference that no fixed rule fits.
pub type Decide<K> = fn(&<K as Kind>::Spec, &<K as Kind>::Live) -> Verdict;

/// What a difference means, where it depends on the values.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Equal after all, as AWS means it.
    Same,
    /// Changed in place.
    Update(Impact),
    /// Changed in place, at a loss that must be consented to.
    Lose(Loss, Impact),
    /// Replaced.
    Replace,
    /// Left as it is until the resource is replaced for another reason; the text says so.
    Next(&'static str),
    /// Cannot be done; the text says what can.
    Refuse(String),
}

enum Rule<K: Kind> {
    Update,
    Replace,
    Seed,
    Set,
    Decide(Decide<K>),
}

/// One row; see [`Fields`].
pub struct Row<K: Kind> {
    name: &'static str,
    rule: Rule<K>,
    want: Want<K>,
    have: Have<K>,
    impact: Impact,
    late: bool,
    early: bool,
    path: Option<Path>,
    disturbs: &'static [&'static str],
    tell: Option<(TellWant<K>, TellHave<K>)>,
}

/// What a property has to do with the path of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Requests go on to what it names.
    Leads,
    /// It stands behind what it names, and requests go on to it from there.
    Serves,
}

/// What a row says of its property, for documentation, schema and planning.
#[derive(Clone, Copy, Debug)]
pub struct RowFacts {
    /// The property.
    pub name: &'static str,
    /// `update`, `replace`, `seed`, `set` or `depends`.
    pub on_change: &'static str,
    /// The impact of a change.
    pub impact: Impact,
    /// Set after what it names exists, cleared before deletion.
    pub late: bool,
    /// Set before the resource can be ready.
    pub early: bool,
    /// What it has to do with the path of a request.
    pub path: Option<Path>,
    /// Outputs that a change makes unknown until it is done.
    pub disturbs: &'static [&'static str],
}

/// The rows of a kind, built by chaining; a modifier speaks of the row before it.
pub struct Fields<K: Kind> {
    rows: Vec<Row<K>>,
}

impl<K: Kind> Default for Fields<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Kind> Fields<K> {
    /// No rows yet.
    pub fn new() -> Self {
        Self { rows: Vec::new() }
    }

    fn row(mut self, name: &'static str, rule: Rule<K>, want: Want<K>, have: Have<K>) -> Self {
        let row = Row {
            name,
            rule,
            want,
            have,
            impact: Impact::None,
            late: false,
            early: false,
            path: None,
            disturbs: &[],
            tell: None,
        };
        self.rows.push(row);
        self
    }

    /// A property that is changed in place.
    #[must_use]
    pub fn update(self, name: &'static str, want: Want<K>, have: Have<K>) -> Self {
        self.row(name, Rule::Update, want, have)
    }

    /// A property that AWS fixes at creation.
    #[must_use]
    pub fn replace(self, name: &'static str, want: Want<K>, have: Have<K>) -> Self {
        self.row(name, Rule::Replace, want, have)
    }

    /// A property used at creation only and never compared.
    #[must_use]
    pub fn seed(self, name: &'static str) -> Self {
        self.row(name, Rule::Seed, |_, _| Said::Nothing, |_| Said::Nothing)
    }

    /// A set, or a table by key, whose elements come and go one by one: what is added is built, what
    /// is dropped is retired.
    #[must_use]
    pub fn set(self, name: &'static str, want: Want<K>, have: Have<K>) -> Self {
        self.row(name, Rule::Set, want, have)
    }

    /// A property whose change means now this, now that.
    #[must_use]
    pub fn decide(
        self,
        name: &'static str,
        want: Want<K>,
        have: Have<K>,
        decide: Decide<K>,
    ) -> Self {
        self.row(name, Rule::Decide(decide), want, have)
    }

    /// A change of the row before has this impact.
    #[must_use]
    pub fn impact(mut self, impact: Impact) -> Self {
        if let Some(row) = self.rows.last_mut() {
            row.impact = impact;
        }
        self
    }

    /// The row before is compared by a digest: a plan says these words in its place.
    #[must_use]
    pub fn tell(mut self, want: TellWant<K>, have: TellHave<K>) -> Self {
        if let Some(row) = self.rows.last_mut() {
            row.tell = Some((want, have));
        }
        self
    }

    /// The row before is late: set after what it names exists, cleared before deletion.
    #[must_use]
    pub fn late(mut self) -> Self {
        if let Some(row) = self.rows.last_mut() {
            row.late = true;
        }
        self
    }

    /// The row before is early: being ready waits for it, as a certificate waits for the record that
    /// proves its name. It is set as soon as the resource exists.
    #[must_use]
    pub fn early(mut self) -> Self {
        if let Some(row) = self.rows.last_mut() {
            row.early = true;
        }
        self
    }

    /// Requests go on to what the row before names. A change of it waits until that can answer.
    #[must_use]
    pub fn leads(self) -> Self {
        self.on_path(Path::Leads)
    }

    /// The row before puts the resource behind what it names: a listener before its balancer's targets.
    #[must_use]
    pub fn serves(self) -> Self {
        self.on_path(Path::Serves)
    }

    fn on_path(mut self, path: Path) -> Self {
        if let Some(row) = self.rows.last_mut() {
            row.path = Some(path);
        }
        self
    }

    /// A change of the row before makes these outputs unknown until it is done.
    #[must_use]
    pub fn disturbs(mut self, outputs: &'static [&'static str]) -> Self {
        if let Some(row) = self.rows.last_mut() {
            row.disturbs = outputs;
        }
        self
    }

    /// What the rows say, in order.
    pub fn facts(&self) -> Vec<RowFacts> {
        let facts = |row: &Row<K>| RowFacts {
            name: row.name,
            on_change: match row.rule {
                Rule::Update => "update",
                Rule::Replace => "replace",
                Rule::Seed => "seed",
                Rule::Set => "set",
                Rule::Decide(_) => "depends",
            },
            impact: row.impact,
            late: row.late,
            early: row.early,
            path: row.path,
            disturbs: row.disturbs,
        };
        self.rows.iter().map(facts).collect()
    }

    /// All differences between what is wanted and what is live.
    pub fn diff(&self, want: &K::Spec, have: &K::Live, known: &Known) -> Vec<FieldChange> {
        let mut changes = Vec::new();
        for row in &self.rows {
            row.diff(want, have, known, &mut changes);
        }
        changes
    }

    /// What a creation will say, row by row; what AWS chooses is left out.
    pub fn creation(&self, want: &K::Spec, known: &Known) -> Vec<FieldChange> {
        let said = |row: &Row<K>| match (row.want)(want, known) {
            Said::Nothing | Said::Value(Value::Null) => None,
            Said::Value(Value::String(text)) if text.is_empty() => None,
            Said::Value(Value::Object(map)) if map.is_empty() => None,
            Said::Value(Value::Array(list)) if list.is_empty() => None,
            want => Some(row.change(Effect::Update, Said::Nothing, want)),
        };
        let told = |row: &Row<K>| {
            let told = row.tell.map(|(tell, _)| Told {
                have: String::new(),
                want: tell(want),
            });
            Some(FieldChange { told, ..said(row)? })
        };
        self.rows.iter().filter_map(told).collect()
    }
}

impl<K: Kind> Row<K> {
    fn change(&self, effect: Effect, have: Said, want: Said) -> FieldChange {
        FieldChange {
            impact: self.impact,
            late: self.late,
            early: self.early,
            disturbs: self.disturbs,
            ..FieldChange::new(self.name, effect, have, want)
        }
    }

    fn diff(&self, want: &K::Spec, have: &K::Live, known: &Known, into: &mut Vec<FieldChange>) {
        if matches!(self.rule, Rule::Seed) {
            return;
        }
        let (said, seen) = ((self.want)(want, known), (self.have)(have));
        if said == Said::Nothing || said == seen {
            return;
        }
        let from = into.len();
        match &self.rule {
            Rule::Seed => {}
            Rule::Update => into.push(self.change(Effect::Update, seen, said)),
            Rule::Replace => into.push(self.change(Effect::Replace, seen, said)),
            Rule::Set => self.set_diff(&seen, &said, into),
            Rule::Decide(decide) => {
                let mut loses = None;
                let (effect, impact) = match decide(want, have) {
                    Verdict::Same => return,
                    Verdict::Update(impact) => (Effect::Update, impact),
                    Verdict::Lose(loss, impact) => {
                        loses = Some(loss);
                        (Effect::Update, impact)
                    }
                    Verdict::Replace => (Effect::Replace, self.impact),
                    Verdict::Next(note) => (Effect::Next(note), Impact::None),
                    Verdict::Refuse(why) => (Effect::Refuse(why), Impact::None),
                };
                into.push(FieldChange {
                    impact,
                    loses,
                    ..self.change(effect, seen, said)
                });
            }
        }
        if let Some((tell_want, tell_have)) = self.tell {
            for change in &mut into[from..] {
                let (have, want) = (tell_have(have), tell_want(want));
                change.told = Some(Told { have, want });
            }
        }
    }

    /// Up to three changes: what is added, what differs under the same key, what is dropped.
    fn set_diff(&self, seen: &Said, said: &Said, into: &mut Vec<FieldChange>) {
        let Said::Value(wanted) = said else {
            into.push(self.change(Effect::Grow, seen.clone(), said.clone()));
            return;
        };
        let wanted = keyed(wanted);
        let had = seen.value().map(keyed).unwrap_or_default();
        let pick = |from: &Map<String, Value>, keep: &dyn Fn(&String, &Value) -> bool| {
            from.iter()
                .filter(|(key, value)| keep(key, value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect::<Map<_, _>>()
        };
        let added = pick(&wanted, &|key, _| !had.contains_key(key));
        let dropped = pick(&had, &|key, _| !wanted.contains_key(key));
        let after = pick(&wanted, &|key, new| {
            had.get(key).is_some_and(|old| old != new)
        });
        let before = pick(&had, &|key, _| after.contains_key(key));
        if !added.is_empty() {
            into.push(self.change(Effect::Grow, Said::Nothing, Said::Value(added.into())));
        }
        if !after.is_empty() {
            let (before, after) = (Said::Value(before.into()), Said::Value(after.into()));
            into.push(self.change(Effect::Update, before, after));
        }
        if !dropped.is_empty() {
            into.push(self.change(Effect::Shrink, Said::Value(dropped.into()), Said::Nothing));
        }
    }
}

/// A list of names as a table, so that both forms of a set compare alike.
fn keyed(value: &Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map.clone(),
        Value::Array(items) => {
            let name = |item: &Value| match item {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            items.iter().map(|item| (name(item), Value::Null)).collect()
        }
        _ => Map::new(),
    }
}

/// What happens to a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Changed in place.
    Update,
    /// The resource is replaced for it.
    Replace,
    /// Elements are added.
    Grow,
    /// Elements are dropped.
    Shrink,
    /// Nothing now; the text says when.
    Next(&'static str),
    /// It cannot be done; the text says what can.
    Refuse(String),
}

/// One difference of one property.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The property.
    pub field: &'static str,
    /// What happens to it.
    pub effect: Effect,
    /// What AWS says; of a set only the elements concerned.
    pub have: Said,
    /// What the TOML says; of a set only the elements concerned.
    pub want: Said,
    /// What it does to people.
    pub impact: Impact,
    /// Whether the property is late.
    pub late: bool,
    /// Whether being ready waits for it.
    pub early: bool,
    /// Outputs unknown until it is done.
    pub disturbs: &'static [&'static str],
    /// What is lost with it, which must be consented to.
    pub loses: Option<Loss>,
    /// What people are told in place of the values, where those are digests.
    pub told: Option<Told>,
}

/// A difference in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What is live.
    pub have: String,
    /// What is wanted.
    pub want: String,
}

impl FieldChange {
    /// A difference that nobody notices and nothing is lost by.
    pub fn new(field: &'static str, effect: Effect, have: Said, want: Said) -> Self {
        Self {
            field,
            effect,
            have,
            want,
            impact: Impact::None,
            late: false,
            early: false,
            disturbs: &[],
            loses: None,
            told: None,
        }
    }

    /// Whether it is made in place, without replacing anything.
    pub fn is_in_place(&self) -> bool {
        matches!(self.effect, Effect::Update | Effect::Grow | Effect::Shrink)
    }

    /// Whether being ready waits for this change.
    pub fn is_early(&self) -> bool {
        self.early && self.is_in_place()
    }
}

/// What one call of [`Kind::update`] is to change.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    changes: &'a [FieldChange],
}

impl<'a> Part<'a> {
    /// These changes and nothing else.
    pub fn new(changes: &'a [FieldChange]) -> Self {
        Self { changes }
    }

    /// Whether `field` changes at all.
    pub fn has(&self, field: &str) -> bool {
        self.changes.iter().any(|change| change.field == field)
    }

    /// Whether one of `fields` changes.
    pub fn has_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.has(field))
    }

    /// The elements to add to the set `field`, or to give another value: by key.
    pub fn added(&self, field: &str) -> Map<String, Value> {
        self.elements(field, |change| match change.effect {
            Effect::Grow | Effect::Update => Some(&change.want),
            _ => None,
        })
    }

    /// The elements whose value changes, with their old values.
    pub fn changed(&self, field: &str) -> Map<String, Value> {
        self.elements(field, |change| match change.effect {
            Effect::Update => Some(&change.have),
            _ => None,
        })
    }

    /// The elements to drop from the set `field`.
    pub fn removed(&self, field: &str) -> Map<String, Value> {
        self.elements(field, |change| match change.effect {
            Effect::Shrink => Some(&change.have),
            _ => None,
        })
    }

    fn elements(&self, field: &str, side: fn(&FieldChange) -> Option<&Said>) -> Map<String, Value> {
        let of_field = self.changes.iter().filter(|change| change.field == field);
        of_field
            .filter_map(side)
            .filter_map(Said::value)
            .flat_map(keyed)
            .collect()
    }

    /// The names of the fields, for messages.
    pub fn fields(&self) -> Vec<&'static str> {
        self.changes.iter().map(|change| change.field).collect()
    }
}
