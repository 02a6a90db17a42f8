//! What requests are like: methods, protocols, and the functions that see them.

use aws_sdk_cloudfront::types::{EventType, Method as WireMethod, ViewerProtocolPolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::late::Late;

/// A method of HTTP.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Asks what is allowed.
    Options,
    /// Puts in place.
    Put,
    /// Does something.
    Post,
    /// Changes in part.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    pub(super) const ALL: [Self; 7] = [
        Self::Get,
        Self::Head,
        Self::Options,
        Self::Put,
        Self::Post,
        Self::Patch,
        Self::Delete,
    ];

    pub(super) fn wire(self) -> WireMethod {
        match self {
            Self::Get => WireMethod::Get,
            Self::Head => WireMethod::Head,
            Self::Options => WireMethod::Options,
            Self::Put => WireMethod::Put,
            Self::Post => WireMethod::Post,
            Self::Patch => WireMethod::Patch,
            Self::Delete => WireMethod::Delete,
        }
    }

    pub(super) fn read(wire: &WireMethod) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.wire() == *wire)
    }
}

/// How viewers speak to a distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ViewerProtocol {
    /// Encrypted; who asks in the clear is sent there.
    #[default]
    RedirectToHttps,
    /// Encrypted; who asks in the clear is refused.
    Https,
    /// Either way.
    All,
}

impl ViewerProtocol {
    pub(super) fn wire(self) -> ViewerProtocolPolicy {
        match self {
            Self::RedirectToHttps => ViewerProtocolPolicy::RedirectToHttps,
            Self::Https => ViewerProtocolPolicy::HttpsOnly,
            Self::All => ViewerProtocolPolicy::AllowAll,
        }
    }

    pub(super) fn read(wire: &ViewerProtocolPolicy) -> Self {
        match wire {
            ViewerProtocolPolicy::HttpsOnly => Self::Https,
            ViewerProtocolPolicy::AllowAll => Self::All,
            _ => Self::RedirectToHttps,
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// Functions that run at the edge: those of CloudFront where viewers are, those of Lambda anywhere.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Functions {
    /// What sees each request first.
    pub viewer_request: Option<Late<String>>,
    /// What sees each answer last.
    pub viewer_response: Option<Late<String>>,
    /// What sees each request that the cache cannot answer: a Lambda function.
    pub origin_request: Option<Late<String>>,
    /// What sees each answer of the origin: a Lambda function.
    pub origin_response: Option<Late<String>>,
}

impl Functions {
    /// All four, by AWS's word for when they run.
    pub(super) fn all(&self) -> [(EventType, &'static str, Option<&Late<String>>); 4] {
        [
            (
                EventType::ViewerRequest,
                "viewer_request",
                self.viewer_request.as_ref(),
            ),
            (
                EventType::ViewerResponse,
                "viewer_response",
                self.viewer_response.as_ref(),
            ),
            (
                EventType::OriginRequest,
                "origin_request",
                self.origin_request.as_ref(),
            ),
            (
                EventType::OriginResponse,
                "origin_response",
                self.origin_response.as_ref(),
            ),
        ]
    }
}
