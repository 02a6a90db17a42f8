//! The footprint: what a stack and environment ever used, so that a teardown knows where to look, and
//! its home region, so that another one is refused. A hint: losing it costs time, never a resource.

use serde::{Deserialize, Serialize};
use terrace_core::error::{CloudError, ErrorClass, Result};

use crate::bucket::{Bucket, If};
use crate::client::Aws;
use crate::discovery::Places;

/// What stands in the account's bucket for a stack and environment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// The home region.
    pub home: String,
    /// Every region ever used, with the kinds that were made there.
    pub used: Places,
}

impl Footprint {
    /// What was used outside the home region.
    pub fn places(&self) -> Places {
        let mut places = self.used.clone();
        places.remove(&self.home);
        places
    }
}

fn key(cx: &Aws) -> String {
    format!("footprints/{}", cx.identity.owner())
}

/// Reads the footprint of the stack at hand; `None` if it has left none.
pub async fn read(cx: &Aws, bucket: &Bucket) -> Result<Option<Footprint>> {
    let Some(object) = bucket.get(cx, &key(cx)).await? else {
        return Ok(None);
    };
    let footprint = serde_json::from_slice(&object.body).map_err(|error| {
        let message = format!(
            "the footprint of {} is unreadable: {error}",
            cx.identity.owner()
        );
        CloudError::new("terrace:footprint", ErrorClass::Invalid, message)
    })?;
    Ok(Some(footprint))
}

/// Refuses another home region, and a world that is empty where the footprint says it cannot be.
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
            "write region = \"{}\", or destroy it there first",
            footprint.home
        )),
    )
}

/// Writes down what is about to be used, kinds by region, before the first creation.
pub async fn widen(
    cx: &Aws,
    bucket: &Bucket,
    before: Option<Footprint>,
    used: impl IntoIterator<Item = (Option<String>, String)>,
) -> Result<()> {
    let mut after = before.clone().unwrap_or_default();
    let home = &cx.identity.region;
    after.home.clone_from(home);
    after.used.entry(home.clone()).or_default();
    for (region, kind) in used {
        let region = region.unwrap_or_else(|| home.clone());
        after.used.entry(region).or_default().insert(kind);
    }
    if before.as_ref() == Some(&after) {
        return Ok(());
    }
    let body = serde_json::to_string(&after).unwrap_or_default();
    // Only the holder of the lock writes it.
    bucket.put(cx, &key(cx), &body, &If::Any).await.map(drop)
}

/// Forgets a stack of which nothing is left.
pub async fn erase(cx: &Aws, bucket: &Bucket) -> Result<()> {
    if let Some(object) = bucket.get(cx, &key(cx)).await? {
        bucket.delete(cx, &key(cx), &object.etag).await?;
    }
    Ok(())
}
