//! What several kinds read alike is read once a discovery: the zones of the account, the targets of a group.
//!
//! A discovery is one look at the world, so two answers to one question in it could only differ by accident. It
//! is no cache: what reads outlives no discovery, and a look at a single resource has one of its own.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::error::{CloudError, ErrorClass, Result};
use crate::mutex::lock;

type Answer = Result<Arc<dyn Any + Send + Sync>>;

/// The answer to one question; whoever asks first asks AWS, all others wait for that.
type Slot = Arc<futures_util::lock::Mutex<Option<Answer>>>;

/// The answers of one discovery, by their questions.
#[derive(Clone, Default)]
pub(crate) struct Reads {
    slots: Arc<Mutex<HashMap<String, Slot>>>,
}

impl Reads {
    /// What `read` answers, or what it answered whoever asked `what` before; an error too.
    pub(crate) async fn once<T: Send + Sync + 'static>(
        &self,
        what: String,
        read: impl Future<Output = Result<T>> + Send,
    ) -> Result<Arc<T>> {
        let slot = {
            let mut slots = lock(&self.slots);
            Arc::clone(slots.entry(what).or_default())
        };
        let mut known = slot.lock().await;
        let answer = if let Some(answer) = &*known {
            answer.clone()
        } else {
            let answer: Answer = read.await.map(|found| Arc::new(found) as _);
            known.insert(answer).clone()
        };
        answer?.downcast().map_err(|_| {
            let message = "one question has two kinds of answers; this is a bug in terrace";
            CloudError::new("terrace:discover", ErrorClass::Invalid, message)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::ready;
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::FutureExt;

    use super::*;

    fn once<T: Send + Sync + 'static>(
        reads: &Reads,
        what: &str,
        answer: Result<T>,
    ) -> Result<Arc<T>> {
        let what = what.to_owned();
        reads.once(what, ready(answer)).now_or_never().unwrap()
    }

    #[test]
    fn a_question_is_asked_once_and_only_of_the_same_discovery() {
        let reads = Reads::default();
        let asked = AtomicU32::new(0);
        let read = async || Ok(asked.fetch_add(1, Ordering::Relaxed));
        let both = async {
            let one = reads.once("zones".to_owned(), read());
            let other = reads.once("zones".to_owned(), read());
            (*one.await.unwrap(), *other.await.unwrap())
        };
        assert_eq!(both.now_or_never(), Some((0, 0)));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(*once(&Reads::default(), "zones", Ok(7)).unwrap(), 7);
    }

    #[test]
    fn an_error_is_an_error_for_all_who_ask() {
        let reads = Reads::default();
        let denied = CloudError::new("route53:ListHostedZones", ErrorClass::Denied, "");
        assert!(once::<u32>(&reads, "zones", Err(denied)).is_err());
        assert!(once(&reads, "zones", Ok(1)).is_err());
    }
}
