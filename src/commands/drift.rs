//! `terrace drift`: where what is live has left the TOML.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::Args as ClapArgs;
use serde_json::{Value, json};
use terrace_core::address::Address;
use terrace_core::inventory::Inventory;
use terrace_core::plan::{Action, Plan, Reason, Step};

use crate::cli::{ConsentArgs, Format, StackArgs};
use crate::failure::{Exit, Failure};
use crate::guards;
use crate::session::{self, Session};
use crate::ui::Ui;
use crate::ui::door::{fenced, plain};
use crate::ui::paint::{Label, paint};
use crate::ui::plan::PlanView;

/// Show where what is live differs from the TOML. Changes nothing.
///
/// Looks at what exists: what was changed by hand, what carries our mark and stands in no file, what the
/// files want and is not there.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(flatten)]
    stack: StackArgs,
    /// Exit with 2 if anything differs.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Looks.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let session = Session::open(&args.stack, ui).await?;
    let inventory = session.discover().await?;
    let options = session.options(&ConsentArgs::default(), false)?;
    let (inventory, plan) = session.plan(inventory, &options).await?;
    guards::refuse_unseen(&session, &plan, &inventory)?;
    let drift = Drift::of(&plan, &inventory);
    ui.answer(&match args.stack.format {
        Format::Human => drift.human(),
        Format::Json => format!("{:#}\n", drift.to_json()),
        Format::Markdown => drift.markdown(),
    });
    Ok(session::exit(!drift.is_empty(), args.detailed_exitcode))
}

/// The differences, sorted by what they are.
struct Drift<'a> {
    plan: &'a Plan,
    inventory: &'a Inventory,
    changed: BTreeSet<&'a Address>,
    orphans: BTreeSet<&'a Address>,
    missing: BTreeSet<&'a Address>,
}

impl<'a> Drift<'a> {
    fn of(plan: &'a Plan, inventory: &'a Inventory) -> Self {
        let (mut changed, mut orphans, mut missing) =
            <(BTreeSet<_>, BTreeSet<_>, BTreeSet<_>)>::default();
        for step in &plan.steps {
            let address = &step.address;
            if is_orphan(step) {
                orphans.insert(address);
            } else if inventory.at(address).next().is_none() {
                missing.insert(address);
            } else {
                changed.insert(address);
            }
        }
        for refusal in &plan.refusals {
            if inventory.at(&refusal.address).next().is_some()
                && !orphans.contains(&refusal.address)
            {
                changed.insert(&refusal.address);
            }
        }
        // What goes with an orphan, such as a protection lifted before, is no change of its own.
        changed.retain(|address| !orphans.contains(address));
        Self {
            plan,
            inventory,
            changed,
            orphans,
            missing,
        }
    }

    fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.orphans.is_empty() && self.missing.is_empty()
    }

    fn human(&self) -> String {
        let view = PlanView::new(self.plan, self.inventory);
        let mut text = view.headline();
        let mut section = |title: &str, what: &str, body: String| {
            if !body.is_empty() {
                let (title, what) = (paint(Label::Heading, title), paint(Label::Quiet, what));
                let _ = write!(text, "\n{title}: {what}\n{body}");
            }
        };
        let mut changed = view.some(|step| self.changed.contains(&step.address));
        for refusal in self
            .plan
            .refusals
            .iter()
            .filter(|one| self.changed.contains(&one.address))
        {
            let _ = writeln!(changed, "  ! {}: {}", refusal.address, plain(&refusal.what));
        }
        section(
            "Changed",
            "live is not what the TOML says; apply would",
            changed,
        );
        section(
            "Orphans",
            "marked as ours, and in no file",
            self.lines(&self.orphans, "?"),
        );
        section(
            "Missing",
            "in the TOML, and not there",
            self.lines(&self.missing, "+"),
        );
        let _ = writeln!(text, "\n{}", self.verdict());
        text
    }

    fn lines(&self, addresses: &BTreeSet<&Address>, sign: &str) -> String {
        let line = |address: &&Address| {
            let ids: Vec<_> = self
                .inventory
                .at(address)
                .map(|found| plain(found.live.id()))
                .collect();
            let line = format!("  {sign} {:<36} {}", address.to_string(), ids.join(", "));
            format!("{}\n", line.trim_end())
        };
        addresses.iter().map(line).collect()
    }

    fn verdict(&self) -> String {
        if self.is_empty() {
            let line = match self.plan.unchanged {
                1 => "Nothing differs: 1 resource is as the TOML says.".to_owned(),
                count => format!("Nothing differs: {count} resources are as the TOML says."),
            };
            return paint(Label::Good, &line);
        }
        let counts = [
            (self.changed.len(), "changed"),
            (
                self.orphans.len(),
                if self.orphans.len() == 1 {
                    "orphan"
                } else {
                    "orphans"
                },
            ),
            (self.missing.len(), "missing"),
            (self.plan.unchanged, "as the TOML says"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        paint(Label::Heading, &counts.join(", "))
    }

    fn markdown(&self) -> String {
        let id = &self.plan.identity;
        let human = anstream::adapter::strip_str(&self.human()).to_string();
        let verdict = anstream::adapter::strip_str(&self.verdict()).to_string();
        let body = human.split_once('\n').map_or("", |(_, rest)| rest);
        let body = body.trim().trim_end_matches(&verdict).trim_end();
        let head = format!(
            "### terrace: drift of {}/{}\n\n{verdict}\n",
            id.stack, id.environment
        );
        if body.is_empty() {
            return head;
        }
        format!("{head}\n{}\n", fenced(body))
    }

    fn to_json(&self) -> Value {
        let steps = |addresses: &BTreeSet<&Address>| -> Vec<Value> {
            let steps = self
                .plan
                .steps
                .iter()
                .filter(|step| addresses.contains(&step.address));
            steps.map(Step::to_json).collect()
        };
        let orphan = |address: &&Address| {
            let ids: Vec<&str> = self
                .inventory
                .at(address)
                .map(|found| found.live.id())
                .collect();
            json!({ "address": address, "ids": ids })
        };
        json!({
            "stack": self.plan.identity.stack,
            "environment": self.plan.identity.environment,
            "stage": self.plan.stage,
            "changed": steps(&self.changed),
            "orphans": self.orphans.iter().map(orphan).collect::<Vec<_>>(),
            "missing": self.missing,
            "unchanged": self.plan.unchanged,
        })
    }
}

fn is_orphan(step: &Step) -> bool {
    matches!(step.action, Action::Delete(Reason::Orphan))
}
