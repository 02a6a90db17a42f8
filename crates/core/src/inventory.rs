//! What is live: the resources found, by kind and by mark.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use futures_util::future::{BoxFuture, Shared};

use crate::address::Address;
use crate::erased::AnyLive;
use crate::error::Result;
use crate::kind::{Kind, Ready};
use crate::mark::{self, Generation, Tags};
use crate::mutex::lock;
use crate::plan::Plan;
use crate::reads::Reads;

/// Which resources of a kind to look for.
#[derive(Clone, Debug)]
pub enum Look {
    /// Those with the mark of the stack and environment at hand.
    Ours,
    /// The one with this id, whoever owns it.
    Id(String),
    /// Those with these properties, whoever owns them: an `existing` look-up.
    Like(BTreeMap<String, String>),
}

/// One live resource of a kind.
#[derive(Clone, Debug)]
pub struct Found<L> {
    /// The facts.
    pub live: L,
    /// All its tags.
    pub tags: Tags,
    /// The mark as something else says it, where its tags came after its creation and may be missing yet.
    pub birth: Tags,
    /// Whether its tags are what an index of them says, which may be minutes behind.
    pub indexed: bool,
}

impl<L> Found<L> {
    /// Facts and tags.
    pub fn new(live: L, tags: Tags) -> Self {
        Self {
            live,
            tags,
            birth: Tags::new(),
            indexed: false,
        }
    }

    /// With tags that an index has, if so.
    #[must_use]
    pub fn indexed(mut self, indexed: bool) -> Self {
        self.indexed = indexed;
        self
    }

    /// With the mark that it was made with. A tag overrules it; one that is missing is a difference.
    #[must_use]
    pub fn born(mut self, mark: Tags) -> Self {
        self.birth = mark;
        self
    }
}

/// One live resource of any kind.
#[derive(Clone, Debug)]
pub struct FoundAny {
    /// The facts.
    pub live: AnyLive,
    /// All its tags.
    pub tags: Tags,
    /// Its address and generation, if the mark of some stack is on it.
    pub mark: Option<(Address, Generation)>,
    /// The stack and environment of that mark.
    pub owner: Option<String>,
    /// Whether others may build on it.
    pub ready: Ready,
    /// The region it is in, if that is not the home region.
    pub region: Option<String>,
    /// The former name of the stack by which alone it is found, if it is: it lies under a path or a prefix
    /// made of that name, or its mark still says it.
    pub former: Option<String>,
    /// Whether its tags are what an index of them says, which may be minutes behind: enough to see that nothing is
    /// to be done, and not to do anything by (rule R14).
    pub indexed: bool,
}

impl FoundAny {
    /// Reads the mark off the tags, and off the mark that it was made with.
    pub fn new(live: AnyLive, tags: Tags, mut birth: Tags, ready: Ready) -> Self {
        birth.extend(tags.clone());
        let (owner, mark) = match mark::read(&birth) {
            Some((owner, address, generation)) => (Some(owner), Some((address, generation))),
            None => (None, None),
        };
        Self {
            live,
            tags,
            mark,
            owner,
            ready,
            region: None,
            former: None,
            indexed: false,
        }
    }

    /// The same, with tags that an index has, if so.
    #[must_use]
    pub fn indexed(mut self, indexed: bool) -> Self {
        self.indexed = indexed;
        self
    }

    /// The same, found in a region that is not the home region.
    #[must_use]
    pub fn in_region(mut self, region: Option<&str>) -> Self {
        self.region = region.map(str::to_owned);
        self
    }

    /// The same, found by a former name of the stack alone.
    #[must_use]
    pub fn by_former_name(mut self, name: &str) -> Self {
        self.former = Some(name.to_owned());
        self
    }

    /// Whether the tag `key` says `true`.
    pub fn says(&self, key: &str) -> bool {
        self.tags.get(key).is_some_and(|value| value == "true")
    }
}

/// Whether a plan does something to a live resource, or refuses to, or to whatever else has its address.
pub fn concerned(plan: &Plan) -> impl Fn(&FoundAny) -> bool {
    let refused = plan.refusals.iter().map(|refusal| &refusal.address);
    let addresses = plan.steps.iter().map(|step| &step.address);
    let addresses: HashSet<&Address> = addresses.chain(refused).collect();
    let lives = plan.steps.iter().filter_map(|step| step.live.as_ref());
    let ids: HashSet<&str> = lives.map(AnyLive::id).collect();
    move |found| {
        let marked = found.mark.as_ref();
        marked.is_some_and(|(address, _)| addresses.contains(address))
            || ids.contains(found.live.id())
    }
}

/// One kind's share of a discovery, shared by all who wait for it.
pub type Listing = Shared<BoxFuture<'static, Result<Arc<Vec<FoundAny>>>>>;

/// The discovery as it goes on, for kinds that are listed under others: a record under its zone.
#[derive(Clone, Default)]
pub struct Seen {
    listings: Arc<Mutex<HashMap<&'static str, Listing>>>,
    reads: Reads,
}

impl Seen {
    /// The same discovery in another place: it reads nothing twice, and knows no listings yet.
    #[must_use]
    pub fn beside(&self) -> Self {
        Self {
            listings: Arc::default(),
            reads: self.reads.clone(),
        }
    }

    /// What `read` answers, asked once a discovery whoever needs it: `what` says what it is, with the region
    /// where the answer depends on it.
    pub async fn once<T: Send + Sync + 'static>(
        &self,
        what: impl Into<String> + Send,
        read: impl Future<Output = Result<T>> + Send,
    ) -> Result<Arc<T>> {
        self.reads.once(what.into(), read).await
    }

    /// Says where the kinds' listings come from. Called once, before any is awaited.
    pub fn listings(&self, listings: HashMap<&'static str, Listing>) {
        *lock(&self.listings) = listings;
    }

    /// Lets go of them when the discovery is over. Each holds the others through this: one that was under way when
    /// another failed would be held for ever, and with it the turn of the call that it awaits.
    pub fn over(&self) {
        let listings = std::mem::take(&mut *lock(&self.listings));
        drop(listings);
    }

    /// Whether kind `K` is listed in this discovery.
    pub fn lists<K: Kind>(&self) -> bool {
        lock(&self.listings).contains_key(K::NAME)
    }

    /// All resources of kind `K` found; waits for them. Empty where only `K`'s dependant is looked for.
    pub async fn all<K: Kind>(&self) -> Result<Vec<Found<K::Live>>> {
        let listing = lock(&self.listings).get(K::NAME).cloned();
        let Some(listing) = listing else {
            return Ok(Vec::new());
        };
        let found = listing.await?;
        let typed = |any: &FoundAny| {
            let live = any.live.get::<K>()?.clone();
            Some(Found::new(live, any.tags.clone()))
        };
        Ok(found.iter().filter_map(typed).collect())
    }
}

/// Everything found: ours, by address, and whatever the `existing` look-ups matched.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// What carries our mark.
    pub ours: Vec<FoundAny>,
    /// What each `existing` look-up of the stack matched.
    pub existing: BTreeMap<Address, FoundAny>,
}

impl Inventory {
    /// All resources of ours at an address, dying ones included.
    pub fn at<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = &'a FoundAny> {
        self.ours.iter().filter(move |found| {
            found
                .mark
                .as_ref()
                .is_some_and(|(marked, _)| marked == address)
        })
    }

    /// What stands at each address, for others to name. After a run that was cut off a predecessor may be there,
    /// too: it never is, neither if it `goes` by the plan, nor if it was left already, nor if a newer one is there.
    pub fn standing(&self, goes: impl Fn(&FoundAny) -> bool) -> HashMap<&Address, &FoundAny> {
        let rank = |found: &FoundAny| {
            let left = found.tags.contains_key(mark::LEFT);
            let generation = found.mark.as_ref().map(|(_, generation)| *generation);
            (!goes(found), !left, generation)
        };
        let mut standing: HashMap<&Address, &FoundAny> = HashMap::new();
        for found in &self.ours {
            let usable = !matches!(found.ready, Ready::Broken(_) | Ready::Dying(_));
            let Some((address, _)) = found.mark.as_ref().filter(|_| usable) else {
                continue;
            };
            let known = standing.entry(address).or_insert(found);
            if rank(found) > rank(known) {
                *known = found;
            }
        }
        standing
    }

    /// Which of ours is named by an id, ARN, address or DNS name: an index of all textual outputs.
    pub fn names(&self) -> HashMap<&str, usize> {
        let mut names = HashMap::new();
        for (index, found) in self.ours.iter().enumerate() {
            names.insert(found.live.id(), index);
            for (name, value) in found.live.outputs() {
                // Names such as `main` occur for many kinds; what tells one resource is enough.
                let text = value.as_str().filter(|text| is_handle(name, text));
                if let Some(text) = text {
                    names.entry(text).or_insert(index);
                }
            }
        }
        names
    }
}

/// Whether an output tells one resource from all others. A name does if it is one of the DNS.
fn is_handle(output: &str, text: &str) -> bool {
    match output {
        "zone" => false,
        "name" => text.contains('.'),
        _ => true,
    }
}
