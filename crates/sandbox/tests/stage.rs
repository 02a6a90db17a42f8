//! What the tests stand on: a home whose emulator is a few lines of Python, and little servers.

use std::path::PathBuf;
use std::sync::Mutex;

use tempfile::TempDir;
use terrace_sandbox::{Home, Package};

/// Speaks as the real one does, and remembers what it is told until it is reset.
const STAND_IN: &str = r#"
import argparse, json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

options = argparse.ArgumentParser()
options.add_argument("--port", type=int)
options.add_argument("--identity")
options = options.parse_args()
world = []

class Handler(BaseHTTPRequestHandler):
    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/terrace/identity":
            self.answer({"identity": options.identity, "pid": os.getpid()})
        elif self.path == "/environment":
            self.answer(dict(os.environ))
        else:
            self.answer(world)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path == "/terrace/reset":
            world.clear()
        else:
            world.append(self.path + " " + body)
        self.answer({})

    def log_message(self, *_):
        pass

if os.path.exists("die"):
    sys.exit("the stand-in was told to die")
print("the stand-in serves", flush=True)
ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()
"#;

pub(crate) fn stand_in(version: &str) -> Package {
    Package::from_files(&[
        ("requirements.txt", "# nothing\n"),
        ("terrace_emulator/__init__.py", version),
        ("terrace_emulator/__main__.py", STAND_IN),
    ])
}

/// The folder that the tests share, as making a Python environment takes seconds. Each uses names of
/// its own in it.
pub(crate) fn shared_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox")
}

pub(crate) fn home() -> Home {
    Home::at(shared_folder()).with_package(stand_in(""))
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn quiet(_: &str) {}

/// Keeps what it is told.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    pub(crate) fn say(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }

    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}

/// A process that is nobody's emulator, ended with the value.
pub(crate) fn bystander() -> tokio::process::Child {
    tokio::process::Command::new("sleep")
        .arg("600")
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
