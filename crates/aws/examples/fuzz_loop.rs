//! The fuzz targets on stable Rust: seeds from `fuzz/corpus`, mutated from a number on, until the time is over.
//!
//! `cargo run -p terrace-aws --example fuzz_loop -- loader 600 [first number]`. What panics is written to
//! `fuzz/artifacts/<target>`. The dev profile has the core optimised and its checks of overflow on.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a tool by hand: what is wrong with its arguments it may say so"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use terrace_aws::probe::TARGETS;

/// Words that readers look at twice.
const WORDS: &[&str] = &[
    "{{",
    "}}",
    "{%",
    "%}",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "\"",
    "\"\"\"",
    "'",
    "''",
    "=",
    ".",
    ",",
    "\n",
    "\\u001b",
    "\\u202e",
    "\u{feff}",
    "\0",
    "\r\n",
    "#----\n",
    "\n#----\n",
    "for_each",
    "when",
    "remove",
    "unset",
    "allow",
    "confirm",
    "was",
    "after",
    "generation",
    "protect",
    "region",
    "[moved]",
    "[variables]",
    "[outputs]",
    "[environments.a]",
    "[existing.vpc.a]",
    "[module.m]\nsource = \".\"\n",
    "stages = [\"one\"]\nstage = \"one\"\n",
    "file = \"boot.sh\"",
    "template = \"boot.sh\"",
    "each.key",
    "each.value",
    "var.",
    "self.",
    "stack.name",
    "input.",
    " | join(\",\")",
    " if true else none",
    "cidrsubnet(",
    "json(",
    "all(",
    "range(",
    "99999999999999999999",
    "-1",
    "1e999",
    "nan",
    "10.0.0.0/16",
    "::/0",
    "300s",
    "1d",
    "0000",
    "{# #}",
    "~",
    "**",
    "//",
    "loop(",
    "namespace(",
    "include 'boot.sh'",
    "macro a()",
    "null",
    "true",
    "[]",
    "{}",
    "\"steps\"",
    "\"address\"",
    "\u{e9}",
    "\u{1f600}",
];

/// Numbers from a seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % most.max(1)
    }
}

fn files(folder: &Path, all: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, all);
        } else {
            all.extend(fs::read(path).ok().filter(|bytes| bytes.len() < 20_000));
        }
    }
}

fn mutate(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seeds[dice.below(seeds.len())].clone();
    for _ in 0..=dice.below(6) {
        let at = dice.below(bytes.len() + 1);
        let to = (at + dice.below(40)).min(bytes.len());
        match dice.below(7) {
            0 => drop(bytes.drain(at..to)),
            1 => drop(bytes.splice(at..at, WORDS[dice.below(WORDS.len())].bytes())),
            2 => drop(bytes.splice(at..to, WORDS[dice.below(WORDS.len())].bytes())),
            3 => {
                let other = &seeds[dice.below(seeds.len())];
                let from = dice.below(other.len() + 1);
                let until = (from + dice.below(200)).min(other.len());
                bytes.splice(at..at, other[from..until].iter().copied());
            }
            4 => {
                let part = bytes[at..to].to_vec();
                let times = 1 + dice.below(30);
                bytes.splice(at..at, part.repeat(times));
            }
            5 if at < bytes.len() => bytes[at] = u8::try_from(dice.below(256)).unwrap_or(0),
            _ => {
                let line = |bytes: &[u8], at: usize| {
                    let start = bytes[..at]
                        .iter()
                        .rposition(|b| *b == b'\n')
                        .map_or(0, |n| n + 1);
                    let end = bytes[at..]
                        .iter()
                        .position(|b| *b == b'\n')
                        .map_or(bytes.len(), |n| at + n + 1);
                    start..end
                };
                let moved: Vec<u8> = bytes.drain(line(&bytes, at.min(bytes.len()))).collect();
                let to = dice.below(bytes.len() + 1);
                let to = line(&bytes, to).start;
                bytes.splice(to..to, moved);
            }
        }
    }
    bytes
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap();
    let seconds: u64 = arguments.next().unwrap().parse().unwrap();
    let first: u64 = arguments.next().map_or(1, |text| text.parse().unwrap());
    let (_, target) = TARGETS.iter().find(|(target, _)| *target == name).unwrap();
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seeds = Vec::new();
    files(&repository.join("fuzz/corpus").join(&name), &mut seeds);
    if name == "loader" {
        files(&repository.join("tests/broken"), &mut seeds);
        files(&repository.join("stacks"), &mut seeds);
        files(&repository.join("examples"), &mut seeds);
    }
    let folder = std::env::temp_dir().join(format!("terrace-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let begun = Instant::now();
    let (mut number, mut panics, mut slowest) = (first, 0, Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let mut dice = Dice(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let bytes = mutate(&seeds, &mut dice);
        // Should the process itself not survive it, it is found here.
        fs::write(folder.join("last"), &bytes).unwrap();
        let one = Instant::now();
        let end = std::panic::catch_unwind(|| target(&folder, &bytes));
        let took = one.elapsed();
        let slow = took > Duration::from_secs(2);
        if end.is_err() || slow {
            let artifacts = repository.join("fuzz/artifacts").join(&name);
            fs::create_dir_all(&artifacts).unwrap();
            fs::write(artifacts.join(number.to_string()), &bytes).unwrap();
            panics += usize::from(end.is_err());
            eprintln!(
                "{number}: {} after {took:?}",
                if slow { "slow" } else { "panic" }
            );
        }
        slowest = slowest.max(took);
        number += 1;
    }
    eprintln!(
        "{name}: {} inputs from {first} on, {panics} panics, the slowest took {slowest:?}",
        number - first
    );
    let _ = fs::remove_dir_all(&folder);
}
