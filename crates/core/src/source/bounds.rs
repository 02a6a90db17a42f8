//! How much a stack may hold: what is beyond is a mistake or worse, and is told before it costs memory.

use super::diagnostic::Diagnostic;
use super::span::Span;
use super::world::{ScopeId, World};

/// Resources and modules of a stage, all keys of `for_each` counted.
pub(crate) const RESOURCES: usize = 100_000;

/// Modules within modules.
const DEPTH: usize = 16;

/// Stages of a ladder.
pub(crate) const STAGES: usize = 100;

/// Bytes of one expression or block.
pub(crate) const EXPRESSION: usize = 4_000;

/// Blocks of one template: `{% if .. %}` and its like.
pub(crate) const BLOCKS: usize = 500;

/// Bytes of the text that an expression or a template answers.
pub(crate) const TEXT: usize = 1 << 20;

/// Items of the list or table that an expression answers.
pub(crate) const ITEMS: usize = 100_000;

/// Mistakes that are shown.
pub(crate) const SHOWN: usize = 100;

/// Whether anybody reads one more: of mistakes beyond those that are shown nothing more need be found out.
pub(crate) fn is_read(told: &[Diagnostic]) -> bool {
    told.len() <= SHOWN
}

/// Mistakes that are looked for in the table of one resource: each is found by reading it once more.
pub(crate) const FAULTS: usize = 2 * SHOWN;

/// What is said of a text that is too long.
pub(crate) fn too_long() -> String {
    format!("this becomes a text of more than {} MB", TEXT >> 20)
}

/// What is said of a list or table that is too long.
pub(crate) fn too_many() -> String {
    format!("this becomes a list or table of more than {ITEMS} items")
}

impl World<'_> {
    /// Whether there may be so many more. If not, that is told, once.
    pub(crate) fn has_room(&mut self, count: usize, at: Span) -> bool {
        if count <= self.room {
            self.room -= count;
            return true;
        }
        let text = format!("a stack has {RESOURCES} resources at most, and this leads beyond");
        let told = |one: &Diagnostic| one.text == text;
        if !self.told.iter().any(told) {
            self.tell(Diagnostic::error(at, text).help("divide it into several stacks"));
        }
        false
    }

    /// Whether a module may stand in this scope; if not, that is told.
    pub(crate) fn is_shallow(&mut self, scope: ScopeId, at: Span) -> Option<()> {
        if self.scopes[scope].path.len() < DEPTH {
            return Some(());
        }
        let text = format!("modules stand in modules {DEPTH} deep at most");
        self.tell(Diagnostic::error(at, text).help("take some of the levels out"));
        None
    }
}
