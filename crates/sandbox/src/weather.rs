//! Bad weather for rehearsals: what AWS does on its worst days, from a seed.
//!
//! What becomes of a call follows from the seed, the action and how often it was called before, and not
//! from the order among different actions, which differs from run to run. Only the allowances of
//! calls depend on time, as AWS's do.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::fate::{Asked, Fate, Refusal, Turn, Weather};

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sky {
    /// Every call is passed on as it is.
    #[default]
    Calm,
    /// A bad day: a call in twenty goes wrong somehow.
    Rain,
    /// A day that is in the news: a call in seven goes wrong.
    Storm,
}

impl Sky {
    /// `storm`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Rain => "rain",
            Self::Storm => "storm",
        }
    }

    /// For how many seconds of AWS's time what was just made may not be seen (aws-semantics 5.2).
    pub(crate) fn lateness(self) -> f64 {
        match self {
            Self::Calm => 0.0,
            Self::Rain => 2.0,
            Self::Storm => 8.0,
        }
    }

    /// How many seconds of AWS's time a slow state lasts in the emulator.
    pub(crate) fn pace(self) -> Option<f64> {
        match self {
            Self::Calm => None,
            Self::Rain => Some(5.0),
            Self::Storm => Some(15.0),
        }
    }

    /// How many of a thousand calls meet each turn.
    fn odds(self) -> &'static [(u64, Trouble)] {
        use Trouble::{Broken, Cut, CutClean, LostAfter, LostBefore, Reset, Throttled};
        match self {
            Self::Calm => &[],
            Self::Rain => &[
                (15, Throttled),
                (5, Broken),
                (5, LostBefore),
                (10, LostAfter),
                (5, Reset),
                (5, Cut),
                (5, CutClean),
            ],
            Self::Storm => &[
                (50, Throttled),
                (15, Broken),
                (15, LostBefore),
                (25, LostAfter),
                (15, Reset),
                (15, Cut),
                (10, CutClean),
            ],
        }
    }

    /// How many of a thousand calls are slow, and by how many seconds of AWS's time at most.
    fn slowness(self) -> (u64, f64) {
        match self {
            Self::Calm => (0, 0.0),
            Self::Rain => (200, 0.5),
            Self::Storm => (400, 2.0),
        }
    }
}

/// What the weather does to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Throttled,
    Broken,
    LostBefore,
    LostAfter,
    Reset,
    Cut,
    CutClean,
}

impl Trouble {
    fn words(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Broken => "failed inside AWS",
            Self::LostBefore => "lost on the way there",
            Self::LostAfter => "answers lost",
            Self::Reset => "connections reset",
            Self::Cut => "answers cut short",
            Self::CutClean => "answers cut by a middleman",
        }
    }

    fn turn(self, call: &Asked) -> Turn {
        match self {
            Self::Throttled => Turn::Refuse(Refusal::throttled(call)),
            Self::Broken => Turn::Refuse(Refusal::broken(call)),
            Self::LostBefore => Turn::LoseBefore,
            Self::LostAfter => Turn::LoseAfter,
            Self::Reset => Turn::Reset,
            Self::Cut => Turn::Cut,
            Self::CutClean => Turn::CutClean,
        }
    }
}

/// A weather from a seed.
#[derive(Debug)]
pub struct Forecast {
    sky: Sky,
    seed: u64,
    /// A factor on AWS's time: the sandbox's clients live so much faster.
    scale: f64,
    /// Which part of AWS's allowances others in the account have left; none if nobody counts.
    left: Option<f64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    calls: BTreeMap<String, u64>,
    dealt: BTreeMap<Trouble, u64>,
    allowances: BTreeMap<String, (f64, Instant)>,
}

impl Forecast {
    /// The weather of this seed, with AWS's seconds scaled by a factor.
    pub fn new(sky: Sky, seed: u64, scale: f64) -> Self {
        let left = (sky != Sky::Calm).then_some(1.0);
        Self {
            sky,
            seed,
            scale,
            left,
            state: Mutex::default(),
        }
    }

    /// AWS on a good day: nothing goes wrong, and every service keeps to its allowances, of which others in the
    /// account have left this part.
    pub fn allowances(left: f64, scale: f64) -> Self {
        Self {
            left: Some(left),
            ..Self::new(Sky::Calm, 0, scale)
        }
    }

    /// How many calls it has throttled so far.
    pub fn throttled(&self) -> u64 {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.dealt.get(&Trouble::Throttled).copied().unwrap_or(0)
    }

    /// How bad it is.
    pub fn sky(&self) -> Sky {
        self.sky
    }

    /// What it has done so far: `41 throttled, 12 answers lost`.
    pub fn told(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let calls: u64 = state.calls.values().sum();
        let mut told = format!("{calls} calls");
        for (trouble, count) in &state.dealt {
            let _ = write!(told, ", {count} {}", trouble.words());
        }
        told
    }

    /// What the seed says of the nth call of an action.
    fn roll(&self, name: &str, nth: u64) -> [u64; 3] {
        let text = format!("{}\n{name}\n{nth}", self.seed);
        let hash = Sha256::digest(text.as_bytes());
        [0, 8, 16].map(|from| {
            hash[from..from + 8]
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte))
        })
    }

    fn trouble(&self, call: &Asked, state: &mut State, dice: u64) -> Option<Trouble> {
        // AWS itself throttles by allowance alone; the dice stand for all others in the account.
        if self
            .left
            .is_some_and(|left| state.is_spent(call, left, self.scale))
        {
            return Some(Trouble::Throttled);
        }
        let mut dice = dice % 1000;
        for (odds, trouble) in self.sky.odds() {
            if dice < *odds {
                return Some(*trouble);
            }
            dice -= odds;
        }
        None
    }
}

impl Weather for Forecast {
    fn before(&self, call: &Asked) -> Fate {
        let name = call.name();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = state.calls.entry(name.clone()).or_default();
        *count += 1;
        let nth = *count;
        let [first, second, third] = self.roll(&name, nth);
        let trouble = self.trouble(call, &mut state, first);
        if let Some(trouble) = trouble {
            *state.dealt.entry(trouble).or_default() += 1;
        }
        let (slow, most) = self.sky.slowness();
        let wait = if second % 1000 < slow {
            #[expect(clippy::cast_precision_loss, reason = "below a thousand")]
            let part = (third % 1000) as f64 / 1000.0;
            Duration::from_secs_f64(part * most * self.scale)
        } else {
            Duration::ZERO
        };
        Fate {
            wait,
            turn: trouble.map_or(Turn::Pass, |trouble| trouble.turn(call)),
        }
    }
}

impl State {
    /// Whether what is left of AWS's allowance for the call is spent; else one call of it is used.
    fn is_spent(&mut self, call: &Asked, left: f64, scale: f64) -> bool {
        let Some(Allowance {
            bucket,
            most,
            refill,
        }) = Allowance::of(call)
        else {
            return false;
        };
        let (most, refill) = ((most * left).max(1.0), refill * left);
        let now = Instant::now();
        let (left, since) = self.allowances.entry(bucket).or_insert((most, now));
        let refilled = now.duration_since(*since).as_secs_f64() * refill / scale;
        *left = (*left + refilled).min(most);
        *since = now;
        if *left < 1.0 {
            return true;
        }
        *left -= 1.0;
        false
    }
}

/// How many calls AWS lets through at once, and how many a second after that (aws-semantics 5.1).
#[derive(Clone, Debug, PartialEq)]
struct Allowance {
    bucket: String,
    most: f64,
    refill: f64,
}

impl Allowance {
    /// Only what AWS has published: the others are the dice's.
    fn of(call: &Asked) -> Option<Self> {
        const SMALL: [&str; 7] = [
            "CreateLaunchTemplateVersion",
            "ModifyLaunchTemplate",
            "CreateVolume",
            "DeleteVolume",
            "AssociateIamInstanceProfile",
            "ModifyInstanceMetadataOptions",
            "CreateSnapshot",
        ];
        let action = call.action.as_str();
        let (bucket, most, refill) = match call.service.as_str() {
            // Each action has a bucket of its own.
            "ec2" => {
                let (most, refill) = match action {
                    _ if call.reads => (100.0, 20.0),
                    "RunInstances" | "StartInstances" => (5.0, 2.0),
                    "CreateNatGateway" | "DeleteNatGateway" => (10.0, 1.0),
                    "CreateVpcEndpoint" | "ModifyVpcEndpoint" | "DeleteVpcEndpoints" => (4.0, 0.3),
                    "TerminateInstances" => (100.0, 5.0),
                    "CreateTags" | "DeleteTags" => (100.0, 10.0),
                    _ if SMALL.contains(&action) => (100.0, 5.0),
                    _ => (50.0, 5.0),
                };
                (call.name(), most, refill)
            }
            // One for all of a service.
            "elasticloadbalancing" => (call.service.clone(), 40.0, 10.0),
            "route53" => (call.service.clone(), 50.0, 10.0),
            _ => return None,
        };
        Some(Self {
            bucket,
            most,
            refill,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(service: &str, action: &str) -> Asked {
        Asked {
            service: service.to_owned(),
            action: action.to_owned(),
            reads: action.starts_with("Describe"),
        }
    }

    fn fates(seed: u64, calls: &[Asked]) -> Vec<Fate> {
        let weather = Forecast::new(Sky::Storm, seed, 1.0);
        calls.iter().map(|call| weather.before(call)).collect()
    }

    #[test]
    fn a_seed_says_the_same_again_whatever_comes_between() {
        let role = call("iam", "GetRole");
        let zone = call("iam", "GetPolicy");
        let alone = vec![role.clone(); 300];
        let mixed: Vec<Asked> = (0..300)
            .flat_map(|_| [zone.clone(), role.clone()])
            .collect();
        let among: Vec<Fate> = fates(7, &mixed).into_iter().skip(1).step_by(2).collect();
        assert_eq!(fates(7, &alone), among);
        assert_ne!(fates(8, &alone), among);
    }

    #[test]
    fn a_storm_deals_all_of_its_troubles() {
        let weather = Forecast::new(Sky::Storm, 1, 1.0);
        for _ in 0..1000 {
            weather.before(&call("iam", "GetRole"));
        }
        let told = weather.told();
        for (_, trouble) in Sky::Storm.odds() {
            assert!(told.contains(trouble.words()), "{told}");
        }
        let calm = Forecast::new(Sky::Calm, 1, 1.0);
        assert_eq!(calm.before(&call("iam", "GetRole")), Fate::default());
    }

    #[test]
    fn allowances_are_those_that_aws_has_published() {
        let mut state = State::default();
        let endpoint = call("ec2", "CreateVpcEndpoint");
        let spent: Vec<bool> = (0..6)
            .map(|_| state.is_spent(&endpoint, 1.0, 1.0))
            .collect();
        assert_eq!(spent, [false, false, false, false, true, true]);
        // Reads have one of their own.
        assert!(!state.is_spent(&call("ec2", "DescribeVpcs"), 1.0, 1.0));
        // Others have taken half of it.
        let mut state = State::default();
        let spent: Vec<bool> = (0..4)
            .map(|_| state.is_spent(&endpoint, 0.5, 1.0))
            .collect();
        assert_eq!(spent, [false, false, true, true]);
        // A clock that runs faster refills it sooner.
        std::thread::sleep(Duration::from_millis(20));
        assert!(state.is_spent(&endpoint, 1.0, 1.0));
        std::thread::sleep(Duration::from_millis(20));
        assert!(!state.is_spent(&endpoint, 1.0, 0.001));
    }
}
