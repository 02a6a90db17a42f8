//! Where records stand, and how they come and go there.

use aws_sdk_route53::types::{Change, ChangeAction, ResourceRecordSet, RrType};
use indexmap::IndexMap;
use terrace_core::canon::DnsName;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::inventory::{Found, Seen};
use terrace_core::known::Known;
use terrace_core::mark::{self, Tags};
use terrace_core::reference::Id;

use super::super::shared::{CHANGE, Records, change, unknown};
use super::answer::{Set, canonical, resource_records};
use super::ways::kind_of;
use super::{RecordLive, RecordSpec};
use crate::client::Aws;

/// Where records stand: a zone, a name, a type.
pub(super) struct Place {
    pub(super) zone: String,
    pub(super) name: DnsName,
    pub(super) kind: RrType,
}

/// What AWS has there, and the record that marks it.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    pub(super) sets: Vec<ResourceRecordSet>,
    pub(super) marker: Option<ResourceRecordSet>,
}

impl Standing {
    pub(super) fn is_free(&self) -> bool {
        self.sets.is_empty() && self.marker.is_none()
    }

    pub(super) fn tags(&self) -> Tags {
        self.marker.as_ref().map(read_tags).unwrap_or_default()
    }

    /// What takes all of it away: AWS wants the exact values.
    pub(super) fn removal(&self) -> Result<Vec<Change>> {
        let all = self.sets.iter().chain(&self.marker);
        all.map(|set| change(ChangeAction::Delete, set.clone()))
            .collect()
    }
}

/// The tags that a marking record holds, one in each value.
pub(super) fn read_tags(marker: &ResourceRecordSet) -> Tags {
    let values = marker.resource_records.iter().flatten();
    let texts = values.map(|record| canonical(&RrType::Txt, &record.value));
    texts
        .filter_map(|text| {
            text.split_once('=')
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
        })
        .collect()
}

/// The tags that are written down: the mark. Anybody can read them, so no others are.
pub(super) fn kept(tags: &Tags) -> Tags {
    let ours = tags.iter().filter(|(key, _)| key.starts_with(mark::OURS));
    ours.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The name of what marks the records of a name and type.
pub(super) fn marker(name: &DnsName, kind: &RrType) -> DnsName {
    let name = name.as_str().replace('*', "_wild");
    DnsName::from_aws(&format!("_terrace-{}.{name}", kind.as_str()))
}

/// The name and type that something of this name marks.
pub(super) fn marked(name: &DnsName) -> Option<(DnsName, RrType)> {
    let (kind, rest) = name.as_str().strip_prefix("_terrace-")?.split_once('.')?;
    let kind = RrType::from(kind.to_ascii_uppercase().as_str());
    Some((DnsName::from_aws(&rest.replace("_wild", "*")), kind))
}

/// The generation is part of the id: a new one takes the place of the old one in a single batch, and
/// deleting the old one afterwards must not find the new one.
pub(super) fn id(place: &Place, tags: &Tags) -> String {
    let generation = tags
        .get(mark::GENERATION)
        .map(|generation| format!("/{generation}"));
    let Place { zone, name, kind } = place;
    format!(
        "{zone}/{name}/{}{}",
        kind.as_str(),
        generation.unwrap_or_default()
    )
}

impl Place {
    pub(super) fn wanted(want: &RecordSpec, known: &Known) -> Result<Self> {
        let name = want.name.need().map_err(unknown)?.clone();
        let kind = RrType::from(kind_of(want).as_str());
        Ok(Self {
            zone: String::from(known.need(&want.zone)?),
            name,
            kind,
        })
    }

    pub(super) fn of(have: &RecordLive) -> Self {
        let kind = RrType::from(have.kind.as_str());
        Self {
            zone: have.zone.to_string(),
            name: have.name.clone(),
            kind,
        }
    }

    pub(super) fn live(&self, sets: Vec<Set>, tags: &Tags) -> RecordLive {
        RecordLive {
            id: id(self, tags),
            zone: Id::new(&self.zone),
            name: self.name.clone(),
            kind: self.kind.as_str().to_owned(),
            sets,
            seen: None,
        }
    }

    pub(super) async fn read(&self, cx: &Aws) -> Result<Standing> {
        let name = marker(&self.name, &self.kind);
        let (sets, marks) = tokio::try_join!(
            cx.route53_records(&self.zone, Records::At(&self.name, &self.kind)),
            cx.route53_records(&self.zone, Records::At(&name, &RrType::Txt)),
        )?;
        Ok(Standing {
            sets,
            marker: marks.into_iter().next(),
        })
    }

    /// Puts these in place of what stands there, if that is ours.
    pub(super) async fn take(
        &self,
        cx: &Aws,
        there: Standing,
        sets: &[Set],
        tags: &Tags,
    ) -> Result<()> {
        let found = there.tags();
        if [mark::STACK, mark::ID]
            .iter()
            .all(|key| found.get(*key) == tags.get(*key))
        {
            return self.put(cx, &there, sets, tags).await;
        }
        let (name, kind) = (&self.name, self.kind.as_str());
        let whose = match (found.get(mark::STACK), found.get(mark::ID)) {
            (Some(stack), Some(id)) => format!("{id} of {stack} made it"),
            _ => "terrace did not make it".to_owned(),
        };
        let message = format!("{name} has a record of type {kind} already, and {whose}");
        let error = CloudError::new(CHANGE, ErrorClass::Conflict, message);
        Err(error
            .hinted(format!(
                "to take it over: terrace import <ADDRESS> {}",
                id(self, &Tags::new())
            ))
            .hinted("or delete it, or choose another `name`"))
    }

    pub(super) async fn put(
        &self,
        cx: &Aws,
        there: &Standing,
        sets: &[Set],
        tags: &Tags,
    ) -> Result<()> {
        cx.route53_change(&self.zone, self.changes(there, sets, tags)?)
            .await
    }

    /// All it takes from what stands there to these. Nothing is overwritten unseen: what is not there
    /// is created, which fails if it is after all.
    pub(super) fn changes(
        &self,
        there: &Standing,
        sets: &[Set],
        tags: &Tags,
    ) -> Result<Vec<Change>> {
        let mut changes = Vec::new();
        // A set that answers in another way is another set.
        let same =
            |old: &Set, new: &Set| old.key == new.key && old.route.field() == new.route.field();
        let old: Vec<Set> = there.sets.iter().map(Set::read).collect();
        for (old, raw) in old.iter().zip(&there.sets) {
            if !sets.iter().any(|set| same(old, set)) {
                changes.push(change(ChangeAction::Delete, raw.clone())?);
            }
        }
        for set in sets.iter().filter(|set| !old.contains(set)) {
            let known = old.iter().any(|old| same(old, set));
            let action = if known {
                ChangeAction::Upsert
            } else {
                ChangeAction::Create
            };
            changes.push(change(
                action,
                set.write(&self.name, &self.kind).map_err(unknown)?,
            )?);
        }
        changes.extend(self.marking(there, tags)?);
        Ok(changes)
    }

    /// What makes the marking record say these tags.
    pub(super) fn marking(&self, there: &Standing, tags: &Tags) -> Result<Vec<Change>> {
        let action = match &there.marker {
            Some(_) if there.tags() == *tags => return Ok(Vec::new()),
            Some(marker) if tags.is_empty() => {
                return Ok(vec![change(ChangeAction::Delete, marker.clone())?]);
            }
            None if tags.is_empty() => return Ok(Vec::new()),
            Some(_) => ChangeAction::Upsert,
            None => ChangeAction::Create,
        };
        let texts: Vec<String> = tags
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        let values = resource_records(&RrType::Txt, &texts).map_err(unknown)?;
        let set = ResourceRecordSet::builder()
            .name(marker(&self.name, &self.kind).dotted())
            .r#type(RrType::Txt)
            .ttl(300)
            .set_resource_records(Some(values));
        Ok(vec![change(action, set.build().map_err(unknown)?)?])
    }
}

/// A record that has lost its mark belongs to whoever took it off.
pub(super) fn unmarked(place: &Place) -> CloudError {
    let (name, kind) = (&place.name, place.kind.as_str());
    let message = format!("the {kind} record of {name} carries our mark no longer");
    CloudError::new(CHANGE, ErrorClass::Conflict, message).hinted("plan again")
}

/// All records of a zone, each with its mark if it has one.
pub(super) async fn in_zone(cx: &Aws, zone: &str, seen: &Seen) -> Result<Vec<Found<RecordLive>>> {
    let records = match cx.route53_all_records(zone, seen).await {
        // Deleted since the zones were listed.
        Err(error) if error.class == ErrorClass::NotFound => return Ok(Vec::new()),
        records => records?,
    };
    let mut places: IndexMap<(DnsName, RrType), Standing> = IndexMap::new();
    for record in records.iter().cloned() {
        let name = DnsName::from_aws(&record.name);
        if let (Some(place), RrType::Txt) = (marked(&name), &record.r#type) {
            places.entry(place).or_default().marker = Some(record);
        } else {
            places
                .entry((name, record.r#type.clone()))
                .or_default()
                .sets
                .push(record);
        }
    }
    let found = places.into_iter().map(|((name, kind), there)| {
        Place {
            zone: zone.to_owned(),
            name,
            kind,
        }
        .found(&there)
    });
    Ok(found.collect())
}

/// The one with this id: `Z0123/www.example.com/A`, with its generation at the end or without.
pub(super) async fn by_id(cx: &Aws, text: &str) -> Result<Vec<Found<RecordLive>>> {
    let mut words = text.split('/');
    let (Some(zone), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) else {
        let message = format!("`{text}` is no record; one reads like \"Z0123/www.example.com/A\"");
        return Err(CloudError::new(
            "terrace:look-up",
            ErrorClass::Invalid,
            message,
        ));
    };
    let kind = RrType::from(kind.to_ascii_uppercase().as_str());
    let place = Place {
        zone: zone.to_owned(),
        name: DnsName::from_aws(name),
        kind,
    };
    match place.read(cx).await {
        Err(error) if error.class == ErrorClass::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
        Ok(there) if there.is_free() => Ok(Vec::new()),
        Ok(there) => Ok(vec![place.found(&there)]),
    }
}

impl Place {
    pub(super) fn found(&self, there: &Standing) -> Found<RecordLive> {
        let tags = there.tags();
        let mut live = self.live(there.sets.iter().map(Set::read).collect(), &tags);
        live.seen = Some(there.clone());
        Found::new(live, tags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_names_what_it_marks() {
        for (name, kind) in [("*.example.com", RrType::A), ("example.com", RrType::Cname)] {
            let name = DnsName::from_aws(name);
            assert_eq!(marked(&marker(&name, &kind)), Some((name, kind)));
        }
        assert_eq!(
            marker(&DnsName::from_aws("*.a.b"), &RrType::Aaaa).as_str(),
            "_terrace-aaaa._wild.a.b"
        );
        assert_eq!(marked(&DnsName::from_aws("www.example.com")), None);
    }

    #[test]
    fn only_the_mark_is_published() {
        let tags = [
            ("Name", "x"),
            ("owner", "ann"),
            ("terrace:id", "record.site"),
        ];
        let tags: Tags = tags
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into_iter()
            .collect();
        assert_eq!(kept(&tags).len(), 1);
    }
}
