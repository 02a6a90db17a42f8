//! A kind without its types: what the list of kinds, the planner and the apply work with.
//!
//! Two halves: [`AnyKind`] judges and needs nothing; [`AnyHand`] acts and holds what it needs to
//! reach AWS. Core never knows more of either.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::error::{CloudError, ErrorClass, Result};
use crate::fields::{FieldChange, Part, RowFacts};
use crate::inventory::{FoundAny, Look, Seen};
use crate::kind::{
    About, Class, Kind, Leave, Live, LiveRef, Objection, Outputs, Ready, Serving, Swap,
};
use crate::known::Known;
use crate::mark::{Mark, Tags};
use crate::minutes::Minutes;
use crate::sketch::Sketch;
use crate::source::{Fault, Node};

/// A spec of some kind.
#[derive(Clone)]
pub struct AnySpec {
    inner: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for AnySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnySpec")
    }
}

/// The facts of a live resource of some kind.
#[derive(Clone)]
pub struct AnyLive {
    kind: &'static str,
    id: String,
    outputs: Arc<Outputs>,
    facts: Arc<Value>,
    inner: Arc<dyn Any + Send + Sync>,
}

impl AnyLive {
    /// Hides the type of a live resource.
    pub fn of<K: Kind>(live: K::Live) -> Self {
        let id = live.id().to_owned();
        let mut outputs = Outputs::new();
        outputs.insert("id".to_owned(), id.clone().into());
        outputs.extend(live.outputs());
        let facts = Arc::new(serde_json::to_value(&live).unwrap_or_default());
        let inner: Arc<dyn Any + Send + Sync> = Arc::new(live);
        Self {
            kind: K::NAME,
            id,
            outputs: Arc::new(outputs),
            facts,
            inner,
        }
    }

    /// One of a kind that is only looked up: an id and outputs.
    pub fn named(kind: &'static str, id: String, more: Outputs) -> Self {
        let mut outputs = Outputs::new();
        outputs.insert("id".to_owned(), id.clone().into());
        outputs.extend(more);
        let facts = Arc::new(serde_json::to_value(&outputs).unwrap_or_default());
        Self {
            kind,
            id,
            outputs: Arc::new(outputs),
            facts,
            inner: Arc::new(()),
        }
    }

    /// Its kind's name.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What expressions and references may take from it.
    pub fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// All its facts as data, for people and for `import`.
    pub fn facts(&self) -> &Value {
        &self.facts
    }

    /// With its type again.
    pub fn get<K: Kind>(&self) -> Option<&K::Live> {
        self.inner.downcast_ref()
    }
}

impl fmt::Debug for AnyLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.kind, self.id, self.facts)
    }
}

/// The half of a kind that judges. One stands in the list for every kind.
pub trait AnyKind: Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What is true of all its resources.
    fn about(&self) -> &'static About;
    /// The JSON schema of its spec, with `x-on-change`, `x-impact` and `x-late` on the properties.
    fn schema(&self) -> &Value;
    /// What its rows say.
    fn rows(&self) -> &[RowFacts];
    /// Reads a table of the TOML.
    fn parse(&self, table: &Node) -> std::result::Result<AnySpec, Vec<Fault>>;
    /// What is wrong with a spec that reads well.
    fn check(&self, want: &AnySpec) -> Vec<Objection>;
    /// Names in the account that a spec claims.
    fn claims(&self, want: &AnySpec) -> Vec<String>;
    /// Outputs that follow from a spec alone.
    fn foretell(&self, want: &AnySpec, mark: &Mark) -> Outputs;
    /// What a picture shows of one.
    fn sketch(&self, want: &AnySpec) -> Sketch;
    /// All differences.
    fn diff(&self, want: &AnySpec, have: &AnyLive, known: &Known) -> Vec<FieldChange>;
    /// What a creation will say.
    fn creation(&self, want: &AnySpec, known: &Known) -> Vec<FieldChange>;
    /// What would be lost with a live one.
    fn class(&self, want: Option<&AnySpec>, have: &AnyLive) -> Class;
    /// The order of its replacement, where these are all differences.
    fn swap(&self, have: &AnyLive, changes: &[FieldChange]) -> Swap;
    /// What a live one uses.
    fn uses(&self, have: &AnyLive) -> Vec<LiveRef>;
    /// Whether others may build on a live one.
    fn ready(&self, have: &AnyLive) -> Ready;
    /// How long things typically take.
    fn minutes(&self) -> &Minutes;
    /// Typical minutes until one that is coming is ready.
    fn patience(&self, have: &AnyLive) -> f64;
    /// Whether requests that are led to a live one are answered.
    fn serving(&self, have: &AnyLive) -> Serving;
    /// What traffic waits for before it is led there, beyond its being ready.
    fn awaited(&self, want: &AnySpec) -> Option<&'static str>;
    /// Typical minutes of a change of a property.
    fn lasts(&self, have: Option<&AnyLive>, field: &str) -> f64;
    /// For how many seconds requests may still go where a live one led.
    fn linger(&self, have: &AnyLive) -> u32;
    /// Whether AWS itself protects a live one.
    fn protected(&self, have: &AnyLive) -> bool;
}

/// The half of a kind that acts, in one region.
pub trait AnyHand: Send + Sync {
    /// Its kind's name.
    fn name(&self) -> &'static str;
    /// See [`Kind::discover`].
    fn discover(
        self: Arc<Self>,
        look: Look,
        seen: Seen,
    ) -> BoxFuture<'static, Result<Vec<FoundAny>>>;
    /// See [`Kind::create`].
    fn create<'a>(
        &'a self,
        want: &'a AnySpec,
        known: &'a Known,
        mark: &'a Mark,
    ) -> BoxFuture<'a, Result<AnyLive>>;
    /// See [`Kind::update`].
    fn update<'a>(
        &'a self,
        want: &'a AnySpec,
        have: &'a AnyLive,
        known: &'a Known,
        part: Part<'a>,
    ) -> BoxFuture<'a, Result<AnyLive>>;
    /// See [`Kind::delete`].
    fn delete<'a>(&'a self, have: &'a AnyLive, leave: &'a Leave) -> BoxFuture<'a, Result<()>>;
    /// See [`Kind::tag`].
    fn tag<'a>(
        &'a self,
        have: &'a AnyLive,
        set: &'a Tags,
        unset: &'a [String],
    ) -> BoxFuture<'a, Result<()>>;
    /// See [`Kind::unprotect`].
    fn unprotect<'a>(&'a self, have: &'a AnyLive) -> BoxFuture<'a, Result<()>>;
    /// See [`Kind::clear`].
    fn clear<'a>(&'a self, have: &'a AnyLive, field: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// The judging half of `K`.
pub struct Of<K: Kind> {
    schema: OnceLock<Value>,
    rows: OnceLock<Vec<RowFacts>>,
    minutes: Minutes,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Default for Of<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Kind> Of<K> {
    /// One for the list, with which everything is a matter of seconds.
    pub const fn new() -> Self {
        Self::taking(Minutes::SECONDS)
    }

    /// One for the list, with which things take as long as this.
    pub const fn taking(minutes: Minutes) -> Self {
        Self {
            schema: OnceLock::new(),
            rows: OnceLock::new(),
            minutes,
            kind: PhantomData,
        }
    }

    // A resource's address carries its kind, so a spec of another kind can only be a bug of ours;
    // comparing nothing is the answer that changes nothing.
    fn spec(want: &AnySpec) -> Option<&K::Spec> {
        want.inner.downcast_ref()
    }

    fn both<'a>(want: &'a AnySpec, have: &'a AnyLive) -> Option<(&'a K::Spec, &'a K::Live)> {
        Some((Self::spec(want)?, have.get::<K>()?))
    }
}

impl<K: Kind> AnyKind for Of<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn about(&self) -> &'static About {
        const { &K::ABOUT }
    }

    fn schema(&self) -> &Value {
        self.schema.get_or_init(|| {
            let mut schema = schemars::schema_for!(K::Spec);
            for row in self.rows() {
                let pointer = format!("/properties/{}", row.name);
                if let Some(Value::Object(property)) = schema.pointer_mut(&pointer) {
                    property.insert("x-on-change".to_owned(), row.on_change.into());
                    property.insert("x-impact".to_owned(), row.impact.to_string().into());
                    if row.late {
                        property.insert("x-late".to_owned(), true.into());
                    }
                }
            }
            schema.to_value()
        })
    }

    fn rows(&self) -> &[RowFacts] {
        self.rows.get_or_init(|| K::fields().facts())
    }

    fn parse(&self, table: &Node) -> std::result::Result<AnySpec, Vec<Fault>> {
        let spec: K::Spec = crate::source::spec(table)?;
        Ok(AnySpec {
            inner: Arc::new(spec),
        })
    }

    fn check(&self, want: &AnySpec) -> Vec<Objection> {
        Self::spec(want).map(K::check).unwrap_or_default()
    }

    fn claims(&self, want: &AnySpec) -> Vec<String> {
        Self::spec(want).map(K::claims).unwrap_or_default()
    }

    fn foretell(&self, want: &AnySpec, mark: &Mark) -> Outputs {
        Self::spec(want)
            .map(|want| K::foretell(want, mark))
            .unwrap_or_default()
    }

    fn sketch(&self, want: &AnySpec) -> Sketch {
        Self::spec(want).map(K::sketch).unwrap_or_default()
    }

    fn diff(&self, want: &AnySpec, have: &AnyLive, known: &Known) -> Vec<FieldChange> {
        let both = Self::both(want, have);
        both.map(|(want, have)| K::fields().diff(want, have, known))
            .unwrap_or_default()
    }

    fn creation(&self, want: &AnySpec, known: &Known) -> Vec<FieldChange> {
        Self::spec(want)
            .map(|want| K::fields().creation(want, known))
            .unwrap_or_default()
    }

    fn class(&self, want: Option<&AnySpec>, have: &AnyLive) -> Class {
        let want = want.and_then(Self::spec);
        have.get::<K>()
            .map_or(K::ABOUT.class, |have| K::class(want, have))
    }

    fn swap(&self, have: &AnyLive, changes: &[FieldChange]) -> Swap {
        have.get::<K>()
            .map_or(K::ABOUT.swap, |have| K::swap(have, changes))
    }

    fn uses(&self, have: &AnyLive) -> Vec<LiveRef> {
        have.get::<K>().map(K::uses).unwrap_or_default()
    }

    fn ready(&self, have: &AnyLive) -> Ready {
        have.get::<K>().map_or(Ready::Ready, K::ready)
    }

    fn minutes(&self) -> &Minutes {
        &self.minutes
    }

    fn patience(&self, have: &AnyLive) -> f64 {
        let usual = self.minutes.create;
        have.get::<K>()
            .map_or(usual, |have| K::patience(have, usual))
    }

    fn lasts(&self, have: Option<&AnyLive>, field: &str) -> f64 {
        let usual = self.minutes.change(field);
        have.and_then(AnyLive::get::<K>)
            .map_or(usual, |have| K::lasts(have, field, usual))
    }

    fn serving(&self, have: &AnyLive) -> Serving {
        have.get::<K>().map_or(Serving::Yes, K::serving)
    }

    fn awaited(&self, want: &AnySpec) -> Option<&'static str> {
        Self::spec(want).and_then(K::awaited)
    }

    fn linger(&self, have: &AnyLive) -> u32 {
        have.get::<K>().map_or(0, K::linger)
    }

    fn protected(&self, have: &AnyLive) -> bool {
        have.get::<K>().is_some_and(K::protected)
    }
}

/// The acting half of `K`, with what it needs to reach AWS.
pub struct Hand<K: Kind> {
    cx: Arc<K::Cx>,
}

impl<K: Kind> Hand<K> {
    /// A hand that works by way of `cx`.
    pub fn new(cx: Arc<K::Cx>) -> Self {
        Self { cx }
    }
}

fn mismatch(kind: &str) -> CloudError {
    let message = format!("a `{kind}` was handed something else; this is a bug in terrace");
    CloudError::new("terrace:dispatch", ErrorClass::Invalid, message)
}

impl<K: Kind> AnyHand for Hand<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn discover(
        self: Arc<Self>,
        look: Look,
        seen: Seen,
    ) -> BoxFuture<'static, Result<Vec<FoundAny>>> {
        async move {
            let found = K::discover(&self.cx, &look, &seen).await?;
            let erase = |found: crate::inventory::Found<K::Live>| {
                let ready = K::ready(&found.live);
                let live = AnyLive::of::<K>(found.live);
                FoundAny::new(live, found.tags, found.birth, ready).indexed(found.indexed)
            };
            Ok(found.into_iter().map(erase).collect())
        }
        .boxed()
    }

    fn create<'a>(
        &'a self,
        want: &'a AnySpec,
        known: &'a Known,
        mark: &'a Mark,
    ) -> BoxFuture<'a, Result<AnyLive>> {
        async move {
            let want = Of::<K>::spec(want).ok_or_else(|| mismatch(K::NAME))?;
            K::create(&self.cx, want, known, mark)
                .await
                .map(AnyLive::of::<K>)
        }
        .boxed()
    }

    fn update<'a>(
        &'a self,
        want: &'a AnySpec,
        have: &'a AnyLive,
        known: &'a Known,
        part: Part<'a>,
    ) -> BoxFuture<'a, Result<AnyLive>> {
        async move {
            let (want, have) = Of::<K>::both(want, have).ok_or_else(|| mismatch(K::NAME))?;
            K::update(&self.cx, want, have, known, &part)
                .await
                .map(AnyLive::of::<K>)
        }
        .boxed()
    }

    fn delete<'a>(&'a self, have: &'a AnyLive, leave: &'a Leave) -> BoxFuture<'a, Result<()>> {
        async move {
            let have = have.get::<K>().ok_or_else(|| mismatch(K::NAME))?;
            K::delete(&self.cx, have, leave).await
        }
        .boxed()
    }

    fn tag<'a>(
        &'a self,
        have: &'a AnyLive,
        set: &'a Tags,
        unset: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let have = have.get::<K>().ok_or_else(|| mismatch(K::NAME))?;
            K::tag(&self.cx, have, set, unset).await
        }
        .boxed()
    }

    fn unprotect<'a>(&'a self, have: &'a AnyLive) -> BoxFuture<'a, Result<()>> {
        async move {
            let have = have.get::<K>().ok_or_else(|| mismatch(K::NAME))?;
            K::unprotect(&self.cx, have).await
        }
        .boxed()
    }

    fn clear<'a>(&'a self, have: &'a AnyLive, field: &'a str) -> BoxFuture<'a, Result<()>> {
        async move {
            let have = have.get::<K>().ok_or_else(|| mismatch(K::NAME))?;
            K::clear(&self.cx, have, field).await
        }
        .boxed()
    }
}
