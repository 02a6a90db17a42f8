//! The properties of a kind, as its JSON schema tells them.

use serde_json::Value;

/// What a table's key stands for where the writer of the TOML chooses it.
pub(crate) const ANY: &str = "<name>";

/// One property, with all that stands below it.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    /// Its name, or [`ANY`].
    pub(crate) name: String,
    /// What it is for.
    pub(crate) about: String,
    /// What may be written: "string", "list of references to `subnet`".
    pub(crate) form: String,
    /// It must be there.
    pub(crate) required: bool,
    /// What counts where it is absent.
    pub(crate) default: Option<Value>,
    /// How it may read.
    pub(crate) examples: Vec<Value>,
    /// The words that may stand here, each with what it means.
    pub(crate) words: Vec<(String, String)>,
    /// `update`, `replace`, `seed`, `set` or `depends`; of a kind's own properties only.
    pub(crate) on_change: Option<String>,
    /// The impact of a change, where there is any.
    pub(crate) impact: Option<String>,
    /// Set after what it names exists.
    pub(crate) late: bool,
    /// It may hold what is known only once other resources are there.
    pub(crate) later: bool,
    /// What stands below it.
    pub(crate) below: Vec<Property>,
}

impl Property {
    /// The property of a table at a path whose user-chosen keys have any name.
    pub(crate) fn find<'a>(all: &'a [Self], path: &[&str]) -> Result<&'a Self, Missing<'a>> {
        let [first, rest @ ..] = path else {
            return Err(Missing { at: 0, among: all });
        };
        let named = all.iter().find(|property| property.name == *first);
        let any = all.iter().find(|property| property.name == ANY);
        let Some(found) = named.or(any) else {
            return Err(Missing { at: 0, among: all });
        };
        if rest.is_empty() {
            return Ok(found);
        }
        Self::find(&found.below, rest).map_err(|missing| Missing {
            at: missing.at + 1,
            ..missing
        })
    }

    /// What is to be known of it in a few words: form, need, what a change means.
    pub(crate) fn facts(&self) -> Vec<String> {
        let mut facts = vec![self.form.clone()];
        match &self.default {
            _ if self.required => facts.push("required".to_owned()),
            Some(default) => facts.push(format!("`{}` if absent", toml(default))),
            None if self.on_change.is_some() => facts.push("optional".to_owned()),
            None => {}
        }
        match self.on_change.as_deref() {
            Some("update") => facts.push("changed in place".to_owned()),
            Some("replace") => facts.push("a change replaces the resource".to_owned()),
            Some("seed") => facts.push("used at creation only".to_owned()),
            Some("set") => facts.push("entries are added and dropped one by one".to_owned()),
            Some("depends") => {
                facts.push("what a change does depends on the values".to_owned());
            }
            _ => {}
        }
        if let Some(impact) = &self.impact {
            facts.push(format!("a change means {impact}"));
        }
        if self.late {
            facts.push("set once what it names exists".to_owned());
        }
        if self.later {
            facts.push("may be known later".to_owned());
        }
        facts
    }
}

/// Which part of a path names nothing, and what it might have named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missing<'a> {
    pub(crate) at: usize,
    pub(crate) among: &'a [Property],
}

/// The properties of a schema's table.
pub(crate) fn properties(schema: &Value) -> Vec<Property> {
    Reader { root: schema }.below(&[schema], 0)
}

/// What a schema says it is for.
pub(crate) fn about(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

/// A value as it stands in TOML.
pub(crate) fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(toml).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let entries = map.iter().filter(|(_, value)| !value.is_null());
            let entries: Vec<String> = entries
                .map(|(key, value)| format!("{key} = {}", toml(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// Circles in schemas end here; nobody reads deeper.
const DEEPEST: usize = 6;

struct Reader<'v> {
    root: &'v Value,
}

impl<'v> Reader<'v> {
    /// A schema and all that may stand in its place, `null` aside.
    fn variants(&self, schema: &'v Value) -> Vec<&'v Value> {
        let mut all = Vec::new();
        self.gather(schema, &mut all);
        all
    }

    fn gather(&self, schema: &'v Value, all: &mut Vec<&'v Value>) {
        if all.iter().any(|known| std::ptr::eq(*known, schema)) || schema["type"] == "null" {
            return;
        }
        all.push(schema);
        let target = schema["$ref"]
            .as_str()
            .and_then(|path| path.strip_prefix('#'));
        if let Some(target) = target.and_then(|path| self.root.pointer(path)) {
            self.gather(target, all);
        }
        for word in ["anyOf", "oneOf", "allOf"] {
            schema[word]
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|one| self.gather(one, all));
        }
    }

    /// What stands below any of these schemas.
    fn below(&self, schemas: &[&'v Value], depth: usize) -> Vec<Property> {
        let mut found: Vec<Property> = Vec::new();
        if depth > DEEPEST {
            return found;
        }
        let variants: Vec<&Value> = schemas.iter().flat_map(|one| self.variants(one)).collect();
        // Of several tables one is written, and what that must have is not what all must have.
        let choice = |schema: &&Value| schema["x-choice"] == true && schema["oneOf"].is_array();
        let choice = variants.iter().any(choice);
        for schema in variants {
            let required = |name: &str| {
                schema["required"]
                    .as_array()
                    .is_some_and(|all| !choice && all.iter().any(|one| one == name))
            };
            let own = schema["properties"].as_object().into_iter().flatten();
            let own = own.map(|(name, schema)| (name.as_str(), schema, required(name)));
            let patterns = schema["patternProperties"]
                .as_object()
                .into_iter()
                .flatten();
            let patterns = patterns.map(|(_, schema)| schema);
            let other = Some(&schema["additionalProperties"]).filter(|other| other.is_object());
            let any = patterns.chain(other).map(|schema| (ANY, schema, false));
            for (name, schema, required) in own.chain(any) {
                if found.iter().all(|property| property.name != name) {
                    found.push(self.property(name, schema, required, depth));
                }
            }
            if schema["items"].is_object() {
                let items = self.below(&[&schema["items"]], depth + 1);
                found.extend(items);
            }
        }
        found
    }

    fn property(&self, name: &str, schema: &'v Value, required: bool, depth: usize) -> Property {
        let variants = self.variants(schema);
        let first = |word: &str| {
            variants
                .iter()
                .map(|one| &one[word])
                .find(|one| !one.is_null())
        };
        let says = |word: &str| variants.iter().any(|one| one[word] == true);
        let text = |word: &str| first(word).and_then(Value::as_str).map(str::to_owned);
        let impact = schema["x-impact"]
            .as_str()
            .filter(|impact| *impact != "no impact");
        Property {
            name: name.to_owned(),
            about: text("description").unwrap_or_default(),
            form: self.form(schema, false),
            required,
            default: first("default").cloned(),
            examples: first("examples")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
            words: words(&variants),
            on_change: schema["x-on-change"].as_str().map(str::to_owned),
            impact: impact.map(str::to_owned),
            late: schema["x-late"] == true,
            later: says("x-later"),
            below: self.below(&[schema], depth + 1),
        }
    }

    /// What may be written, as a noun: `many` of it, or one.
    fn form(&self, schema: &'v Value, many: bool) -> String {
        let mut forms: Vec<String> = Vec::new();
        let variants = self.variants(schema);
        let wrapped = |schema: &Value| {
            ["$ref", "anyOf", "oneOf", "allOf"]
                .iter()
                .any(|word| !schema[*word].is_null())
        };
        for schema in variants.into_iter().filter(|schema| !wrapped(schema)) {
            for form in self.plain(schema, many) {
                if !forms.contains(&form) {
                    forms.push(form);
                }
            }
        }
        if forms.is_empty() {
            return if many { "values" } else { "value" }.to_owned();
        }
        forms.join(" or ")
    }

    fn plain(&self, schema: &'v Value, many: bool) -> Vec<String> {
        let noun = |one: &str, several: &str| if many { several } else { one }.to_owned();
        if let Some(kinds) = schema["x-ref"].as_array() {
            return vec![format!(
                "{} {}",
                noun("reference to", "references to"),
                kinds_of(kinds)
            )];
        }
        if schema["x-text"] == true {
            return vec![noun("text", "texts")];
        }
        if !schema["const"].is_null() {
            return vec![noun("word", "words")];
        }
        if !schema["enum"].is_null() {
            return vec![noun("word", "words")];
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let form = |of: &str| match of {
            "string" if is_duration(schema) => Some(noun("duration", "durations")),
            "string" => Some(noun("string", "strings")),
            "integer" => Some(format!(
                "{}{}",
                noun("whole number", "whole numbers"),
                range(schema)
            )),
            "number" => Some(noun("number", "numbers")),
            "boolean" => Some(noun("true or false", "booleans")),
            "array" => {
                let items = self.form(&schema["items"], true);
                Some(format!("{} of {items}", noun("list", "lists")))
            }
            "object" => Some(self.table(schema, many)),
            _ => None,
        };
        types.into_iter().filter_map(form).collect()
    }

    fn table(&self, schema: &'v Value, many: bool) -> String {
        let noun = if many { "tables" } else { "table" };
        match &schema["additionalProperties"] {
            Value::Object(_) if schema["properties"].is_null() => {
                match self.form(&schema["additionalProperties"], true).as_str() {
                    "tables" => format!("{noun} by name"),
                    form => format!("{noun} of {form} by name"),
                }
            }
            _ => noun.to_owned(),
        }
    }
}

fn is_duration(schema: &Value) -> bool {
    schema["pattern"]
        .as_str()
        .is_some_and(|pattern| pattern.contains("[smhd]"))
}

fn kinds_of(kinds: &[Value]) -> String {
    let names: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
    if names.contains(&"*") {
        return "anything".to_owned();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" or ")
}

fn range(schema: &Value) -> String {
    // Bounds that only say how the number is kept are no news.
    let bound = |word: &str| {
        schema[word]
            .as_i64()
            .filter(|bound| bound.unsigned_abs() < 1 << 31)
    };
    match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) if least != 0 => format!(" from {least}"),
        (None, Some(most)) => format!(" up to {most}"),
        _ => String::new(),
    }
}

/// The words of an enumeration, whichever way it is written.
fn words(variants: &[&Value]) -> Vec<(String, String)> {
    let mut words = Vec::new();
    for schema in variants {
        let about = schema["description"].as_str().unwrap_or_default();
        if let Some(word) = schema["const"].as_str() {
            words.push((word.to_owned(), about.to_owned()));
        }
        let several = schema["enum"].as_array().into_iter().flatten();
        words.extend(
            several
                .filter_map(Value::as_str)
                .map(|word| (word.to_owned(), String::new())),
        );
    }
    words
}
