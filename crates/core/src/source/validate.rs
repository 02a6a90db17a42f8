//! Every environment at every stage, so that no mistake waits for the day somebody stands there.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

use super::diagnostic::{Diagnostic, Report, Severity};
use super::environment::{choose, samples};
use super::files::Files;
use super::guess;
use super::header::Header;
use super::ladder::{self, Ladder};
use super::load::{Breadth, Request, load_with};
use super::remember::Remembering;
use super::span::{Sources, Span};
use super::stack::Stack;
use super::vocabulary::Vocabulary;

/// Who says a physical name: environment to place.
type Claims = BTreeMap<(Option<String>, String, String), BTreeMap<String, Span>>;

/// An environment, and the stages at which it is rendered.
type Run = (Option<String>, Vec<Option<String>>);

/// How many environments are rendered at once: each holds a whole stack.
const AT_ONCE: usize = 4;

/// What one environment has to tell.
struct Rendered {
    sources: Sources,
    told: Vec<Diagnostic>,
    claims: Claims,
}

/// Renders every environment at every stage, or the one that is asked for. Both answers hold hints; the error holds mistakes.
pub fn validate_all(request: &Request, vocabulary: &dyn Vocabulary) -> Result<Report, Report> {
    let mut files = Files::default();
    let mut told = Vec::new();
    let mut claims = Claims::new();
    if let Some(ladder) = ladder::read(&request.folder, vocabulary, &mut files, &mut told) {
        let runs = runs(&ladder.header, request);
        // As it stands, too: whether the stage that an environment names is one.
        for (environment, _) in &runs {
            let one = Request {
                environment: environment.clone(),
                ..request.clone()
            };
            choose(&ladder.header, &one, &mut files, &mut told);
        }
        let every = Every {
            request,
            vocabulary: &Remembering::of(vocabulary),
            ladder: &ladder,
            files: &files,
        };
        for rendered in every.at_once(&runs) {
            let sources = &mut files.sources;
            let mut place = |at: Span| sources.adopt(&rendered.sources, at);
            let here = rendered.told.into_iter();
            told.extend(here.map(|one| one.placed(&mut place)));
            for (claim, mut places) in rendered.claims {
                places.values_mut().for_each(|at| *at = place(*at));
                claims.entry(claim).or_default().extend(places);
            }
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

/// What every environment is rendered from.
#[derive(Clone, Copy)]
struct Every<'a> {
    request: &'a Request,
    vocabulary: &'a Remembering<'a>,
    ladder: &'a Ladder,
    files: &'a Files,
}

impl Every<'_> {
    /// Renders environments side by side; the answers come in their order.
    fn at_once(self, runs: &[Run]) -> Vec<Rendered> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = cores.min(AT_ONCE).min(runs.len());
        if workers < 2 {
            return runs.iter().map(|run| self.render(run)).collect();
        }
        let share = |worker: usize| {
            move || -> Vec<(usize, Rendered)> {
                let mine = runs.iter().enumerate().skip(worker).step_by(workers);
                mine.map(|(place, run)| (place, self.render(run))).collect()
            }
        };
        let mut all: Vec<(usize, Rendered)> = thread::scope(|scope| {
            let started: Vec<_> = (0..workers)
                .map(|worker| scope.spawn(share(worker)))
                .collect();
            let ended = started.into_iter().map(|one| one.join());
            ended
                .flat_map(|one| one.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, rendered)| rendered).collect()
    }

    fn render(self, (environment, stages): &Run) -> Rendered {
        let mut files = self.files.clone();
        let (mut told, mut claims) = (Vec::new(), Claims::new());
        for stage in stages {
            let one = Request {
                environment: environment.clone(),
                stage: stage.clone(),
                ..self.request.clone()
            };
            let (ladder, words) = (self.ladder, self.vocabulary);
            let stack = load_with(ladder, &one, words, &mut files, &mut told, Breadth::Stage);
            if let Some(stack) = stack {
                claim(&stack, words, &mut claims);
            }
        }
        Rendered {
            sources: files.sources,
            told,
            claims,
        }
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
fn runs(header: &Header, request: &Request) -> Vec<Run> {
    let stages: Vec<Option<String>> = match &request.stage {
        Some(stage) => vec![Some(stage.clone())],
        None if header.stages.is_empty() => vec![None],
        None => {
            let names = header.stages.iter().map(|(name, _)| name.clone());
            names.map(Some).collect()
        }
    };
    let environments = environments(header, request).into_iter();
    environments
        .map(|environment| (environment, stages.clone()))
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
