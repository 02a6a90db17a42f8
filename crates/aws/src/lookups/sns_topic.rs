//! A topic of SNS, found by its name: whom to wake.

use serde_json::json;
use terrace_core::error::Result;
use terrace_core::inventory::Look;
use terrace_core::mark::Tags;
use terrace_core::outputs;

use super::{LookUpKind, Match};
use crate::client::Aws;

/// A topic of SNS.
pub struct SnsTopic;

impl LookUpKind for SnsTopic {
    const NAME: &'static str = "sns_topic";
    const OUTPUTS: &'static [&'static str] = &["arn", "name"];

    async fn find(cx: &Aws, look: &Look) -> Result<Vec<Match>> {
        let Look::Like(like) = look else {
            return Ok(Vec::new());
        };
        let topics = cx
            .read("sns:ListTopics", || {
                cx.sns
                    .list_topics()
                    .into_paginator()
                    .items()
                    .send()
                    .collect::<std::result::Result<Vec<_>, _>>()
            })
            .await?;
        let arns = topics.into_iter().filter_map(|topic| topic.topic_arn);
        let found = arns.filter_map(|arn| {
            let name = arn.rsplit(':').next().unwrap_or_default().to_owned();
            let fits = |(property, value): (&String, &String)| match property.as_str() {
                "name" => *value == name,
                "arn" | "id" => *value == arn,
                _ => false,
            };
            like.iter().all(fits).then(|| Match {
                id: arn.clone(),
                outputs: outputs! { "arn" => json!(arn), "name" => json!(name) },
                tags: Tags::new(),
            })
        });
        Ok(found.collect())
    }
}
