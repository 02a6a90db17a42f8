//! Laws over generated graphs.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::site::{Site, block, stack};
use super::toy::{Spent, Weather};

/// A toy of a generated stack.
#[derive(Clone, Debug)]
struct Toy {
    kind: &'static str,
    size: i64,
    shape: u8,
    /// Which earlier toys it stands on and leads to, as bits.
    on: u8,
    to: u8,
    /// Which toys of any place it knows, as bits.
    friends: u8,
    here: bool,
}

fn toy() -> impl Strategy<Value = Toy> {
    let kind = prop::sample::select(vec!["base", "mid", "top"]);
    (
        kind,
        0..3_i64,
        0..2_u8,
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        prop::bool::weighted(0.8),
    )
        .prop_map(|(kind, size, shape, on, to, friends, here)| Toy {
            kind,
            size,
            shape,
            // Sparse edges make more interesting graphs than dense ones.
            on: on & on.rotate_left(3),
            to: to & to.rotate_left(2),
            friends: friends & friends.rotate_left(5),
            here,
        })
}

fn toys() -> impl Strategy<Value = Vec<Toy>> {
    prop::collection::vec(toy(), 1..7)
}

/// Two stages over the same names: kinds stay, everything else may differ.
fn two_stages() -> impl Strategy<Value = (Vec<Toy>, Vec<Toy>)> {
    toys().prop_flat_map(|first| {
        let kinds: Vec<&'static str> = first.iter().map(|toy| toy.kind).collect();
        let second = prop::collection::vec(toy(), first.len()).prop_map(move |mut second| {
            for (toy, kind) in second.iter_mut().zip(&kinds) {
                toy.kind = kind;
            }
            second
        });
        (Just(first), second)
    })
}

fn toml(toys: &[Toy]) -> String {
    let address = |index: usize| format!("\"{}.t{index}\"", toys[index].kind);
    let list = |bits: u8, below: usize, own: usize| {
        let named = (0..below)
            .filter(|index| bits >> (index % 8) & 1 == 1 && toys[*index].here && *index != own);
        named.map(address).collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    for (index, toy) in toys.iter().enumerate().filter(|(_, toy)| toy.here) {
        let _ = write!(
            text,
            "[{}.t{index}]\nsize = {}\nshape = \"s{}\"\non = [{}]\nto = [{}]\nfriends = [{}]\n",
            toy.kind,
            toy.size,
            toy.shape,
            list(toy.on, index, index),
            list(toy.to, index, index),
            list(toy.friends, toys.len(), index),
        );
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    /// Applied, there is nothing left to do; moved to another stage, neither; destroyed, nothing is
    /// left; and what nobody marked is as it was.
    #[test]
    fn any_two_stages_settle((first, second) in two_stages()) {
        block(async {
            let site = Site::new();
            site.cloud.stranger("base");
            for stage in [&first, &second, &first] {
                let stack = stack(&toml(stage));
                site.apply(&stack).await;
                let again = site.plan(&stack).await;
                assert!(again.is_empty(), "{:?}", super::site::words(&again));
                assert_eq!(site.cloud.len(), stack.resources.len() + 1);
            }
            site.destroy(&stack("")).await;
            assert_eq!(site.cloud.len(), 1);
        });
    }

    /// Killed before or after any mutation and run again, it ends in the world of an undisturbed run.
    #[test]
    fn any_crash_converges((first, second) in two_stages(), point in any::<prop::sample::Index>(), after in any::<bool>()) {
        block(async {
            let (first, second) = (stack(&toml(&first)), stack(&toml(&second)));
            let calm = Site::new();
            calm.apply(&first).await;
            calm.cloud.weather(Weather::default());
            calm.apply(&second).await;
            let mutations = calm.cloud.mutations();
            if mutations == 0 {
                return;
            }
            let site = Site::new();
            site.apply(&first).await;
            let point = Some(point.index(mutations));
            site.cloud.weather(if after {
                Weather { dies_after: point, ..Weather::default() }
            } else {
                Weather { dies_before: point, ..Weather::default() }
            });
            site.run(&second, &terrace_core::planner::Options::default()).await;
            site.cloud.weather(Weather::default());
            site.apply(&second).await;
            assert!(site.plan(&second).await.is_empty());
            assert_eq!(keys(&site), keys(&calm));
        });
    }

    /// One answer lost, whatever the class of the kind: nothing twice, nothing missing, after at most
    /// one more run.
    #[test]
    fn a_lost_answer_makes_no_twin(toys in toys(), point in any::<prop::sample::Index>()) {
        block(async {
            let stack = stack(&toml(&toys));
            let calm = Site::new();
            calm.apply(&stack).await;
            let mutations = calm.cloud.mutations();
            if mutations == 0 {
                return;
            }
            let site = Site::new();
            site.cloud.weather(Weather { loses: Some(point.index(mutations)), ..Weather::default() });
            site.run(&stack, &terrace_core::planner::Options::default()).await;
            site.cloud.weather(Weather::default());
            site.apply(&stack).await;
            assert_eq!(keys(&site), keys(&calm));
        });
    }

    /// One request delivered twice, whatever the class of the kind: in the same run it is as if it had
    /// come once.
    #[test]
    fn a_call_delivered_twice_counts_once(toys in toys(), point in any::<prop::sample::Index>()) {
        block(async {
            let stack = stack(&toml(&toys));
            let calm = Site::new();
            calm.apply(&stack).await;
            let mutations = calm.cloud.mutations();
            if mutations == 0 {
                return;
            }
            let site = Site::new();
            site.cloud.weather(Weather { doubles: Some(point.index(mutations)), ..Weather::default() });
            site.apply(&stack).await;
            assert_eq!(site.cloud.len(), calm.cloud.len());
            assert_eq!(keys(&site), keys(&calm));
        });
    }
}

#[test]
fn a_spent_token_costs_another_and_nothing_twice() {
    for spent in [Spent::InVain, Spent::ForIt] {
        block(async {
            let site = Site::new();
            let weather = Weather {
                spent: Some(spent),
                ..Weather::default()
            };
            site.cloud.weather(weather);
            let stack = stack("[top.one]\nsize = 1\nshape = \"round\"\n");
            site.apply(&stack).await;
            assert_eq!(site.cloud.len(), 1, "{spent:?}");
            assert!(site.plan(&stack).await.is_empty());
        });
    }
}

/// The world without its generations: a crash may have cost one.
fn keys(site: &Site) -> Vec<(String, super::toy::ToyLive)> {
    let world = site.cloud.world();
    let mut things: Vec<_> = world
        .into_iter()
        .map(|(name, live)| (name.split(' ').next().unwrap().to_owned(), live))
        .collect();
    things.sort_by(|a, b| a.0.cmp(&b.0));
    things
}
