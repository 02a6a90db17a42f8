//! Every environment at every stage, so that no mistake waits for the day somebody stands there.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// An environment and a stage.
type Place = (Option<String>, Option<String>);

/// How many stacks are rendered at once.
const AT_ONCE: usize = 4;

/// What there is to tell of one place.
struct Rendered {
    told: Vec<Diagnostic>,
    claims: Claims,
}

/// Renders every environment at every stage, or the one that is asked for. Both answers hold hints; the error holds mistakes.
pub fn validate_all(request: &Request, vocabulary: &dyn Vocabulary) -> Result<Report, Report> {
    guess::begin();
    let mut files = Files::default();
    let mut told = Vec::new();
    let mut claims = Claims::new();
    if let Some(ladder) = ladder::read(&request.folder, vocabulary, &mut files, &mut told) {
        let names = environments(&ladder.header, request);
        // As it stands, too: whether the stage that an environment names is one.
        for (environment, twin) in &names {
            let twin = twin.iter().map(|twin| Some(twin.clone()));
            for environment in std::iter::once(environment.clone()).chain(twin) {
                let one = Request {
                    environment,
                    ..request.clone()
                };
                choose(&ladder.header, &one, &mut files, &mut told);
            }
        }
        let stages = stages(&ladder.header, request);
        let mut sources = files.sources.clone();
        let every = Every {
            request,
            vocabulary: &Remembering::of(vocabulary),
            ladder: &ladder,
            files: &files,
        };
        let first = names.iter().map(|(name, _)| name.clone());
        let first = every.at_once(&places(first, &stages), &mut sources);
        let twins = twins(&names, &stages, &first, &sources);
        let second = every.at_once(&twins, &mut sources);
        for rendered in first.into_iter().chain(second) {
            told.extend(rendered.told);
            for (claim, places) in rendered.claims {
                claims.entry(claim).or_default().extend(places);
            }
        }
        files.sources = sources;
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
    /// Renders places side by side; the answers come in their order, their spans placed in `sources`.
    fn at_once(self, places: &[Place], sources: &mut Sources) -> Vec<Rendered> {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = cores.min(AT_ONCE).min(places.len());
        let next = AtomicUsize::new(0);
        let work = || {
            let mut files = self.files.clone();
            let mut done = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = places.get(number) else {
                    return (files.sources, done);
                };
                done.push((number, self.render(place, &mut files)));
            }
        };
        let ended: Vec<(Sources, Vec<(usize, Rendered)>)> = if workers < 2 {
            vec![work()]
        } else {
            thread::scope(|scope| {
                let started: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
                let ended = started.into_iter().map(thread::ScopedJoinHandle::join);
                let ended = ended.map(|one| one.unwrap_or_else(|panic| resume_unwind(panic)));
                ended.collect()
            })
        };
        let mut all: Vec<(usize, Rendered)> = Vec::new();
        for (own, done) in ended {
            sources.adopt_all(&own);
            let mut place = |at: Span| sources.adopt(&own, at);
            let placed = done.into_iter();
            all.extend(placed.map(|(number, one)| (number, one.placed(&mut place))));
        }
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, rendered)| rendered).collect()
    }

    fn render(self, (environment, stage): &Place, files: &mut Files) -> Rendered {
        let (mut told, mut claims) = (Vec::new(), Claims::new());
        let one = Request {
            environment: environment.clone(),
            stage: stage.clone(),
            ..self.request.clone()
        };
        let (ladder, words) = (self.ladder, self.vocabulary);
        let stack = load_with(ladder, &one, words, files, &mut told, Breadth::Stage);
        if let Some(stack) = stack {
            claim(&stack, words, &mut claims);
        }
        Rendered { told, claims }
    }
}

impl Rendered {
    /// The same with its spans in other sources.
    fn placed(self, place: &mut impl FnMut(Span) -> Span) -> Self {
        let told = self.told.into_iter();
        let told = told.map(|one| one.placed(&mut *place)).collect();
        let mut claims = self.claims;
        for places in claims.values_mut() {
            for at in places.values_mut() {
                *at = place(*at);
            }
        }
        Self { told, claims }
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
    let names = names.into_iter().flatten();
    names
        .flat_map(|(name, twin)| [name, twin])
        .flatten()
        .collect()
}

/// Names of environments, each with another that fits the same pattern, if it is one.
fn environments(header: &Header, request: &Request) -> Vec<(Option<String>, Option<String>)> {
    match &request.environment {
        Some(name) => vec![(Some(name.clone()), None)],
        None if header.environments.is_empty() => vec![(None, None)],
        None => {
            let patterns = header.environments.keys();
            let names = patterns.map(|pattern| samples(pattern));
            names.map(|(name, twin)| (Some(name), twin)).collect()
        }
    }
}

fn stages(header: &Header, request: &Request) -> Vec<Option<String>> {
    match &request.stage {
        Some(stage) => vec![Some(stage.clone())],
        None if header.stages.is_empty() => vec![None],
        None => {
            let names = header.stages.iter().map(|(name, _)| name.clone());
            names.map(Some).collect()
        }
    }
}

/// Every environment at every stage.
fn places(
    environments: impl Iterator<Item = Option<String>>,
    stages: &[Option<String>],
) -> Vec<Place> {
    let at_all = |environment: Option<String>| {
        let stages = stages.iter().cloned();
        stages.map(move |stage| (environment.clone(), stage))
    };
    environments.flat_map(at_all).collect()
}

/// Where the second name of a pattern is rendered, too: where the first claims a physical name in which it does not
/// occur itself, or may occur for another reason. All others differ as the two environments do.
fn twins(
    names: &[(Option<String>, Option<String>)],
    stages: &[Option<String>],
    first: &[Rendered],
    sources: &Sources,
) -> Vec<Place> {
    let mut places = Vec::new();
    for ((name, twin), rendered) in names.iter().zip(first.chunks(stages.len().max(1))) {
        let (Some(name), Some(twin)) = (name, twin) else {
            continue;
        };
        let written =
            name.len() < 3 || sources.iter().any(|file| file.text.contains(name.as_str()));
        for (stage, rendered) in stages.iter().zip(rendered) {
            let mut claimed = rendered.claims.keys();
            if written || claimed.any(|(_, _, physical)| !physical.contains(name.as_str())) {
                places.push((Some(twin.clone()), stage.clone()));
            }
        }
    }
    places
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
