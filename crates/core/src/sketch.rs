//! What a picture of the architecture shows of a resource, as its kind says from the spec alone.
//!
//! A kind without a word is counted beside the picture. Which resources stand in which, and which lead to
//! which, is read off references and the rows of the path ([`crate::fields::Path`]).

use crate::address::Address;

/// What a picture shows of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Its part in the picture.
    pub role: Role,
    /// What it is, in the singular: `NAT gateway`. Empty: the kind's name.
    pub noun: &'static str,
    /// What it is called, where that is not its name in the file: `shop.example.com`.
    pub title: Option<String>,
    /// What a person would write beside it, the most telling first: `t3.large`, `20 GiB gp3`.
    pub notes: Vec<String>,
    /// The zone it stands in.
    pub zone: Option<String>,
    /// What it is a copy of: it is reached by readers only.
    pub copy_of: Option<Address>,
    /// What goes on to which of those it leads to, where that is not everything: `/static/*`.
    pub ways: Vec<(Address, String)>,
    /// Whom a guard lets in.
    pub admits: Vec<Admits>,
}

/// A part in a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Counted beside it.
    #[default]
    Aside,
    /// A frame that others stand in.
    Network,
    /// A frame in one zone of a network. Open: reached from the internet.
    Ground {
        /// Whether it is reached from the internet.
        open: bool,
    },
    /// A box.
    Station(Icon, Stance),
    /// A name that leads to others.
    Sign,
    /// A line in the box of what it names, or of what names it.
    Note,
    /// A word on the arrow between those that it ties together.
    Link,
    /// Says who may reach what wears it: an arrow between the two. Counted beside the picture.
    Guard,
}

/// How a box stands where it may stand in several zones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stance {
    /// In one of them.
    #[default]
    One,
    /// Across all of them.
    Across,
    /// In one, with another in a second that takes over.
    Standby,
}

/// The small drawing in a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A machine.
    Machine,
    /// Several machines.
    Machines,
    /// What spreads requests.
    Balancer,
    /// A way out.
    Gate,
    /// A database.
    Database,
    /// Files.
    Bucket,
    /// Near the readers, all over the world.
    Globe,
    /// Anything else.
    Plain,
}

/// Whom a guard lets in, and by what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admits {
    /// Who.
    pub from: Who,
    /// By what: `443`.
    pub by: String,
}

/// Who is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody.
    Anyone,
    /// What wears this guard.
    Guard(Address),
}

impl Sketch {
    /// A part, and what it is.
    pub fn new(role: Role, noun: &'static str) -> Self {
        Self {
            role,
            noun,
            ..Self::default()
        }
    }

    /// Counted beside the picture.
    pub fn aside(noun: &'static str) -> Self {
        Self::new(Role::Aside, noun)
    }

    /// A box.
    pub fn station(noun: &'static str, icon: Icon) -> Self {
        Self::new(Role::Station(icon, Stance::One), noun)
    }

    /// A box as it stands in its zones.
    #[must_use]
    pub fn stands(mut self, stance: Stance) -> Self {
        if let Role::Station(_, is) = &mut self.role {
            *is = stance;
        }
        self
    }

    /// Called so.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// With something beside it.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// In this zone.
    #[must_use]
    pub fn zone(mut self, zone: &impl ToString) -> Self {
        self.zone = Some(zone.to_string());
        self
    }

    /// What it is, for people.
    pub fn what(&self, kind: &str) -> String {
        if self.noun.is_empty() {
            return kind.replace('_', " ");
        }
        self.noun.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_without_a_word_is_counted_by_its_name() {
        let sketch = Sketch::default();
        assert_eq!(sketch.role, Role::Aside);
        assert_eq!(sketch.what("network_interface"), "network interface");
        let sketch = Sketch::station("NAT gateway", Icon::Gate).stands(Stance::Across);
        assert_eq!(sketch.role, Role::Station(Icon::Gate, Stance::Across));
        assert_eq!(sketch.what("nat_gateway"), "NAT gateway");
    }
}
