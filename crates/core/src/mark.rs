//! The mark: the tags by which terrace knows its own, and the names derived from the same facts.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::address::Address;

/// Tags of a resource, by key.
pub type Tags = BTreeMap<String, String>;

/// `shop/prod`: which stack and environment it belongs to.
pub const STACK: &str = "terrace:stack";
/// The address of the resource in its stack.
pub const ID: &str = "terrace:id";
/// The generation: `1`, or `1.2` for the second replacement of generation 1.
pub const GENERATION: &str = "terrace:gen";
/// `true` on what must not be deleted.
pub const PROTECT: &str = "terrace:protect";
/// `true` on what belongs to an ephemeral environment: nothing of it is kept.
pub const EPHEMERAL: &str = "terrace:ephemeral";
/// For how many seconds requests may still come to what is about to go.
pub const LEAVING: &str = "terrace:leaving";
/// Since when, in RFC 3339, what is to go is left by traffic and by all that used it: its soak is counted from then.
pub const LEFT: &str = "terrace:left";
/// When an ephemeral environment may be swept, in RFC 3339.
pub const EXPIRES: &str = "terrace:expires";
/// Begins the fingerprint of an input that AWS does not give back: `terrace:fp.user_data`.
pub const FINGERPRINT: &str = "terrace:fp.";
/// On what is kept on purpose when the rest goes: the stack and environment it is of.
pub const KEPT: &str = "terrace:kept";
/// Beside it: the address it had.
pub const KEPT_OF: &str = "terrace:kept-of";
/// Begins every tag of ours.
pub const OURS: &str = "terrace:";

/// What a stack is called, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The stack's name.
    pub stack: String,
    /// The environment's name.
    pub environment: String,
    /// The account's 12 digits.
    pub account: String,
    /// The home region.
    pub region: String,
}

impl Identity {
    /// The value of the tag [`STACK`].
    pub fn owner(&self) -> String {
        format!("{}/{}", self.stack, self.environment)
    }

    /// What the names of everything in this stack and environment begin with, as far as their limit
    /// allows: for services that find by a prefix and by nothing else.
    pub fn prefix(&self) -> String {
        slug(&format!("{}-{}-", self.stack, self.environment))
    }

    /// The physical name of `address`: readable, at most `limit` characters, always ending in 6 hex
    /// digits of all that tells it from others, so that `shop` + `a-b` and `shop-a` + `b` never meet.
    /// Lower-case letters, digits and single dashes only, which every AWS service takes.
    pub fn name(&self, address: &Address, generation: Generation, limit: usize) -> String {
        let address = address.to_string();
        let unique = [
            &self.account,
            &self.region,
            &self.stack,
            &self.environment,
            &address,
            &generation.to_string(),
        ];
        let suffix = &digest(&unique.map(String::as_str))[..6];
        let readable = slug(&format!("{}-{}-{}", self.stack, self.environment, address));
        let room = limit.saturating_sub(suffix.len() + 1);
        let cut: String = readable.chars().take(room).collect();
        format!("{}-{suffix}", cut.trim_end_matches('-'))
    }
}

/// Hex of the SHA-256 of several texts, none of which can run into the next.
pub fn digest(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Lower-case letters and digits, everything else a single dash; it begins with a letter.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars().map(|c| c.to_ascii_lowercase()) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    if !slug.starts_with(|c: char| c.is_ascii_alphabetic()) {
        slug.insert_str(0, "t-");
    }
    slug
}

/// Tells the generations of one address apart; it never decides whether to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation {
    /// What the TOML says (`generation = 2`), 1 if it says nothing.
    pub wanted: u32,
    /// How many times it was replaced since, for other reasons.
    pub turn: u32,
}

impl Generation {
    /// The first resource of a generation.
    pub fn first(wanted: u32) -> Self {
        Self { wanted, turn: 0 }
    }

    /// The generation of what replaces this one, where the TOML says `wanted`.
    #[must_use]
    pub fn next(self, wanted: u32) -> Self {
        if wanted > self.wanted {
            Self::first(wanted)
        } else {
            Self {
                wanted: self.wanted,
                turn: self.turn + 1,
            }
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.turn {
            0 => write!(f, "{}", self.wanted),
            turn => write!(f, "{}.{turn}", self.wanted),
        }
    }
}

impl FromStr for Generation {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (wanted, turn) = text.split_once('.').unwrap_or((text, "0"));
        Ok(Self {
            wanted: wanted.parse()?,
            turn: turn.parse()?,
        })
    }
}

/// The mark of one resource, and all that derives from it.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The stack and where it stands.
    pub identity: Identity,
    /// The resource's address.
    pub address: Address,
    /// Which generation of it.
    pub generation: Generation,
    /// The tags that the TOML wants, `terrace:` ones aside.
    pub tags: Tags,
    /// Whether the TOML protects it.
    pub protect: bool,
    /// Whether the environment is ephemeral, and until when (RFC 3339) if that is known.
    pub ephemeral: Option<String>,
    /// Sets the client token apart from those of an earlier life of the stack, and from one that was used for
    /// something else; else empty.
    pub salt: String,
}

impl Mark {
    /// All tags to create it with.
    pub fn all_tags(&self) -> Tags {
        let mut tags = self.tags.clone();
        tags.entry("Name".to_owned())
            .or_insert_with(|| self.name(255));
        tags.insert(STACK.to_owned(), self.identity.owner());
        tags.insert(ID.to_owned(), self.address.to_string());
        tags.insert(GENERATION.to_owned(), self.generation.to_string());
        if self.protect {
            tags.insert(PROTECT.to_owned(), "true".to_owned());
        }
        if let Some(expires) = &self.ephemeral {
            tags.insert(EPHEMERAL.to_owned(), "true".to_owned());
            if !expires.is_empty() {
                tags.insert(EXPIRES.to_owned(), expires.clone());
            }
        }
        tags
    }

    /// The physical name; see [`Identity::name`].
    pub fn name(&self, limit: usize) -> String {
        self.identity.name(&self.address, self.generation, limit)
    }

    /// A client token: the same for the same creation, so that AWS answers a repeated call with what
    /// the first made. `salt` is empty, or what sets a later attempt apart (rule R4).
    pub fn token(&self, salt: &str) -> String {
        let owner = self.identity.owner();
        let (id, generation) = (self.address.to_string(), self.generation.to_string());
        let Identity {
            account, region, ..
        } = &self.identity;
        let salt = format!("{}{salt}", self.salt);
        digest(&[account, region, &owner, &id, &generation, &salt])[..32].to_owned()
    }
}

/// What the tags of a live resource say: `None` if they are not ours.
pub fn read(tags: &Tags) -> Option<(String, Address, Generation)> {
    let owner = tags.get(STACK)?.clone();
    let address = tags.get(ID)?.parse().ok()?;
    // An unknown form of generation is equal to the first, so that a newer terrace's tags never
    // make an older one replace things (rule R8).
    let generation = tags.get(GENERATION).and_then(|g| g.parse().ok());
    Some((owner, address, generation.unwrap_or(Generation::first(1))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn identity(stack: &str, environment: &str) -> Identity {
        Identity {
            stack: stack.into(),
            environment: environment.into(),
            account: "123456789012".into(),
            region: "eu-west-3".into(),
        }
    }

    #[test]
    fn names_that_read_alike_never_meet() {
        let address: Address = "db_instance.main".parse().unwrap();
        let one = identity("shop", "a-b").name(&address, Generation::first(1), 63);
        let other = identity("shop-a", "b").name(&address, Generation::first(1), 63);
        assert_ne!(one, other);
        assert_eq!(one[..one.len() - 6], other[..other.len() - 6]);
        assert!(one.starts_with(&identity("shop", "a-b").prefix()));
    }

    #[test]
    fn a_name_keeps_its_limit_and_its_suffix() {
        let address: Address = "a/b.c.d".parse().unwrap();
        let long = "x".repeat(80);
        let name = identity(&long, "prod").name(&address, Generation::first(1), 32);
        assert_eq!(name.len(), 32);
        assert!(!name.contains("--"));
    }

    #[test]
    fn generations_read_back() {
        for text in ["1", "2", "1.3"] {
            assert_eq!(text.parse::<Generation>().unwrap().to_string(), text);
        }
        assert_eq!(Generation::first(1).next(1).to_string(), "1.1");
        assert_eq!(Generation { wanted: 1, turn: 4 }.next(2).to_string(), "2");
    }
}
