//! Traffic moves only onto a path that serves: all that is on it is asked, and asked again until it does.

use futures_util::future::try_join_all;

use super::worker::Worker;
use super::{End, Event, lock};
use crate::erased::AnyLive;
use crate::error::{CloudError, ErrorClass, Result};
use crate::inventory::{Look, Seen};
use crate::kind::Serving;
use crate::plan::Gate;

/// What one on the path answered.
struct Answer<'a> {
    gate: &'a Gate,
    serving: Serving,
    /// Typical minutes until it serves.
    minutes: f64,
}

impl Worker<'_> {
    /// Waits until all that traffic is about to be led onto serves. If it does not in time, the step fails
    /// before it has done anything: requests stay where they are led, and what is there waits for the step.
    pub(super) async fn until_serving(&self) -> Result<End> {
        let mut gates: Vec<&Gate> = self.step.gates.iter().collect();
        for attempt in 0.. {
            let answers = try_join_all(gates.iter().map(|gate| self.ask(gate))).await?;
            if let Some(never) = answers.iter().find_map(Answer::never) {
                return Err(shut(&never));
            }
            let shut_yet: Vec<&Answer<'_>> = answers
                .iter()
                .filter(|answer| answer.why().is_some())
                .collect();
            let Some(first) = shut_yet.first().and_then(|answer| answer.why()) else {
                return Ok(End::Done);
            };
            let why = match shut_yet.len() {
                1 => first,
                more => format!("{first}; and for {} more", more - 1),
            };
            (self.apply.observe)(Event::Waiting(self.index, self.step, &why));
            if self.apply.world.stopped() {
                return Ok(End::Stopped);
            }
            let minutes = shut_yet.iter().map(|answer| answer.minutes);
            let minutes = minutes.fold(0.0, f64::max);
            if !self.apply.world.pause(attempt, minutes).await {
                return Err(shut(&why));
            }
            gates = shut_yet.iter().map(|answer| answer.gate).collect();
        }
        Ok(End::Done)
    }

    /// Asks one of them, as it is now.
    async fn ask<'g>(&self, gate: &'g Gate) -> Result<Answer<'g>> {
        let answer = |serving, minutes| Answer {
            gate,
            serving,
            minutes,
        };
        let kind = self.apply.kinds.get(gate.kind);
        let kind = kind.ok_or_else(|| self.bug("no such kind on its path"))?;
        let usual = kind.minutes().create;
        let newest = lock(&self.state.live).get(&gate.address).cloned();
        let Some(live) = newest.or_else(|| gate.live.clone()) else {
            return Ok(answer(Serving::NotYet("is not there".to_owned()), usual));
        };
        let seen = self.seen(gate, &live).await?;
        let serving = match &seen {
            Some(live) => kind.serving(live),
            None => Serving::NotYet("is not to be seen".to_owned()),
        };
        Ok(answer(
            serving,
            kind.patience(seen.as_ref().unwrap_or(&live)),
        ))
    }

    async fn seen(&self, gate: &Gate, live: &AnyLive) -> Result<Option<AnyLive>> {
        let hand = self.apply.world.hand(gate.kind, gate.region.as_deref());
        let hand = hand.ok_or_else(|| self.bug("no hand for what is on its path"))?;
        let look = Look::Id(live.id().to_owned());
        let found = hand.discover(look, Seen::default()).await?;
        let mut found = found.into_iter().map(|found| found.live);
        Ok(found.find(|seen| seen.id() == live.id()))
    }
}

impl Answer<'_> {
    /// Why it does not serve, if it does not.
    fn why(&self) -> Option<String> {
        let (Serving::NotYet(why) | Serving::Never(why)) = &self.serving else {
            return None;
        };
        Some(format!("{}: {why}", self.gate.address))
    }

    /// The same, if it never will.
    fn never(&self) -> Option<String> {
        let never = matches!(self.serving, Serving::Never(_));
        self.why().filter(|_| never)
    }
}

fn shut(why: &str) -> CloudError {
    let message =
        format!("requests stay where they are led, since what is to answer them does not: {why}");
    CloudError::new("terrace:gate", ErrorClass::Invalid, message).hinted(
        "nothing of the old path was taken away; mend what does not answer, and apply again",
    )
}
