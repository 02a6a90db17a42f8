//! How long things typically take: data about the kinds, for the plan's verdict, for what starts first, and for
//! what is said while it goes on.

use serde::Serialize;

use crate::fields::FieldChange;
use crate::said::Said;

/// Typical minutes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Minutes {
    /// From the call until others may build on it.
    pub create: f64,
    /// Until a change has taken effect.
    pub update: f64,
    /// Until it is gone.
    pub delete: f64,
    /// Of a creation with one of these properties, by property: a replica is copied first.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub with: &'static [(&'static str, f64)],
    /// Of a change of one of these properties, by property.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub changes: &'static [(&'static str, f64)],
}

impl Default for Minutes {
    fn default() -> Self {
        Self::SECONDS
    }
}

impl Minutes {
    /// What is done by one call, and at once.
    pub const QUICK: f64 = 0.1;

    /// Of a kind with which everything is a matter of seconds: most, and all that nothing is known of.
    pub const SECONDS: Self = Self::new(Self::QUICK, Self::QUICK, Self::QUICK);

    /// To create, to change, to delete one.
    pub const fn new(create: f64, update: f64, delete: f64) -> Self {
        Self {
            create,
            update,
            delete,
            with: &[],
            changes: &[],
        }
    }

    /// Of a creation that says all this.
    pub fn creation(&self, says: &[FieldChange]) -> f64 {
        let said = |field: &str| {
            let mut says = says.iter().filter(|change| change.field == field);
            says.any(|change| is_said(&change.want))
        };
        let with = self.with.iter().filter(|(field, _)| said(field));
        with.map(|(_, minutes)| *minutes)
            .reduce(f64::max)
            .unwrap_or(self.create)
    }

    /// Of a change of one property.
    pub fn change(&self, field: &str) -> f64 {
        let own = self.changes.iter().find(|(name, _)| *name == field);
        own.map_or(self.update, |(_, minutes)| *minutes)
    }
}

/// Whether a property is there: a switch that is off is not.
fn is_said(want: &Said) -> bool {
    match want {
        Said::Nothing => false,
        Said::Value(value) => !value.is_null() && value.as_bool() != Some(false),
        Said::Later(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields::Effect;

    const DATABASE: Minutes = Minutes {
        with: &[("replica_of", 20.0), ("multi_az", 15.0)],
        changes: &[("multi_az", 30.0), ("groups", 0.1)],
        ..Minutes::new(10.0, 12.0, 8.0)
    };

    fn says(field: &'static str, want: serde_json::Value) -> FieldChange {
        FieldChange::new(field, Effect::Update, Said::Nothing, Said::Value(want))
    }

    #[test]
    fn a_creation_takes_what_its_slowest_property_takes() {
        let of = |says: &[FieldChange]| DATABASE.creation(says);
        let exactly = |minutes: f64, expected: f64| (minutes - expected).abs() < 1e-9;
        assert!(exactly(of(&[says("class", json!("small"))]), 10.0));
        assert!(exactly(of(&[says("multi_az", json!(false))]), 10.0));
        assert!(exactly(of(&[says("multi_az", json!(true))]), 15.0));
        let both = [
            says("multi_az", json!(true)),
            says("replica_of", json!("a")),
        ];
        assert!(exactly(of(&both), 20.0));
    }

    #[test]
    fn a_change_takes_its_own_time_or_the_usual() {
        for (field, minutes) in [("multi_az", 30.0), ("groups", 0.1), ("class", 12.0)] {
            assert!((DATABASE.change(field) - minutes).abs() < 1e-9, "{field}");
        }
    }
}
