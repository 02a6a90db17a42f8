//! What is wrong with a group that reads well.

use terrace_core::kind::Objection;

use super::launch::Instances;
use super::{AutoscalingGroupSpec, HealthType, LIMIT};

impl AutoscalingGroupSpec {
    pub(super) fn check(&self) -> Vec<Objection> {
        let mut wrong = self.check_size();
        if let Some(name) = &self.name
            && (name.is_empty() || name.len() > LIMIT || name.contains(':'))
        {
            let message = format!("a name here is 1 to {LIMIT} long, and has no colon");
            wrong.push(Objection::new("name", message));
        }
        if self.health_check.r#type == Some(HealthType::LoadBalancer)
            && self.target_groups.is_empty()
        {
            let objection = Objection::new(
                "health_check.type",
                "no load balancer looks at its machines",
            );
            wrong.push(objection.help("name its `target_groups`, or leave `type` out"));
        }
        if self.termination_policies.is_empty() {
            let objection = Objection::new("termination_policies", "it names none");
            wrong.push(objection.help("leave it out for AWS's own choice"));
        }
        wrong.extend(self.instances.iter().flat_map(Instances::check));
        wrong.extend(self.instance_refresh.check());
        wrong.extend(self.hooks.iter().filter_map(|(key, hook)| hook.check(key)));
        wrong.extend(
            self.policies
                .iter()
                .flat_map(|(key, policy)| policy.check(key, self)),
        );
        wrong.extend(
            self.schedules
                .iter()
                .flat_map(|(key, schedule)| schedule.check(key)),
        );
        wrong
    }

    fn check_size(&self) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if self.min > self.max {
            let message = format!(
                "its `min` of {} is greater than its `max` of {}",
                self.min, self.max
            );
            wrong.push(Objection::new("min", message));
        } else if let Some(desired) = self.desired
            && !(self.min..=self.max).contains(&desired)
        {
            let message = format!("{desired} is not between {} and {}", self.min, self.max);
            wrong.push(
                Objection::new("desired", message).help("widen `min` and `max`, or leave it out"),
            );
        }
        if self.subnets.is_empty() {
            wrong.push(Objection::new("subnets", "it has no subnet to stand in"));
        }
        wrong
    }
}
