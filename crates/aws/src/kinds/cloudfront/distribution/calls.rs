//! CloudFront's calls for distributions.

use aws_sdk_cloudfront::types::{
    Aliases, Distribution as Wire, DistributionConfig, DistributionSummary,
};
use terrace_core::canon::DnsName;
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::kind::Progress;
use terrace_core::mark::{self, Tags};

use super::super::shared::is_stale;
use crate::client::{Aws, missing};
use crate::door::Op;

pub(super) const UPDATE: &str = "cloudfront:UpdateDistribution";

/// One with all its facts; `None` if it is gone.
pub(super) async fn get(cx: &Aws, id: &str) -> Result<Option<Wire>> {
    const ACTION: &str = "cloudfront:GetDistribution";
    let answer = cx
        .read(ACTION, || cx.cloudfront.get_distribution().id(id).send())
        .await;
    match answer {
        Err(error) if error.class == ErrorClass::NotFound => Ok(None),
        answer => {
            let distribution = answer?.distribution;
            let distribution = distribution.ok_or_else(|| missing(ACTION, "distribution"))?;
            Ok(Some(distribution))
        }
    }
}

/// What a change starts from, and the version that it must quote; `None` if it is gone.
async fn current(cx: &Aws, id: &str) -> Result<Option<(DistributionConfig, String)>> {
    const ACTION: &str = "cloudfront:GetDistributionConfig";
    let answer = cx
        .read(ACTION, || {
            cx.cloudfront.get_distribution_config().id(id).send()
        })
        .await;
    let answer = match answer {
        Err(error) if error.class == ErrorClass::NotFound => return Ok(None),
        answer => answer?,
    };
    let config = answer.distribution_config;
    let config = config.ok_or_else(|| missing(ACTION, "configuration"))?;
    let etag = answer.e_tag.ok_or_else(|| missing(ACTION, "ETag"))?;
    Ok(Some((config, etag)))
}

/// Changes what `edit` changes: a change takes the whole configuration. `None` if it is gone.
pub(super) async fn change(
    cx: &Aws,
    id: &str,
    edit: impl Fn(&mut DistributionConfig) -> Result<()>,
) -> Result<Option<Wire>> {
    for attempt in 1.. {
        let Some((mut config, etag)) = current(cx, id).await? else {
            break;
        };
        let before = config.clone();
        edit(&mut config)?;
        // What was stale may be our own change, delivered twice or its answer lost.
        if attempt > 1 && config == before {
            return get(cx, id).await;
        }
        let answer = cx
            .mutate(Op::again(UPDATE), || {
                let call = cx.cloudfront.update_distribution().id(id).if_match(&etag);
                call.distribution_config(config.clone()).send()
            })
            .await;
        match answer {
            Err(error) if is_stale(&error, attempt) => {}
            answer => {
                let changed = answer?.distribution;
                let changed = changed.ok_or_else(|| missing(UPDATE, "distribution"))?;
                return Ok(Some(changed));
            }
        }
    }
    Ok(None)
}

/// Whether all edge locations have what was changed last.
pub(super) fn is_deployed(status: &str) -> bool {
    status == "Deployed"
}

/// Switches it off, waits until it is off everywhere, and deletes it. Whatever of that was done before is
/// not done again.
pub(super) async fn delete(cx: &Aws, id: &str, progress: &Progress) -> Result<()> {
    for attempt in 1.. {
        let Some((config, _)) = current(cx, id).await? else {
            return Ok(());
        };
        if config.enabled {
            progress.say("being switched off at all edge locations, usually 3 to 15 minutes");
            let off = |config: &mut DistributionConfig| {
                config.enabled = false;
                Ok(())
            };
            if change(cx, id, off).await?.is_none() {
                return Ok(());
            }
        }
        cx.until(10.0, "switching a distribution off", async || {
            let found = get(cx, id).await?;
            let over = found.is_none_or(|found| is_deployed(&found.status));
            Ok(over.then_some(()))
        })
        .await?;
        let Some((_, etag)) = current(cx, id).await? else {
            return Ok(());
        };
        progress.say("switched off; being deleted");
        let answer = cx
            .mutate(Op::again("cloudfront:DeleteDistribution"), || {
                let call = cx.cloudfront.delete_distribution().id(id);
                call.if_match(&etag).send()
            })
            .await;
        match answer {
            Err(error) if is_stale(&error, attempt) => {}
            // Somebody switched it on between the two calls.
            Err(error) if error.is(&["DistributionNotDisabled"]) && attempt < 3 => {}
            answer => return cx.gone(answer),
        }
    }
    Ok(())
}

/// Whether a listed distribution has a property of a look-up, as far as a listing tells.
pub(super) fn is_like(one: &DistributionSummary, (property, value): (&String, &String)) -> bool {
    match property.as_str() {
        "id" => one.id == *value,
        "arn" => one.arn == *value,
        "dns_name" => one.domain_name == *value,
        "alias" => {
            let mut names = one.aliases.iter().flat_map(Aliases::items);
            names.any(|name| DnsName::from_aws(name) == DnsName::from_aws(value))
        }
        "comment" => one.comment == *value,
        property => property.starts_with("tags."),
    }
}

/// Those of `names` that a distribution other than `except` has, with that distribution.
pub(super) fn holders<'a>(
    all: &'a [DistributionSummary],
    names: &[String],
    except: Option<&str>,
) -> Vec<(String, &'a DistributionSummary)> {
    let others = all.iter().filter(|other| Some(other.id.as_str()) != except);
    others
        .flat_map(|other| {
            let aliases = other.aliases.iter().flat_map(Aliases::items);
            aliases.map(move |alias| (DnsName::from_aws(alias).to_string(), other))
        })
        .filter(|(alias, _)| names.contains(alias))
        .collect()
}

/// The names held by what was at this address before: its successor is to have them.
pub(super) async fn inherited(
    cx: &Aws,
    holders: &[(String, &DistributionSummary)],
    successor: &Tags,
) -> Result<Vec<String>> {
    let mut inherited = Vec::new();
    for (alias, holder) in holders {
        let tags = cx.cloudfront_tags(&holder.arn).await?.unwrap_or_default();
        let same = |key: &str| tags.contains_key(key) && tags.get(key) == successor.get(key);
        if same(mark::STACK) && same(mark::ID) {
            inherited.push(alias.clone());
        }
    }
    Ok(inherited)
}

/// Moves a name here from whichever distribution of the account has it, without a gap.
pub(super) async fn associate(cx: &Aws, id: &str, alias: &str) -> Result<()> {
    cx.mutate(Op::again("cloudfront:AssociateAlias"), || {
        let call = cx.cloudfront.associate_alias();
        call.target_distribution_id(id).alias(alias).send()
    })
    .await
    .map(drop)
}

/// Says who has the names that were refused, and how they are moved.
pub(super) fn taken(
    error: CloudError,
    names: &[String],
    holders: &[(String, &DistributionSummary)],
    id: Option<&str>,
) -> CloudError {
    let mut error = error;
    for (alias, holder) in holders {
        let (holder, domain) = (&holder.id, &holder.domain_name);
        error = error.hinted(format!(
            "{alias} belongs to the distribution {holder} ({domain})"
        ));
    }
    if holders.is_empty() {
        let names = names.join(", ");
        error = error.hinted(format!(
            "one of {names} belongs to a distribution of another account, or to another service that stands behind CloudFront"
        ));
    }
    let target = id.unwrap_or("<this distribution, made without the name>");
    error.hinted(format!(
        "take it off there, or move it without a gap: `aws cloudfront associate-alias --target-distribution-id {target} --alias <name>`"
    ))
}

/// Says what is wrong with a certificate that was refused.
pub(super) fn explained(error: CloudError) -> CloudError {
    if error.is(&["InvalidViewerCertificate"]) {
        return error.hinted(
            "its certificate must be issued, be in us-east-1, and be for every one of `aliases`",
        );
    }
    error
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use aws_sdk_cloudfront::types::{HttpVersion, PriceClass};
    use aws_smithy_types::DateTime;

    use super::*;

    fn summary(id: &str, names: &[&str]) -> DistributionSummary {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let aliases = Aliases::builder()
            .quantity(i32::try_from(names.len()).unwrap())
            .set_items(Some(names));
        DistributionSummary::builder()
            .id(id)
            .arn(format!(
                "arn:aws:cloudfront::123456789012:distribution/{id}"
            ))
            .status("Deployed")
            .last_modified_time(DateTime::from_secs(0))
            .domain_name(format!("{id}.cloudfront.net"))
            .aliases(aliases.build().unwrap())
            .comment("")
            .price_class(PriceClass::PriceClass100)
            .enabled(true)
            .web_acl_id("")
            .http_version(HttpVersion::Http2)
            .is_ipv6_enabled(true)
            .staging(false)
            .build()
            .unwrap()
    }

    #[test]
    fn who_has_a_name_is_told() {
        let all = [
            summary("E1", &["Example.com"]),
            summary("E2", &["www.example.com"]),
        ];
        let names = ["example.com".to_owned(), "www.example.com".to_owned()];
        let found = holders(&all, &names, Some("E2"));
        assert_eq!(found.len(), 1);
        let refused = CloudError::new(UPDATE, ErrorClass::Conflict, "taken");
        let told = taken(refused, &names, &found, Some("E2")).hints.join("\n");
        assert!(
            told.contains("example.com belongs to the distribution E1"),
            "{told}"
        );
        assert!(told.contains("--target-distribution-id E2"), "{told}");
    }

    #[test]
    fn a_name_of_another_account_is_told() {
        let refused = CloudError::new(UPDATE, ErrorClass::Conflict, "taken");
        let told = taken(refused, &["example.com".to_owned()], &[], None);
        assert!(
            told.hints[0].contains("another account"),
            "{:?}",
            told.hints
        );
    }
}
