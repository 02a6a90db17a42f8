//! What is not answered is not absent (rule R17): whichever call of a plan is denied or cut short, the plan
//! fails and says why, and never plans to make what is there.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use terrace_sandbox::{Asked, Fate, Home, Refusal, Sandbox, Turn, Weather};
use tokio::runtime::Runtime;

use crate::front::Front;
use crate::program::repository;

/// What happens to every call of one action.
struct Against {
    action: Option<String>,
    what: fn(&Asked) -> Turn,
}

impl Weather for Against {
    fn before(&self, call: &Asked) -> Fate {
        match &self.action {
            Some(action) if *action == call.name() => (self.what)(call).into(),
            _ => Fate::default(),
        }
    }
}

/// The first answer of each action breaks off, with a length that fits.
#[derive(Default)]
struct Once {
    cut: Mutex<BTreeSet<String>>,
}

impl Weather for Once {
    fn before(&self, call: &Asked) -> Fate {
        match self.cut.lock().unwrap().insert(call.name()) {
            true => Turn::CutClean.into(),
            false => Fate::default(),
        }
    }
}

/// The shop, all of it, in an emulator of its own.
struct Shop {
    sandbox: Sandbox,
    runtime: Runtime,
    /// What a plan asks, as the wire has it, and as IAM does.
    wire: Vec<String>,
    actions: BTreeSet<String>,
}

const STACK: [&str; 6] = [
    "stacks/shop",
    "--sandbox",
    "--env",
    "test",
    "--stage",
    "read-replicas",
];

impl Shop {
    fn open() -> Self {
        let runtime = Runtime::new().unwrap();
        let start = async {
            let home = Home::from_env().unwrap();
            Sandbox::private(&home, &|_| {}).await.unwrap()
        };
        let mut shop = Self {
            sandbox: runtime.block_on(start),
            runtime,
            wire: Vec::new(),
            actions: BTreeSet::new(),
        };
        let calm = Against {
            action: None,
            what: |_| Turn::Pass,
        };
        let front = shop.front("calm", calm);
        let (exit, _, said) = run(&front, &["apply", "--yes"]);
        assert_eq!(exit, Some(0), "{said}");
        front.proxy.forget_counts();
        let (exit, told, said) = run(&front, &["plan", "--calls", "--detailed-exitcode"]);
        assert_eq!(exit, Some(0), "{told}{said}");
        let wire = front.proxy.counts().into_keys();
        shop.wire = wire
            .filter(|action| !action.starts_with("unsigned:"))
            .collect();
        let counted = said.lines().filter_map(|line| line.trim().split_once("  "));
        let counted =
            counted.filter(|(count, action)| count.parse::<u64>().is_ok() && action.contains(':'));
        shop.actions = counted.map(|(_, action)| action.to_owned()).collect();
        assert!(shop.actions.len() > 20, "{said}");
        shop
    }

    fn front(&self, name: &str, weather: impl Weather + 'static) -> Front {
        self.runtime
            .block_on(Front::before(&self.sandbox, name, Arc::new(weather)))
    }

    /// What a plan says with every one of its actions hindered in turn.
    fn hindered(
        &self,
        word: &str,
        what: fn(&Asked) -> Turn,
        judge: impl Fn(&str, &str) -> Result<(), String> + Sync,
    ) {
        let next = AtomicUsize::new(0);
        let wrong = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(action) = self.wire.get(number) else {
                            return;
                        };
                        let weather = Against {
                            action: Some(action.clone()),
                            what,
                        };
                        let front = self.front(&format!("{word}-{number}"), weather);
                        let (exit, told, said) = run(&front, &["plan"]);
                        let judged = match exit {
                            Some(1) if told.is_empty() => judge(action, &said),
                            _ => Err(format!("it ends with {exit:?} and says: {told}")),
                        };
                        if let Err(why) = judged {
                            wrong.lock().unwrap().push(format!("{action}: {why}"));
                        }
                    }
                });
            }
        });
        let wrong = wrong.into_inner().unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn run(front: &Front, words: &[&str]) -> (Option<i32>, String, String) {
    let words: Vec<&str> = [words[0]]
        .iter()
        .chain(&STACK)
        .chain(&words[1..])
        .copied()
        .collect();
    let folder: &Path = &repository();
    let output = front.command(folder, &words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn whatever_a_plan_is_not_told_it_does_not_take_for_absent() {
    let shop = Shop::open();
    let named = Mutex::new(BTreeSet::new());
    shop.hindered(
        "denied",
        |call| Turn::Refuse(Refusal::denied(call)),
        |_, said| {
            let permission = said.split("needs the permission `").nth(1);
            let permission = permission.and_then(|rest| rest.split('`').next());
            let permission = permission.ok_or_else(|| format!("no permission is named: {said}"))?;
            named.lock().unwrap().insert(permission.to_owned());
            Ok(())
        },
    );
    // Every action that a plan makes has been named: nothing is read past the doors.
    let named = named.into_inner().unwrap();
    let missing: Vec<&String> = shop.actions.difference(&named).collect();
    assert!(missing.is_empty(), "never missed: {missing:?}");

    // A length that fits is the worst: nothing but its missing end tells a short list from half a one.
    let judge = |_: &str, said: &str| {
        let told = ["the answer broke off", "no answer", "unreadable"];
        match told.iter().any(|words| said.contains(words)) {
            true => Ok(()),
            false => Err(format!("it does not say what happened: {said}")),
        }
    };
    shop.hindered("cut", |_| Turn::CutClean, judge);

    // What breaks off once is asked for again.
    let front = shop.front("once", Once::default());
    let (exit, told, said) = run(&front, &["plan", "--detailed-exitcode"]);
    assert_eq!(exit, Some(0), "{told}{said}");
}
