//! What fuzzing calls: bytes that anybody may have written go through the readers that meet such bytes. Nothing is
//! answered; whatever the bytes are, each comes back, without a panic.

use std::fs;
use std::path::Path;

use serde_json::Value;
use terrace_core::mark::Identity;
use terrace_core::plan::{Action, Plan, Step};
use terrace_core::source::{Request, load, validate_all};

use crate::VOCABULARY;
use crate::footprint::Footprint;
use crate::lock::Holder;

/// A reader, fed with bytes. It may write into the folder.
pub type Target = fn(folder: &Path, bytes: &[u8]);

/// The readers by the names of their corpora.
pub const TARGETS: [(&str, Target); 3] = [
    ("loader", loader),
    ("expression", expression),
    ("saved", saved),
];

/// What stands between two files of one input.
const BETWEEN: &[u8] = b"\n#----\n";

/// `stack.toml`, then a stage, a module and a text, as far as there are such: divided by a line `#----`.
pub fn loader(folder: &Path, bytes: &[u8]) {
    let mut rest = bytes;
    for name in ["stack.toml", "one.toml", "module.toml", "boot.sh"] {
        let end = rest.windows(BETWEEN.len()).position(|part| part == BETWEEN);
        let (file, after) = end.map_or((rest, &[][..]), |end| {
            (&rest[..end], &rest[end + BETWEEN.len()..])
        });
        if fs::write(folder.join(name), file).is_err() {
            return;
        }
        rest = after;
    }
    read(folder);
}

/// An expression: alone in a string, within a text, and in a template.
pub fn expression(folder: &Path, bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let literal = |text: &str| Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    let stack = format!(
        "name = \"shop\"\nregion = \"eu-west-3\"\n[variables]\ncidr = \"10.0.0.0/16\"\nbig = true\nzones = [\"a\"]\n\
         [vpc.main]\ncidr = {}\n[vpc.other]\nfor_each = {}\ncidr = \"10.0.0.0/16\"\nwhen = {}\n\
         [ssm_parameter.a]\nvalue = {}\n[ssm_parameter.b]\nvalue = {{ template = \"boot.sh\" }}\n",
        literal(text),
        literal(text),
        literal(text),
        literal(&format!("before {text} after")),
    );
    let written = fs::write(folder.join("stack.toml"), stack)
        .and_then(|()| fs::write(folder.join("boot.sh"), bytes));
    if written.is_ok() {
        read(folder);
    }
}

fn read(folder: &Path) {
    let request = Request {
        folder: folder.to_owned(),
        environment: None,
        stage: None,
        variables: Vec::new(),
        sandbox: false,
    };
    let told = match load(&request, &VOCABULARY) {
        Ok(loaded) => terrace_core::source::Report::new(loaded.sources, loaded.stack.notes),
        Err(report) => report,
    };
    let (_, _) = (told.plain(), told.styled());
    let (Ok(all) | Err(all)) = validate_all(&request, &VOCABULARY);
    let _ = all.plain();
}

/// A saved plan, a lock, a footprint.
pub fn saved(_: &Path, bytes: &[u8]) {
    if let Ok(approved) = serde_json::from_slice::<Value>(bytes) {
        let _ = one_step().beyond(&approved);
    }
    if let Ok(holder) = Holder::parse(bytes) {
        let _ = holder.words();
    }
    if let Ok(footprint) = Footprint::parse(bytes) {
        let _ = (footprint.places(), footprint.formers());
    }
}

/// A plan that waits for one thing, to be compared.
fn one_step() -> Plan {
    let step = Step {
        address: terrace_core::address::Address::new("vpc", "main"),
        kind: "vpc",
        region: None,
        action: Action::WaitGone,
        changes: Vec::new(),
        why: String::new(),
        impact: terrace_core::kind::Impact::None,
        leaves: None,
        minutes: 0.0,
        rest: 0,
        gates: Vec::new(),
        needs: Vec::new(),
        held: None,
        live: None,
        spec: None,
    };
    Plan {
        identity: Identity {
            stack: "shop".to_owned(),
            environment: "main".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-3".to_owned(),
        },
        stage: String::new(),
        steps: vec![step],
        refusals: Vec::new(),
        kept: Vec::new(),
        soaking: Vec::new(),
        notes: Vec::new(),
        unchanged: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_compared_with_the_one_that_was_saved() {
        let plan = one_step();
        assert!(plan.beyond(&plan.to_json()).is_empty());
        assert_eq!(plan.beyond(&Value::Null), ["wait vpc.main"]);
    }
}
