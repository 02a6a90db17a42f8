//! How a database is compared: a row a property, and what a difference means.

use terrace_core::canon::Duration;
use terrace_core::fields::{Fields, Verdict};
use terrace_core::kind::{Impact, Loss};
use terrace_core::known::Known;
use terrace_core::reference::{Ref, Reference};
use terrace_core::said::Said;

use super::{Apply, DbInstance, DbInstanceLive, DbInstanceSpec, facts};
use crate::kinds::secretsmanager::secret::Secret;

/// All rows.
pub(super) fn all() -> Fields<DbInstance> {
    let fields = Fields::<DbInstance>::new()
        .replace(
            "engine",
            |want, _| Said::of(want.engine),
            |have| Said::of(&have.engine),
        )
        .seed("snapshot")
        .seed("apply")
        .decide(
            "replica_of",
            source,
            |have| Said::or_none(Some(Said::of(&have.replica_of))),
            follow,
        )
        .replace(
            "database",
            |want, _| Said::of(&want.database),
            |have| Said::of(&have.database),
        )
        .replace(
            "username",
            |want, _| Said::of(&want.username),
            |have| Said::of(&have.username),
        )
        .replace("encrypted", encrypted, |have| Said::of(have.encrypted))
        .replace("kms_key", key, |have| Said::of(&have.kms_key))
        .replace(
            "subnet_group",
            |want, known| optional(want.subnet_group.as_ref(), known),
            |have| Said::of(&have.subnet_group),
        )
        .decide(
            "zone",
            |want, _| Said::of(&want.zone),
            |have| Said::of(&have.zone),
            |want, have| match &want.zone {
                // Of two zones, AWS says which is the first one now.
                Some(zone) if !have.multi_az => zone.verdict(&have.zone, ""),
                _ => Verdict::Same,
            },
        )
        .replace(
            "name",
            |want, _| Said::of(&want.name),
            |have| Said::of(&have.id),
        );
    changeable(fields)
}

/// The rows of what can be changed in place.
fn changeable(fields: Fields<DbInstance>) -> Fields<DbInstance> {
    fields
        .update("password", password, DbInstanceLive::password)
        .tell(tell_password, |have| match have.managed {
            Some(_) => "managed".to_owned(),
            None => "the version it has".to_owned(),
        })
        .decide(
            "parameter_group",
            |want, known| optional(want.parameter_group.as_ref(), known),
            |have| {
                if have.pending_reboot {
                    Said::of(format!("{}, waiting for a restart", have.parameter_group))
                } else {
                    Said::of(&have.parameter_group)
                }
            },
            settings,
        )
        .decide(
            "engine_version",
            |want, _| Said::of(&want.engine_version),
            |have| Said::of(&have.engine_version),
            version,
        )
        .decide(
            "class",
            |want, _| Said::of(&want.class),
            |have| Said::of(&have.class),
            |_, have| {
                Verdict::Update(if have.multi_az {
                    Impact::Blip
                } else {
                    Impact::Outage
                })
            },
        )
        .decide(
            "storage",
            |want, _| Said::of(want.storage),
            |have| Said::of(have.storage),
            storage,
        )
        .update(
            "max_storage",
            |want, _| Said::of(want.max_storage),
            |have| Said::of(have.max_storage),
        )
        .update(
            "storage_type",
            |want, _| Said::of(want.storage_type),
            |have| Said::of(&have.storage_type),
        )
        .update(
            "iops",
            |want, _| Said::of(want.iops),
            |have| Said::of(have.iops),
        )
        .update(
            "throughput",
            |want, _| Said::of(want.throughput),
            |have| Said::of(have.throughput),
        )
        .update("security_groups", security_groups, |have| {
            Said::set(have.security_groups.clone())
        })
        .decide(
            "backup_retention",
            |want, _| Said::of(Duration::days(retention(want))),
            |have| Said::of(Duration::days(have.backup_retention)),
            |want, have| match (retention(want), have.backup_retention) {
                // The first snapshot holds writing up for seconds.
                (0, _) | (_, 0) => Verdict::Update(Impact::Blip),
                _ => Verdict::Update(Impact::None),
            },
        )
        .update(
            "backup_window",
            |want, _| Said::of(&want.backup_window),
            |have| Said::of(&have.backup_window),
        )
        .update(
            "maintenance_window",
            |want, _| {
                Said::of(
                    want.maintenance_window
                        .as_ref()
                        .map(|window| window.to_lowercase()),
                )
            },
            |have| Said::of(&have.maintenance_window),
        )
        .update(
            "multi_az",
            |want, _| Said::of(want.multi_az),
            |have| Said::of(have.multi_az),
        )
        .update(
            "public",
            |want, _| Said::of(want.public),
            |have| Said::of(have.public),
        )
        .impact(Impact::Blip)
        .update(
            "port",
            |want, _| Said::of(want.port),
            |have| Said::of(have.port),
        )
        .impact(Impact::Outage)
        .disturbs(&["port"])
        .update(
            "performance_insights",
            |want, _| Said::of(want.performance_insights),
            |have| Said::of(have.performance_insights),
        )
        .update(
            "logs",
            |want, _| Said::set(want.logs.clone()),
            |have| Said::set(have.logs.clone()),
        )
        .update(
            "iam_auth",
            |want, _| Said::of(want.iam_auth),
            |have| Said::of(have.iam_auth),
        )
        .update(
            "auto_minor_upgrade",
            |want, _| Said::of(want.auto_minor_upgrade),
            |have| Said::of(have.auto_minor_upgrade),
        )
}

/// The name of what an optional reference names.
pub(super) fn optional<T: ?Sized>(reference: Option<&Ref<T>>, known: &Known) -> Said {
    reference.map_or(Said::Nothing, |reference| known.id(reference))
}

fn security_groups(want: &DbInstanceSpec, known: &Known) -> Said {
    match want.security_groups.as_slice() {
        [] => Said::Nothing,
        groups => known.ids(groups),
    }
}

/// The source that it is to follow, or that it is to follow none.
fn source(want: &DbInstanceSpec, known: &Known) -> Said {
    Said::or_none(want.replica_of.as_ref().map(|source| known.id(source)))
}

fn follow(want: &DbInstanceSpec, have: &DbInstanceLive) -> Verdict {
    match (&want.replica_of, &have.replica_of) {
        (None, Some(_)) => Verdict::Lose(Loss::Promotion, Impact::Outage),
        (Some(_), Some(_)) => Verdict::Replace,
        (Some(_), None) => Verdict::Refuse(
            "what it holds would be gone; take it out first, or give the replica an address of its own".to_owned(),
        ),
        (None, None) => Verdict::Same,
    }
}

/// Encryption is chosen where a database begins as nothing.
fn encrypted(want: &DbInstanceSpec, _: &Known) -> Said {
    want.engine
        .map_or(Said::Nothing, |_| Said::of(want.encrypted))
}

/// The key's ARN; other names of a key are compared by nobody but AWS.
fn key(want: &DbInstanceSpec, known: &Known) -> Said {
    match want.kms_key.as_ref().map(|key| known.output(key, "arn")) {
        Some(Said::Value(arn)) if !arn.as_str().is_some_and(|arn| arn.contains(":key/")) => {
            Said::Nothing
        }
        said => said.unwrap_or(Said::Nothing),
    }
}

/// Days of backups.
pub(super) fn retention(want: &DbInstanceSpec) -> u64 {
    let usual = if want.replica_of.is_some() { 0 } else { 7 };
    want.backup_retention
        .map_or(usual, |span| span.as_days().unwrap_or(usual))
}

/// How a password is compared: by the version of its secret, never by itself.
fn password(want: &DbInstanceSpec, known: &Known) -> Said {
    let Some(secret) = &want.password else {
        return Said::Nothing;
    };
    if is_managed(secret) {
        return Said::of("managed");
    }
    match (
        secret.names(),
        known.output(secret, "arn"),
        known.output(secret, "version"),
    ) {
        // A secret named by its ARN alone: nobody says when it changes.
        (Reference::Literal(_), ..) => Said::Nothing,
        (_, later @ Said::Later(_), _) | (_, _, later @ Said::Later(_)) => later,
        (_, arn, version) => Said::of(facts::fingerprint(&arn.text(), &version.text())),
    }
}

/// What is said of a password: never which one, and not its digest either.
fn tell_password(want: &DbInstanceSpec) -> String {
    match want.password.as_ref().map(Ref::names) {
        Some(Reference::Address(secret)) => format!("the current version of {secret}"),
        _ => "managed".to_owned(),
    }
}

pub(super) fn is_managed(secret: &Ref<Secret>) -> bool {
    matches!(secret.names(), Reference::Literal(text) if text == "managed")
}

fn settings(want: &DbInstanceSpec, have: &DbInstanceLive) -> Verdict {
    match want.apply {
        // A restart is all that is missing, or the new group's settings will want one.
        _ if !have.pending_reboot => Verdict::Update(Impact::None),
        Apply::Now => Verdict::Update(Impact::Outage),
        Apply::Window => {
            Verdict::Next("some settings take effect at the next restart, or with apply = \"now\"")
        }
    }
}

fn storage(want: &DbInstanceSpec, have: &DbInstanceLive) -> Verdict {
    match want.storage {
        Some(size) if size > have.storage => Verdict::Update(Impact::None),
        Some(size) if size < have.storage && have.max_storage.is_none() => Verdict::Refuse(
            format!("storage never shrinks; write storage = {}", have.storage),
        ),
        // It has grown by itself.
        _ => Verdict::Same,
    }
}

fn version(want: &DbInstanceSpec, have: &DbInstanceLive) -> Verdict {
    let wanted = want.engine_version.as_deref().unwrap_or_default();
    let live = have.engine_version.as_str();
    if live == wanted
        || live
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.starts_with('.'))
    {
        return Verdict::Same;
    }
    match (numbers(live) > numbers(wanted), want.auto_minor_upgrade) {
        (false, _) => Verdict::Update(Impact::Outage),
        // AWS went on by itself, within the major version.
        (true, true) if facts::major(&have.engine, live) == facts::major(&have.engine, wanted) => {
            Verdict::Same
        }
        (true, _) => Verdict::Refuse(format!(
            "no engine goes back; write engine_version = \"{live}\""
        )),
    }
}

/// A version's numbers, to tell which is higher.
fn numbers(version: &str) -> Vec<u32> {
    let digits = |part: &str| {
        part.chars()
            .take_while(char::is_ascii_digit)
            .collect::<String>()
    };
    version
        .split('.')
        .map(|part| digits(part).parse().unwrap_or_default())
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        assert!(numbers("10.11.10") > numbers("10.6"));
        assert!(numbers("8.0.40") < numbers("8.4"));
        assert!(numbers("17.2") > numbers("16"));
        assert_eq!(facts::major("postgres", "16.6"), "16");
        assert_eq!(facts::major("mysql", "8.0.40"), "8.0");
    }
}
