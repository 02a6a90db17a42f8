//! The cases, a file for each command or idea.

mod broken;
mod calls;
mod corpora;
mod drifted;
mod events;
mod explain;
mod graph;
mod guards;
mod guide;
mod indexed;
mod init;
mod killed;
mod ladder;
mod locked;
mod marks;
mod mishaps;
mod modules;
mod pictures;
mod plans;
mod reference;
mod regions;
mod rehearsal;
mod removal;
mod rename;
mod secrets;
mod soak;
mod stacks;
mod toy_kind;
mod unanswered;
mod unbroken;
mod usage;
mod validate;

/// Every file beside this one is a case that runs.
#[test]
#[allow(clippy::unwrap_used)]
fn no_case_is_forgotten() {
    let folder = crate::program::repository().join("tests/cases");
    let listed = include_str!("mod.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let Some(name) = name.strip_suffix(".rs") else {
            continue;
        };
        let listed = name == "mod" || listed.contains(&format!("mod {name};"));
        assert!(listed, "{name}.rs is not listed");
    }
}
