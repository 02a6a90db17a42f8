//! The contract of a kind: everything terrace knows of one type of AWS resource, in one place.
//!
//! Read [`Kind`] first, then [`About`] and [`crate::fields::Fields`]. A kind is one file; `vpc` is
//! the one to copy.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::fields::{FieldChange, Fields, Part};
use crate::inventory::{Found, Look, Seen};
use crate::known::Known;
use crate::mark::{Identity, Mark, Tags};
use crate::mutex::lock;
use crate::sketch::Sketch;

/// Outputs of a resource by name: `id`, `arn`, `name`, `address`, `dns_name` and the kind's own.
pub type Outputs = IndexMap<String, Value>;

/// What a property table must be able to do. Its doc comments are the user's documentation.
pub trait Spec:
    Serialize + DeserializeOwned + JsonSchema + fmt::Debug + Send + Sync + 'static
{
}
impl<T: Serialize + DeserializeOwned + JsonSchema + fmt::Debug + Send + Sync + 'static> Spec for T {}

/// The facts that AWS gives of one resource, in canonical form. What AWS does not store is not here.
pub trait Live: Serialize + Clone + fmt::Debug + Send + Sync + 'static {
    /// The id by which calls name it.
    fn id(&self) -> &str;
    /// What expressions and references may take from it. `id` is added by itself.
    fn outputs(&self) -> Outputs;
}

/// A type of AWS resource.
pub trait Kind: Sized + Send + Sync + 'static {
    /// The name of its tables in TOML, in tags, of its page: AWS's own singular noun.
    const NAME: &'static str;
    /// What is true of every resource of the kind.
    const ABOUT: About;
    /// What the hands need to reach AWS. Core knows nothing of it.
    type Cx: Send + Sync + 'static;
    /// What the TOML may say.
    type Spec: Spec;
    /// What AWS says.
    type Live: Live;

    /// A row for every property of the spec: how it is compared and what a change of it means.
    fn fields() -> Fields<Self>;

    /// What would be lost with it, as it is now.
    fn class(_want: Option<&Self::Spec>, _have: &Self::Live) -> Class {
        Self::ABOUT.class
    }

    /// The order of its replacement, where these are all differences: [`About::swap`], unless it depends on
    /// what it is or on what changes.
    fn swap(_have: &Self::Live, _changes: &[FieldChange]) -> Swap {
        Self::ABOUT.swap
    }

    /// Whatever else this one cannot be without while it lives: ids, ARNs, addresses, DNS names.
    /// Deletion is ordered by it alone.
    fn uses(have: &Self::Live) -> Vec<LiveRef>;

    /// Whether others may build on it.
    fn ready(have: &Self::Live) -> Ready;

    /// Typical minutes until one that is coming is ready, where they depend on what is coming: machines
    /// that are renewed one after the other take longer the more they are. `usual` are those of a creation.
    fn patience(_have: &Self::Live, usual: f64) -> f64 {
        usual
    }

    /// Typical minutes of a change of a property, where they depend on what is live. `usual` are those of
    /// the property.
    fn lasts(_have: &Self::Live, _field: &str, usual: f64) -> f64 {
        usual
    }

    /// Whether requests that are led to it are answered, and if not, why. It is asked just before traffic is
    /// led onto a path that it is on. Whoever says nothing here serves once others may build on it.
    fn serving(have: &Self::Live) -> Serving {
        Serving::of(Self::ready(have))
    }

    /// What traffic waits for before it is led onto a path that this is on, beyond its being ready, in words
    /// that go on with its address: `healthy targets of`. For plans; [`Kind::serving`] answers it.
    fn awaited(_want: &Self::Spec) -> Option<&'static str> {
        None
    }

    /// For how many seconds requests may still go where it led, after it leads elsewhere: a record's time
    /// to live.
    fn linger(_have: &Self::Live) -> u32 {
        0
    }

    /// Whether AWS itself refuses to delete it until a protection is lifted.
    fn protected(_have: &Self::Live) -> bool {
        false
    }

    /// What is wrong with a spec that reads well: ranges, words, properties that exclude each other.
    fn check(_want: &Self::Spec) -> Vec<Objection> {
        Vec::new()
    }

    /// Names in the account that this spec claims, such as a record's or a bucket's: two environments
    /// that claim the same one would fight over it.
    fn claims(_want: &Self::Spec) -> Vec<String> {
        Vec::new()
    }

    /// Outputs that follow from the spec alone. They must equal those of the live resource.
    fn foretell(_want: &Self::Spec, _mark: &Mark) -> Outputs {
        Outputs::new()
    }

    /// What a picture of the architecture shows of it: counted beside it by the kind's name, if not said.
    fn sketch(_want: &Self::Spec) -> Sketch {
        Sketch::default()
    }

    /// All resources of the kind that [`Look`] asks for, complete or an error (rule R17).
    fn discover(
        cx: &Self::Cx,
        look: &Look,
        seen: &Seen,
    ) -> impl Future<Output = Result<Vec<Found<Self::Live>>>> + Send;

    /// Makes exactly one creating call, with all tags of the mark in it. Whatever else the spec says
    /// is found by the next comparison and put right by [`Kind::update`], also after a crash.
    fn create(
        cx: &Self::Cx,
        want: &Self::Spec,
        known: &Known,
        mark: &Mark,
    ) -> impl Future<Output = Result<Self::Live>> + Send;

    /// Changes what `part` names and nothing else; answers what is live then.
    fn update(
        cx: &Self::Cx,
        want: &Self::Spec,
        have: &Self::Live,
        known: &Known,
        part: &Part<'_>,
    ) -> impl Future<Output = Result<Self::Live>> + Send;

    /// Deletes it. That it is gone already is success.
    fn delete(
        cx: &Self::Cx,
        have: &Self::Live,
        leave: &Leave,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Sets and removes tags. Never called where [`About::taggable`] is false.
    fn tag(
        cx: &Self::Cx,
        have: &Self::Live,
        set: &Tags,
        unset: &[String],
    ) -> impl Future<Output = Result<()>> + Send;

    /// Lifts AWS's own protection. Called only where [`Kind::protected`] says so.
    fn unprotect(_cx: &Self::Cx, _have: &Self::Live) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Empties a late field of a resource that is to be deleted, where two would else hold each other.
    /// Must be written by every kind with a late field that may name its own kind.
    fn clear(
        _cx: &Self::Cx,
        _have: &Self::Live,
        _field: &str,
    ) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// What is true of every resource of a kind.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What is lost with one, unless [`Kind::class`] knows better.
    pub class: Class,
    /// How often a creating call may be repeated.
    pub create: Create,
    /// The order of a replacement, unless [`Kind::swap`] knows better.
    pub swap: Swap,
    /// IAM actions it may need.
    pub actions: &'static [&'static str],
    /// Outputs other than `id`.
    pub outputs: &'static [&'static str],
    /// Kinds in the same network that come before this one without being named (aws-semantics 7.7).
    pub after: &'static [&'static str],
    /// Whether there is one in the account, not one in each region.
    pub global: bool,
    /// Whether it carries tags of its own.
    pub taggable: bool,
    /// Whether it carries its mark and no other tags, because it has no place for them.
    pub marks_only: bool,
    /// Whether those who use it wait for its late parts too.
    pub late_first: bool,
    /// Whether it is protected unless the TOML says otherwise.
    pub protect: bool,
    /// Whether AWS has deleted one when it answers: nobody looks whether it is gone.
    pub gone_at_once: bool,
    /// What stays behind on purpose when one with data is deleted, unless all is ephemeral.
    pub leaves: Option<&'static str>,
}

impl About {
    /// The commonest case: nothing is lost, taggable.
    pub const fn new(class: Class, create: Create, swap: Swap) -> Self {
        Self {
            class,
            create,
            swap,
            actions: &[],
            outputs: &[],
            after: &[],
            global: false,
            taggable: true,
            marks_only: false,
            late_first: false,
            protect: false,
            gone_at_once: false,
            leaves: None,
        }
    }

    /// With the IAM actions it may need.
    #[must_use]
    pub const fn actions(mut self, actions: &'static [&'static str]) -> Self {
        self.actions = actions;
        self
    }

    /// With outputs beside `id`.
    #[must_use]
    pub const fn outputs(mut self, outputs: &'static [&'static str]) -> Self {
        self.outputs = outputs;
        self
    }

    /// With kinds of the same network that come first.
    #[must_use]
    pub const fn after(mut self, kinds: &'static [&'static str]) -> Self {
        self.after = kinds;
        self
    }

    /// The same in every region.
    #[must_use]
    pub const fn global(mut self) -> Self {
        self.global = true;
        self
    }

    /// Without tags of its own.
    #[must_use]
    pub const fn untaggable(mut self) -> Self {
        self.taggable = false;
        self
    }

    /// It carries its mark and no other tags.
    #[must_use]
    pub const fn marks_only(mut self) -> Self {
        self.marks_only = true;
        self
    }

    /// Those who use it wait for its late parts.
    #[must_use]
    pub const fn late_first(mut self) -> Self {
        self.late_first = true;
        self
    }

    /// Protected unless the TOML says otherwise.
    #[must_use]
    pub const fn protect(mut self) -> Self {
        self.protect = true;
        self
    }

    /// Deleted when AWS answers. That a listing may show it for some seconds more tells nobody anything:
    /// what cannot be deleted while AWS counts it as there waits for that itself.
    #[must_use]
    pub const fn gone_at_once(mut self) -> Self {
        self.gone_at_once = true;
        self
    }

    /// What stays behind on purpose when one with data is deleted: `a final snapshot`.
    #[must_use]
    pub const fn leaves(mut self, what: &'static str) -> Self {
        self.leaves = Some(what);
        self
    }
}

/// How often a creating call may be repeated (rule R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Create {
    /// The call has a client token: a repeated one answers with what the first made.
    Token,
    /// The name is unique: a repeated one is refused.
    Name,
    /// Every call makes another.
    Blind,
}

/// The order of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Swap {
    /// The new one is made, all move over, the old one is deleted.
    CreateFirst,
    /// The two cannot exist side by side.
    DeleteFirst,
}

/// What is lost with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing: it can be made again.
    Stateless,
    /// A name, address or id that others hold.
    Identity,
    /// The network others stand in.
    Foundation,
    /// What users stored.
    Data,
}

impl Class {
    /// The loss that must be consented to.
    pub fn loss(self) -> Option<Loss> {
        match self {
            Self::Stateless => None,
            Self::Identity => Some(Loss::Address),
            Self::Foundation => Some(Loss::Network),
            Self::Data => Some(Loss::Data),
        }
    }
}

pub use crate::source::Loss;

impl Loss {
    /// The word in TOML.
    pub fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Address => "address",
            Self::Network => "network",
            Self::Promotion => "promotion",
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What a change does to people.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Nothing.
    #[default]
    None,
    /// Seconds.
    Blip,
    /// Minutes.
    Outage,
    /// Something users stored is gone.
    DataLoss,
}

impl fmt::Display for Impact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "no impact",
            Self::Blip => "blip (seconds)",
            Self::Outage => "outage (minutes)",
            Self::DataLoss => "data loss",
        })
    }
}

/// Whether others may build on a live resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ready {
    /// They may.
    Ready,
    /// Not yet: it is `pending`, `creating`.
    Coming(String),
    /// It is there and stays, but what it was asked for last has failed, and waiting does not help.
    Stuck(String),
    /// It will never be: its creation failed.
    Broken(String),
    /// It is being deleted, or is only a trace of what was.
    Dying(String),
}

/// Whether requests that are led to a live resource are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// They are.
    Yes,
    /// Not now: `2 of 2 targets are initial`. It may come.
    NotYet(String),
    /// They never will be.
    Never(String),
}

impl Serving {
    /// What follows from whether others may build on it. What is stuck at a change is still there.
    pub fn of(ready: Ready) -> Self {
        match ready {
            Ready::Ready | Ready::Stuck(_) => Self::Yes,
            Ready::Coming(why) => Self::NotYet(why),
            Ready::Broken(why) | Ready::Dying(why) => Self::Never(why),
        }
    }
}

/// Something that a live resource uses, as it names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveRef {
    /// An id, ARN, address or DNS name.
    pub to: String,
    /// The property that holds it.
    pub field: &'static str,
}

impl LiveRef {
    /// `to` is used by way of `field`.
    pub fn new(field: &'static str, to: impl Into<String>) -> Self {
        Self {
            to: to.into(),
            field,
        }
    }
}

/// How a resource is to leave.
#[derive(Clone, Debug)]
pub struct Leave {
    /// Nothing of it is kept: no final snapshots, no backups.
    pub ephemeral: bool,
    /// The time as `yyyymmddhhmm`, for names of what is kept.
    pub stamp: String,
    /// The stack and where it stands.
    pub identity: Identity,
    /// Says how far it is, where that takes long.
    pub progress: Progress,
}

/// How far a step is that takes long. It is read between the step's awaits, so what was said is seen as
/// soon as the step waits for AWS again.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    said: Arc<Mutex<Option<String>>>,
}

impl Progress {
    /// Says it, for people: `2000 objects deleted`.
    pub fn say(&self, how_far: impl Into<String>) {
        *lock(&self.said) = Some(how_far.into());
    }

    /// What was said since it was last asked.
    pub fn take(&self) -> Option<String> {
        let mut said = lock(&self.said);
        said.take()
    }
}

/// Why a spec that reads well is wrong all the same: a range that is none, a word not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The property, by path: `ingress.http.port`, `behaviors.0.methods`.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Objection {
    /// `field` is wrong because of `message`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            help: None,
        }
    }

    /// With what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Outputs by name: `outputs! { "arn" => json!(self.arn) }`.
#[macro_export]
macro_rules! outputs {
    ($($name:literal => $value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "an empty list changes nothing")]
        let mut outputs = $crate::kind::Outputs::new();
        $(outputs.insert($name.to_owned(), $value);)*
        outputs
    }};
}
