//! What apply needs of the world outside: hands, time, and whether to stop.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use terrace_core::address::Address;
use terrace_core::apply::{End, World};
use terrace_core::erased::AnyHand;
use terrace_core::mutex::lock;

use crate::client::Aws;
use crate::kinds::hands;
use crate::timing::Timing;

tokio::task_local! {
    /// The address whose step is being carried out.
    pub static ADDRESS: Address;
}

/// The hands of one region, by kind.
type Hands = HashMap<&'static str, Arc<dyn AnyHand>>;

/// The world as AWS is.
pub struct AwsWorld {
    cx: Arc<Aws>,
    /// By region, `None` being the home region.
    hands: Mutex<HashMap<Option<String>, Hands>>,
    timing: Timing,
    stop: Arc<AtomicBool>,
}

impl AwsWorld {
    /// Hands for every region asked for; `stop` is set when a person asks to stop.
    pub fn new(cx: &Arc<Aws>, stop: Arc<AtomicBool>) -> Self {
        Self {
            cx: Arc::clone(cx),
            hands: Mutex::default(),
            timing: cx.timing,
            stop,
        }
    }

    fn hands_in(&self, region: Option<&str>) -> Hands {
        let cx = region.map_or_else(
            || Arc::clone(&self.cx),
            |region| Arc::new(self.cx.in_region(region)),
        );
        hands(&cx)
            .into_iter()
            .map(|hand| (hand.name(), hand))
            .collect()
    }
}

impl World for AwsWorld {
    fn hand(&self, kind: &str, region: Option<&str>) -> Option<Arc<dyn AnyHand>> {
        let mut all = lock(&self.hands);
        let hands = all
            .entry(region.map(str::to_owned))
            .or_insert_with(|| self.hands_in(region));
        hands.get(kind).cloned()
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

    fn rest(&self, seconds: u32) -> BoxFuture<'_, bool> {
        async move {
            // In spans short enough that whoever asks to stop is heard.
            for _ in 0..seconds.div_ceil(5) {
                if self.stopped() {
                    return false;
                }
                tokio::time::sleep(self.timing.scaled(5.0)).await;
            }
            true
        }
        .boxed()
    }

    fn within<'a>(&'a self, address: &Address, work: BoxFuture<'a, End>) -> BoxFuture<'a, End> {
        ADDRESS.scope(address.clone(), work).boxed()
    }

    fn made(&self, id: &str) {
        self.cx.door().made(id);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn stamp(&self) -> String {
        Timestamp::now().strftime("%Y%m%d%H%M").to_string()
    }

    fn now(&self) -> String {
        let now = Timestamp::now();
        now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }
}
