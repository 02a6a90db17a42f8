//! The guide's commands, run in their order; what the guide shows of an answer must be in it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;

use crate::program::{Answer, Folder, repository};

#[test]
fn the_first_ladder_is_as_shown() {
    is_as_shown("first-ladder");
}

#[test]
fn from_three_to_five_is_as_shown() {
    is_as_shown("three-to-five");
}

fn is_as_shown(page: &str) {
    let folder = Folder::with_sandbox(page);
    let page = repository()
        .join("docs/guide")
        .join(page)
        .with_extension("md");
    let mut last: Option<Run> = None;
    for line in console(&fs::read_to_string(page).unwrap()) {
        match (line.strip_prefix("$ terrace "), last.as_mut()) {
            (Some(arguments), _) => {
                if let Some(run) = last.take() {
                    run.end();
                }
                last = Some(Run::new(&folder, arguments));
            }
            (None, Some(run)) => run.see(&line),
            (None, None) => panic!("no command comes before `{line}`"),
        }
    }
    last.unwrap().end();
}

/// The lines of all `console` blocks.
fn console(page: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            line if inside => lines.push(line.to_owned()),
            _ => {}
        }
    }
    lines
}

/// A command that was run, and how far its answer was compared.
struct Run {
    command: String,
    answer: Answer,
    /// The lines not shown yet, their blanks made one.
    rest: Vec<String>,
    /// Whether lines may have been left out before the next one shown.
    gap: bool,
    /// The exit code shown by `echo $?`; 0 if none is.
    exit: i32,
    asked: bool,
}

impl Run {
    fn new(folder: &Folder, arguments: &str) -> Self {
        let answer = folder.run_in_repository(arguments);
        let lines = answer.stdout.lines().chain(answer.stderr.lines());
        let rest = lines.map(blanks).collect();
        Self {
            command: arguments.to_owned(),
            answer,
            rest,
            gap: false,
            exit: 0,
            asked: false,
        }
    }

    /// Compares a line of the page.
    fn see(&mut self, line: &str) {
        match line {
            "..." => self.gap = true,
            "$ echo $?" => self.asked = true,
            code if self.asked => self.exit = code.parse().unwrap(),
            line => {
                let line = blanks(line);
                let place = self.rest.iter().position(|told| *told == line);
                let Some(place) = place.filter(|place| self.gap || *place == 0) else {
                    self.fail(&format!("does not show `{line}` here"));
                };
                self.rest.drain(..=place);
                self.gap = false;
            }
        }
    }

    /// Compares how it ended.
    fn end(&self) {
        if self.answer.exit != Some(self.exit) {
            self.fail(&format!("does not end with {}", self.exit));
        }
    }

    fn fail(&self, why: &str) -> ! {
        panic!("terrace {} {why}\n{}", self.command, self.answer)
    }
}

fn blanks(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}
