//! Kinds that terrace only looks up: `[existing.prefix_list.cloudfront]`.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use terrace_core::erased::{AnyHand, AnyLive, AnySpec};
use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::fields::Part;
use terrace_core::inventory::{FoundAny, Look, Seen};
use terrace_core::kind::{Leave, Outputs, Ready};
use terrace_core::known::Known;
use terrace_core::mark::{Mark, Tags};

use crate::client::Aws;

/// Declares the modules and the list: `kind Type` each. The order is that of the documentation.
macro_rules! lookups {
    ($($kind:ident $type:ident),+ $(,)?) => {
        $(pub mod $kind;)+

        /// Every kind that is only looked up, with its outputs beside `id`.
        pub static LOOKUPS: &[(&str, &[&str])] = &[
            $((<$kind::$type as LookUpKind>::NAME, <$kind::$type as LookUpKind>::OUTPUTS)),+
        ];

        /// A hand for every kind that is only looked up, working by way of `cx`.
        pub fn lookup_hands(cx: &Arc<Aws>) -> Vec<Arc<dyn AnyHand>> {
            vec![$(Arc::new(LookUpHand::<$kind::$type>::new(cx)) as Arc<dyn AnyHand>),+]
        }
    };
}

lookups! { image Image, kms_key KmsKey, prefix_list PrefixList, sns_topic SnsTopic }

/// A type of AWS resource that is named and never changed.
pub trait LookUpKind: Send + Sync + 'static {
    /// Its name in TOML: `existing.<NAME>`.
    const NAME: &'static str;
    /// Outputs beside `id`.
    const OUTPUTS: &'static [&'static str];

    /// All that have the properties asked for: their ids, outputs and tags.
    fn find(cx: &Aws, look: &Look) -> impl Future<Output = Result<Vec<Match>>> + Send;
}

/// One that was found.
#[derive(Clone, Debug)]
pub struct Match {
    /// Its id.
    pub id: String,
    /// Its outputs.
    pub outputs: Outputs,
    /// Its tags.
    pub tags: Tags,
}

/// The hand of a kind that is only looked up.
pub struct LookUpHand<K> {
    cx: Arc<Aws>,
    kind: std::marker::PhantomData<fn() -> K>,
}

impl<K: LookUpKind> LookUpHand<K> {
    /// A hand that works by way of `cx`.
    pub fn new(cx: &Arc<Aws>) -> Self {
        Self {
            cx: Arc::clone(cx),
            kind: std::marker::PhantomData,
        }
    }

    fn refuse<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T>> {
        let message = format!(
            "a `{}` is only looked up; this is a bug in terrace",
            K::NAME
        );
        let error = CloudError::new("terrace:look-up", ErrorClass::Invalid, message);
        async { Err(error) }.boxed()
    }
}

impl<K: LookUpKind> AnyHand for LookUpHand<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }

    fn discover(
        self: Arc<Self>,
        look: Look,
        _seen: Seen,
    ) -> BoxFuture<'static, Result<Vec<FoundAny>>> {
        async move {
            // Nothing of a kind that is only looked up is ever ours.
            if matches!(look, Look::Ours) {
                return Ok(Vec::new());
            }
            let found = K::find(&self.cx, &look).await?;
            let any = |found: Match| {
                let live = AnyLive::named(K::NAME, found.id, found.outputs);
                FoundAny::new(live, found.tags, Tags::new(), Ready::Ready)
            };
            Ok(found.into_iter().map(any).collect())
        }
        .boxed()
    }

    fn create<'a>(
        &'a self,
        _: &'a AnySpec,
        _: &'a Known,
        _: &'a Mark,
    ) -> BoxFuture<'a, Result<AnyLive>> {
        Self::refuse()
    }

    fn update<'a>(
        &'a self,
        _: &'a AnySpec,
        _: &'a AnyLive,
        _: &'a Known,
        _: Part<'a>,
    ) -> BoxFuture<'a, Result<AnyLive>> {
        Self::refuse()
    }

    fn delete<'a>(&'a self, _: &'a AnyLive, _: &'a Leave) -> BoxFuture<'a, Result<()>> {
        Self::refuse()
    }

    fn tag<'a>(
        &'a self,
        _: &'a AnyLive,
        _: &'a Tags,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        Self::refuse()
    }

    fn unprotect<'a>(&'a self, _: &'a AnyLive) -> BoxFuture<'a, Result<()>> {
        Self::refuse()
    }

    fn clear<'a>(&'a self, _: &'a AnyLive, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Self::refuse()
    }
}
