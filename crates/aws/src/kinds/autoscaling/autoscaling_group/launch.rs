//! What a group starts its machines from, as the TOML wants it, as AWS tells it, as AWS takes it.

use aws_sdk_autoscaling::types::{
    InstancesDistribution, LaunchTemplate as Mix, LaunchTemplateOverrides,
    LaunchTemplateSpecification, MixedInstancesPolicy,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use terrace_core::error::Result;
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::reference::{Ref, Reference};
use terrace_core::said::Said;

use super::super::shared::number;
use super::AutoscalingGroupSpec;
use crate::kinds::ec2::launch_template::LaunchTemplate;

/// Types of machines in place of the template's one, and how many may be spot ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instances {
    /// The types, of one architecture, the one to have first.
    pub types: Vec<String>,
    /// How many machines are never spot ones.
    #[serde(default)]
    pub on_demand: u32,
    /// How many of a hundred of the others are spot ones: cheap, and taken back by AWS at two minutes'
    /// notice.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub spot: u32,
}

impl Instances {
    pub(super) fn check(&self) -> Vec<Objection> {
        let mut wrong = Vec::new();
        if self.types.is_empty() {
            let help = "write types = [\"t3.small\", \"t3a.small\"], or leave `instances` out";
            wrong.push(Objection::new("instances.types", "it names no type").help(help));
        }
        for name in self.types.iter().filter(|name| !name.contains('.')) {
            let message = format!("`{name}` is no type of instance");
            let objection = Objection::new("instances.types", message);
            wrong.push(objection.help("one reads like \"t3.small\""));
        }
        if self.spot > 100 {
            wrong.push(Objection::new(
                "instances.spot",
                "of a hundred, at most a hundred",
            ));
        }
        wrong
    }
}

/// What new machines are started from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Launch {
    /// The template's id.
    pub(super) template: String,
    pub(super) version: String,
    pub(super) instances: Option<Instances>,
}

/// The version of a template that the TOML names by its id: which one counts is known to AWS alone.
const DEFAULT: &str = "$Default";

impl Launch {
    pub(super) fn wanted(want: &AutoscalingGroupSpec, known: &Known) -> Result<Self> {
        let template = &want.launch_template;
        let version = match template.names() {
            Reference::Literal(_) => DEFAULT.to_owned(),
            Reference::Address(_) => known.need_output(template, "version")?,
        };
        Ok(Self {
            template: known.need(template)?.into(),
            version,
            instances: want.instances.clone(),
        })
    }

    /// As AWS tells it: one of the two.
    pub(super) fn read(
        plain: Option<LaunchTemplateSpecification>,
        mixed: Option<MixedInstancesPolicy>,
    ) -> Self {
        let Some(mixed) = mixed else {
            return Self::of(plain, None);
        };
        let shares = mixed.instances_distribution;
        let base = shares.as_ref().and_then(|is| is.on_demand_base_capacity);
        let above = shares.and_then(|is| is.on_demand_percentage_above_base_capacity);
        let mix = mixed.launch_template;
        let types = mix
            .as_ref()
            .and_then(|mix| mix.overrides.as_deref())
            .unwrap_or_default();
        let instances = Instances {
            types: (types.iter().filter_map(|one| one.instance_type.clone())).collect(),
            on_demand: base.unwrap_or_default().unsigned_abs(),
            spot: 100 - above.unwrap_or(100).clamp(0, 100).unsigned_abs(),
        };
        Self::of(
            mix.and_then(|mix| mix.launch_template_specification),
            Some(instances),
        )
    }

    fn of(named: Option<LaunchTemplateSpecification>, instances: Option<Instances>) -> Self {
        let (template, version) =
            named.map_or((None, None), |is| (is.launch_template_id, is.version));
        Self {
            template: template.unwrap_or_default(),
            // Without a number it is the default one.
            version: version.unwrap_or_else(|| DEFAULT.to_owned()),
            instances,
        }
    }

    /// Whether it names a version that never changes.
    pub(super) fn is_fixed(&self) -> bool {
        self.version.parse::<u64>().is_ok()
    }

    pub(super) fn template(&self) -> LaunchTemplateSpecification {
        LaunchTemplateSpecification::builder()
            .launch_template_id(&self.template)
            .version(&self.version)
            .build()
    }

    /// Both forms, of which one is nothing.
    pub(super) fn forms(
        &self,
    ) -> (
        Option<LaunchTemplateSpecification>,
        Option<MixedInstancesPolicy>,
    ) {
        let Some(instances) = &self.instances else {
            return (Some(self.template()), None);
        };
        let one = |name: &String| {
            LaunchTemplateOverrides::builder()
                .instance_type(name)
                .build()
        };
        let mix = Mix::builder()
            .launch_template_specification(self.template())
            .set_overrides(Some(instances.types.iter().map(one).collect()));
        // In the order of the list; spot ones where AWS has most to spare, which it recommends.
        let shares = InstancesDistribution::builder()
            .on_demand_allocation_strategy("prioritized")
            .on_demand_base_capacity(number(instances.on_demand))
            .on_demand_percentage_above_base_capacity(100 - number(instances.spot))
            .spot_allocation_strategy("price-capacity-optimized");
        let policy = MixedInstancesPolicy::builder()
            .launch_template(mix.build())
            .instances_distribution(shares.build());
        (None, Some(policy.build()))
    }

    /// For people and comparisons.
    pub(super) fn said(&self) -> Said {
        said(&self.template, &self.version)
    }
}

fn said(template: &str, version: &str) -> Said {
    Said::of(format!("{template}, version {version}"))
}

/// What the TOML says of the template: with its version, so that a new one is a difference.
pub(super) fn want_template(template: &Ref<LaunchTemplate>, known: &Known) -> Said {
    let version = match template.names() {
        Reference::Literal(_) => Said::of(DEFAULT),
        Reference::Address(_) => known.output(template, "version"),
    };
    match (known.id(template), version) {
        (later @ Said::Later(_), _) | (_, later @ Said::Later(_)) => later,
        (id, version) => said(&id.text(), &version.text()),
    }
}
