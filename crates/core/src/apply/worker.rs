//! How one step is carried out: created, changed, deleted, and waited for.

use std::sync::Arc;

use futures_util::FutureExt;

use super::{Apply, End, Event, State};
use crate::erased::{AnyHand, AnyKind, AnyLive, AnySpec};
use crate::error::{CloudError, ErrorClass, Result};
use crate::fields::{Effect, FieldChange, Part};
use crate::inventory::{FoundAny, Look, Seen};
use crate::kind::{Create, Leave, Progress, Ready};
use crate::known::Known;
use crate::mark::{self, Identity, Mark, Tags};
use crate::mutex::lock;
use crate::plan::{Action, Step};
use crate::planner::{self, Trouble};

/// How often is looked for what a lost answer may have made: together about a minute.
const LOOKS: u32 = 8;
/// How often for what took the name, if it was us: a quarter of a minute, as IAM shows a new role no sooner.
const TAKEN_LOOKS: u32 = 6;
/// How often for what a spent token may have made: two minutes. A call that fails spends its token too.
const SPENT_LOOKS: u32 = 27;
/// How many other tokens are tried.
const SALTS: u32 = 3;

/// One step and what its work needs.
pub(super) struct Worker<'a> {
    pub(super) apply: &'a Apply<'a>,
    pub(super) state: &'a State,
    pub(super) index: usize,
    pub(super) step: &'a Step,
}

impl Worker<'_> {
    /// Carries it out.
    pub(super) async fn work(&self) -> Result<End> {
        let ends = matches!(self.step.action, Action::Delete(_) | Action::Shrink);
        if ends && self.step.rest > 0 {
            let why = format!("requests may still come for {} s", self.step.rest);
            (self.apply.observe)(Event::Waiting(self.index, self.step, &why));
            if !self.apply.world.rest(self.step.rest).await {
                return Ok(End::Stopped);
            }
        }
        if let end @ End::Stopped = self.until_serving().await? {
            return Ok(end);
        }
        let hand = self.hand()?;
        match &self.step.action {
            Action::Create { mark, .. } => self.create(hand.as_ref(), mark).await,
            Action::Wait(_) => {
                let live = self.wanted_live()?;
                self.until_ready(&live).await
            }
            Action::WaitGone => self.until_gone(&self.wanted_live()?).await,
            Action::Late | Action::Grow | Action::Update | Action::Shrink => {
                self.change(hand.as_ref()).await
            }
            Action::Tag { set, unset } => hand
                .tag(&self.wanted_live()?, set, unset)
                .await
                .map(|()| End::Done),
            Action::Clear(field) => hand
                .clear(&self.wanted_live()?, field)
                .await
                .map(|()| End::Done),
            Action::Leave(seconds) => {
                let note = Tags::from([(mark::LEAVING.to_owned(), seconds.to_string())]);
                hand.tag(&self.wanted_live()?, &note, &[])
                    .await
                    .map(|()| End::Done)
            }
            Action::Soak(_) => {
                let note = Tags::from([(mark::LEFT.to_owned(), self.apply.world.now())]);
                hand.tag(&self.wanted_live()?, &note, &[])
                    .await
                    .map(|()| End::Done)
            }
            Action::Unprotect => hand
                .unprotect(&self.wanted_live()?)
                .await
                .map(|()| End::Done),
            Action::Delete(_) => self.delete(hand.as_ref()).await,
        }
    }

    fn hand(&self) -> Result<Arc<dyn AnyHand>> {
        let hand = self
            .apply
            .world
            .hand(self.step.kind, self.step.region.as_deref());
        hand.ok_or_else(|| self.bug("no hand for its kind"))
    }

    fn kind(&self) -> Result<&'static dyn AnyKind> {
        self.apply
            .kinds
            .get(self.step.kind)
            .ok_or_else(|| self.bug("no such kind"))
    }

    pub(super) fn bug(&self, what: &str) -> CloudError {
        let message = format!("{}: {what}; this is a bug in terrace", self.step.address);
        CloudError::new("terrace:apply", ErrorClass::Invalid, message)
    }

    /// The live resource: as an earlier step of this run left it, else as the plan saw it. A deletion
    /// speaks of the one that the plan saw, never of its successor at the same address.
    fn wanted_live(&self) -> Result<AnyLive> {
        let planned = self.step.live.clone();
        let leaves = matches!(
            self.step.action,
            Action::Clear(_)
                | Action::Unprotect
                | Action::Leave(_)
                | Action::Soak(_)
                | Action::Delete(_)
        );
        if leaves || matches!(self.step.action, Action::WaitGone) {
            return planned.ok_or_else(|| self.bug("nothing live to delete"));
        }
        let newest = lock(&self.state.live).get(&self.step.address).cloned();
        newest
            .or(planned)
            .ok_or_else(|| self.bug("nothing live to change"))
    }

    /// What is known now of all that the resource names, and of itself.
    fn known(&self) -> Known {
        let resource = self.apply.stack.resources.get(&self.step.address);
        let named = resource.iter().flat_map(|resource| &resource.needs);
        let own = std::iter::once(&self.step.address);
        self.state.known(named.map(|need| &need.to).chain(own))
    }

    fn spec(&self, known: &Known) -> Result<AnySpec> {
        let resource = self.apply.stack.resources.get(&self.step.address);
        let resource = resource.ok_or_else(|| self.bug("nothing wanted of it"))?;
        planner::spec(self.kind()?, resource, known).map_err(|trouble| {
            let message = match trouble {
                Trouble::Faults(address, faults) => {
                    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                    format!("{address}: {}", faults.join("; "))
                }
                Trouble::Cycle(names) => format!("in a circle: {}", names.join(", ")),
            };
            CloudError::new("terrace:resolve", ErrorClass::Invalid, message)
        })
    }

    async fn create(&self, hand: &dyn AnyHand, mark: &Mark) -> Result<End> {
        let known = self.known();
        let want = self.spec(&known)?;
        let mark = &Mark {
            salt: self.apply.life.to_owned(),
            ..mark.clone()
        };
        let live = match hand.create(&want, &known, mark).await {
            Ok(live) => live,
            Err(error) => self.after_doubt(hand, &want, &known, mark, error).await?,
        };
        self.apply.world.made(live.id());
        self.state.publish(&self.step.address, &live);
        self.set(hand, &want, &known, FieldChange::is_early).await?;
        if let end @ End::Stopped = self.until_ready(&self.wanted_live()?).await? {
            return Ok(end);
        }
        // What the creating call could not take is an ordinary difference, now as after a crash. Late
        // elements wait for what they name. What AWS put in by itself, such as a new group's rule that
        // lets everything out, names nothing that is still to come, and goes at once.
        let mine = |change: &FieldChange| {
            change.is_in_place() && (!change.late || change.effect == Effect::Shrink)
        };
        self.set_and_wait(hand, &want, &known, mine).await
    }

    /// A creating call whose answer was lost may have made the thing, and one whose name is taken may
    /// find our own from a call before (rule R4): what carries this very mark is it.
    async fn after_doubt(
        &self,
        hand: &dyn AnyHand,
        want: &AnySpec,
        known: &Known,
        mark: &Mark,
        error: CloudError,
    ) -> Result<AnyLive> {
        let class = self.kind()?.about().create;
        let looks = match error.class {
            ErrorClass::Unknown => LOOKS,
            ErrorClass::Spent => SPENT_LOOKS,
            ErrorClass::Conflict if class != Create::Blind => TAKEN_LOOKS,
            _ => return Err(error),
        };
        for attempt in 0..looks {
            if let Some(live) = self.marked(mark).await? {
                return Ok(live);
            }
            if !self.apply.world.pause(attempt, 1.0).await {
                break;
            }
        }
        match error.class {
            ErrorClass::Unknown if class == Create::Blind => hand.create(want, known, mark).await,
            ErrorClass::Spent => self.salted(hand, want, known, mark, error).await,
            _ => Err(error),
        }
    }

    /// Creates with the next token that is not spent. The salts are always the same ones, so that a run
    /// after a crash comes by what this one made.
    async fn salted(
        &self,
        hand: &dyn AnyHand,
        want: &AnySpec,
        known: &Known,
        mark: &Mark,
        mut error: CloudError,
    ) -> Result<AnyLive> {
        for turn in 1..=SALTS {
            let salt = format!("{}s{turn}", mark.salt);
            let salted = Mark {
                salt,
                ..mark.clone()
            };
            match hand.create(want, known, &salted).await {
                Err(spent) if spent.class == ErrorClass::Spent => error = spent,
                end => return end,
            }
        }
        Err(error)
    }

    /// What is live with exactly this mark.
    async fn marked(&self, mark: &Mark) -> Result<Option<AnyLive>> {
        let found = self.hand()?.discover(Look::Ours, Seen::default()).await?;
        let same = |found: &FoundAny| {
            found.mark.as_ref() == Some(&(mark.address.clone(), mark.generation))
                && !matches!(found.ready, Ready::Broken(_) | Ready::Dying(_))
        };
        Ok(found.into_iter().find(same).map(|found| found.live))
    }

    async fn change(&self, hand: &dyn AnyHand) -> Result<End> {
        let known = self.known();
        let want = self.spec(&known)?;
        let early = |change: &FieldChange| change.is_early() && self.is_mine(change);
        if self.set(hand, &want, &known, early).await?
            && let end @ End::Stopped = self.until_ready(&self.wanted_live()?).await?
        {
            return Ok(end);
        }
        let mine = |change: &FieldChange| self.is_mine(change);
        self.set_and_wait(hand, &want, &known, mine).await
    }

    async fn set_and_wait(
        &self,
        hand: &dyn AnyHand,
        want: &AnySpec,
        known: &Known,
        mine: impl Fn(&FieldChange) -> bool,
    ) -> Result<End> {
        if !self.set(hand, want, known, mine).await? {
            return Ok(End::Done);
        }
        self.until_ready(&self.wanted_live()?).await
    }

    /// Sets of what differs that which is `mine`, by the same comparison as in the plan, with what was later
    /// known now. Whether there was any.
    async fn set(
        &self,
        hand: &dyn AnyHand,
        want: &AnySpec,
        known: &Known,
        mine: impl Fn(&FieldChange) -> bool,
    ) -> Result<bool> {
        let live = self.wanted_live()?;
        let mut changes = self.kind()?.diff(want, &live, known);
        changes.retain(mine);
        if changes.is_empty() {
            return Ok(false);
        }
        let live = hand.update(want, &live, known, Part::new(&changes)).await?;
        self.state.publish(&self.step.address, &live);
        Ok(true)
    }

    fn is_mine(&self, change: &FieldChange) -> bool {
        let planned = self
            .step
            .changes
            .iter()
            .any(|planned| planned.field == change.field);
        let fits = match self.step.action {
            Action::Grow => change.effect == Effect::Grow,
            Action::Shrink => change.effect == Effect::Shrink,
            Action::Update => change.effect == Effect::Update,
            _ => change.is_in_place(),
        };
        planned && fits
    }

    async fn delete(&self, hand: &dyn AnyHand) -> Result<End> {
        let live = self.wanted_live()?;
        let leave =
            Leave {
                ephemeral: self.apply.inventory.ours.iter().any(|found| {
                    found.live.id() == live.id() && found.says(crate::mark::EPHEMERAL)
                }),
                stamp: self.apply.world.stamp(),
                identity: self.identity().clone(),
                progress: Progress::default(),
            };
        let mut work = hand.delete(&live, &leave);
        std::future::poll_fn(|context| {
            let ended = work.poll_unpin(context);
            if let Some(how_far) = leave.progress.take() {
                (self.apply.observe)(Event::Waiting(self.index, self.step, &how_far));
            }
            ended
        })
        .await?;
        let kind = self.kind()?;
        if kind.about().gone_at_once {
            return Ok(End::Done);
        }
        // What takes its time is still there at first.
        let minutes = kind.minutes().delete;
        if let Some(end) = self.pause(0, minutes, live.id(), "being deleted").await? {
            return Ok(end);
        }
        self.until_gone(&live).await
    }

    fn identity(&self) -> &Identity {
        &self.apply.plan.identity
    }

    /// Waits until others may build on it; what is seen last is published.
    async fn until_ready(&self, live: &AnyLive) -> Result<End> {
        let kind = self.kind()?;
        let mut live = live.clone();
        for attempt in 0.. {
            match kind.ready(&live) {
                Ready::Ready => {
                    self.state.publish(&self.step.address, &live);
                    return Ok(End::Done);
                }
                Ready::Broken(why) | Ready::Dying(why) => {
                    let message = format!("{} ended as {why}", live.id());
                    return Err(CloudError::new(
                        "terrace:wait",
                        ErrorClass::Invalid,
                        message,
                    ));
                }
                Ready::Stuck(why) => {
                    let message = format!("{}: {why}", live.id());
                    return Err(CloudError::new(
                        "terrace:wait",
                        ErrorClass::Invalid,
                        message,
                    ));
                }
                Ready::Coming(why) => {
                    let minutes = kind.patience(&live);
                    if let Some(end) = self.pause(attempt, minutes, live.id(), &why).await? {
                        return Ok(end);
                    }
                }
            }
            // Just created, it may not be visible yet: only its own answer says what became of it.
            if let Some(seen) = self.look(&live).await? {
                live = seen;
            }
        }
        Ok(End::Done)
    }

    async fn until_gone(&self, live: &AnyLive) -> Result<End> {
        for attempt in 0.. {
            if self.look(live).await?.is_none() {
                return Ok(End::Done);
            }
            let minutes = self.kind()?.minutes().delete;
            if let Some(end) = self
                .pause(attempt, minutes, live.id(), "being deleted")
                .await?
            {
                return Ok(end);
            }
        }
        Ok(End::Done)
    }

    async fn look(&self, live: &AnyLive) -> Result<Option<AnyLive>> {
        let look = Look::Id(live.id().to_owned());
        let found = self.hand()?.discover(look, Seen::default()).await?;
        Ok(found
            .into_iter()
            .map(|found| found.live)
            .find(|seen| seen.id() == live.id()))
    }

    async fn pause(&self, attempt: u32, minutes: f64, id: &str, why: &str) -> Result<Option<End>> {
        (self.apply.observe)(Event::Waiting(self.index, self.step, why));
        if self.apply.world.stopped() {
            return Ok(Some(End::Stopped));
        }
        if self.apply.world.pause(attempt, minutes).await {
            return Ok(None);
        }
        let message = format!("{id} is still {why}, far longer than usual");
        let error = CloudError::new("terrace:wait", ErrorClass::Unknown, message);
        Err(error.hinted("look at it in the console; running it again goes on waiting"))
    }
}
