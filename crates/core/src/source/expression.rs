//! Expressions in strings: which names they use, and what they answer.

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{
    Environment, Error, ErrorKind, Expression, Output, State, UndefinedBehavior, Value,
};

use super::bounds;
use super::fault::Fault;
use super::functions;
use crate::hashed::{HashMap, HashSet};

/// How much an expression may compute before it is stopped.
const FUEL: u64 = 200_000;

/// What a string says besides plain text.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Study {
    /// The expression that is the whole string.
    pub(crate) alone: Option<String>,
    /// The names it uses, as paths, shorter ones first.
    pub(crate) names: Vec<Vec<String>>,
    /// Whether the string is one name and nothing else: its value passes through as it stands.
    pub(crate) is_path: bool,
}

/// For strings in TOML: `{{ }}` and nothing else is special.
static STRINGS: LazyLock<Environment<'static>> =
    LazyLock::new(|| environment("\u{1}{%", "\u{1}%}"));

static FUNCTIONS: LazyLock<HashSet<String>> =
    LazyLock::new(|| STRINGS.globals().map(|(name, _)| name.to_owned()).collect());

/// An environment for template files: `{% %}` too.
pub(crate) fn for_files() -> Environment<'static> {
    environment("{%", "%}")
}

fn environment(block: &'static str, end: &'static str) -> Environment<'static> {
    let mut environment = Environment::new();
    // Comments are off: the default marks open one at the shell's `${#list[@]}`.
    let syntax = SyntaxConfig::builder()
        .block_delimiters(block, end)
        .comment_delimiters("\u{1}{#", "\u{1}#}")
        .keep_trailing_newline(true)
        .build();
    if let Ok(syntax) = syntax {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(64);
    environment.set_debug(true);
    environment.set_formatter(print);
    functions::add(&mut environment);
    environment
}

/// Nothing is converted: only what reads as text by itself may stand in a text.
fn refuse(value: &Value) -> Result<(), Error> {
    let wrong = |text: &str| Err(Error::new(ErrorKind::InvalidOperation, text.to_owned()));
    match value.kind() {
        ValueKind::Undefined => Err(Error::new(ErrorKind::UndefinedError, "")),
        ValueKind::None => wrong("`none` cannot stand in a text: give it an `else`"),
        ValueKind::Seq | ValueKind::Iterable => {
            wrong("a list cannot stand in a text: write `| join(\", \")` or `json(..)`")
        }
        ValueKind::Map => wrong("a table cannot stand in a text: write `json(..)`"),
        ValueKind::Plain => wrong("a resource cannot stand in a text: write one of its outputs"),
        _ => Ok(()),
    }
}

fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    refuse(value)?;
    minijinja::escape_formatter(out, state, value)
}

/// Whether a string holds an expression.
pub(crate) fn is_expression(text: &str) -> bool {
    text.contains("{{")
}

/// What a string says; `None` if it is plain text.
pub(crate) fn study(text: &str) -> Result<Option<Study>, Fault> {
    if !is_expression(text) {
        return Ok(None);
    }
    if let Some(why) = unwieldy(text) {
        return Err(
            Fault::says(why).help("a long text belongs in a file: { template = \"boot.sh\" }")
        );
    }
    let template = STRINGS
        .template_from_str(text)
        .map_err(|error| words(&error))?;
    let alone = alone(text).map(str::to_owned);
    let mut names: Vec<Vec<String>> = template
        .undeclared_variables(true)
        .into_iter()
        .chain(selves(text))
        .map(|path| path.split('.').map(str::to_owned).collect::<Vec<_>>())
        .filter(|path| !is_function(&path[0]))
        .collect();
    names.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    names.dedup();
    let is_path = alone.as_deref().is_some_and(is_path);
    Ok(Some(Study {
        alone,
        names,
        is_path,
    }))
}

/// Whether a name is one of the functions that every expression has.
pub(crate) fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(name)
}

fn is_path(text: &str) -> bool {
    text.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The inside of a string that is exactly one `{{ }}`.
fn alone(text: &str) -> Option<&str> {
    let (inside, after) = split(text.strip_prefix("{{")?)?;
    after.is_empty().then_some(inside)
}

/// The insides of every `{{ }}` in a string.
fn insides(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some((_, start)) = rest.split_once("{{") {
        let Some((inside, after)) = split(start) else {
            break;
        };
        all.push(inside);
        rest = after;
    }
    all
}

/// What stands before the `}}` that ends an expression, and after it. Quotes and braces of its own do not end it.
fn split(text: &str) -> Option<(&str, &str)> {
    let (inside, after) = split_at(text, "}}")?;
    Some((inside.trim_matches('-').trim(), after))
}

fn split_at<'t>(text: &'t str, close: &str) -> Option<(&'t str, &'t str)> {
    let mut quote = None;
    let mut escaped = false;
    let mut depth = 0_i32;
    for (index, c) in text.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '{' => depth += 1,
            None if c == '}' && depth > 0 => depth -= 1,
            None if text[index..].starts_with(close) => {
                return Some((&text[..index], &text[index + close.len()..]));
            }
            _ => {}
        }
    }
    None
}

/// The names that begin with `self`: a template has a `self` of its own and does not count them.
fn selves(text: &str) -> Vec<String> {
    let compiled = insides(text)
        .into_iter()
        .filter_map(|inside| STRINGS.compile_expression(inside).ok());
    let names = compiled.flat_map(|expression| expression.undeclared_variables(true));
    names
        .filter(|name| name == "self" || name.starts_with("self."))
        .collect()
}

/// What a string answers: an expression alone keeps its type, everything else is text.
pub(crate) fn answer(text: &str, alone: Option<&str>, context: &Value) -> Result<Value, Fault> {
    let result = match alone {
        Some(alone) => evaluate(alone, context),
        None => spell(text, context).map(Value::from),
    };
    let value = result.map_err(|error| words(&error))?;
    if value.as_str().is_some_and(|text| text.len() > bounds::TEXT) {
        return Err(Fault::says(bounds::too_long()));
    }
    Ok(value)
}

/// Why a text is not even looked at for its expressions: the reader of them goes as deep as one of them is long, and
/// as there are blocks.
pub(crate) fn unwieldy(text: &str) -> Option<String> {
    let (mut at, mut blocks) = (0, 0);
    let opens = |rest: &str| {
        let found = ["{{", "{%"].iter().filter_map(|open| rest.find(open));
        found.min()
    };
    while let Some(open) = opens(&text[at..]) {
        let start = at + open;
        let is_block = text[start..].starts_with("{%");
        let inside = &text[start + 2..];
        let after = if is_block {
            split_at(inside, "%}")
        } else {
            split_at(inside, "}}")
        };
        let end = after.map_or(text.len(), |(_, after)| text.len() - after.len());
        if end - start > bounds::EXPRESSION {
            let most = bounds::EXPRESSION;
            return Some(format!("an expression has {most} characters at most"));
        }
        blocks += usize::from(is_block);
        if blocks > bounds::BLOCKS {
            let most = bounds::BLOCKS;
            return Some(format!("a template has {most} blocks at most"));
        }
        at = end;
    }
    None
}

thread_local! {
    /// Expressions that were met before: one is read for each key, in each environment, at each stage.
    static COMPILED: RefCell<HashMap<String, Arc<Expression<'static, 'static>>>> = RefCell::default();
}

fn evaluate(expression: &str, context: &Value) -> Result<Value, Error> {
    let known = COMPILED.with_borrow(|compiled| compiled.get(expression).cloned());
    let compiled = if let Some(compiled) = known {
        compiled
    } else {
        let compiled = Arc::new(STRINGS.compile_expression_owned(expression.to_owned())?);
        COMPILED.with_borrow_mut(|all| all.insert(expression.to_owned(), Arc::clone(&compiled)));
        compiled
    };
    let value = compiled.eval(context.clone())?;
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, expression.to_owned()));
    }
    Ok(value)
}

/// A text with its expressions answered. That is all there is to a template without blocks and comments.
fn spell(text: &str, context: &Value) -> Result<String, Error> {
    if text.contains("{{-") || text.contains("-}}") {
        return STRINGS.render_str(text, context.clone());
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, start)) = rest.split_once("{{") {
        let Some((inside, after)) = split(start) else {
            break;
        };
        out.push_str(before);
        let value = evaluate(inside, context)?;
        refuse(&value)?;
        let _ = write!(out, "{value}");
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// An expression without a value.
pub(crate) fn without_else() -> Fault {
    Fault::says("the expression has no value")
        .help("an `if` without `else` has none when its condition is false: add `else none` to leave it out")
}

/// What the engine says, in our words.
pub(crate) fn words(error: &Error) -> Fault {
    let detail = error.detail().unwrap_or_default();
    let part = error
        .range()
        .and_then(|range| error.template_source()?.get(range))
        .unwrap_or_default()
        .trim();
    let part = if part.is_empty() { detail } else { part };
    match error.kind() {
        ErrorKind::SyntaxError => {
            let source = error.template_source().unwrap_or_default();
            Fault::says(format!("this expression does not read: {detail}"))
                .help(readable(detail, source))
        }
        ErrorKind::UndefinedError if part.is_empty() || part.contains(" if ") => without_else(),
        ErrorKind::UndefinedError => Fault::says(format!("`{part}` has no value")),
        ErrorKind::UnknownFilter => Fault::says(format!("there is no such filter: {detail}")),
        ErrorKind::UnknownFunction => Fault::says(format!("there is no such function: {detail}"))
            .help("the functions are `cidrsubnet`, `json` and `all`"),
        ErrorKind::WriteFailure => Fault::says(bounds::too_long()),
        ErrorKind::OutOfFuel => Fault::says("this expression computes too long"),
        _ if detail.is_empty() => Fault::says(format!("this expression fails: {}", error.kind())),
        _ => Fault::says(detail.to_owned()),
    }
}

/// How an expression that does not read could.
fn readable(detail: &str, source: &str) -> &'static str {
    let digit = source.as_bytes().windows(3).any(|three| {
        three[0].is_ascii_alphanumeric() && three[1] == b'.' && three[2].is_ascii_digit()
    });
    if digit {
        return "a key that begins with a digit stands in brackets: subnet.public[\"1a\"].id";
    }
    let is = |start: &str| detail.starts_with(start);
    if is("unexpected end of input") && detail.contains("variable block") {
        "an expression ends with `}}`"
    } else if is("unexpected end of input") {
        "each `{% if .. %}` ends with `{% endif %}`, each `{% for .. %}` with `{% endfor %}`"
    } else if is("unexpected end of block") {
        "write `{% if var.big %} .. {% endif %}`, or `{% for one in var.list %} .. {% endfor %}`"
    } else if is("unexpected end of string") {
        "a text in an expression ends with the quote that it begins with"
    } else if is("unexpected end of variable block") || is("unexpected `}`") {
        "something is missing before `}}`: a value, or a bracket that closes"
    } else {
        "an expression reads like {{ var.size }}, {{ cidrsubnet(var.cidr, 4, 0) }} or {{ 2 if var.big else 1 }}"
    }
}
