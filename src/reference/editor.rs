//! The JSON schema of stack files, for editors: Taplo, Even Better TOML and whatever reads draft 2020-12.
//!
//! A kind's own schema says what its table holds once everything is rendered. In a file less is there
//! (a later stage says only what changes) and more may stand: expressions, text from files, the common
//! properties. This turns the one into the other.

use serde_json::{Map, Value, json};
use terrace_aws::lookups::LOOKUPS;
use terrace_core::erased::AnyKind;

use crate::reference::common;
use crate::session::KINDS;

/// Which file a schema is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum File {
    /// Any of them.
    All,
    /// stack.toml.
    Stack,
    /// A stage's file.
    Stage,
    /// module.toml.
    Module,
}

/// An expression, which may stand for any value.
const EXPRESSION: &str = r"\{\{[\s\S]*\}\}";
const NAME: &str = "^[a-z][a-z0-9_]*$";

/// The schema of a file.
pub(crate) fn schema(file: File) -> Value {
    let mut definitions = Map::new();
    let mut tables = Map::new();
    for kind in KINDS.iter() {
        tables.insert(kind.name().to_owned(), kind_tables(kind, &mut definitions));
    }
    tables.insert("existing".to_owned(), existing());
    tables.insert("module".to_owned(), modules());
    tables.insert(
        "outputs".to_owned(),
        said(
            anything(),
            "What other files and `terrace output` see: name = value.",
        ),
    );
    let (title, own) = match file {
        File::All => {
            let mut own = stack_words();
            own.extend(stage_words());
            own.extend(module_words());
            ("A file of a terrace stack", own)
        }
        File::Stack => ("A stack's stack.toml", stack_words()),
        File::Stage => ("A stage of a stack", stage_words()),
        File::Module => ("A module's module.toml", module_words()),
    };
    let mut properties = own;
    properties.extend(tables);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions,
    });
    if file == File::Stack {
        schema["required"] = json!(["name"]);
    }
    schema
}

/// `[kind.name]`: the kind's definition, and a table of them by name.
fn kind_tables(kind: &dyn AnyKind, definitions: &mut Map<String, Value>) -> Value {
    let mut schema = kind.schema().clone();
    let prefix = kind.name();
    if let Some(Value::Object(own)) = schema.get_mut("$defs").map(Value::take) {
        for (name, definition) in own {
            let definition = value(definition, prefix);
            definitions.insert(format!("{prefix}.{name}"), definition);
        }
    }
    let Some(table) = schema.as_object_mut() else {
        return anything();
    };
    for word in ["$defs", "$schema", "title", "required"] {
        table.remove(word);
    }
    let description = table.get("description").cloned().unwrap_or_default();
    let mut common = common::schema()["properties"].take();
    if let Value::Object(common) = &mut common {
        let properties = table.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            common.retain(|name, _| !properties.contains_key(name));
            properties.append(common);
        }
    }
    for (_, property) in table
        .get_mut("properties")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        *property = value(property.take(), prefix);
    }
    definitions.insert(prefix.to_owned(), schema);
    let mut tables = named(&json!({ "$ref": format!("#/$defs/{prefix}") }));
    tables["description"] = description;
    tables
}

/// A table by names that the writer chooses.
fn named(of: &Value) -> Value {
    json!({ "type": "object", "propertyNames": { "pattern": NAME }, "additionalProperties": of })
}

fn anything() -> Value {
    json!({ "type": "object" })
}

fn said(mut schema: Value, about: &str) -> Value {
    schema["description"] = about.into();
    schema
}

/// A schema as it may stand in a file: loosened, and an expression in its place allowed.
fn value(mut schema: Value, prefix: &str) -> Value {
    loosen(&mut schema, prefix, false);
    or_expression(schema)
}

/// Lets an expression stand where something stricter than any string is asked. Most words of a schema
/// speak of one type only, so a string beside a number or a table needs no `anyOf`, and editors can
/// say what is wrong in the table itself.
fn or_expression(mut schema: Value) -> Value {
    let Some(table) = schema.as_object_mut() else {
        return schema;
    };
    if table.get("x-text") == Some(&Value::Bool(true)) && table.contains_key("type") {
        return or_file(schema);
    }
    let strict = ["enum", "const", "pattern", "oneOf"];
    if strict.iter().any(|word| table.contains_key(*word)) {
        return or_else(schema);
    }
    let types: Vec<Value> = match table.get("type") {
        Some(Value::String(one)) => vec![one.as_str().into()],
        Some(Value::Array(all)) => all.clone(),
        _ => return schema,
    };
    if types.iter().all(|of| of != "string") {
        let types: Vec<Value> = types.into_iter().chain(["string".into()]).collect();
        table.insert("type".to_owned(), types.into());
        table.insert("pattern".to_owned(), EXPRESSION.into());
    }
    schema
}

/// The same where only `anyOf` can say it. What is said of the property stays outside, where editors
/// look for it.
fn or_else(mut schema: Value) -> Value {
    let Some(table) = schema.as_object_mut() else {
        return schema;
    };
    let mut outside = Map::new();
    let said = |word: &&String| {
        word.starts_with("x-")
            || ["description", "default", "examples", "title"].contains(&word.as_str())
    };
    let words: Vec<String> = table.keys().filter(said).cloned().collect();
    for word in words {
        outside.extend(table.remove(&word).map(|said| (word, said)));
    }
    let expression = json!({ "type": "string", "pattern": EXPRESSION });
    outside.insert("anyOf".to_owned(), json!([schema, expression]));
    Value::Object(outside)
}

/// Text, or a file that holds it: as it stands, or rendered.
fn or_file(mut schema: Value) -> Value {
    if let Some(table) = schema.as_object_mut() {
        table.insert("type".to_owned(), json!(["string", "object"]));
        let properties = json!({
            "file": text("A file beside this one, taken as it stands."),
            "template": text("A file beside this one, rendered."),
            "with": said(anything(), "What the template sees beside `var` and `stack`."),
        });
        table.insert("properties".to_owned(), properties);
        table.insert("additionalProperties".to_owned(), false.into());
        table.insert("minProperties".to_owned(), 1.into());
    }
    schema
}

/// Takes out what a file need not say and lets in what it may: below `oneOf` a required key is what
/// tells the choices apart, so it stays there.
fn loosen(schema: &mut Value, prefix: &str, choice: bool) {
    let Some(table) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::String(path)) = table.get_mut("$ref")
        && let Some(name) = path.strip_prefix("#/$defs/")
    {
        *path = format!("#/$defs/{prefix}.{name}");
    }
    if !choice {
        table.remove("required");
    }
    if let Some(Value::Array(types)) = table.get_mut("type") {
        types.retain(|of| of != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            table.insert("type".to_owned(), one);
        }
    }
    if table.get("default").is_some_and(Value::is_null) {
        table.remove("default");
    }
    if let Some(Value::Object(properties)) = table.get_mut("properties") {
        for (_, property) in properties.iter_mut() {
            *property = value(property.take(), prefix);
        }
        properties.entry("when").or_insert_with(|| {
            let when =
                json!({ "type": "boolean", "description": "Whether this table is there at all." });
            or_expression(when)
        });
    }
    for word in ["additionalProperties", "items"] {
        if let Some(below) = table.get_mut(word).filter(|below| below.is_object()) {
            *below = value(below.take(), prefix);
        }
    }
    // `null` is how Rust says "absent", which TOML has no word for.
    if let Some(Value::Array(ways)) = table.get_mut("anyOf") {
        ways.retain(|way| way["type"] != "null");
        if let [Value::Object(only)] = ways.as_mut_slice() {
            let only = std::mem::take(only);
            table.remove("anyOf");
            for (word, said) in only {
                table.entry(word).or_insert(said);
            }
            return loosen(schema, prefix, choice);
        }
    }
    for word in ["anyOf", "allOf", "oneOf"] {
        for way in table
            .get_mut(word)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if word == "oneOf" {
                loosen(way, prefix, true);
            } else {
                *way = value(way.take(), prefix);
            }
        }
    }
}

/// `[existing.kind.name]`.
fn existing() -> Value {
    let kinds = KINDS.iter().map(AnyKind::name);
    let lookups = LOOKUPS.iter().map(|(name, _)| *name);
    let one = |name: &str| {
        let filter = json!({ "type": ["string", "number", "boolean"] });
        let table = json!({ "type": "object", "additionalProperties": filter });
        (name.to_owned(), named(&table))
    };
    json!({
        "type": "object",
        "description": "What is looked up and not ours: exactly one live resource has these properties.",
        "properties": kinds.chain(lookups).map(one).collect::<Map<_, _>>(),
        "additionalProperties": false,
    })
}

/// `[module.name]`.
fn modules() -> Value {
    let common = common::schema();
    let word = |name: &str| value(common["properties"][name].clone(), "");
    let module = json!({
        "type": "object",
        "properties": {
            "source": { "type": "string", "description": "The folder of its module.toml, from this file." },
            "for_each": word("for_each"),
            "when": word("when"),
            "tags": word("tags"),
            "region": word("region"),
        },
    });
    said(
        named(&module),
        "A module: `source`, and its inputs beside it.",
    )
}

fn text(about: &str) -> Value {
    said(json!({ "type": "string" }), about)
}

fn account() -> Value {
    said(
        json!({ "type": "string", "pattern": "^[0-9]{12}$" }),
        "The account's 12 digits: terrace refuses to run anywhere else.",
    )
}

fn words<const N: usize>(all: [(&str, Value); N]) -> Map<String, Value> {
    all.into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

fn stack_words() -> Map<String, Value> {
    let duration = json!({ "type": "string", "pattern": "^[0-9]+[smhd]$", "examples": ["8h"] });
    let environment = json!({
        "type": "object",
        "properties": {
            "stage": text("The stage it stands on, where that is not the stack's."),
            "account": account(),
            "region": text("Its region, where that is not the stack's."),
            "ttl": said(duration, "How long it lives; `terrace sweep` tears it down once this has passed."),
            "ephemeral": said(json!({ "type": "boolean" }), "Nothing in it is worth keeping."),
            "variables": said(anything(), "Variables in place of the stack's."),
        },
        "additionalProperties": false,
    });
    let environments = json!({
        "type": "object",
        "propertyNames": { "pattern": r"^[a-z*][a-z0-9*-]*$" },
        "additionalProperties": environment,
    });
    words([
        (
            "name",
            said(
                json!({ "type": "string", "pattern": "^[a-z][a-z0-9-]{0,39}$" }),
                "The stack's name, in tags and names for good.",
            ),
        ),
        ("about", text("What it is for.")),
        ("account", account()),
        (
            "region",
            said(
                json!({ "type": "string", "examples": ["eu-west-3"] }),
                "The home region.",
            ),
        ),
        (
            "stages",
            said(
                json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true }),
                "The ladder, lowest first: each is a file beside this one, without `.toml`.",
            ),
        ),
        ("stage", text("The stage it stands on: raise it to grow.")),
        (
            "variables",
            said(
                anything(),
                "Variables and their defaults: `{{ var.name }}`.",
            ),
        ),
        (
            "tags",
            said(
                json!({ "type": "object", "additionalProperties": { "type": "string" } }),
                "Tags of everything in the stack.",
            ),
        ),
        (
            "environments",
            said(
                environments,
                "Isolated copies of the stack; `pr-*` is a pattern.",
            ),
        ),
        (
            "moved",
            said(
                json!({ "type": "object", "additionalProperties": { "type": "string" } }),
                "What modules, and the stack itself, were called before.",
            ),
        ),
        (
            "lock",
            said(
                json!({
                    "type": "object",
                    "properties": {
                        "wait": text("How long a run waits while another holds the lock: `10m`. No time if it is left out."),
                    },
                    "additionalProperties": false,
                }),
                "How the stack is locked.",
            ),
        ),
        ("soak", text(SOAK)),
    ])
}

const SOAK: &str = "How long what a move takes away lives on after traffic has left it: `24h`.";

fn stage_words() -> Map<String, Value> {
    let loss = common::schema()["properties"]["allow"].take();
    let removal = json!({
        "type": "object",
        "properties": { "address": { "type": "string" }, "allow": loss, "soak": text(SOAK) },
        "required": ["address"],
        "additionalProperties": false,
    });
    words([
        ("about", text("What this stage is for.")),
        ("soak", text(SOAK)),
        (
            "remove",
            said(
                json!({ "type": "array", "items": { "anyOf": [{ "type": "string" }, removal] } }),
                "What this stage takes out, by address.",
            ),
        ),
    ])
}

fn module_words() -> Map<String, Value> {
    let kinds: Vec<&str> = KINDS.iter().map(AnyKind::name).chain(["cidr"]).collect();
    let kind = json!({ "type": "string", "examples": kinds });
    let input = json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "enum": ["string", "int", "float", "bool", "list", "table", "text"] },
            "kind": {
                "description": "It is a reference to this kind, or to one of these.",
                "anyOf": [kind, { "type": "array", "items": kind }],
            },
            "many": said(json!({ "type": "boolean" }), "It is a list of references."),
            "default": { "description": "What counts where the caller says nothing." },
            "optional": said(json!({ "type": "boolean" }), "It may be absent: `none` then."),
            "about": text("What it is for."),
        },
        "additionalProperties": false,
    });
    words([
        ("about", text("What the module is for.")),
        (
            "inputs",
            said(named(&input), "What the caller says: `{{ input.name }}`."),
        ),
    ])
}
