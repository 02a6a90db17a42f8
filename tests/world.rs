//! An emulated AWS for the tests of a module: each test has an account of its own in it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::sleep;
use std::time::{Duration, Instant};

use terrace_core::mutex::lock;
use terrace_sandbox::{Home, Sandbox};
use tokio::runtime::Runtime;

use crate::program::{Answer, Folder, repository};

const REGION: &str = "eu-west-3";

/// What the scripts of [`Account::boto3`] begin with.
const PRELUDE: &str = r#"
import boto3, json, os, sys
def client(service):
    return boto3.client(
        service,
        endpoint_url=os.environ["ENDPOINT"],
        region_name=os.environ["REGION"],
        aws_access_key_id="TERRACE" + os.environ["ACCOUNT"],
        aws_secret_access_key="sandbox",
    )
def marked(service, operation, key, address):
    tags = lambda one: {tag["Key"]: tag["Value"] for tag in one.get("Tags", one.get("TagList", []))}
    found = [one for one in getattr(client(service), operation)()[key] if tags(one).get("terrace:id") == address]
    assert len(found) == 1, found
    return found[0]
"#;

/// The emulator itself, stopped with the last test that uses it.
struct World {
    folder: Folder,
    runtime: Runtime,
    python: std::path::PathBuf,
    accounts: AtomicU64,
}

/// The worlds of the modules whose tests run.
static WORLDS: Mutex<BTreeMap<&'static str, Weak<World>>> = Mutex::new(BTreeMap::new());

impl World {
    fn of(module: &'static str) -> Arc<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut worlds = lock(&WORLDS);
        if let Some(world) = worlds.get(module).and_then(Weak::upgrade) {
            return world;
        }
        // A number, as the one before it may be about to stop.
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Folder::with_sandbox(&format!("{module}-{number}"));
        let started = folder.run(&["sandbox", "start"]);
        assert_eq!(started.exit, Some(0), "{started}");
        let runtime = Runtime::new().unwrap();
        let home = Home::from_env().unwrap();
        let world = Arc::new(Self {
            python: runtime.block_on(home.python(&|_| {})).unwrap(),
            folder,
            runtime,
            accounts: AtomicU64::new(100_000_000_001),
        });
        worlds.insert(module, Arc::downgrade(&world));
        world
    }

    fn sandbox(&self) -> Sandbox {
        let home = Home::from_env().unwrap();
        let name = self.folder.sandbox().unwrap();
        let sandbox = self.runtime.block_on(Sandbox::find(&home, name)).unwrap();
        sandbox.unwrap()
    }

    fn endpoint(&self) -> String {
        self.sandbox().endpoint()
    }
}

/// An empty account, and a folder for a stack that is pinned to it.
pub(crate) struct Account {
    world: Arc<World>,
    number: String,
    /// Behind every command: which stack, which environment, which stage.
    place: Vec<String>,
}

impl Account {
    /// A new one in the module's world, for a small stack of one file. The pin is written in.
    pub(crate) fn with_stack(module: &'static str, toml: &str) -> Self {
        let mut account = Self::new(module);
        account.place = vec![account.number.clone()];
        account.write("stack.toml", toml);
        account
    }

    /// A new one with the shop, in an environment.
    pub(crate) fn with_shop(module: &'static str, environment: &str) -> Self {
        Self::with_copy(module, "stacks/shop", Some(environment))
    }

    /// A new one with a copy of one of the repository's stacks, beside a copy of its modules.
    pub(crate) fn with_copy(module: &'static str, stack: &str, environment: Option<&str>) -> Self {
        let mut account = Self::new(module);
        let folder = format!("{}/{stack}", account.number);
        account.stand(folder, environment);
        account.copy(stack);
        for entry in fs::read_dir(repository().join("modules")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            account.copy(&format!("modules/{name}"));
        }
        let text = account.read("stack.toml");
        account.write("stack.toml", &text.replace("123456789012", &account.number));
        account
    }

    /// A new one with what `init` writes.
    pub(crate) fn with_template(
        module: &'static str,
        template: &str,
        environment: Option<&str>,
    ) -> Self {
        let mut account = Self::new(module);
        account.stand(format!("{}/{template}", account.number), environment);
        let told = account.world.folder.run(&[
            "init",
            &account.place[0],
            "--template",
            template,
            "--region",
            REGION,
            "--account",
            &account.number,
        ]);
        assert_eq!(told.exit, Some(0), "{told}");
        account
    }

    fn stand(&mut self, folder: String, environment: Option<&str>) {
        self.place = vec![folder];
        self.place
            .extend(environment.map(|name| format!("--env={name}")));
    }

    /// The files of a folder of the repository.
    fn copy(&self, folder: &str) {
        for entry in fs::read_dir(repository().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                let text = fs::read_to_string(&path).unwrap();
                let to = format!("{}/{folder}/{name}", self.number);
                self.world.folder.write(&to, &text);
            }
        }
    }

    fn new(module: &'static str) -> Self {
        let world = World::of(module);
        let number = world.accounts.fetch_add(1, Ordering::Relaxed).to_string();
        Self {
            world,
            number,
            place: Vec::new(),
        }
    }

    /// The folder of the stack.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.world.folder.path().join(&self.place[0])
    }

    /// A file of the stack.
    pub(crate) fn read(&self, file: &str) -> String {
        let folder = self.world.folder.path().join(&self.place[0]);
        fs::read_to_string(folder.join(file)).unwrap()
    }

    /// Writes a file of the stack; `stack.toml` of a one-file stack gets its pin.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let pin = format!("account = \"{}\"\n", self.number);
        let pinned = file != "stack.toml" || text.contains("account");
        let text = if pinned { text.to_owned() } else { pin + text };
        let path = Path::new(&self.place[0]).join(file);
        self.world.folder.write(path.to_str().unwrap(), &text);
    }

    /// A command of the program on the stack, about to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let (command, rest) = arguments.split_first().unwrap();
        let place = self.place.iter().map(String::as_str);
        let all: Vec<&str> = [*command, "--sandbox"]
            .into_iter()
            .chain(place)
            .chain(rest.iter().copied())
            .collect();
        self.world.folder.command(&all)
    }

    /// Runs a command of the program on the stack.
    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        self.end(&mut self.command(arguments))
    }

    /// The same; it must end with this code.
    pub(crate) fn ends(&self, exit: i32, arguments: &[&str]) -> Answer {
        let answer = self.run(arguments);
        assert_eq!(answer.exit, Some(exit), "{arguments:?}: {answer}");
        answer
    }

    /// Runs a command that must end well, again and again while another run has the lock, as CI would: that of a run
    /// that was cut off is free when its lease has run out.
    pub(crate) fn ends_once_free(&self, arguments: &[&str]) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.run(arguments);
            if answer.exit == Some(0) {
                return answer;
            }
            assert!(answer.stderr.contains("holds the lock since"), "{answer}");
            assert!(begun.elapsed() < Duration::from_mins(1), "{answer}");
            sleep(Duration::from_millis(250));
        }
    }

    /// Begins a command, whose stderr is to be read.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Runs a command of [`Account::command`] to its end.
    pub(crate) fn end(&self, command: &mut Command) -> Answer {
        self.world.folder.end(command)
    }

    /// How many seconds a state lasts that takes time, in all of its world; those that last now end at once.
    pub(crate) fn set_pace(&self, seconds: f64) {
        let sandbox = self.world.sandbox();
        let set = async {
            sandbox.set_pace(seconds).await?;
            sandbox.settle().await
        };
        self.world.runtime.block_on(set).unwrap();
    }

    /// Its number.
    pub(crate) fn number(&self) -> &str {
        &self.number
    }

    /// Where AWS clients reach its emulator.
    pub(crate) fn endpoint(&self) -> String {
        self.world.endpoint()
    }

    /// The name of its emulator.
    pub(crate) fn sandbox(&self) -> &str {
        self.world.folder.sandbox().unwrap()
    }

    /// The Python that has boto3.
    pub(crate) fn python(&self) -> &Path {
        &self.world.python
    }

    /// What a plain AWS client does and prints: Python, with `client("ec2")` for a client.
    pub(crate) fn boto3(&self, script: &str) -> String {
        let output = Command::new(&self.world.python)
            .args(["-c", &format!("{PRELUDE}{script}")])
            .env("ENDPOINT", self.world.endpoint())
            .env("REGION", REGION)
            .env("ACCOUNT", &self.number)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Applies the stack, plans again, destroys it: the second plan is empty, the certificate clean, and nothing is
    /// counted that was not there before.
    pub(crate) fn comes_and_goes(&self, options: &[&str]) {
        let with = |arguments: &[&'static str]| self.ends(0, &[arguments, options].concat());
        // What it looks up is there from now on.
        with(&["plan"]);
        let before = self.census();
        with(&["apply", "--yes"]);
        assert_ne!(self.census(), before);
        with(&["plan", "--detailed-exitcode"]);
        let told = self.ends(0, &["destroy", "--yes", "--allow", "data"]);
        assert!(told.stdout.contains("Teardown certificate"), "{told}");
        assert!(told.stdout.contains("is left but what is kept."), "{told}");
        assert!(!told.stdout.contains("Remains"), "{told}");
        assert_eq!(self.census(), before);
    }

    /// What a plain AWS client counts in the account.
    pub(crate) fn census(&self) -> BTreeMap<String, u64> {
        let endpoint = self.world.endpoint();
        let census = terrace_sandbox::census(&endpoint, &self.number, REGION);
        self.world.runtime.block_on(census).unwrap()
    }
}
