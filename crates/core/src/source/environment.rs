//! Which environment, which stage, which variables.

use minijinja::Value;

use super::diagnostic::Diagnostic;
use super::expression;
use super::files::Files;
use super::guess;
use super::header::{Environment, Header, is_stack_name};
use super::later::Branch;
use super::load::Request;
use super::node::{Is, Node, Table};
use super::parse;
use super::span::Span;
use crate::hashed::IndexMap;

/// What was chosen: one environment at one stage.
pub(crate) struct Choice {
    pub(crate) environment: String,
    pub(crate) account: Option<String>,
    pub(crate) region: String,
    pub(crate) ttl: Option<std::time::Duration>,
    pub(crate) ephemeral: bool,
    /// The stage's number; 0 for a stack of one file.
    pub(crate) stage: usize,
    /// `stack` as expressions see it.
    pub(crate) stack: IndexMap<String, Value>,
    /// `var` as expressions see it.
    pub(crate) variables: IndexMap<String, Value>,
}

/// A name that stands for an environment: its own, or two of a pattern, which must not meet either.
pub(crate) fn samples(pattern: &str) -> (String, Option<String>) {
    if pattern.contains('*') {
        let (one, other) = (pattern.replace('*', "0"), pattern.replace('*', "1"));
        return (one, Some(other));
    }
    (pattern.to_owned(), None)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() > start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

/// Chooses.
pub(crate) fn choose(
    header: &Header,
    request: &Request,
    files: &mut Files,
    told: &mut Vec<Diagnostic>,
) -> Option<Choice> {
    let whole = files
        .sources
        .file(0)
        .map_or(Span::NOWHERE, |file| file.span(0..0));
    let (name, environment) = named(header, request, told)?;
    let stage = stage(header, request, environment, whole, told);
    let account = environment
        .and_then(|one| one.account.clone())
        .or_else(|| header.account.clone());
    // An emulator has an account of its own; without a pin it is the one that every example uses.
    let account = account.or_else(|| request.sandbox.then(|| "123456789012".to_owned()));
    let region = environment
        .and_then(|one| one.region.clone())
        .or_else(|| header.region.clone());
    let says_region = header.says_region || environment.is_some_and(|one| one.says_region);
    if region.is_none() && !says_region {
        told.push(
            Diagnostic::error(whole, "the stack has no region")
                .help("write region = \"eu-west-3\" at the top"),
        );
    }
    let (stage, region) = (stage?, region?);
    let ttl = environment.and_then(|one| one.ttl.clone());
    let mut stack = IndexMap::default();
    stack.insert("name".to_owned(), Value::from(header.name.as_str()));
    stack.insert("environment".to_owned(), Value::from(name.as_str()));
    stack.insert(
        "account".to_owned(),
        account.as_deref().map_or(Value::UNDEFINED, Value::from),
    );
    stack.insert("region".to_owned(), Value::from(region.as_str()));
    stack.insert(
        "ttl".to_owned(),
        Value::from(ttl.as_ref().map(|(_, text)| text.clone())),
    );
    let ephemeral = environment
        .and_then(|one| one.ephemeral)
        .unwrap_or(ttl.is_some());
    let mut variables = Variables {
        header,
        stack: &stack,
        files,
        told,
    };
    let variables = variables.all(environment, request);
    Some(Choice {
        environment: name,
        account,
        region,
        ttl: ttl.map(|(ttl, _)| ttl),
        ephemeral,
        stage,
        stack,
        variables,
    })
}

fn named<'h>(
    header: &'h Header,
    request: &Request,
    told: &mut Vec<Diagnostic>,
) -> Option<(String, Option<&'h Environment>)> {
    let known: Vec<&str> = header.environments.keys().map(String::as_str).collect();
    let Some(name) = &request.environment else {
        if known.is_empty() {
            return Some(("main".to_owned(), None));
        }
        let diagnostic =
            Diagnostic::error(Span::NOWHERE, "this stack has environments: say which one");
        told.push(diagnostic.help(format!(
            "add --env, or set TERRACE_ENV: {}",
            guess::either(&known)
        )));
        return None;
    };
    if known.is_empty() {
        if name == "main" {
            return Some((name.clone(), None));
        }
        let text = format!("there is no environment `{name}`: this stack declares none");
        told.push(
            Diagnostic::error(Span::NOWHERE, text)
                .help(format!("leave --env out, or add [environments.{name}]")),
        );
        return None;
    }
    if !is_stack_name(name) {
        let text = format!("an environment cannot be called `{name}`");
        told.push(
            Diagnostic::error(Span::NOWHERE, text)
                .help("small letters, digits and `-`, a letter first"),
        );
        return None;
    }
    let fits = header
        .environments
        .iter()
        .filter(|(pattern, _)| matches(pattern, name));
    // A name of its own before a pattern, a narrow pattern before a wide one.
    if let Some((_, environment)) =
        fits.max_by_key(|(pattern, _)| (!pattern.contains('*'), pattern.len()))
    {
        Some((name.clone(), Some(environment)))
    } else {
        let text = format!("there is no environment `{name}`");
        told.push(
            Diagnostic::error(Span::NOWHERE, text).maybe(guess::help(name, known.iter().copied())),
        );
        None
    }
}

fn stage(
    header: &Header,
    request: &Request,
    environment: Option<&Environment>,
    whole: Span,
    told: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let wanted = if let Some(stage) = &request.stage {
        Some((stage.as_str(), Span::NOWHERE))
    } else {
        let own = environment
            .and_then(|one| one.stage.as_ref())
            .or(header.stage.as_ref());
        own.map(|(stage, at)| (stage.as_str(), *at))
    };
    if header.stages.is_empty() {
        if let Some((stage, at)) = wanted {
            let text = format!("there is no stage `{stage}`: this stack is one file");
            told.push(Diagnostic::error(at, text).help("list the stages' files in `stages`"));
            return None;
        }
        return Some(0);
    }
    let Some((stage, at)) = wanted else {
        let diagnostic =
            Diagnostic::error(whole, "the stack does not say on which stage it stands");
        told.push(diagnostic.help(format!(
            "write stage = \"{}\" at the top",
            header.stages[0].0
        )));
        return None;
    };
    let found = header.stages.iter().position(|(name, _)| name == stage);
    if found.is_none() {
        let names = header.stages.iter().map(|(name, _)| name.as_str());
        told.push(
            Diagnostic::error(at, format!("there is no stage `{stage}`"))
                .maybe(guess::help(stage, names)),
        );
    }
    found
}

struct Variables<'a> {
    header: &'a Header,
    stack: &'a IndexMap<String, Value>,
    files: &'a mut Files,
    told: &'a mut Vec<Diagnostic>,
}

impl Variables<'_> {
    /// The defaults, what the environment says instead, and what the command line says instead of both.
    fn all(
        &mut self,
        environment: Option<&Environment>,
        request: &Request,
    ) -> IndexMap<String, Value> {
        let mut chosen: Table = self.header.variables.clone();
        for one in self.header.environments.values() {
            for (name, (at, value)) in &one.variables {
                self.known(name, *at, value);
            }
        }
        for (name, entry) in environment.into_iter().flat_map(|one| &one.variables) {
            if chosen.contains_key(name) {
                chosen.insert(name.clone(), entry.clone());
            }
        }
        for (name, text) in &request.variables {
            if let Some(value) = self.said(name, text) {
                chosen.insert(name.clone(), (value.at, value));
            }
        }
        chosen
            .iter()
            .map(|(name, (_, value))| {
                (name.clone(), self.render(value).unwrap_or(Value::UNDEFINED))
            })
            .collect()
    }

    /// A variable of an environment must be one of the stack's, and of its type.
    fn known(&mut self, name: &str, at: Span, value: &Node) {
        let Some((_, default)) = self.header.variables.get(name) else {
            let text = format!("there is no variable `{name}`");
            let close = guess::close(name, self.header.variables.keys().map(String::as_str));
            let help = close.map_or_else(
                || format!("give it a default: {name} = .. in [variables]"),
                |close| format!("did you mean `{close}`?"),
            );
            self.told.push(Diagnostic::error(at, text).help(help));
            return;
        };
        let open = |node: &Node| node.as_str().is_some_and(expression::is_expression);
        if !open(value) && !open(default) && value.noun() != default.noun() {
            let text = format!("`{name}` is {}, not {}", default.noun(), value.noun());
            self.told
                .push(Diagnostic::error(value.at, text).and(default.at, "its default"));
        }
    }

    /// `--var name=text`, read as the type of the default.
    fn said(&mut self, name: &str, text: &str) -> Option<Node> {
        let number = self.files.add("--var".into(), format!("{name}={text}"));
        let whole = self.files.sources.file(number)?.span(0..name.len());
        let at = self
            .files
            .sources
            .file(number)?
            .span(name.len() + 1..name.len() + 1 + text.len());
        let Some((_, default)) = self.header.variables.get(name) else {
            self.known(name, whole, &Node::string(at, text));
            return None;
        };
        if matches!(default.is, Is::String(_)) {
            return Some(Node::string(at, text));
        }
        let number = self.files.add("--var".into(), text.to_owned());
        let mut value = parse::value(self.files.sources.file(number)?);
        if let (Some(Node { is, .. }), Is::Float(_)) = (&mut value, &default.is)
            && let Is::Integer(number) = is
        {
            // `--var ratio=1` of a variable that is 0.5 by default.
            *is = f64::from(i32::try_from(*number).ok()?).into();
        }
        let noun = default.noun();
        let fits = value.filter(|value| value.noun() == noun);
        if fits.is_none() {
            self.told.push(
                Diagnostic::error(at, format!("`{name}` is {noun}, and `{text}` is not"))
                    .and(default.at, "its default"),
            );
        }
        fits
    }

    fn render(&mut self, node: &Node) -> Option<Value> {
        match &node.is {
            Is::String(text) => self.text(text, node.at),
            Is::Array(items) => Some(
                items
                    .iter()
                    .map(|item| self.render(item))
                    .collect::<Option<Vec<_>>>()?
                    .into(),
            ),
            Is::Table(table) => {
                let entries = table
                    .iter()
                    .map(|(key, (_, value))| Some((key.clone(), self.render(value)?)));
                Some(Value::from_pairs(entries.collect::<Option<Vec<_>>>()?))
            }
            _ => node.to_value(),
        }
    }

    fn text(&mut self, text: &str, at: Span) -> Option<Value> {
        let study = match expression::study(text) {
            Ok(None) => return Some(Value::from(text)),
            Ok(Some(study)) => study,
            Err(fault) => {
                self.told
                    .push(Diagnostic::error(at, fault.to_string()).maybe(fault.help));
                return None;
            }
        };
        let mut context = Branch::default();
        for name in &study.names {
            if name[0] != "stack" {
                let place = self.files.sources.narrow(at, &name.join("."));
                let diagnostic = Diagnostic::error(
                    place,
                    format!("a variable's value cannot use `{}`", name.join(".")),
                );
                self.told.push(
                    diagnostic.help("it may use `stack.name`, `stack.environment` and the like"),
                );
                return None;
            }
            if let Some(diagnostic) = unknown_of_stack(name, self.stack, at, self.files) {
                self.told.push(diagnostic);
                return None;
            }
        }
        context.insert(&["stack".to_owned()], Value::from_pairs(self.stack.clone()));
        match expression::answer(text, study.alone.as_deref(), &context.into_value()) {
            Ok(value) => Some(value),
            Err(fault) => {
                self.told
                    .push(Diagnostic::error(at, fault.to_string()).maybe(fault.help));
                None
            }
        }
    }
}

impl From<f64> for Is {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

/// What is wrong with `stack.something`.
pub(crate) fn unknown_of_stack(
    name: &[String],
    stack: &IndexMap<String, Value>,
    at: Span,
    files: &Files,
) -> Option<Diagnostic> {
    let word = name.get(1)?;
    let place = files.sources.narrow(at, &name.join("."));
    match stack.get(word) {
        Some(value) if value.is_undefined() => {
            let diagnostic = Diagnostic::error(place, format!("this stack has no `{word}`"));
            Some(diagnostic.help(format!("add it to stack.toml: {word} = \"..\"")))
        }
        Some(_) => None,
        None => {
            let diagnostic = Diagnostic::error(place, format!("there is no `stack.{word}`"));
            Some(diagnostic.maybe(guess::help(word, stack.keys().map(String::as_str))))
        }
    }
}
