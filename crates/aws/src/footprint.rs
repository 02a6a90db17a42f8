//! The footprint: what a stack and environment ever used, so that a teardown knows where to look, and
//! its home region, so that another one is refused. A hint: losing it costs time, never a resource. It moves
//! with a stack that is renamed; what is left under the old name says where it went.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::FoundAny;

use crate::bucket::{Bucket, If};
use crate::client::Aws;
use crate::discovery::Places;
use crate::former::Formers;
use crate::lock::unique;

/// What stands in the account's bucket for a stack and environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// The home region.
    pub home: String,
    /// Every region ever used, with the kinds that were made there.
    pub used: Places,
    /// Whether something of it was alive at the end of the last run that changed it, or found since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stood: bool,
    /// Tells what is made from now on from what was made and torn down before: part of every client token. AWS keeps
    /// a token for a day or more after what it made is gone (rule R4), and an environment may be put up again at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<String>,
    /// What the stack was called before, and the kinds of which something is found by that name alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub former: BTreeMap<String, BTreeSet<String>>,
    /// What the stack is called now, where this is what it left under a former name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<String>,
    /// Former names whose footprint went into this one and does not say so yet.
    #[serde(skip)]
    moving: BTreeSet<String>,
}

impl Footprint {
    /// Reads what lies in the bucket.
    pub fn parse(body: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }

    /// What was used outside the home region.
    pub fn places(&self) -> Places {
        let mut places = self.used.clone();
        places.remove(&self.home);
        places
    }

    /// The former names that are noted here, with the kinds to look for under each.
    pub fn formers(&self) -> Formers {
        let former = self.former.iter();
        former
            .map(|(name, kinds)| (name.clone(), Some(kinds.clone())))
            .collect()
    }

    /// Takes in what the stack left under a former name.
    fn absorb(&mut self, name: &str, old: Self) {
        self.home = old.home;
        self.stood |= old.stood;
        self.life = old.life;
        for (region, kinds) in old.used {
            self.former
                .entry(name.to_owned())
                .or_default()
                .extend(kinds.iter().cloned());
            self.used.entry(region).or_default().extend(kinds);
        }
        for (name, kinds) in old.former {
            self.former.entry(name).or_default().extend(kinds);
        }
        self.moving.insert(name.to_owned());
    }
}

fn key(stack: &str, cx: &Aws) -> String {
    format!("footprints/{stack}/{}", cx.identity.environment)
}

async fn under(cx: &Aws, bucket: &Bucket, stack: &str) -> Result<Option<Footprint>> {
    let Some(object) = bucket.get(cx, &key(stack, cx)).await? else {
        return Ok(None);
    };
    let footprint = Footprint::parse(&object.body).map_err(|error| {
        let owner = format!("{stack}/{}", cx.identity.environment);
        let message = format!("the footprint of {owner} is unreadable: {error}");
        CloudError::new("terrace:footprint", ErrorClass::Invalid, message)
    })?;
    Ok(Some(footprint))
}

/// Reads the footprint of the stack at hand, with what stands under the names it had; `None` if it has left
/// none. A stack that goes by another name now is refused: it would be built a second time.
pub async fn read(cx: &Aws, bucket: &Bucket) -> Result<Option<Footprint>> {
    let stack = &cx.identity.stack;
    let mut footprint = under(cx, bucket, stack).await?;
    if let Some(now) = footprint.as_ref().and_then(|own| own.now.clone()) {
        if !cx.formers.contains_key(&now) {
            return Err(renamed(stack, &now));
        }
        // It is called by this name again.
        footprint = None;
    }
    for name in cx.formers.keys() {
        match under(cx, bucket, name).await? {
            Some(Footprint { now: Some(now), .. }) if now != *stack => {
                return Err(renamed(name, &now));
            }
            Some(old) if old.now.is_none() => {
                footprint.get_or_insert_default().absorb(name, old);
            }
            _ => {}
        }
    }
    if let Some(own) = &mut footprint {
        own.former.remove(stack);
    }
    Ok(footprint)
}

fn renamed(old: &str, now: &str) -> CloudError {
    let message = format!("the stack {old} is called {now} now");
    CloudError::new("terrace:footprint", ErrorClass::Conflict, message).hinted(format!(
        "take the TOML that says name = \"{now}\", or give a new stack a name of its own; to go back to the old \
         name, write stack = \"{now}\" under [moved]"
    ))
}

/// Refuses another home region.
pub fn check(cx: &Aws, footprint: Option<&Footprint>) -> Result<()> {
    let Some(footprint) = footprint else {
        return Ok(());
    };
    if footprint.home == cx.identity.region {
        return Ok(());
    }
    let (owner, region) = (cx.identity.owner(), &cx.identity.region);
    let message = format!("{owner} stands in {}, and not in {region}", footprint.home);
    Err(
        CloudError::new("terrace:footprint", ErrorClass::Conflict, message).hinted(format!(
            "to go on with it: write region = \"{}\"; to move it: destroy it there first",
            footprint.home
        )),
    )
}

/// Writes down what is about to be used, kinds by region, before the first creation, and of which kinds
/// something is found by a former name alone. Answers with the stack's life ([`Footprint::life`]).
pub async fn widen(
    cx: &Aws,
    bucket: &Bucket,
    before: Option<Footprint>,
    used: impl IntoIterator<Item = (Option<String>, String)>,
    ours: &[FoundAny],
) -> Result<String> {
    let mut after = before.clone().unwrap_or_default();
    let life = after.life.get_or_insert_with(unique).clone();
    let home = &cx.identity.region;
    after.home.clone_from(home);
    after.used.entry(home.clone()).or_default();
    after.stood |= !ours.is_empty();
    for (region, kind) in used {
        let region = region.unwrap_or_else(|| home.clone());
        after.used.entry(region).or_default().insert(kind);
    }
    for (name, kinds) in &mut after.former {
        let old = format!("{name}/{}", cx.identity.environment);
        let by_it = ours.iter().filter(|found| {
            found.former.as_ref() == Some(name) || found.owner.as_ref() == Some(&old)
        });
        *kinds = by_it.map(|found| found.live.kind().to_owned()).collect();
    }
    let moving = std::mem::take(&mut after.moving);
    if before.as_ref() == Some(&after) {
        return Ok(life);
    }
    // Only the holder of the locks writes them. The new one first: two tell more than none.
    let stack = &cx.identity.stack;
    put(cx, bucket, stack, &after).await?;
    let gone = Footprint {
        now: Some(stack.clone()),
        former: BTreeMap::new(),
        ..after
    };
    for name in moving {
        put(cx, bucket, &name, &gone).await?;
    }
    Ok(life)
}

/// Writes down whether something stands at the end of a run, where `before` says otherwise.
pub async fn stands(
    cx: &Aws,
    bucket: &Bucket,
    before: Option<&Footprint>,
    stands: bool,
) -> Result<()> {
    if before.is_some_and(|before| before.stood) == stands {
        return Ok(());
    }
    let stack = &cx.identity.stack;
    let Some(own) = under(cx, bucket, stack).await? else {
        return Ok(());
    };
    if own.stood == stands || own.now.is_some() {
        return Ok(());
    }
    let after = Footprint {
        stood: stands,
        // Once nothing is left, what comes next is made anew.
        life: own.life.filter(|_| stands),
        ..own
    };
    put(cx, bucket, stack, &after).await
}

async fn put(cx: &Aws, bucket: &Bucket, stack: &str, footprint: &Footprint) -> Result<()> {
    let body = serde_json::to_string(footprint).unwrap_or_default();
    let key = key(stack, cx);
    bucket.put(cx, &key, &body, &If::Any).await.map(drop)
}

/// Forgets a stack of which nothing is left, and every name it had.
pub async fn erase(cx: &Aws, bucket: &Bucket, footprint: Option<&Footprint>) -> Result<()> {
    let noted = footprint
        .iter()
        .flat_map(|footprint| footprint.former.keys());
    let names = noted.chain(cx.formers.keys()).chain([&cx.identity.stack]);
    for name in names.collect::<BTreeSet<_>>() {
        if let Some(object) = bucket.get(cx, &key(name, cx)).await? {
            bucket.delete(cx, &key(name, cx), &object.etag).await?;
        }
    }
    Ok(())
}
