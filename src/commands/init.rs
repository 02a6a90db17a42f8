//! `terrace init`: a stack to begin with.

mod template;

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args as ClapArgs;
use terrace_aws::client::{Connection, account, configure};
use terrace_aws::timing::Timing;

use self::template::{Header, Template};
use crate::failure::{Exit, Failure};
use crate::ui::Ui;

/// Write a stack to begin with, and the modules it uses. Never overwrites a file.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    /// The folder; made if it is not there.
    #[arg(default_value = ".", value_name = "DIR")]
    folder: PathBuf,
    /// The stack's name, in tags and names for good; the folder's if absent.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The home region; that of the AWS CLI's environment if absent.
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The account to pin the stack to; that of the credentials at hand if absent.
    #[arg(long, value_name = "DIGITS")]
    account: Option<String>,
    /// What to begin with.
    #[arg(long, value_enum, default_value_t, value_name = "TEMPLATE")]
    template: Template,
}

/// How long to look for credentials.
const PATIENCE: Duration = Duration::from_secs(5);
const REGION: &str = "us-east-1";

/// Writes.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    for file in args.template.paths() {
        let path = args.folder.join(file);
        if path.exists() {
            return Err(taken(&path));
        }
    }
    let name = name(&args)?;
    let region = region(&args);
    let account = match &args.account {
        Some(account) => Some(digits(account)?),
        None => tokio::time::timeout(PATIENCE, found(&region))
            .await
            .ok()
            .flatten(),
    };
    let header = Header {
        name: &name,
        region: &region,
        account: account.as_deref(),
    };
    for (file, text) in args.template.written(&header) {
        let path = args.folder.join(file);
        let parent = path.parent().unwrap_or(&args.folder);
        fs::create_dir_all(parent).map_err(|error| wrong(parent, &error))?;
        let mut file = File::create_new(&path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => taken(&path),
            _ => wrong(&path, &error),
        })?;
        file.write_all(text.as_bytes())
            .map_err(|error| wrong(&path, &error))?;
        ui.say(&format!("wrote {}", path.display()));
    }
    if account.is_none() {
        ui.warn(
            "no credentials were found: write the account into stack.toml before the first apply",
        );
    }
    let folder = args.folder.display().to_string();
    let folder = if folder.contains(' ') {
        format!("'{folder}'")
    } else {
        folder
    };
    if let Some(what) = args.template.to_change() {
        ui.say(&format!(
            "yours to change before it meets an account: {what}"
        ));
    }
    let environment = match args.template.environment() {
        Some(name) => format!(" --env {name}"),
        None => String::new(),
    };
    ui.say(&format!(
        "try it: terrace plan {folder}{environment} --sandbox"
    ));
    Ok(Exit::Done)
}

fn taken(path: &Path) -> Failure {
    Failure::new(format!("{} is there already", path.display()))
        .hint("init writes new files only: name another folder")
}

fn wrong(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}

/// The name given, or what the folder's makes of it.
fn name(args: &Args) -> Result<String, Failure> {
    if let Some(name) = &args.name {
        if is_stack_name(name) {
            return Ok(name.clone());
        }
        return Err(Failure::new(format!("a stack cannot be called `{name}`"))
            .hint("small letters, digits and `-`, a letter first"));
    }
    let folder = std::path::absolute(&args.folder)?;
    let folder = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let slug: String = folder.chars().map(plain).take(40).collect();
    let slug = slug.trim_matches('-').to_owned();
    if is_stack_name(&slug) {
        return Ok(slug);
    }
    Err(Failure::new("the folder's name is none for a stack").hint("give it one: --name shop"))
}

fn is_stack_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.len() <= 40
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

fn region(args: &Args) -> String {
    let environment = |name: &str| std::env::var(name).ok().filter(|region| !region.is_empty());
    args.region
        .clone()
        .or_else(|| environment("AWS_REGION"))
        .or_else(|| environment("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|| REGION.to_owned())
}

fn digits(account: &str) -> Result<String, Failure> {
    if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(account.to_owned());
    }
    Err(Failure::new(format!(
        "`{account}` is no account: one has 12 digits"
    )))
}

/// The account of the credentials at hand, if there are any.
async fn found(region: &str) -> Option<String> {
    let connection = Connection {
        region: region.to_owned(),
        ..Connection::default()
    };
    let config = configure(&connection).await;
    account(&config, Timing::default()).await.ok()
}
