//! The pictures that `graph` and `stages` draw: nothing is left out, nothing covers anything, all text is in its
//! box; for every stage of every stack here, every example, and what is odd.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::program::{Folder, repository};

/// The measure by which the pictures are made, so that both speak of the same widths.
#[allow(dead_code, reason = "the pictures need more of it")]
#[path = "../../src/ui/picture/text.rs"]
mod text;

/// A rectangle: left, top, right, bottom.
type Rect = [f64; 4];

/// A box or a frame: whose it is, its area, its text with the room that it takes.
type Group = (String, Rect, Vec<(String, Rect)>);

/// What is read out of a picture.
#[derive(Default)]
struct Picture {
    page: Rect,
    /// What may not be covered.
    boxes: Vec<Group>,
    frames: Vec<Group>,
    /// The words beside arrows.
    words: Vec<(String, Rect)>,
    /// The arrows' points, with what each says.
    arrows: Vec<(String, Vec<(f64, f64)>)>,
    /// Every text that is shown to those who point at something.
    tips: Vec<String>,
}

/// The value of an attribute.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let from = line.find(&format!(" {name}=\""))? + name.len() + 3;
    line[from..].split('"').next()
}

fn number(line: &str, name: &str) -> f64 {
    attribute(line, name).unwrap().parse().unwrap()
}

fn rect(line: &str) -> Rect {
    let (x, y) = (number(line, "x"), number(line, "y"));
    [x, y, x + number(line, "width"), y + number(line, "height")]
}

/// What stands between two marks.
fn between<'a>(line: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let from = line.find(from)? + from.len();
    line[from..].split(to).next()
}

fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"").replace("&amp;", "&")
}

/// A line of text with the room that it takes.
fn written(line: &str) -> (String, Rect) {
    let shown = plain(between(line, ">", "<").unwrap());
    let width = match attribute(line, "class").unwrap() {
        "title" => text::bold(&shown, 18.0),
        "rung" => text::bold(&shown, 14.0),
        "adds" | "changes" | "removes" => text::bold(&shown, 13.0),
        "head" => text::bold(&shown, 12.5),
        "where" | "flag" => text::bold(&shown, 11.0),
        "about" => text::width(&shown, 12.5),
        "line" | "note" => text::width(&shown, 11.0),
        "word" => text::width(&shown, 10.5),
        other => unreachable!("{other} has no size"),
    };
    let (mut x, y) = (number(line, "x"), number(line, "y"));
    if attribute(line, "text-anchor") == Some("middle") {
        x -= width / 2.0;
    }
    (shown, [x, y - 9.0, x + width, y + 3.0])
}

impl Picture {
    fn read(svg: &str) -> Self {
        let mut picture = Self::default();
        let mut group = "";
        for line in svg.lines() {
            if let Some(tip) = between(line, "<title>", "</title>") {
                picture.tips.push(plain(tip));
            }
            if let Some(kind) = ["box", "frame"]
                .into_iter()
                .find(|kind| line.starts_with(&format!("<g class=\"{kind}\"")))
            {
                group = kind;
                let tip = between(line, "<title>", "</title>").unwrap_or_default();
                let list = picture.group(kind);
                list.push((plain(tip), Rect::default(), Vec::new()));
            } else if line == "</g>" {
                group = "";
            } else if line.starts_with("<rect class=\"page\"") {
                picture.page = rect(line);
            } else if line.starts_with("<rect") && !group.is_empty() {
                let (_, area, _) = picture.group(group).last_mut().unwrap();
                // A second one is a mark within the first.
                if area[2] <= area[0] {
                    *area = rect(line);
                }
            } else if line.starts_with("<text") {
                let is = written(line);
                match group {
                    "" if attribute(line, "class") == Some("word") => picture.words.push(is),
                    "" => assert!(within(&is.1, &picture.page), "{is:?} is not on the page"),
                    group => picture.group(group).last_mut().unwrap().2.push(is),
                }
            } else if line.starts_with("<path class=\"arrow") && line.contains("<title>") {
                let tip = plain(between(line, "<title>", "</title>").unwrap());
                picture
                    .arrows
                    .push((tip, points(attribute(line, "d").unwrap())));
            }
        }
        picture
    }

    fn group(&mut self, kind: &str) -> &mut Vec<Group> {
        if kind == "box" {
            &mut self.boxes
        } else {
            &mut self.frames
        }
    }

    /// Nothing covers anything, and all text is where it belongs.
    fn is_tidy(&self, whose: &str) {
        for (index, (tip, area, texts)) in self.boxes.iter().enumerate() {
            assert!(
                within(area, &self.page),
                "{whose}: {tip} is not on the page"
            );
            for (text, room) in texts {
                assert!(within(room, area), "{whose}: {text:?} is not within {tip}");
            }
            for (other, beside, _) in &self.boxes[index + 1..] {
                assert!(!meet(area, beside), "{whose}: {tip} and {other} meet");
            }
            for (shown, room) in self
                .frames
                .iter()
                .flat_map(|frame| &frame.2)
                .chain(&self.words)
            {
                assert!(!meet(area, room), "{whose}: {tip} covers {shown:?}");
            }
        }
        for (tip, area, texts) in &self.frames {
            assert!(
                within(area, &self.page),
                "{whose}: {tip} is not on the page"
            );
            for (text, room) in texts {
                assert!(within(room, area), "{whose}: {text:?} is not within {tip}");
            }
        }
        for (index, (text, room)) in self.words.iter().enumerate() {
            assert!(
                within(room, &self.page),
                "{whose}: {text:?} is not on the page"
            );
            for (other, beside) in &self.words[index + 1..] {
                assert!(!meet(room, beside), "{whose}: {text:?} and {other:?} meet");
            }
        }
        for (tip, points) in &self.arrows {
            assert!(points.len() > 1, "{whose}: {tip} has no way");
            for step in points.windows(2) {
                let line = [
                    step[0].0.min(step[1].0),
                    step[0].1.min(step[1].1),
                    step[0].0.max(step[1].0) + 0.01,
                    step[0].1.max(step[1].1) + 0.01,
                ];
                for (through, area, _) in &self.boxes {
                    let inner = [area[0] + 1.0, area[1] + 1.0, area[2] - 1.0, area[3] - 1.0];
                    assert!(
                        !meet(&line, &inner),
                        "{whose}: {tip} goes through {through}"
                    );
                }
            }
        }
    }

    /// What a box, a line of what is counted or an arrow stands for.
    fn named(&self) -> BTreeSet<String> {
        let all = self.tips.iter().flat_map(|tip| tip.split(", "));
        all.map(str::to_owned).collect()
    }

    fn has_arrow(&self, says: &str) -> bool {
        self.arrows.iter().any(|(tip, _)| tip.starts_with(says))
    }

    fn texts(&self) -> Vec<&str> {
        let groups = self.boxes.iter().chain(&self.frames);
        let all = groups.flat_map(|(_, _, texts)| texts).chain(&self.words);
        all.map(|(text, _)| text.as_str()).collect()
    }
}

fn within(inner: &Rect, outer: &Rect) -> bool {
    inner[0] >= outer[0]
        && inner[1] >= outer[1]
        && inner[2] <= outer[2] + 0.1
        && inner[3] <= outer[3] + 0.1
}

fn meet(one: &Rect, other: &Rect) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

/// The points of a way; round corners by their three.
fn points(way: &str) -> Vec<(f64, f64)> {
    let points = way
        .split(|c: char| c.is_alphabetic() || c == ' ')
        .filter(|part| !part.is_empty());
    points
        .map(|point| {
            let (x, y) = point.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        })
        .collect()
}

/// Draws a stack, and looks at what holds for every picture.
fn draw(folder: &Folder, arguments: &str) -> Picture {
    let picture = folder.run_in_repository(&format!("graph {arguments} --format svg"));
    assert_eq!(picture.exit, Some(0), "{arguments}: {picture}");
    let again = folder.run_in_repository(&format!("graph {arguments} --format svg"));
    assert_eq!(
        picture.stdout, again.stdout,
        "{arguments}: two pictures of one stack"
    );
    let graph = folder.run_in_repository(&format!("graph {arguments} --each --format json"));
    complete(&picture.stdout, &graph.stdout, arguments)
}

/// Every resource is drawn or counted.
fn complete(svg: &str, graph: &str, whose: &str) -> Picture {
    let graph: Value = serde_json::from_str(graph).unwrap();
    let picture = Picture::read(svg);
    let named = picture.named();
    for node in graph["nodes"].as_array().unwrap() {
        let address = node["address"].as_str().unwrap();
        assert!(
            named.contains(address),
            "{whose}: {address} is neither drawn nor counted"
        );
    }
    picture.is_tidy(whose);
    picture
}

/// A stack of its own.
fn drawn(stack: &str) -> Picture {
    let stack = format!("name = \"odd\"\nregion = \"eu-west-3\"\n\n{stack}");
    let folder = Folder::new().file("stack.toml", &stack);
    let picture = folder.run(&["graph", "--format", "svg"]);
    assert_eq!(picture.exit, Some(0), "{picture}");
    let graph = folder.run(&["graph", "--each", "--format", "json"]);
    complete(&picture.stdout, &graph.stdout, &stack)
}

#[test]
fn every_stage_of_every_stack_is_drawn() {
    let folder = Folder::new();
    for (stack, environments, stages) in [
        (
            "shop",
            &["prod", "test", "pr-7"][..],
            &[
                "single-instance",
                "split-database",
                "multi-az",
                "cdn-offload",
                "read-replicas",
            ][..],
        ),
        ("wordpress", &["prod", "pr-7"], &["site", "cdn"]),
    ] {
        for environment in environments {
            for stage in stages {
                draw(
                    &folder,
                    &format!("stacks/{stack} --env {environment} --stage {stage}"),
                );
            }
        }
    }
    draw(&folder, "stacks/reader");
}

#[test]
fn every_example_is_drawn() {
    for example in fs::read_dir(repository().join("examples")).unwrap() {
        let example = fs::read_to_string(example.unwrap().path()).unwrap();
        drawn(&example);
    }
}

#[test]
fn a_request_is_followed_from_the_name_to_the_data() {
    let folder = Folder::new();
    let picture = draw(&folder, "stacks/shop --env prod --stage single-instance");
    assert!(picture.has_arrow("people to shop.example.com"));
    assert!(picture.has_arrow("shop.example.com to instance web"));
    let picture = draw(&folder, "stacks/shop --env prod --stage multi-az");
    for arrow in [
        "people to shop.example.com",
        "shop.example.com to load balancer web",
        "load balancer web to auto scaling group web, web/target_group.web",
        "auto scaling group web to database main",
        "database main to standby",
    ] {
        assert!(picture.has_arrow(arrow), "{arrow}: {:?}", picture.arrows);
    }
    let texts = picture.texts();
    for text in [
        "zone a",
        "zone b",
        "NAT gateway",
        "VPC main",
        "Standby",
        "3306",
        "3 alarms",
    ] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    let picture = draw(&folder, "stacks/shop --env prod --stage read-replicas");
    for arrow in [
        "shop.example.com to CloudFront distribution site",
        "CloudFront distribution site to load balancer web, record.origin",
        "CloudFront distribution site to S3 bucket assets",
        "auto scaling group web to read replica replica",
        "database main to read replica replica",
    ] {
        assert!(picture.has_arrow(arrow), "{arrow}: {:?}", picture.arrows);
    }
    assert!(
        picture.texts().contains(&"/static/*"),
        "{:?}",
        picture.texts()
    );
}

#[test]
fn three_zones_are_three_columns() {
    let picture = drawn(
        r#"
[vpc.main]
cidr = "10.0.0.0/16"

[subnet.app]
for_each = { a = 0, b = 1, c = 2 }
vpc      = "vpc.main"
zone     = "{{ each.key }}"
cidr     = "{{ cidrsubnet('10.0.0.0/16', 4, each.value) }}"

[instance.a_worker_with_a_name_that_goes_on_and_on]
for_each = ["a", "b", "c"]
image    = "al2023"
type     = "t3.micro"
subnet   = "subnet.app.{{ each.key }}"
"#,
    );
    let zones: Vec<Rect> = ["zone a", "zone b", "zone c"]
        .map(|zone| {
            let is = |frame: &&Group| frame.2.iter().any(|(text, _)| text == zone);
            picture.frames.iter().find(is).unwrap().1
        })
        .to_vec();
    assert!(
        zones[0][2] < zones[1][0] && zones[1][2] < zones[2][0],
        "{zones:?}"
    );
    let workers = picture
        .boxes
        .iter()
        .filter(|(tip, ..)| tip.starts_with("instance."));
    for ((tip, area, _), zone) in workers.zip(&zones) {
        assert!(within(area, zone), "{tip}");
    }
    let cut = |text: &&str| text.starts_with("a_worker") && text.ends_with('…');
    assert_eq!(picture.texts().into_iter().filter(cut).count(), 3);
}

#[test]
fn subnets_without_keys_share_rows_by_their_zones() {
    let subnet = |name: &str, zone: &str, number: u8, public: bool| {
        format!(
            "[subnet.{name}]\nvpc = \"vpc.main\"\nzone = \"{zone}\"\ncidr = \"10.0.{number}.0/24\"\n\
             public = {public}\n"
        )
    };
    let picture = drawn(&format!(
        "[vpc.main]\ncidr = \"10.0.0.0/16\"\n{}{}{}{}",
        subnet("data_a", "a", 3, false),
        subnet("data_b", "b", 4, false),
        subnet("web_a", "a", 1, true),
        subnet("web_b", "b", 2, true),
    ));
    let top = |name: &str| {
        let is = |frame: &&Group| frame.0 == format!("subnet.{name}");
        picture.frames.iter().find(is).unwrap().1[1]
    };
    assert!((top("web_a") - top("web_b")).abs() < 0.1);
    assert!((top("data_a") - top("data_b")).abs() < 0.1);
    assert!(top("web_a") < top("data_a"), "what is open stands on top");
}

#[test]
fn what_is_in_another_region_stands_there() {
    let picture = drawn(
        r#"
[vpc.home]
cidr = "10.0.0.0/16"

[vpc.away]
region = "eu-central-1"
cidr   = "10.1.0.0/16"

[s3_bucket.copy]
region = "eu-central-1"

[ssm_parameter.note]
region = "eu-central-1"
value  = "x"
"#,
    );
    let frame = |text: &str| {
        let is = |frame: &&Group| frame.2.iter().any(|(is, _)| is == text);
        picture.frames.iter().find(is).unwrap().1
    };
    assert!(within(&frame("VPC home"), &frame("region eu-west-3")));
    assert!(within(&frame("VPC away"), &frame("region eu-central-1")));
    let bucket = picture
        .boxes
        .iter()
        .find(|(tip, ..)| tip == "s3_bucket.copy")
        .unwrap()
        .1;
    assert!(within(&bucket, &frame("region eu-central-1")));
    let texts = picture.texts();
    let counted = texts
        .iter()
        .position(|text| *text == "in eu-central-1")
        .unwrap();
    assert_eq!(texts[counted + 1], "1 SSM parameter", "{texts:?}");
}

#[test]
fn what_has_no_network_is_drawn_without_one() {
    let picture = drawn("[s3_bucket.files]\n\n[secret.key]\n");
    let texts = picture.texts();
    assert!(
        texts.contains(&"S3 bucket") && texts.contains(&"1 secret"),
        "{texts:?}"
    );
    let picture = drawn("");
    assert!(picture.boxes.is_empty() && picture.frames.is_empty());
}

#[test]
fn a_ladder_is_climbed_from_its_foot() {
    let folder = Folder::new();
    for (stack, environment) in [("shop", "prod"), ("wordpress", "pr-7")] {
        let drawn = folder.run_in_repository(&format!(
            "stages stacks/{stack} --env {environment} --format svg"
        ));
        assert_eq!(drawn.exit, Some(0), "{drawn}");
        Picture::read(&drawn.stdout).is_tidy(stack);
    }
    let drawn = folder.run_in_repository("stages stacks/shop --env test --format svg");
    let picture = Picture::read(&drawn.stdout);
    let rung = |name: &str| {
        let is = |rung: &&Group| rung.0.starts_with(&format!("{name}: "));
        picture.boxes.iter().find(is).unwrap()
    };
    assert!(rung("single-instance").1[1] > rung("read-replicas").1[3]);
    let flagged = |name: &str| {
        rung(name)
            .2
            .iter()
            .any(|(text, _)| text == "test stands here")
    };
    assert!(flagged("split-database") && !flagged("multi-az"));
    let says = |name: &str, text: &str| {
        assert!(rung(name).0.contains(text), "{text}: {}", rung(name).0);
    };
    says("split-database", "adds database (mariadb 10.11)");
    says(
        "multi-az",
        "load balancer, auto scaling group (1 to 2 instances)",
    );
    says(
        "multi-az",
        "takes out instance (t3.small), 2 disks, elastic IP",
    );
    says(
        "cdn-offload",
        "shop.example.com leads to the CloudFront distribution",
    );
    says("read-replicas", "2 read replicas");
    let drawn = folder.run_in_repository("stages stacks/shop --env prod --format svg");
    assert!(drawn.stdout.contains("database main gets a standby"));
    let drawn = folder.run_in_repository("stages stacks/reader --format svg");
    assert!(drawn.stdout.contains("One file, no stages."), "{drawn}");
}

/// What a kind shows is said in its own file.
#[test]
fn no_kind_is_known_to_those_who_draw() {
    let kinds = fs::read_dir(repository().join("examples")).unwrap();
    let kinds: Vec<String> = kinds
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    for file in fs::read_dir(repository().join("src/ui/picture")).unwrap() {
        let file = file.unwrap().path();
        let source = fs::read_to_string(&file).unwrap();
        for kind in &kinds {
            let named =
                source.contains(&format!("\"{kind}\"")) || source.contains(&format!("\"{kind}."));
            assert!(!named, "{} names {kind}", file.display());
        }
    }
}
