//! A folder becomes a stack: files, stages, one environment, rendered resources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use minijinja::Value;

use super::cycle;
use super::diagnostic::{Diagnostic, Report, Severity};
use super::environment::{Choice, choose};
use super::fault::Fault;
use super::files::Files;
use super::guess;
use super::hints;
use super::ladder::{self, Ladder};
use super::later::Known;
use super::node::Node;
use super::regions;
use super::shape::Shape;
use super::shares;
use super::span::{Sources, Span};
use super::stack::{Existing, Resource, Stack};
use super::vocabulary::Vocabulary;
use super::world::{Cx, World};
use super::zones;
use crate::address::Address;
use crate::hashed::{HashMap, HashSet, IndexMap};

/// Which stack, in which environment, at which stage.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The folder with `stack.toml`.
    pub folder: PathBuf,
    /// The environment, if one is named.
    pub environment: Option<String>,
    /// A stage instead of the one the stack stands on.
    pub stage: Option<String>,
    /// Variables instead of those in the files: name and text.
    pub variables: Vec<(String, String)>,
    /// It is for the sandbox.
    pub sandbox: bool,
}

/// A stack, and the files it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The files.
    pub sources: Sources,
    /// The stack.
    pub stack: Stack,
}

/// Loads a stack; on a mistake the answer is all mistakes.
pub fn load(request: &Request, vocabulary: &dyn Vocabulary) -> Result<Loaded, Report> {
    guess::begin();
    let mut files = Files::default();
    let mut told = Vec::new();
    let ladder = ladder::read(&request.folder, vocabulary, &mut files, &mut told);
    let stack = ladder.and_then(|ladder| {
        load_with(
            &ladder,
            request,
            vocabulary,
            &mut files,
            &mut told,
            Breadth::Ladder,
        )
    });
    let report = Report::new(files.sources, told);
    match stack {
        Some(mut stack) if report.errors() == 0 => {
            stack.notes = report.diagnostics;
            Ok(Loaded {
                sources: report.sources,
                stack,
            })
        }
        _ => Err(report),
    }
}

/// Whether the other stages are looked at, too.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Breadth {
    /// They are: a plan must know what only they name.
    Ladder,
    /// They are not: they get their turn.
    Stage,
}

/// The same with a ladder that is read already.
pub(crate) fn load_with(
    ladder: &Ladder,
    request: &Request,
    vocabulary: &dyn Vocabulary,
    files: &mut Files,
    told: &mut Vec<Diagnostic>,
    breadth: Breadth,
) -> Option<Stack> {
    let choice = choose(&ladder.header, request, files, told)?;
    let mut stack = stack_of(ladder, &choice);
    let since = match breadth {
        Breadth::Ladder => name_other_stages(ladder, &choice, vocabulary, files, told, &mut stack),
        Breadth::Stage => HashMap::default(),
    };
    let names: Vec<String> = ladder
        .header
        .stages
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    let mut world = World::new(
        vocabulary,
        files,
        &choice,
        &names,
        choice.stage,
        &ladder.listings,
    );
    fill(&mut world, ladder, &mut stack);
    stack.off = world.off();
    for (address, stage) in since {
        if let Some(resource) = stack.resources.get_mut(&address) {
            resource.since = Some(stage);
        }
    }
    shares::shares(&mut world, &stack);
    regions::regions(&mut world, &stack);
    zones::zones(&mut world, &stack);
    let failed = world.told.iter().any(|one| one.severity == Severity::Error);
    if !failed {
        hints::hints(&mut world, &stack);
    }
    let bad = stack
        .resources
        .values()
        .filter(|resource| resource.table.is_bad());
    world.failed.extend(bad.map(|resource| resource.at));
    told.extend(world.finish_telling());
    Some(stack)
}

fn stack_of(ladder: &Ladder, choice: &Choice) -> Stack {
    let header = &ladder.header;
    Stack {
        name: header.name.clone(),
        about: header.about.clone(),
        account: choice.account.clone(),
        region: choice.region.clone(),
        environment: choice.environment.clone(),
        stage: header
            .stages
            .get(choice.stage)
            .map(|(name, _)| name.clone()),
        stages: header.stages.iter().map(|(name, _)| name.clone()).collect(),
        abouts: ladder.abouts.clone(),
        ttl: choice.ttl,
        ephemeral: choice.ephemeral,
        tags: IndexMap::default(),
        lock_wait: header.lock_wait,
        soak: soak(ladder, choice),
        resources: IndexMap::default(),
        existing: IndexMap::default(),
        outputs: IndexMap::default(),
        above: IndexMap::default(),
        named: BTreeSet::new(),
        guards: HashMap::default(),
        places: BTreeMap::new(),
        off: Vec::new(),
        removals: ladder
            .removals
            .iter()
            .take(choice.stage + 1)
            .flatten()
            .cloned()
            .collect(),
        moved: header.moved.clone(),
        formerly: header.formerly.clone(),
        notes: Vec::new(),
    }
}

/// The last stage up to the chosen one that says `soak`, else the stack's own.
fn soak(ladder: &Ladder, choice: &Choice) -> Option<std::time::Duration> {
    let stages = ladder.soaks.iter().take(choice.stage + 1);
    stages
        .rev()
        .copied()
        .flatten()
        .next()
        .or(ladder.header.soak)
}

/// What the other stages name: addresses, and what they guard by `confirm`. Answers which stage brought each.
fn name_other_stages(
    ladder: &Ladder,
    choice: &Choice,
    vocabulary: &dyn Vocabulary,
    files: &mut Files,
    told: &mut Vec<Diagnostic>,
    stack: &mut Stack,
) -> HashMap<Address, String> {
    let (mut sofar, mut since) = (BTreeSet::new(), HashMap::default());
    let names: Vec<String> = ladder
        .header
        .stages
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    for (index, name) in names.iter().enumerate() {
        let mut world = World::new(vocabulary, files, choice, &names, index, &ladder.listings);
        let here = world.everything_in(0);
        add_places(&mut world, stack);
        if index > choice.stage {
            for guard in world.guarded() {
                let guards = stack.guards.entry(guard.address.clone()).or_default();
                guards.push((name.clone(), guard));
            }
        }
        told.extend(world.finish_telling());
        if index > choice.stage {
            for address in here.iter().filter(|address| !sofar.contains(*address)) {
                stack.above.insert(address.clone(), name.clone());
            }
        } else {
            let left: HashSet<&Address> = here.iter().collect();
            since.retain(|address, _| left.contains(address));
            for address in &here {
                let stage = since.entry(address.clone());
                stage.or_insert_with(|| name.clone());
            }
        }
        sofar.extend(here);
    }
    stack.named = sofar;
    since
}

fn add_places(world: &mut World<'_>, stack: &mut Stack) {
    for (region, kind) in world.places_in(0) {
        stack.places.entry(region).or_default().insert(kind);
    }
}

/// The resources of the chosen stage.
fn fill(world: &mut World<'_>, ladder: &Ladder, stack: &mut Stack) {
    stack_tags(world, ladder, stack);
    add_places(world, stack);
    let root = Cx::of(0);
    for scope in world.scopes_below(0) {
        world.read_module(scope);
        let listing = world.listing(scope);
        for decl in listing.existing.values() {
            for (address, each) in world.instances(scope, decl) {
                let existing: Existing = world.existing_of(scope, decl, &address, each.as_ref());
                stack.existing.insert(address, existing);
            }
        }
        for decl in listing.resources.values() {
            for (address, each) in world.instances(scope, decl) {
                let resource = world.resource_of(scope, decl, &address, each.as_ref());
                stack.named.insert(address.clone());
                stack.resources.insert(address, resource);
            }
        }
    }
    let listing = world.listing(0);
    for (name, (_, raw)) in &listing.outputs {
        if let Some(value) = world.build(&root, raw, &Shape::none()).one() {
            stack.outputs.insert(name.clone(), value);
        }
    }
    cycle::find(world, stack);
    foretell(world, stack);
    for resource in stack.resources.values() {
        let key = (resource.kind.clone(), resource.address.name.clone());
        let scope = world.scope_at(&resource.address.modules).unwrap_or(0);
        let first = world
            .listing(scope)
            .resources
            .get(&key)
            .is_some_and(|decl| decl.first == decl.last && decl.first > 0);
        world.judge(resource, first);
    }
}

fn stack_tags(world: &mut World<'_>, ladder: &Ladder, stack: &mut Stack) {
    let raw = Node::new(
        Span::NOWHERE,
        super::node::Is::Table(ladder.header.tags.clone()),
    );
    let tags = world.common_tags(&Cx::of(0).loading(), &raw);
    stack.tags = tags
        .iter()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    world.scopes[0].tags = tags;
}

/// Puts in what follows from the specs alone, round after round: a name may be made of another's name.
fn foretell(world: &mut World<'_>, stack: &mut Stack) {
    let mut known: HashMap<Address, IndexMap<String, Value>> = HashMap::default();
    let wanted = wanted(stack);
    let mut news: Vec<Address> = wanted.iter().cloned().collect();
    while !news.is_empty() {
        for address in news.drain(..) {
            let Some(resource) = stack.resources.get(&address) else {
                continue;
            };
            let identity = stack.identity(&resource.common);
            known.insert(
                address.clone(),
                world
                    .vocabulary
                    .foretell(&identity, &address, &resource.kind, &resource.table),
            );
        }
        let told = |address: &Address, output: &str| known.get(address)?.get(output).cloned();
        for (address, resource) in &mut stack.resources {
            if count_open(resource) == 0 {
                continue;
            }
            let mut faults = Vec::new();
            if settle(resource, &told, &mut faults) && wanted.contains(address) {
                news.push(address.clone());
            }
            for fault in faults {
                world.fault(fault, resource.at);
            }
        }
    }
    let told = |address: &Address, output: &str| known.get(address)?.get(output).cloned();
    let mut faults = Vec::new();
    stack
        .outputs
        .retain(|_, value| match value.settle_all(&told, &mut faults) {
            Some(settled) => {
                *value = settled;
                true
            }
            None => false,
        });
    for fault in faults {
        world.fault(fault, Span::NOWHERE);
    }
}

/// Whose outputs are used anywhere: of the rest nothing need be foretold.
fn wanted(stack: &Stack) -> BTreeSet<Address> {
    let mut wanted = BTreeSet::new();
    let mut look = |node: &Node| node.each_later(&mut |later, _| wanted.extend(later.needs()));
    for resource in stack.resources.values() {
        look(&resource.table);
        resource.common.tags.values().for_each(&mut look);
    }
    stack.outputs.values().for_each(look);
    wanted
}

/// Puts in what is known; whether that made a difference.
fn settle(resource: &mut Resource, known: &Known<'_>, faults: &mut Vec<Fault>) -> bool {
    let before = count_open(resource);
    if let Some(table) = resource.table.settle_all(known, faults) {
        resource.table = table;
    }
    resource
        .common
        .tags
        .retain(|_, tag| match tag.settle_all(known, faults) {
            Some(settled) => {
                *tag = settled;
                true
            }
            None => false,
        });
    count_open(resource) < before
}

fn count_open(resource: &Resource) -> usize {
    let mut open = 0;
    resource.table.each_later(&mut |_, _| open += 1);
    resource
        .common
        .tags
        .values()
        .for_each(|tag| tag.each_later(&mut |_, _| open += 1));
    open
}
