//! What `init` can write: the small stacks of `src/templates`, and those of `stacks` with the modules they use.

use clap::ValueEnum;

/// Name of each, and its files. `build.rs` lists them.
static TEMPLATES: &[(&str, Files)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

type Files = &'static [(&'static str, &'static str)];

/// What to begin with.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(super) enum Template {
    /// One machine in a network of its own.
    #[default]
    Web,
    /// A network and nothing in it.
    Network,
    /// A web shop's whole ladder in five stages: from one box to read replicas.
    Shop,
    /// WordPress in two stages: three tiers in two zones, then a CDN.
    Wordpress,
    /// A static website: a bucket behind CloudFront, with its certificate and names.
    Site,
    /// A feed reader: one box that keeps nothing, and a managed PostgreSQL.
    Reader,
}

/// What is the user's in a stack's header.
pub(super) struct Header<'a> {
    pub(super) name: &'a str,
    pub(super) region: &'a str,
    /// `None`: it is not known, and the line is left as a comment.
    pub(super) account: Option<&'a str>,
}

impl Template {
    /// Its files, as they are in the repository.
    fn files(self) -> Files {
        let name = self.to_possible_value();
        let name = name.as_ref().map_or("", |name| name.get_name());
        let found = TEMPLATES.iter().find(|(known, _)| *known == name);
        found.map_or(&[], |(_, files)| files)
    }

    /// The paths of its files below the user's folder.
    pub(super) fn paths(self) -> impl Iterator<Item = &'static str> {
        self.files().iter().map(|(path, _)| *path)
    }

    /// Its files as the user gets them: the header is theirs, and modules stand in the stack's own folder.
    pub(super) fn written(
        self,
        header: &Header<'_>,
    ) -> impl Iterator<Item = (&'static str, String)> {
        self.files().iter().map(move |(path, text)| {
            let text = text.replace("\"../../modules/", "\"modules/");
            match *path {
                "stack.toml" => (*path, headed(&text, header)),
                path => (path, text),
            }
        })
    }

    /// The environment to try it in, where it declares any: the first that is no pattern.
    pub(super) fn environment(self) -> Option<&'static str> {
        let (_, text) = self
            .files()
            .iter()
            .find(|(path, _)| *path == "stack.toml")?;
        let mut names = text.lines().filter_map(|line| {
            let name = line.strip_prefix("[environments.")?.split_once(']')?.0;
            name.chars().all(char::is_alphanumeric).then_some(name)
        });
        names.next()
    }

    /// What is an example only, and the user's own before it meets an account.
    pub(super) fn to_change(self) -> Option<&'static str> {
        match self {
            Self::Web | Self::Network => None,
            Self::Shop => Some(
                "the variables `zone` and `domain` in stack.toml, and the public key in ops.pub",
            ),
            Self::Wordpress | Self::Site | Self::Reader => {
                Some("the variables `zone` and `domain` in stack.toml")
            }
        }
    }
}

/// `stack.toml` with the user's name, account and region in its first lines.
fn headed(text: &str, header: &Header<'_>) -> String {
    let mut inside = true;
    let lines = text.lines().map(|line| {
        inside &= !line.starts_with('[');
        let key = line.split_once('=').map(|(key, _)| key.trim());
        match key.filter(|_| inside) {
            Some("name") => valued(line, header.name),
            Some("region") => valued(line, header.region),
            Some("account") => match header.account {
                Some(account) => valued(line, account),
                None => commented(line),
            },
            _ => line.to_owned(),
        }
    });
    lines.fold(String::new(), |text, line| text + &line + "\n")
}

/// A line with another value, its comment where it was.
fn valued(line: &str, value: &str) -> String {
    let (key, _) = line.split_once('=').unwrap_or((line, ""));
    aligned(&format!("{key}= \"{value}\""), line)
}

fn commented(line: &str) -> String {
    let (said, _) = line.split_once(" #").unwrap_or((line, ""));
    aligned(&format!("# {}", said.trim_end()), line)
}

/// What a line says now, and the comment it had.
fn aligned(said: &str, line: &str) -> String {
    match line.find(" #") {
        Some(at) => format!("{said:<at$} {}", &line[at + 1..]),
        None => said.to_owned(),
    }
}
