//! What terrace itself needs for a plan of 10,000 resources: design figures "under 0.5 s, under 150 MB".
//! `just bench`. The cloud is the toys' (tests/engine): it answers at once.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub
)]

#[path = "../tests/engine/site.rs"]
mod site;
#[path = "../tests/engine/toy.rs"]
mod toy;

use std::fmt::Write as _;
use std::sync::OnceLock;

use divan::{AllocProfiler, Bencher};
use site::{Site, stack};
use terrace_core::inventory::Inventory;
use terrace_core::planner::{self, Input, Kinds, Options};
use terrace_core::source::Stack;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

/// Resources in the stack.
const SIZES: [usize; 2] = [1_000, 10_000];

fn main() {
    divan::main();
}

/// Ten bases, and on each a hundred (a thousand) more that name it and each other.
fn text(size: usize, thing: u8) -> String {
    let mut text = String::new();
    for index in 0..size / 100 {
        let _ = writeln!(text, "[base.b{index}]\nsize = {thing}\nshape = \"s\"");
        for top in 0..99 {
            let friend = (top + 1) % 99;
            let _ = writeln!(
                text,
                "[top.t{index}_{top}]\nsize = {thing}\nshape = \"s\"\non = [\"base.b{index}\"]\nfriends = [\"top.t{index}_{friend}\"]"
            );
        }
    }
    text
}

/// The stack, and a world in which it stands.
fn world(size: usize) -> &'static (Stack, Inventory) {
    static WORLDS: [OnceLock<(Stack, Inventory)>; SIZES.len()] = [const { OnceLock::new() }; 2];
    let place = SIZES.iter().position(|one| *one == size).unwrap();
    WORLDS[place].get_or_init(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let (site, stack) = (Site::new(), stack(&text(size, 1)));
        runtime.block_on(site.apply(&stack));
        let inventory = runtime.block_on(site.discover()).unwrap();
        (stack, inventory)
    })
}

fn plan(stack: &Stack, inventory: &Inventory, options: &Options) -> usize {
    let identity = Site::identity();
    let input = Input {
        kinds: Kinds::new(toy::KINDS),
        stack,
        identity: &identity,
        inventory,
        options,
    };
    planner::plan(&input).unwrap().steps.len()
}

#[divan::bench(args = SIZES)]
fn load(bencher: Bencher<'_, '_>, size: usize) {
    let text = text(size, 1);
    bencher.bench(|| stack(&text));
}

#[divan::bench(args = SIZES)]
fn nothing_to_do(bencher: Bencher<'_, '_>, size: usize) {
    let (stack, inventory) = world(size);
    assert_eq!(plan(stack, inventory, &Options::default()), 0);
    bencher.bench(|| plan(stack, inventory, &Options::default()));
}

#[divan::bench(args = SIZES)]
fn create_all(bencher: Bencher<'_, '_>, size: usize) {
    let stack = stack(&text(size, 1));
    bencher.bench(|| plan(&stack, &Inventory::default(), &Options::default()));
}

#[divan::bench(args = SIZES)]
fn change_all(bencher: Bencher<'_, '_>, size: usize) {
    let (_, inventory) = world(size);
    let changed = stack(&text(size, 2));
    bencher.bench(|| plan(&changed, inventory, &Options::default()));
}

#[divan::bench(args = SIZES)]
fn destroy_all(bencher: Bencher<'_, '_>, size: usize) {
    let (stack, inventory) = world(size);
    let options = Options {
        destroy: true,
        ..Options::default()
    };
    bencher.bench(|| plan(stack, inventory, &options));
}
