//! What `--until` and `--target` leave out.

use petgraph::graph::NodeIndex;
use petgraph::visit::{Dfs, Reversed};

use crate::address::Address;
use crate::plan::{Movement, Note, Plan};
use crate::planner::{Draft, Input};

/// Leaves out what `--until` and `--target` leave out.
pub(in crate::planner) fn narrow(input: &Input<'_>, draft: &mut Draft) {
    let options = input.options;
    if let Some(until) = options.until {
        let keep = until_movement(&draft.plan, until);
        cut(&mut draft.plan, &keep, &format!("--until {}", until.word()));
    }
    if !options.target.is_empty() {
        let keep = only_targets(&draft.plan, &options.target);
        cut(&mut draft.plan, &keep, "--target");
    }
}

impl Movement {
    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Switch => "switch",
            Self::Retire => "retire",
        }
    }
}

fn until_movement(plan: &Plan, until: Movement) -> Vec<bool> {
    let graph = plan.graph();
    let reversed = Reversed(&graph);
    let within = |start: NodeIndex| {
        let mut walk = Dfs::new(reversed, start);
        while let Some(node) = walk.next(reversed) {
            if plan.steps[node.index()].action.movement() > until {
                return false;
            }
        }
        true
    };
    graph.node_indices().map(within).collect()
}

fn only_targets(plan: &Plan, targets: &[Address]) -> Vec<bool> {
    let graph = plan.graph();
    let reversed = Reversed(&graph);
    let mut keep = vec![false; plan.steps.len()];
    for node in graph.node_indices() {
        let address = &plan.steps[node.index()].address;
        let hit = targets.iter().any(|target| target.covers(address));
        if hit {
            let mut walk = Dfs::new(reversed, node);
            while let Some(needed) = walk.next(reversed) {
                keep[needed.index()] = true;
            }
        }
    }
    keep
}

fn cut(plan: &mut Plan, keep: &[bool], by: &str) {
    let left_out = keep.iter().filter(|keep| !**keep).count();
    if left_out == 0 {
        return;
    }
    let mut place = vec![usize::MAX; keep.len()];
    let mut next = 0;
    for (index, keep) in keep.iter().enumerate() {
        if *keep {
            place[index] = next;
            next += 1;
        }
    }
    let steps = std::mem::take(&mut plan.steps);
    for (mut step, keep) in steps.into_iter().zip(keep) {
        if *keep {
            step.needs = step.needs.iter().map(|need| place[*need]).collect();
            plan.steps.push(step);
        }
    }
    let steps = if left_out == 1 { "step" } else { "steps" };
    let text =
        format!("{by} leaves out {left_out} {steps}; the stack will not be as its TOML says");
    plan.notes.push(Note {
        address: None,
        text,
    });
}
