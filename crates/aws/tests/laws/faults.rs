//! Laws 4 and 5: what happens to a call on the way must not matter in the end.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use terrace_core::erased::AnyKind;
use terrace_sandbox::{Asked, Fate, Turn, Weather};
use tokio::sync::Notify;
use toml::Table;

use super::example::read;
use super::stand::{Stand, Verdict};

/// How many points of each kind are tried unless all are asked for.
const SAMPLE: usize = 2;

/// An account that no other trial has.
fn account() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(500_000_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed).to_string()
}

/// Before AWS acts, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum When {
    Before,
    After,
}

/// A call that acts: the nth of its action.
type Nth = (String, u64);

/// Counts what acts, and does something to it.
#[derive(Default)]
struct Meddler {
    calls: Mutex<BTreeMap<String, u64>>,
    /// Every call that acts is delivered twice.
    doubles: bool,
    /// At this call the run ends, as if it were killed.
    ends: Option<(Nth, When)>,
    ended: Notify,
}

impl Weather for Meddler {
    fn before(&self, call: &Asked) -> Fate {
        if call.reads {
            return Fate::default();
        }
        let mut calls = self.calls.lock().unwrap();
        let count = calls.entry(call.name()).or_default();
        *count += 1;
        if self.doubles {
            return Turn::Twice.into();
        }
        match &self.ends {
            Some(((action, nth), when)) if *action == call.name() && nth == count => {
                if *when == When::After {
                    return Turn::LoseAfter.into();
                }
                self.ended.notify_one();
                Turn::LoseBefore.into()
            }
            _ => Fate::default(),
        }
    }

    fn after(&self, call: &Asked, _: u16) {
        if let Some(((action, nth), When::After)) = &self.ends
            && *action == call.name()
            && self.calls.lock().unwrap()[action] >= *nth
        {
            self.ended.notify_one();
        }
    }
}

/// What an undisturbed run leaves, and the calls of it that act.
struct Calm {
    census: BTreeMap<String, u64>,
    up: Vec<Nth>,
    down: Vec<Nth>,
}

async fn calm(stand: &Stand, example: &Table) -> Result<Calm, String> {
    let watcher = Arc::new(Meddler::default());
    let (stand, _proxy) = stand.elsewhere(account(), watcher.clone()).await?;
    let site = stand.site("law", example).await?;
    site.apply().await?;
    let census = stand.census().await?;
    let up = watcher.each();
    watcher.calls.lock().unwrap().clear();
    site.destroy().await?;
    let down = watcher.each();
    Ok(Calm { census, up, down })
}

impl Meddler {
    fn each(&self) -> Vec<Nth> {
        let calls = self.calls.lock().unwrap();
        let each = calls
            .iter()
            .flat_map(|(action, count)| (1..=*count).map(|nth| (action.clone(), nth)));
        each.collect()
    }
}

/// Law 4: every call that acts is delivered twice, and all is as if it had come once.
pub(crate) async fn doubled(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    let example = read(kind.name())?;
    let calm = calm(stand, &example).await?;
    let weather = Arc::new(Meddler {
        doubles: true,
        ..Meddler::default()
    });
    let (stand, _proxy) = stand.elsewhere(account(), weather).await?;
    let site = stand.site("law", &example).await?;
    site.apply().await?;
    let census = stand.census().await?;
    if census != calm.census {
        return Err(format!("once {:?}, twice {census:?}", calm.census));
    }
    site.settled().await?;
    site.destroy().await?;
    let left = stand.census().await?;
    if left.is_empty() {
        return Ok(());
    }
    Err(format!("destroyed twice, there is left {left:?}"))
}

/// Law 5: a run ends before or after any call that acts; the next one ends as if nothing had been.
pub(crate) async fn interrupted(kind: &dyn AnyKind, stand: &Stand) -> Verdict {
    let example = read(kind.name())?;
    let calm = calm(stand, &example).await?;
    let mut points = Vec::new();
    for (calls, destroys) in [(&calm.up, false), (&calm.down, true)] {
        let each = calls.iter().flat_map(|call| {
            [
                (call, When::Before, destroys),
                (call, When::After, destroys),
            ]
        });
        points.extend(each);
    }
    if std::env::var("TERRACE_LAWS").as_deref() != Ok("full") {
        points.sort_by_cached_key(|(call, when, destroys)| {
            let mut hasher = DefaultHasher::new();
            (kind.name(), call, when, destroys).hash(&mut hasher);
            hasher.finish()
        });
        points.truncate(SAMPLE);
    }
    for (call, when, destroys) in points {
        let end = interrupt(stand, &example, &calm, (call.clone(), when), destroys).await;
        end.map_err(|error| {
            let way = if destroys { "down" } else { "up" };
            format!("{when:?} {} #{} on the way {way}: {error}", call.0, call.1)
        })?;
    }
    Ok(())
}

async fn interrupt(
    stand: &Stand,
    example: &Table,
    calm: &Calm,
    point: (Nth, When),
    destroys: bool,
) -> Verdict {
    let account = account();
    let weather = Arc::new(Meddler {
        ends: Some(point),
        ..Meddler::default()
    });
    let (hindered, _proxy) = stand.elsewhere(account.clone(), weather.clone()).await?;
    let free = stand.of(account);
    let site = free.site("law", example).await?;
    if destroys {
        site.apply().await?;
    }
    let doomed = hindered.site("law", example).await?;
    let work = async {
        match destroys {
            true => doomed.destroy().await,
            false => doomed.apply().await,
        }
    };
    // Dropped where it stands, as a process that is killed.
    tokio::select! {
        _ = work => {}
        () = weather.ended.notified() => {}
    }
    // What was under way at that moment arrives all the same.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    if destroys {
        site.destroy().await?;
        let left = free.census().await?;
        return match left.is_empty() {
            true => Ok(()),
            false => Err(format!("there is left {left:?}")),
        };
    }
    site.apply().await?;
    site.settled().await?;
    let census = free.census().await?;
    if census == calm.census {
        return Ok(());
    }
    Err(format!("undisturbed {:?}, now {census:?}", calm.census))
}
