//! A cloud in memory with three toy kinds, through the same face as AWS's: it refuses what names the
//! absent, refuses to delete what is used, loses answers and dies when told to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terrace_core::address::Address;
use terrace_core::apply::{End, World};
use terrace_core::erased::{AnyHand, AnyKind, Hand, Of};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::{FieldChange, Fields, Part};
use terrace_core::inventory::{Found, Look, Seen};
use terrace_core::kind::{
    About, Class, Create, Kind, Leave, Live, LiveRef, Outputs, Ready, Serving, Swap,
};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, STACK, Tags};
use terrace_core::outputs;
use terrace_core::reference::Ref;
use terrace_core::said::Said;
use terrace_core::words::Words;

/// What is wanted of any toy.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToySpec {
    /// Changed in place.
    pub(crate) size: i64,
    /// Fixed at creation.
    pub(crate) shape: String,
    /// What it stands on; fixed at creation.
    #[serde(default)]
    pub(crate) on: Vec<Ref<(Base, Mid, Top)>>,
    /// What it leads to; moved in place.
    #[serde(default)]
    pub(crate) to: Vec<Ref<(Base, Mid, Top)>>,
    /// What opens it: one that is locked is ready once it has a key.
    #[serde(default)]
    pub(crate) key: String,
    /// Whom it knows; set late, in both directions if need be.
    #[serde(default)]
    pub(crate) friends: Vec<Ref<(Base, Mid, Top)>>,
}

/// The size at which a toy gets no further.
pub(crate) const UNLUCKY: i64 = 13;

/// The key of toys that exist and will never answer anybody.
pub(crate) const DOOMED: &str = "doomed";

/// The shape of toys that exist and answer nobody until they are awake.
pub(crate) const SLEEPY: &str = "sleepy";

/// A toy as the cloud has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ToyLive {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) size: i64,
    pub(crate) shape: String,
    pub(crate) key: String,
    pub(crate) on: Vec<String>,
    pub(crate) to: Vec<String>,
    pub(crate) friends: Vec<String>,
    /// Whether it answers who is led to it: what is sleepy does not at once.
    pub(crate) awake: bool,
}

impl Live for ToyLive {
    fn id(&self) -> &str {
        &self.id
    }

    fn outputs(&self) -> Outputs {
        outputs! { "size" => json!(self.size) }
    }
}

/// What goes wrong, and when: counted in mutations.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// From this mutation on nothing answers, as if the process were killed before it.
    pub(crate) dies_before: Option<usize>,
    /// This mutation is carried out, and then nothing answers.
    pub(crate) dies_after: Option<usize>,
    /// This mutation is carried out, and its answer alone is lost.
    pub(crate) loses: Option<usize>,
    /// This mutation is carried out twice, and the second answer is given.
    pub(crate) doubles: Option<usize>,
    /// Tokens without salt were used for something else: by a call that made nothing, or by one that made
    /// what is wanted.
    pub(crate) spent: Option<Spent>,
}

/// What a spent token was used for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spent {
    InVain,
    ForIt,
}

#[derive(Debug, Default)]
struct State {
    things: BTreeMap<String, (ToyLive, Tags)>,
    next: usize,
    mutations: usize,
    weather: Weather,
    dead: bool,
    /// How often the sleepy ones are looked at before they are awake.
    sleep: usize,
    /// The kinds of which one was looked at by its id.
    looks: Vec<&'static str>,
}

/// The cloud.
#[derive(Debug, Default)]
pub(crate) struct Cloud {
    state: Mutex<State>,
}

fn error(class: ErrorClass, message: impl Into<String>) -> CloudError {
    CloudError::new("toy:Call", class, message)
}

impl Cloud {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on this goes wrong; mutations are counted from nothing again.
    pub(crate) fn weather(&self, weather: Weather) {
        let mut state = self.state();
        state.weather = weather;
        state.mutations = 0;
        state.dead = false;
    }

    /// The sleepy ones are awake once they have been looked at so often.
    pub(crate) fn sleep(&self, looks: usize) {
        self.state().sleep = looks;
    }

    /// How many looks they still sleep for.
    pub(crate) fn sleeping(&self) -> usize {
        self.state().sleep
    }

    /// The kinds of which one was looked at by its id since this was last asked.
    pub(crate) fn looks(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().looks)
    }

    pub(crate) fn mutations(&self) -> usize {
        self.state().mutations
    }

    /// Everything there is, by its marked address (or id): ids replaced by addresses, so that worlds
    /// compare.
    pub(crate) fn world(&self) -> BTreeMap<String, ToyLive> {
        let state = self.state();
        let name = |id: &String| {
            let tags = state.things.get(id).map(|(_, tags)| tags);
            tags.and_then(|tags| tags.get("terrace:id"))
                .unwrap_or(id)
                .clone()
        };
        let names = |ids: &Vec<String>| {
            let mut names: Vec<String> = ids.iter().map(name).collect();
            names.sort();
            names
        };
        let thing = |(id, (live, _)): (&String, &(ToyLive, Tags))| {
            let mut live = live.clone();
            live.id = String::new();
            live.on = names(&live.on);
            live.to = names(&live.to);
            live.friends = names(&live.friends);
            // A twin would hide another: its id tells them apart.
            (format!("{} {}", name(id), state.generation(id)), live)
        };
        state.things.iter().map(thing).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.state().things.len()
    }

    /// Makes something that nobody marked.
    pub(crate) fn stranger(&self, kind: &'static str) -> String {
        let mut state = self.state();
        state.next += 1;
        let id = format!("{kind}-{}", state.next);
        let live = ToyLive {
            id: id.clone(),
            kind,
            size: 1,
            shape: "round".into(),
            key: String::new(),
            on: vec![],
            to: vec![],
            friends: vec![],
            awake: true,
        };
        state.things.insert(id.clone(), (live, Tags::new()));
        id
    }

    fn mutate<T>(&self, mut act: impl FnMut(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.state();
        if state.dead {
            return Err(error(ErrorClass::Unsent, "dead"));
        }
        let number = state.mutations;
        state.mutations += 1;
        if state.weather.dies_before == Some(number) {
            state.dead = true;
            return Err(error(ErrorClass::Unsent, "killed before"));
        }
        if state.weather.doubles == Some(number) {
            let _ = act(&mut state);
        }
        let answer = act(&mut state);
        if state.weather.dies_after == Some(number) {
            state.dead = true;
            return Err(error(ErrorClass::Unsent, "killed after"));
        }
        if state.weather.loses == Some(number) {
            return Err(error(ErrorClass::Unknown, "answer lost"));
        }
        answer
    }

    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T> {
        let state = self.state();
        if state.dead {
            return Err(error(ErrorClass::Unsent, "dead"));
        }
        Ok(look(&state))
    }

    /// One that is looked at by itself.
    fn look_at(&self, mut live: ToyLive) -> ToyLive {
        let mut state = self.state();
        live.awake = live.shape != SLEEPY || state.sleep == 0;
        if !live.awake {
            state.sleep -= 1;
        }
        live
    }
}

impl State {
    fn generation(&self, id: &str) -> String {
        let tags = self.things.get(id).map(|(_, tags)| tags);
        tags.and_then(|tags| tags.get("terrace:gen").cloned())
            .unwrap_or_default()
    }

    fn all_exist(&self, ids: &[String]) -> Result<()> {
        match ids.iter().find(|id| !self.things.contains_key(*id)) {
            Some(missing) => Err(error(ErrorClass::NotFound, format!("no {missing}"))),
            None => Ok(()),
        }
    }

    fn user_of(&self, id: &str) -> Option<&str> {
        // Only a pointer may dangle, as a record's may.
        let uses = |live: &ToyLive| live.on.iter().chain(&live.friends).any(|used| used == id);
        self.things
            .values()
            .map(|(live, _)| live)
            .find(|live| uses(live) && live.id != id)
            .map(|l| l.id.as_str())
    }
}

fn ids(known: &Known, references: &[Ref<(Base, Mid, Top)>]) -> Result<Vec<String>> {
    let mut ids = known.need_all(references)?;
    ids.sort();
    Ok(ids)
}

macro_rules! toys {
    ($($type:ident $name:literal $create:ident $swap:ident $($about:ident)?;)+) => {$(
        /// A toy.
        pub(crate) struct $type;

        impl Kind for $type {
            const NAME: &'static str = $name;
            const ABOUT: About = About::new(Class::Stateless, Create::$create, Swap::$swap)
                .outputs(&["size"])$(.$about())?;
            type Cx = Cloud;
            type Spec = ToySpec;
            type Live = ToyLive;

            fn fields() -> Fields<Self> {
                let fields = Fields::<Self>::new()
                    .update("size", |want, _| Said::of(want.size), |have| Said::of(have.size))
                    .replace("shape", |want, _| Said::of(&want.shape), |have| Said::of(&have.shape))
                    .update("key", |want, _| Said::of(&want.key), |have| Said::of(&have.key))
                    .early()
                    .replace("on", |want, known| known.ids(&want.on), |have| Said::set(&have.on));
                // Requests pass from what leads on to what stands before those that serve.
                let fields = if $name == "mid" { fields.serves() } else { fields };
                fields
                    .update("to", |want, known| known.ids(&want.to), |have| Said::set(&have.to))
                    .leads()
                    .set("friends", |want, known| known.ids(&want.friends), |have| Said::set(&have.friends))
                    .late()
            }

            fn linger(_: &ToyLive) -> u32 {
                if $name == "top" { 60 } else { 0 }
            }

            // What is narrow leaves no room beside it, unless it comes to stand or point elsewhere.
            fn swap(have: &ToyLive, changes: &[FieldChange]) -> Swap {
                let moves = changes.iter().any(|change| ["on", "to"].contains(&change.field));
                if have.shape == "narrow" && !moves { Swap::DeleteFirst } else { Self::ABOUT.swap }
            }

            fn uses(have: &ToyLive) -> Vec<LiveRef> {
                let field = |field: &'static str, ids: &Vec<String>| {
                    ids.iter().map(|id| LiveRef::new(field, id)).collect::<Vec<_>>()
                };
                [field("on", &have.on), field("to", &have.to), field("friends", &have.friends)].concat()
            }

            fn ready(have: &ToyLive) -> Ready {
                if have.size == UNLUCKY {
                    return Ready::Stuck("its size came to nothing".to_owned());
                }
                if have.shape == "locked" && have.key.is_empty() {
                    return Ready::Coming("locked".to_owned());
                }
                Ready::Ready
            }

            fn serving(have: &ToyLive) -> Serving {
                if have.key == DOOMED {
                    return Serving::Never("it is doomed".to_owned());
                }
                if have.awake { Serving::of(Self::ready(have)) } else { Serving::NotYet("asleep".to_owned()) }
            }

            fn awaited(want: &ToySpec) -> Option<&'static str> {
                (want.shape == SLEEPY).then_some("the waking of")
            }

            async fn discover(cx: &Cloud, look: &Look, _: &Seen) -> Result<Vec<Found<ToyLive>>> {
                let mut found: Vec<Found<ToyLive>> = cx.read(|state| {
                    let fits = |(live, tags): &&(ToyLive, Tags)| live.kind == $name && match look {
                        Look::Ours => tags.contains_key(STACK),
                        Look::Id(id) => live.id == *id,
                        Look::Like(_) => false,
                    };
                    let found = |(live, tags): &(ToyLive, Tags)| Found::new(live.clone(), tags.clone());
                    state.things.values().filter(fits).map(found).collect()
                })?;
                if matches!(look, Look::Id(_)) {
                    cx.state().looks.push($name);
                }
                if let (Look::Id(_), Some(one)) = (look, found.first_mut()) {
                    one.live = cx.look_at(one.live.clone());
                }
                Ok(found)
            }

            async fn create(cx: &Cloud, want: &ToySpec, known: &Known, mark: &Mark) -> Result<ToyLive> {
                let on = ids(known, &want.on)?;
                cx.mutate(|state| {
                    state.all_exist(&on)?;
                    let tags = mark.all_tags();
                    let spent = state.weather.spent.filter(|_| {
                        Self::ABOUT.create == Create::Token && mark.salt.is_empty()
                    });
                    if spent == Some(Spent::InVain) {
                        return Err(error(ErrorClass::Spent, "its token was used"));
                    }
                    let same = |(live, other): &&(ToyLive, Tags)| live.kind == $name
                        && other.get("terrace:id") == tags.get("terrace:id")
                        && other.get("terrace:gen") == tags.get("terrace:gen");
                    if let Some((live, _)) = state.things.values().find(same) {
                        match Self::ABOUT.create {
                            Create::Token => return Ok(live.clone()),
                            Create::Name => return Err(error(ErrorClass::Conflict, "its name is taken")),
                            Create::Blind => {}
                        }
                    }
                    state.next += 1;
                    let id = format!("{}-{}", $name, state.next);
                    // One creating call takes size and shape; the rest is found by the next comparison.
                    let live = ToyLive {
                        id: id.clone(), kind: $name, size: want.size, shape: want.shape.clone(),
                        key: String::new(), on: on.clone(), to: vec![], friends: vec![],
                        awake: true,
                    };
                    state.things.insert(id, (live.clone(), tags));
                    if spent == Some(Spent::ForIt) {
                        return Err(error(ErrorClass::Spent, "its token was used"));
                    }
                    Ok(live)
                })
            }

            async fn update(cx: &Cloud, want: &ToySpec, have: &ToyLive, known: &Known, part: &Part<'_>) -> Result<ToyLive> {
                // Only what the part names is there for sure.
                let to = if part.has("to") { ids(known, &want.to)? } else { Vec::new() };
                let (added, removed) = (part.added("friends"), part.removed("friends"));
                cx.mutate(|state| {
                    let mut live = have.clone();
                    if part.has("size") {
                        live.size = want.size;
                    }
                    if part.has("key") {
                        live.key.clone_from(&want.key);
                    }
                    if part.has("to") {
                        state.all_exist(&to)?;
                        live.to.clone_from(&to);
                    }
                    live.friends.extend(added.keys().cloned());
                    live.friends.retain(|friend| !removed.contains_key(friend));
                    state.all_exist(&live.friends)?;
                    let thing = state.things.get_mut(&have.id).ok_or_else(|| error(ErrorClass::NotFound, "gone"))?;
                    thing.0 = live.clone();
                    Ok(live)
                })
            }

            async fn delete(cx: &Cloud, have: &ToyLive, leave: &Leave) -> Result<()> {
                leave.progress.say(format!("{} things taken out", have.size));
                cx.mutate(|state| {
                    if let Some(user) = state.user_of(&have.id) {
                        return Err(error(ErrorClass::InUse, format!("{} is used by {user}", have.id)));
                    }
                    state.things.remove(&have.id);
                    Ok(())
                })
            }

            async fn tag(cx: &Cloud, have: &ToyLive, set: &Tags, unset: &[String]) -> Result<()> {
                cx.mutate(|state| {
                    let thing = state.things.get_mut(&have.id).ok_or_else(|| error(ErrorClass::NotFound, "gone"))?;
                    thing.1.extend(set.clone());
                    thing.1.retain(|key, _| !unset.contains(key));
                    Ok(())
                })
            }

            async fn clear(cx: &Cloud, have: &ToyLive, _: &str) -> Result<()> {
                cx.mutate(|state| {
                    if let Some(thing) = state.things.get_mut(&have.id) {
                        thing.0.friends.clear();
                    }
                    Ok(())
                })
            }
        }
    )+};
}

toys! {
    Base "base" Blind DeleteFirst;
    Mid "mid" Name CreateFirst gone_at_once;
    Top "top" Token CreateFirst late_first;
}

static BASE: Of<Base> = Of::new();
static MID: Of<Mid> = Of::new();
static TOP: Of<Top> = Of::new();
pub(crate) static KINDS: &[&dyn AnyKind] = &[&BASE, &MID, &TOP];
pub(crate) static WORDS: Words = Words::new(KINDS, &[]);

/// Hands on a cloud.
pub(crate) fn hands(cloud: &Arc<Cloud>) -> Vec<Arc<dyn AnyHand>> {
    vec![
        Arc::new(Hand::<Base>::new(Arc::clone(cloud))),
        Arc::new(Hand::<Mid>::new(Arc::clone(cloud))),
        Arc::new(Hand::<Top>::new(Arc::clone(cloud))),
    ]
}

/// A world without time.
pub(crate) struct ToyWorld {
    pub(crate) hands: Vec<Arc<dyn AnyHand>>,
}

impl World for ToyWorld {
    fn hand(&self, kind: &str, _: Option<&str>) -> Option<Arc<dyn AnyHand>> {
        self.hands.iter().find(|hand| hand.name() == kind).cloned()
    }

    fn pause(&self, attempt: u32, _: f64) -> BoxFuture<'_, bool> {
        async move { attempt < 3 }.boxed()
    }

    fn rest(&self, _: u32) -> BoxFuture<'_, bool> {
        async { true }.boxed()
    }

    fn within<'a>(&'a self, _: &Address, work: BoxFuture<'a, End>) -> BoxFuture<'a, End> {
        work
    }

    fn stopped(&self) -> bool {
        false
    }

    fn stamp(&self) -> String {
        "202601010000".into()
    }

    fn now(&self) -> String {
        "2026-01-01T00:00:00Z".into()
    }
}
