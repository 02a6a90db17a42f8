//! Carrying a plan out: a ready-queue over its graph, without waves.
//!
//! A step starts when what it needs is done, longest remaining path first. A failure stops what
//! needs it and nothing else.

mod gate;
mod spares;
mod worker;

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::atomic::{self, AtomicBool};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::address::Address;
use crate::erased::{AnyHand, AnyLive};
use crate::error::{CloudError, ErrorClass};
use crate::inventory::{FoundAny, Inventory};
use crate::known::Known;
use crate::mutex::lock;
use crate::plan::{Action, Plan, Step};
use crate::planner::Kinds;
use crate::source::Stack;

use self::worker::Worker;

/// What apply needs of the world outside: hands, time, and whether to stop.
pub trait World: Send + Sync {
    /// The hand of a kind, in a region other than home if one is named.
    fn hand(&self, kind: &str, region: Option<&str>) -> Option<Arc<dyn AnyHand>>;

    /// Waits before looking again; `attempt` counts from 0. False: patience is at an end, measured
    /// by the minutes that the wait typically takes.
    fn pause(&self, attempt: u32, minutes: f64) -> BoxFuture<'_, bool>;

    /// Waits this many seconds of AWS's time. False: a person asked to stop meanwhile.
    fn rest(&self, seconds: u32) -> BoxFuture<'_, bool>;

    /// Runs the work of one step under its address, for the doors to AWS.
    fn within<'a>(&'a self, address: &Address, work: BoxFuture<'a, End>) -> BoxFuture<'a, End>;

    /// Is told what was just made: it may not be seen everywhere yet.
    fn made(&self, _id: &str) {}

    /// Whether a person asked to stop: no step starts any more, no readiness is waited for.
    fn stopped(&self) -> bool;

    /// The time as `yyyymmddhhmm`.
    fn stamp(&self) -> String;

    /// The time in RFC 3339.
    fn now(&self) -> String;
}

/// How a step ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Done.
    Done,
    /// AWS, or we, refused.
    Failed(CloudError),
    /// Not started: a step that it needs did not end well; that step's number.
    Skipped(usize),
    /// Not started: a person must confirm first.
    Held,
    /// Not started, or its wait was dropped: a person asked to stop, or AWS takes no call of ours any more.
    Stopped,
}

/// What happens while a plan is carried out.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A step starts.
    Started(usize, &'a Step),
    /// A step waits; the text says for what.
    Waiting(usize, &'a Step, &'a str),
    /// A step has ended.
    Ended(usize, &'a Step, &'a End),
}

/// What came of a plan.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How each step ended, by its number.
    pub ends: Vec<End>,
    /// The outputs of all resources as they are now.
    pub known: Known,
}

impl Outcome {
    /// Whether everything that was to be done is done; what is held aside.
    pub fn is_complete(&self) -> bool {
        self.ends
            .iter()
            .all(|end| matches!(end, End::Done | End::Held))
    }

    /// Whether something waits for a person.
    pub fn is_held(&self) -> bool {
        self.ends.iter().any(|end| matches!(end, End::Held))
    }
}

/// All that carrying a plan out works with.
#[derive(Clone, Copy)]
pub struct Apply<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What is wanted; empty of resources for a teardown.
    pub stack: &'a Stack,
    /// What was live when the plan was made.
    pub inventory: &'a Inventory,
    /// The kinds.
    pub kinds: Kinds,
    /// The world outside.
    pub world: &'a dyn World,
    /// Part of every client token: what tells this life of the stack from one that was torn down. May be empty.
    pub life: &'a str,
    /// Is told all that happens.
    pub observe: &'a (dyn Fn(Event<'_>) + Sync),
}

impl Apply<'_> {
    /// Carries the plan out.
    pub async fn run(&self) -> Outcome {
        let state = State::new(self);
        let mut ends = self.queue(&state).await;
        self.retire_spares(&state, &mut ends).await;
        let known = lock(&state.known).clone();
        Outcome { ends, known }
    }

    async fn queue(&self, state: &State) -> Vec<End> {
        let steps = &self.plan.steps;
        let remaining = self.plan.remaining();
        let mut ends: Vec<Option<End>> = vec![None; steps.len()];
        let mut waits: Vec<usize> = steps.iter().map(|step| step.needs.len()).collect();
        let mut followers: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
        for (index, step) in steps.iter().enumerate() {
            for need in &step.needs {
                followers[*need].push(index);
            }
        }
        let next = |index: usize| Next {
            remaining: remaining[index],
            index,
        };
        let mut ready: BinaryHeap<Next> = (0..steps.len())
            .filter(|index| waits[*index] == 0)
            .map(next)
            .collect();
        let mut running = FuturesUnordered::new();
        let mut busy: HashSet<&Address> = HashSet::new();
        let mut started: HashSet<usize> = HashSet::new();
        loop {
            let mut finished = Vec::new();
            let mut waiting = Vec::new();
            while let Some(Next { index, .. }) = ready.pop() {
                if let Some(end) = self.before(index, &ends, state) {
                    finished.push((index, end));
                } else if self.changes(index) && !busy.insert(&steps[index].address) {
                    // One change of a resource at a time: each goes on from what the last one left.
                    waiting.push(next(index));
                } else {
                    if self.changes(index) {
                        started.insert(index);
                    }
                    running.push(self.start(index, state));
                }
            }
            ready.extend(waiting);
            if finished.is_empty() {
                match running.next().await {
                    Some(end) => finished.push(end),
                    None => break,
                }
            }
            for (index, end) in finished {
                if started.remove(&index) {
                    busy.remove(&steps[index].address);
                }
                (self.observe)(Event::Ended(index, &steps[index], &end));
                ends[index] = Some(end);
                for follower in &followers[index] {
                    waits[*follower] -= 1;
                    if waits[*follower] == 0 {
                        ready.push(next(*follower));
                    }
                }
            }
        }
        ends.into_iter()
            .map(|end| end.unwrap_or(End::Stopped))
            .collect()
    }

    /// Whether a step changes a resource that stays.
    fn changes(&self, index: usize) -> bool {
        let action = &self.plan.steps[index].action;
        !matches!(
            action,
            Action::Delete(_)
                | Action::Unprotect
                | Action::Clear(_)
                | Action::Leave(_)
                | Action::Soak(_)
                | Action::WaitGone
        )
    }

    /// How a step ends without being started, if it does.
    fn before(&self, index: usize, ends: &[Option<End>], state: &State) -> Option<End> {
        let step = &self.plan.steps[index];
        if step.held.is_some() {
            return Some(End::Held);
        }
        for need in &step.needs {
            match &ends[*need] {
                Some(End::Failed(_)) => return Some(End::Skipped(*need)),
                Some(End::Skipped(origin)) => return Some(End::Skipped(*origin)),
                Some(End::Stopped) => return Some(End::Stopped),
                Some(End::Held) => return Some(End::Held),
                Some(End::Done) | None => {}
            }
        }
        self.is_over(state).then_some(End::Stopped)
    }

    /// Whether nothing more begins.
    fn is_over(&self, state: &State) -> bool {
        self.world.stopped() || state.over.load(atomic::Ordering::Relaxed)
    }

    async fn start(&self, index: usize, state: &State) -> (usize, End) {
        let step = &self.plan.steps[index];
        (self.observe)(Event::Started(index, step));
        let work = async move {
            let worker = Worker {
                apply: self,
                state,
                index,
                step,
            };
            match worker.work().await {
                Ok(end) => end,
                Err(error) => {
                    let over = error.class == ErrorClass::Caller;
                    state.over.fetch_or(over, atomic::Ordering::Relaxed);
                    End::Failed(error)
                }
            }
        };
        let end = self.world.within(&step.address, work.boxed()).await;
        (index, end)
    }
}

/// A step that may start: the longest way to the end first.
struct Next {
    remaining: f64,
    index: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        let longer = self.remaining.total_cmp(&other.remaining);
        // Of equals the one that the plan names first.
        longer.then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next {}

/// What is known as the steps end.
struct State {
    known: Mutex<Known>,
    live: Mutex<HashMap<Address, AnyLive>>,
    /// Whether AWS has said that it takes no call of ours.
    over: AtomicBool,
}

impl State {
    fn new(apply: &Apply<'_>) -> Self {
        let mut known = Known::default();
        for (address, found) in &apply.inventory.existing {
            known.put(address.clone(), found.live.outputs().clone());
        }
        let steps = apply.plan.steps.iter();
        let leaving: HashSet<(&str, &str)> = steps
            .filter(|step| matches!(step.action, Action::Delete(_) | Action::Soak(_)))
            .filter_map(|step| step.live.as_ref())
            .map(|live| (live.kind(), live.id()))
            .collect();
        let goes = |found: &FoundAny| leaving.contains(&(found.live.kind(), found.live.id()));
        for (address, found) in apply.inventory.standing(goes) {
            known.put(address.clone(), found.live.outputs().clone());
        }
        // Of what is still to be made only that is known which follows from its spec: never what its
        // predecessor was.
        for step in &apply.plan.steps {
            if let (Action::Create { mark, .. }, Some(spec)) = (&step.action, &step.spec) {
                let kind = apply.kinds.get(step.kind);
                let told = kind
                    .map(|kind| kind.foretell(spec, mark))
                    .unwrap_or_default();
                known.put(step.address.clone(), told);
            }
        }
        Self {
            known: Mutex::new(known),
            live: Mutex::new(HashMap::new()),
            over: AtomicBool::new(false),
        }
    }

    /// What is known now of these.
    fn known<'a>(&self, of: impl IntoIterator<Item = &'a Address>) -> Known {
        lock(&self.known).only(of)
    }

    fn publish(&self, address: &Address, live: &AnyLive) {
        lock(&self.known).put(address.clone(), live.outputs().clone());
        lock(&self.live).insert(address.clone(), live.clone());
    }
}
