//! Traffic that a rule lets pass, as one line of text.

use std::fmt;

/// What one rule of a security group lets pass, in the only form in which AWS keeps it: one protocol,
/// one range of ports, one far end. Its text is the key by which rules are told apart, because AWS
/// does not keep the keys of the TOML: `tcp 80 from 0.0.0.0/0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `all`.
    pub protocol: String,
    /// First and last port, type and code of ICMP; `None` for all.
    pub ports: Option<(i32, i32)>,
    /// Whether it comes in rather than goes out.
    pub inward: bool,
    /// A range of addresses, or the id of what stands for one.
    pub peer: String,
}

impl Flow {
    /// One in canonical form, from what AWS or the TOML says.
    pub fn new(
        protocol: &str,
        ports: Option<(i32, i32)>,
        inward: bool,
        peer: impl Into<String>,
    ) -> Self {
        let protocol = match protocol {
            "-1" => "all",
            "1" => "icmp",
            "6" => "tcp",
            "17" => "udp",
            "58" => "icmpv6",
            other => other,
        };
        // Only these have ports; ICMP's -1 means any.
        let ports = match protocol {
            "tcp" | "udp" => ports,
            "icmp" | "icmpv6" => ports.filter(|ports| *ports != (-1, -1)),
            _ => None,
        };
        Self {
            protocol: protocol.to_owned(),
            ports,
            inward,
            peer: peer.into(),
        }
    }

    /// Reads the text back.
    pub fn read(text: &str) -> Option<Self> {
        let (inward, what, peer) = match (text.split_once(" from "), text.split_once(" to ")) {
            (Some((what, peer)), _) => (true, what, peer),
            (None, Some((what, peer))) => (false, what, peer),
            (None, None) => return None,
        };
        let (protocol, ports) = match what.split_once(' ') {
            Some((protocol, ports)) => (protocol, Some(read_ports(ports)?)),
            None => (what, None),
        };
        Some(Self::new(protocol, ports, inward, peer))
    }

    /// The protocol as AWS's calls take it.
    pub fn wire_protocol(&self) -> &str {
        if self.protocol == "all" {
            "-1"
        } else {
            &self.protocol
        }
    }

    /// The ports as AWS's calls take them; nothing where the protocol has none.
    pub fn wire_ports(&self) -> Option<(i32, i32)> {
        match self.protocol.as_str() {
            "icmp" | "icmpv6" => Some(self.ports.unwrap_or((-1, -1))),
            "tcp" | "udp" => Some(self.ports.unwrap_or((0, 65_535))),
            _ => None,
        }
    }
}

fn read_ports(text: &str) -> Option<(i32, i32)> {
    let separator = if text.contains(':') { ':' } else { '-' };
    let (from, to) = text.split_once(separator).unwrap_or((text, text));
    Some((from.parse().ok()?, to.parse().ok()?))
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        match self.ports {
            None => {}
            Some((kind, code)) if self.protocol.starts_with("icmp") => write!(f, " {kind}:{code}")?,
            Some((from, to)) if from == to => write!(f, " {from}")?,
            Some((from, to)) => write!(f, " {from}-{to}")?,
        }
        let word = if self.inward { "from" } else { "to" };
        write!(f, " {word} {}", self.peer)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_flow_reads_back() {
        for text in [
            "tcp 80 from 0.0.0.0/0",
            "udp 8000-8100 from sg-0abc",
            "all to ::/0",
            "icmp 8:-1 from pl-0abc",
            "icmp from 10.0.0.0/8",
            "50 to 10.0.0.0/8",
        ] {
            assert_eq!(Flow::read(text).unwrap().to_string(), text);
        }
        assert!(Flow::read("tcp 80").is_none());
    }

    #[test]
    fn what_means_the_same_reads_the_same() {
        let flow = |protocol, ports| Flow::new(protocol, ports, true, "::/0").to_string();
        assert_eq!(flow("6", Some((80, 80))), flow("tcp", Some((80, 80))));
        assert_eq!(flow("-1", Some((0, 65_535))), flow("all", None));
        assert_eq!(flow("1", Some((-1, -1))), flow("icmp", None));
    }
}
