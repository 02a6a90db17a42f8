//! A stack gets another name: marks are rewritten, and nothing else happens.

use terrace_core::mark::Identity;
use terrace_core::plan::{Action, Plan};
use terrace_core::planner::{self, Input, Kinds, Options};
use terrace_core::source::Stack;

use super::site::{Site, block, ladder, staged, words};
use super::toy::KINDS;

const LOW: &str =
    "[base.a]\nsize = 1\nshape = \"s\"\n[mid.b]\nsize = 1\nshape = \"s\"\non = [\"base.a\"]\n";

/// The plan of a stack that is called `games` now; what is live still says `toys`.
async fn plan(site: &Site, stack: &Stack, former: Option<&str>) -> Plan {
    let mut inventory = site.discover().await.unwrap();
    for found in &mut inventory.ours {
        found.former = former.map(str::to_owned);
    }
    let identity = Identity {
        stack: "games".into(),
        ..Site::identity()
    };
    let input = Input {
        kinds: Kinds::new(KINDS),
        stack,
        identity: &identity,
        inventory: &inventory,
        options: &Options::default(),
    };
    planner::plan(&input).unwrap()
}

#[test]
fn every_mark_is_rewritten_and_nothing_else() {
    block(async {
        let folder = ladder(&[
            ("low", LOW),
            ("high", "[base.c]\nsize = 1\nshape = \"s\"\n"),
        ]);
        let site = Site::new();
        let high = staged(&folder, Some("high"));
        site.apply(&high).await;
        let told = plan(&site, &high, Some("toys")).await;
        assert_eq!(words(&told), ["tag base.a", "tag base.c", "tag mid.b"]);
        for step in &told.steps {
            let Action::Tag { set, unset } = &step.action else {
                panic!("{step:?}");
            };
            assert_eq!(set["terrace:stack"], "games/main");
            assert_eq!((set.len(), unset.len()), (1, 0));
        }
        assert!(
            told.notes.is_empty(),
            "nothing is found by its name alone yet"
        );
    });
}
