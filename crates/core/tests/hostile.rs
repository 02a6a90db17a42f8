//! Files that nobody means well with: they are told of, in bounded memory, and nothing of them acts on a terminal.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::stacks::{Folder, HEAD, files, ladder, one};

const VPC: &str = "[vpc.main]\ncidr = \"10.0.0.0/16\"\n";

/// The report; it is short, whatever the files are, and printable.
fn told(folder: &Folder) -> String {
    let said = folder.report();
    assert!(said.len() < 200_000, "{} bytes are said", said.len());
    let acts = |c: char| terrace_core::canon::acts(c) && c != '\n';
    assert!(!said.contains(acts), "{said:?}");
    said
}

fn says(folder: &Folder, words: &str) {
    let said = told(folder);
    assert!(said.contains(words), "{said}");
}

// What is too much

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let comment = "# nothing but words\n".repeat(600_000);
    says(&one(&comment), "a file of a stack has 8 MB at most");
    let folder = files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}{VPC}[key_pair.k]\npublic_key = {{ file = \"big\" }}\n"),
        ),
        ("shop/big", &comment),
    ]);
    says(
        &folder,
        "`big` cannot be read: a file of a stack has 8 MB at most",
    );
}

#[test]
fn ten_thousand_resources_are_a_stack() {
    let mut text = String::new();
    for number in 0..10_000 {
        let _ = writeln!(text, "[vpc.v{number}]\ncidr = \"10.0.0.0/16\"");
    }
    assert_eq!(one(&text).loaded().stack.resources.len(), 10_000);
}

#[test]
fn nesting_has_an_end() {
    for deep in ["[", "{ a = ", "a."] {
        let text = format!("[vpc.main]\ncidr = {}\n", deep.repeat(100_000));
        says(&one(&text), "this is not TOML");
    }
    let dotted = format!("[vpc.main]\n{}a = 1\n", "a.".repeat(100_000));
    says(&one(&dotted), "recursion limit");
    let header = format!("[vpc.{}a]\n", "a.".repeat(100_000));
    says(&one(&header), "recursion limit");
    let closed = format!(
        "[vpc.main]\ncidr = {}{}\n",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    says(&one(&closed), "this is not TOML");
}

#[test]
fn as_many_mistakes_as_lines_are_not_all_shown() {
    let mut text = String::new();
    for number in 0..10_000 {
        let _ = writeln!(text, "[vcp.v{number}]\ncidr = 1");
        let _ = writeln!(text, "[subnet.s{number}]\nvpc = \"vpc.none\"");
    }
    let said = told(&one(&text));
    assert!(said.contains("these are the first 100"), "{said}");
    let line = format!("[vpc.main]\ncidr = [{}1]\n", "\"x\", ".repeat(200_000));
    told(&one(&line));
}

/// A file in which every line is wrong, each word close to many others: nobody waits for a guess at each.
#[test]
fn a_hundred_thousand_mistakes_are_told_in_seconds() {
    let mut text = String::new();
    for number in 0..50_000 {
        let _ = writeln!(
            text,
            "[subnet.name_of_{number}]\nvpc = \"vpc.nobody_has_{number}\"\nwrong_word_{number} = \"{{{{ var.x{number} }}}}\""
        );
    }
    let begun = Instant::now();
    let said = told(&one(&text));
    assert!(said.contains("these are the first 100"), "{said}");
    let took = begun.elapsed();
    assert!(took < Duration::from_mins(1), "{took:?}");
}

/// A stage that takes out and unsets what is not there, again and again.
#[test]
fn a_hundred_thousand_things_that_are_not_there_are_told_in_seconds() {
    let mut named = String::new();
    for number in 0..20_000 {
        let _ = writeln!(named, "[vpc.v{number}]\ncidr = \"10.0.0.0/16\"");
    }
    let list = |word: &str| -> String {
        let items = (0..100_000).map(|number| format!("\"{word}{number}\""));
        items.collect::<Vec<_>>().join(", ")
    };
    let (remove, unset) = (list("vpc.x"), list("tags.x"));
    let folder = files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}stages = [\"one\", \"two\"]\n"),
        ),
        ("shop/one.toml", &named),
        (
            "shop/two.toml",
            &format!("remove = [{remove}]\n\n[vpc.v0]\nunset = [{unset}]\n"),
        ),
    ]);
    let begun = Instant::now();
    let said = told(&folder);
    assert!(said.contains("these are the first 100"), "{said}");
    let took = begun.elapsed();
    assert!(took < Duration::from_mins(1), "{took:?}");
}

#[test]
fn more_keys_than_a_stack_can_hold_are_told() {
    let mut keys = String::new();
    for number in 0..200_000 {
        let _ = write!(keys, "k{number}=1,");
    }
    let keyed = |keys: &str| {
        one(&format!(
            "[vpc.main]\nfor_each = {keys}\ncidr = \"10.0.0.0/16\"\n"
        ))
    };
    says(&keyed(&format!("{{ {keys} }}")), "100000 resources at most");
    says(&keyed("\"{{ range(10000000) | list }}\""), "");
    says(
        &keyed("\"{{ ['a'] * 99999999 }}\""),
        "more than 100000 items",
    );
    // Each of two modules in each other is small.
    let names = (0..1_000)
        .map(|n| format!("\"k{n}\""))
        .collect::<Vec<_>>()
        .join(", ");
    let module = |inner: &str| format!("[module.m]\nsource = \"{inner}\"\nfor_each = [{names}]\n");
    let folder = files(&[
        ("shop/stack.toml", &format!("{HEAD}{}", module("../a"))),
        ("a/module.toml", &module("../b")),
        ("b/module.toml", VPC),
    ]);
    says(&folder, "100000 resources at most");
}

#[test]
fn a_ladder_has_an_end() {
    let names: Vec<String> = (0..5_000).map(|n| format!("\"s{n}\"")).collect();
    let stages = format!("{HEAD}stages = [{}]\nstage = \"s0\"\n", names.join(", "));
    says(
        &files(&[("shop/stack.toml", &stages)]),
        "a ladder has 100 stages at most",
    );
}

#[test]
fn modules_that_go_deep_or_round_are_told() {
    let mut all = vec![(
        "shop/stack.toml".to_owned(),
        format!("{HEAD}[module.m]\nsource = \"../m0\"\n"),
    )];
    for number in 0..1_000 {
        let next = number + 1;
        all.push((
            format!("m{number}/module.toml"),
            format!("[module.m]\nsource = \"../m{next}\"\n"),
        ));
    }
    let all: Vec<(&str, &str)> = all
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    says(&files(&all), "modules stand in modules 16 deep at most");
    // Two of the next in each: twice as many a level, and more than there may be.
    let two = |next: usize| {
        format!("[module.a]\nsource = \"../m{next}\"\n[module.b]\nsource = \"../m{next}\"\n")
    };
    let mut all = vec![("shop/stack.toml".to_owned(), format!("{HEAD}{}", two(0)))];
    all.extend((0..30).map(|number| (format!("m{number}/module.toml"), two(number + 1))));
    let all: Vec<(&str, &str)> = all
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    says(&files(&all), "at most");
    let round = files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}[module.m]\nsource = \"../a\"\n"),
        ),
        ("a/module.toml", "[module.m]\nsource = \"../b\"\n"),
        ("b/module.toml", "[module.m]\nsource = \"../a\"\n"),
    ]);
    says(&round, "contains itself");
}

// Expressions

fn answers(expression: &str) -> Folder {
    let literal = expression.replace('\\', "\\\\").replace('"', "\\\"");
    one(&format!("[vpc.main]\ncidr = \"{literal}\"\n"))
}

#[test]
fn an_expression_that_explodes_is_told() {
    says(&answers("{{ 'x' * 99999999 }}"), "a text of more than 1 MB");
    says(
        &answers("a{{ 'x' * 99999999 }}"),
        "a text of more than 1 MB",
    );
    says(&answers("{{ 'x' * 999999999 }}"), "too large");
    says(&answers("{{ range(1000000000) }}"), "");
    says(
        &answers(&format!(
            "{{{{ {}1{} }}}}",
            "(".repeat(1_900),
            ")".repeat(1_900)
        )),
        "",
    );
    for (chain, start) in [
        (" + 1", "1"),
        (".a", "var"),
        ("[0]", "var"),
        (" | d", "1"),
        (" ~ 1", "1"),
        (" and 1", "1"),
    ] {
        let fits = (3_900 - start.len()) / chain.len();
        let long = |times: usize| answers(&format!("{{{{ {start}{} }}}}", chain.repeat(times)));
        // Whatever it answers, it answers.
        let _ = long(fits).load();
        says(&long(100_000), "4000 characters at most");
    }
    for prefix in ["not ", "-", "[", "{1:", "1 if "] {
        let _ = answers(&format!(
            "{{{{ {}1 }}}}",
            prefix.repeat(3_900 / prefix.len())
        ))
        .load();
    }
}

fn template(text: &str, more: &[(&str, &str)]) -> Folder {
    let stack = format!("{HEAD}[key_pair.k]\npublic_key = {{ template = \"boot.sh\" }}\n");
    let mut all = vec![("shop/stack.toml", stack.as_str()), ("shop/boot.sh", text)];
    all.extend_from_slice(more);
    files(&all)
}

#[test]
fn a_template_that_explodes_is_told() {
    let nested =
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }}{% endfor %}{% endfor %}";
    says(&template(nested, &[]), "computes too long");
    let wide = "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}";
    says(&template(wide, &[]), "a text of more than 1 MB");
    says(&template("{% include 'boot.sh' %}", &[]), "recursion");
    says(
        &template(
            "{% include 'a' %}",
            &[("shop/a", "{% include 'boot.sh' %}")],
        ),
        "recursion",
    );
    // As many as may be, and more.
    let branches = |count| {
        format!(
            "{{% if true %}}{}{{% endif %}}",
            "{% elif true %}".repeat(count)
        )
    };
    template(&branches(490), &[]).loaded();
    says(&template(&branches(20_000), &[]), "500 blocks at most");
    let nested = |count| "{% if true %}".repeat(count) + &"{% endif %}".repeat(count);
    let _ = template(&nested(250), &[]).load();
    says(&template(&nested(50_000), &[]), "500 blocks at most");
    says(
        &template(&format!("{{{{ 1{} }}}}", " + 1".repeat(50_000)), &[]),
        "4000 characters at most",
    );
}

// What is no text

#[test]
fn bytes_that_are_no_text_are_told() {
    let folder = one(VPC);
    let raw = |bytes: &[u8]| {
        let path = folder.path().join("shop/stack.toml");
        std::fs::write(path, [HEAD.as_bytes(), VPC.as_bytes(), bytes].concat()).unwrap();
    };
    raw(b"# caf\xe9\n");
    says(&folder, "line 6 is not UTF-8");
    raw(b"\0");
    says(&folder, "this is not TOML");
    raw(b"# \x1b[31mred\n");
    says(&folder, "this is not TOML");
}

#[test]
fn ends_of_lines_and_a_byte_order_mark_are_of_no_account() {
    let text = format!("\u{feff}{HEAD}{VPC}").replace('\n', "\r\n");
    let loaded = files(&[("shop/stack.toml", &text)]).loaded();
    assert_eq!(loaded.stack.resources.len(), 1);
}

#[test]
fn what_acts_on_a_terminal_is_written_out() {
    let folder = one(
        "[\"\\u001b[2Jvpc\".main]\n[vpc.\"a\\u0007\\u202e\"]\ncidr = \"1\\u001b]0;title\\u0007\"\n",
    );
    says(&folder, "\\u001b[2Jvpc");
    let stages = ladder(&["[key_pair.k]\npublic_key = { file = \"a\\u001b[2J\\nb\" }\n"]);
    says(&stages, "\\u001b[2J");
}

// What is no file

#[cfg(unix)]
#[test]
fn what_is_no_ordinary_file_is_not_waited_for() {
    let reads = |name: &str| {
        files(&[
            (
                "shop/stack.toml",
                &format!("{HEAD}[key_pair.k]\npublic_key = {{ file = \"{name}\" }}\n"),
            ),
            ("shop/folder/x", ""),
        ])
    };
    says(&reads("folder"), "it is a folder");
    says(&reads("/dev/zero"), "it is no ordinary file");
    let piped = reads("pipe");
    let pipe = piped.path().join("shop/pipe");
    assert!(
        std::process::Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    says(&piped, "it is no ordinary file");
    let module = files(&[
        (
            "shop/stack.toml",
            &format!("{HEAD}[module.m]\nsource = \"../m\"\n"),
        ),
        ("m/module.toml/x", ""),
    ]);
    says(
        &module,
        "the module in `../m` cannot be read: it is a folder",
    );
    let stage = ladder(&[VPC, VPC]);
    let two = stage.path().join("shop/two.toml");
    std::fs::remove_file(&two).unwrap();
    std::os::unix::fs::symlink(&two, &two).unwrap();
    says(&stage, "the file of the stage `two` cannot be read");
}

#[cfg(unix)]
#[test]
fn no_link_leads_out_of_the_tree() {
    use std::os::unix::fs::symlink;
    let stack = format!(
        "{HEAD}[key_pair.k]\npublic_key = {{ file = \"boot.sh\" }}\n[module.m]\nsource = \"../modules/m\"\n"
    );
    let make = || {
        files(&[
            ("shop/stack.toml", &stack),
            ("shop/boot.sh", "true"),
            ("modules/m/module.toml", VPC),
            ("other/secret", "secret"),
            ("outside/module.toml", VPC),
        ])
    };
    make().loaded();
    let file = make();
    std::fs::remove_file(file.path().join("shop/boot.sh")).unwrap();
    symlink(
        file.path().join("other/secret"),
        file.path().join("shop/boot.sh"),
    )
    .unwrap();
    let said = told(&file);
    assert!(
        said.contains("`boot.sh` cannot be read: it leads to"),
        "{said}"
    );
    // The same within a repository may lead anywhere in it.
    std::fs::create_dir(file.path().join(".git")).unwrap();
    file.loaded();
    std::fs::rename(file.path().join(".git"), file.path().join("shop/.git")).unwrap();
    let said = told(&file);
    assert!(
        said.contains("there is no module")
            || said.contains("the module in `../modules/m` cannot be read"),
        "{said}"
    );
    let module = make();
    let elsewhere = files(&[("outside/module.toml", VPC)]);
    std::fs::remove_dir_all(module.path().join("modules/m")).unwrap();
    symlink(
        elsewhere.path().join("outside"),
        module.path().join("modules/m"),
    )
    .unwrap();
    says(
        &module,
        "the module in `../modules/m` cannot be read: it leads to",
    );
    let included = template("{% include 'part' %}", &[]);
    symlink("/etc/hostname", included.path().join("shop/part")).unwrap();
    says(&included, "`part` cannot be read: it leads to");
}
