//! An emulator behind a proxy whose weather a test decides; the program finds it under a name.

#![allow(clippy::unwrap_used, dead_code)]

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use terrace_sandbox::{Home, Lent, Proxy, Sandbox, Weather};

/// The account that the shop is pinned to, and its region.
pub(crate) const PLACE: (&str, &str) = ("123456789012", "eu-west-3");

/// An emulator, and the proxy through which the program reaches it.
pub(crate) struct Front {
    _lent: Lent,
    pub(crate) proxy: Proxy,
    name: String,
}

impl Front {
    /// Stands before an emulator. `name` is nobody else's.
    pub(crate) async fn before(sandbox: &Sandbox, name: &str, weather: Arc<dyn Weather>) -> Self {
        let home = Home::from_env().unwrap();
        let proxy = Proxy::in_weather(&sandbox.endpoint(), weather)
            .await
            .unwrap();
        let name = format!("front-{name}-{}", std::process::id());
        let lent = sandbox.lend(&home, &name, proxy.port()).unwrap();
        Self {
            _lent: lent,
            proxy,
            name,
        }
    }

    /// The program, about to be run in a folder. Of the environment only what it needs is there.
    pub(crate) fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_terrace"));
        command.args(arguments).current_dir(folder).env_clear();
        for name in ["PATH", "HOME", "XDG_CACHE_HOME", "TERRACE_SANDBOX_HOME"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", folder.join("no-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", folder.join("no-credentials"))
            .env("TERRACE_SANDBOX_NAME", &self.name)
            .stdin(Stdio::null());
        command
    }
}
