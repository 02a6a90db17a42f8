//! Every environment at every stage, so that no mistake waits for the day somebody stands there.

use std::collections::BTreeMap;

use super::diagnostic::{Diagnostic, Report, Severity};
use super::environment::{choose, samples};
use super::files::Files;
use super::guess;
use super::header::Header;
use super::ladder;
use super::load::{Breadth, Request, load_with};
use super::span::Span;
use super::stack::Stack;
use super::vocabulary::Vocabulary;

/// Who says a physical name: environment to place.
type Claims = BTreeMap<(Option<String>, String, String), BTreeMap<String, Span>>;

/// Renders every environment at every stage, or the one that is asked for. Both answers hold hints; the error holds mistakes.
pub fn validate_all(request: &Request, vocabulary: &dyn Vocabulary) -> Result<Report, Report> {
    guess::begin();
    let mut files = Files::default();
    let mut told = Vec::new();
    let mut claims = Claims::new();
    let ladder = ladder::read(&request.folder, vocabulary, &mut files, &mut told);
    // As it stands, too: whether the stage that an environment names is one.
    if let Some(ladder) = &ladder {
        for environment in environments(&ladder.header, request) {
            choose(
                &ladder.header,
                &Request {
                    environment,
                    ..request.clone()
                },
                &mut files,
                &mut told,
            );
        }
    }
    for (environment, stage) in ladder
        .iter()
        .flat_map(|ladder| runs(&ladder.header, request))
    {
        let one = Request {
            environment,
            stage,
            ..request.clone()
        };
        let stack = load_with(&one, vocabulary, &mut files, &mut told, Breadth::Stage);
        if let Some(stack) = stack {
            claim(&stack, vocabulary, &mut claims);
        }
    }
    if told.iter().all(|one| one.severity != Severity::Error) {
        told.extend(shared(&claims));
    }
    let report = Report::new(files.sources, told);
    if report.errors() == 0 {
        Ok(report)
    } else {
        Err(report)
    }
}

/// The environments that a stack declares, in their order; of a pattern some that fit it. None if it
/// declares none, or cannot be read, which [`super::load`] says.
pub fn environment_names(request: &Request, vocabulary: &dyn Vocabulary) -> Vec<String> {
    let ladder = ladder::read(
        &request.folder,
        vocabulary,
        &mut Files::default(),
        &mut Vec::new(),
    );
    let header = ladder.map(|ladder| ladder.header);
    let names = header.map(|header| environments(&header, request));
    names.into_iter().flatten().flatten().collect()
}

fn environments(header: &Header, request: &Request) -> Vec<Option<String>> {
    match &request.environment {
        Some(name) => vec![Some(name.clone())],
        None if header.environments.is_empty() => vec![None],
        None => header
            .environments
            .keys()
            .flat_map(|pattern| samples(pattern))
            .map(Some)
            .collect(),
    }
}

/// Which environments, at which stages.
fn runs(header: &Header, request: &Request) -> Vec<(Option<String>, Option<String>)> {
    let environments = environments(header, request);
    let stages: Vec<Option<String>> = match &request.stage {
        Some(stage) => vec![Some(stage.clone())],
        None if header.stages.is_empty() => vec![None],
        None => header
            .stages
            .iter()
            .map(|(name, _)| Some(name.clone()))
            .collect(),
    };
    environments
        .iter()
        .flat_map(|environment| {
            stages
                .iter()
                .map(|stage| (environment.clone(), stage.clone()))
        })
        .collect()
}

fn claim(stack: &Stack, vocabulary: &dyn Vocabulary, claims: &mut Claims) {
    for resource in stack.resources.values() {
        for name in vocabulary.physical(&resource.kind, &resource.table) {
            let at = resource
                .table
                .get("name")
                .map_or(resource.at, |name| name.at);
            let claim = claims
                .entry((stack.account.clone(), resource.kind.clone(), name))
                .or_default();
            claim.entry(stack.environment.clone()).or_insert(at);
        }
    }
}

fn shared(claims: &Claims) -> Vec<Diagnostic> {
    let several = claims
        .iter()
        .filter(|(_, environments)| environments.len() > 1);
    let told = several.filter_map(|((_, kind, name), environments)| {
        let at = environments.values().next()?;
        let names: Vec<&String> = environments.keys().take(3).collect();
        let text = format!(
            "the environments {} would share this {kind}: `{name}`",
            guess::list(&names)
        );
        let help = "make the environment a part of the name: {{ stack.environment }}";
        Some(Diagnostic::error(*at, text).help(help))
    });
    told.collect()
}
