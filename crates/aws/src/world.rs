//! What apply needs of the world outside: hands, time, and whether to stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use terrace_core::address::Address;
use terrace_core::apply::{End, World};
use terrace_core::erased::AnyHand;

use crate::client::Aws;
use crate::kinds::hands;
use crate::timing::Timing;

tokio::task_local! {
    /// The address whose step is being carried out.
    pub static ADDRESS: Address;
}

/// The world as AWS is.
pub struct AwsWorld {
    hands: HashMap<&'static str, Arc<dyn AnyHand>>,
    timing: Timing,
    stop: Arc<AtomicBool>,
}

impl AwsWorld {
    /// Hands for the home region; `stop` is set when a person asks to stop.
    pub fn new(cx: &Arc<Aws>, stop: Arc<AtomicBool>) -> Self {
        let hands = hands(cx)
            .into_iter()
            .map(|hand| (hand.name(), hand))
            .collect();
        Self {
            hands,
            timing: cx.timing,
            stop,
        }
    }
}

impl World for AwsWorld {
    fn hand(&self, kind: &str, _region: Option<&str>) -> Option<Arc<dyn AnyHand>> {
        self.hands.get(kind).cloned()
    }

    fn pause(&self, attempt: u32, minutes: f64) -> BoxFuture<'_, bool> {
        async move {
            if !self.timing.patient(attempt, minutes) {
                return false;
            }
            tokio::time::sleep(self.timing.poll(attempt, minutes)).await;
            true
        }
        .boxed()
    }

    fn within<'a>(&'a self, address: &Address, work: BoxFuture<'a, End>) -> BoxFuture<'a, End> {
        ADDRESS.scope(address.clone(), work).boxed()
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stamp(&self) -> String {
        Timestamp::now().strftime("%Y%m%d%H%M").to_string()
    }
}
