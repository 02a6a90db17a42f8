//! `terrace sandbox`: the emulator on this machine.

use clap::{Args as ClapArgs, Subcommand};
use terrace_sandbox::{Home, Sandbox, Status};

use crate::failure::{Exit, Failure};
use crate::session::sandbox_name;
use crate::ui::Ui;

/// Start, stop, empty or look at the emulator on this machine.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Action {
    /// Start it; `--sandbox` does so by itself.
    Start,
    /// Stop it; its world is gone with it.
    Stop,
    /// Empty its world.
    Reset,
    /// Say whether it runs, and where.
    Status,
}

/// Does it.
pub(crate) async fn run(args: Args, ui: Ui) -> Result<Exit, Failure> {
    let home = Home::from_env()?;
    let name = sandbox_name();
    let say = |text: &str| ui.say(text);
    match args.action {
        Action::Start => {
            let sandbox = Sandbox::ensure(&home, &name, &say).await?;
            ui.answer(&format!("{}\n", sandbox.endpoint()));
        }
        Action::Stop => {
            let ran = Sandbox::stop_named(&home, &name, &say).await?;
            ui.say(if ran { "stopped" } else { "it was not running" });
        }
        Action::Reset => match Sandbox::find(&home, &name).await? {
            Some(sandbox) => {
                sandbox.reset().await?;
                ui.say("its world is empty");
            }
            None => ui.say("it is not running, and its world is empty"),
        },
        Action::Status => ui.answer(&match Sandbox::status(&home, &name).await? {
            Status::Running {
                pid, port, current, ..
            } => {
                let age = if current {
                    ""
                } else {
                    ", of another version of terrace"
                };
                format!("running at http://127.0.0.1:{port}, process {pid}{age}\n")
            }
            Status::Stale { why, .. } => format!("stopped: {why}\n"),
            Status::Stopped => "stopped\n".to_owned(),
        }),
    }
    Ok(Exit::Done)
}
