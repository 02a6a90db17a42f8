//! Which system this is, as far as the way to install Python differs.

use std::fs;

/// A family of systems that install Python alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Debian, Ubuntu and kin: `apt`, with `venv` in a package of its own.
    Debian,
    /// Fedora, RHEL, Amazon Linux and kin: `dnf`.
    Fedora,
    /// Alpine: `apk`.
    Alpine,
    /// Arch and kin: `pacman`.
    Arch,
    /// SUSE and kin: `zypper`.
    Suse,
    /// macOS.
    MacOs,
    /// Any other.
    Other,
}

impl System {
    /// This machine's.
    pub fn here() -> Self {
        if cfg!(target_os = "macos") {
            return Self::MacOs;
        }
        let text = fs::read_to_string("/etc/os-release")
            .or_else(|_| fs::read_to_string("/usr/lib/os-release"));
        Self::of(&text.unwrap_or_default())
    }

    /// The one that an `os-release` file speaks of.
    pub fn of(os_release: &str) -> Self {
        let value = |name: &str| {
            os_release
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .unwrap_or_default()
                .trim_matches(['"', '\''])
                .to_owned()
        };
        // What it is comes before what it is like.
        let names = format!("{} {}", value("ID"), value("ID_LIKE"));
        names
            .split_whitespace()
            .find_map(|name| match name {
                "debian" | "ubuntu" => Some(Self::Debian),
                "fedora" | "rhel" | "centos" | "amzn" => Some(Self::Fedora),
                "alpine" => Some(Self::Alpine),
                "arch" => Some(Self::Arch),
                "suse" | "opensuse" => Some(Self::Suse),
                _ => None,
            })
            .unwrap_or(Self::Other)
    }

    /// How to get a Python that is new enough.
    pub(crate) fn install_python(self) -> &'static str {
        match self {
            Self::Debian => "install it: `sudo apt install python3 python3-venv`",
            Self::Fedora => "install it: `sudo dnf install python3.12`",
            Self::Alpine => "install it: `apk add python3`",
            Self::Arch => "install it: `sudo pacman -S python`",
            Self::Suse => "install it: `sudo zypper install python312`",
            Self::MacOs => {
                "install it: `brew install python3`, or from https://www.python.org/downloads/"
            }
            Self::Other => "install Python 3.10 or newer: https://www.python.org/downloads/",
        }
    }

    /// How to get the `venv` module for the Python at hand.
    pub(crate) fn install_venv(self, version: &str) -> String {
        match self {
            Self::Debian => {
                format!("install it: `sudo apt install python3-venv` (or `python{version}-venv`)")
            }
            Self::Fedora => "install it: `sudo dnf install python3-libs python3-pip`".into(),
            Self::Alpine => "install it: `apk add python3 py3-pip`".into(),
            Self::Suse => "install it: `sudo zypper install python3-base`".into(),
            Self::Arch => "install it: `sudo pacman -S python`".into(),
            Self::MacOs => "install a whole Python: `brew install python3`".into(),
            Self::Other => {
                "install your system's package with Python's `venv` and `ensurepip`".into()
            }
        }
    }
}
