//! How long AWS typically takes, in minutes: a row a kind.
//!
//! The plan's verdict, what starts first and what is said to remain rest on these numbers; nothing else does, so one
//! that is off costs a wrong guess. They are the middle of what aws-semantics 7.6 and the parts of its chapter 3
//! give. A kind without a row is taken for one of seconds; a test asks for its row all the same.

use terrace_core::minutes::Minutes;

/// All rows, in the order of the list of kinds.
const TABLE: &[(&str, Minutes)] = &[
    ("vpc", SECONDS),
    ("subnet", SECONDS),
    ("internet_gateway", SECONDS),
    ("route_table", SECONDS),
    ("security_group", SECONDS),
    ("eip", SECONDS),
    ("nat_gateway", Minutes::new(2.0, QUICK, 3.0)),
    ("vpc_endpoint", Minutes::new(2.0, 0.5, 3.0)),
    ("key_pair", SECONDS),
    (
        "instance",
        Minutes {
            // All else stops and starts it.
            changes: &[
                ("security_groups", QUICK),
                ("instance_profile", QUICK),
                ("metadata", QUICK),
                ("monitoring", QUICK),
                ("source_dest_check", QUICK),
                ("shutdown", QUICK),
                ("credits", QUICK),
                ("stateless", QUICK),
            ],
            ..Minutes::new(1.0, 2.0, 2.0)
        },
    ),
    ("volume", Minutes::new(0.2, 0.5, 0.5)),
    ("launch_template", SECONDS),
    ("load_balancer", Minutes::new(3.0, QUICK, 1.0)),
    ("listener", SECONDS),
    ("target_group", SECONDS),
    (
        "autoscaling_group",
        Minutes {
            changes: &[
                // For each machine, beside the time in which it gets warm.
                ("launch_template", 3.0),
                ("instances", 3.0),
                // What starts no machine.
                ("health_check", QUICK),
                ("warmup", QUICK),
                ("termination_policies", QUICK),
                ("capacity_rebalance", QUICK),
                ("policies", QUICK),
                ("schedules", QUICK),
                ("hooks", QUICK),
            ],
            // Its machines are drained first, five minutes as a rule.
            ..Minutes::new(5.0, 5.0, 7.0)
        },
    ),
    ("iam_role", SECONDS),
    ("instance_profile", SECONDS),
    ("hosted_zone", Minutes::new(1.0, 1.0, 1.0)),
    ("record", Minutes::new(1.0, 1.0, 1.0)),
    ("certificate", Minutes::new(5.0, 1.0, 1.0)),
    ("db_subnet_group", SECONDS),
    ("db_parameter_group", SECONDS),
    (
        "db_instance",
        Minutes {
            with: &[("multi_az", 15.0), ("replica_of", 20.0)],
            changes: &[
                // The second one is copied from the first.
                ("multi_az", 30.0),
                // Promoted: its backups begin, and it starts again.
                ("replica_of", 15.0),
                // Major ones longer still.
                ("engine_version", 20.0),
                ("password", 1.0),
                ("security_groups", 1.0),
                ("backup_window", 1.0),
                ("maintenance_window", 1.0),
                ("max_storage", 1.0),
                ("auto_minor_upgrade", 1.0),
                ("port", 3.0),
                ("public", 3.0),
            ],
            ..Minutes::new(10.0, 10.0, 8.0)
        },
    ),
    ("s3_bucket", Minutes::new(QUICK, QUICK, 1.0)),
    ("origin_access_control", SECONDS),
    ("distribution", Minutes::new(5.0, 5.0, 10.0)),
    ("secret", SECONDS),
    ("ssm_parameter", SECONDS),
    ("alarm", SECONDS),
];

const SECONDS: Minutes = Minutes::SECONDS;
const QUICK: f64 = Minutes::QUICK;

/// The row of a kind.
pub(crate) const fn of(kind: &str) -> Minutes {
    let mut row = 0;
    while row < TABLE.len() {
        if same(TABLE[row].0, kind) {
            return TABLE[row].1;
        }
        row += 1;
    }
    SECONDS
}

/// Whether two names are the same, for the list is made by the compiler.
const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::KINDS;

    #[test]
    fn there_is_a_row_for_each_kind_and_none_beside() {
        let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
        let rows: Vec<&str> = TABLE.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(rows, kinds, "give it a row, in the order of the list");
        for kind in KINDS {
            assert_eq!(*kind.minutes(), of(kind.name()), "{}", kind.name());
        }
    }

    #[test]
    fn every_property_with_minutes_of_its_own_is_one_of_its_kind() {
        for kind in KINDS {
            let minutes = kind.minutes();
            for (field, _) in minutes.with.iter().chain(minutes.changes) {
                let known = kind.rows().iter().any(|row| row.name == *field);
                assert!(known, "{}.{field}", kind.name());
            }
        }
    }

    #[test]
    fn every_number_can_be_true() {
        for (kind, minutes) in TABLE {
            let own = minutes.with.iter().chain(minutes.changes);
            let own = own.map(|(_, minutes)| *minutes);
            for one in [minutes.create, minutes.update, minutes.delete]
                .into_iter()
                .chain(own)
            {
                assert!((0.05..=60.0).contains(&one), "{kind}: {one}");
            }
        }
    }

    #[test]
    fn a_kind_without_a_row_takes_seconds() {
        assert_eq!(of("network_interface"), SECONDS);
        assert_eq!(of("vp"), SECONDS);
    }
}
