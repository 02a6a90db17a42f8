//! The list of kinds. A kind is one file, one word here, and one example.

use std::sync::Arc;

use terrace_core::erased::{AnyHand, AnyKind, Hand, Of};

use crate::client::Aws;
use crate::minutes;

/// An AWS service and its kinds.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its short name.
    pub name: &'static str,
    /// What its kinds are, in a few words.
    pub about: &'static str,
    /// Its kinds, in the order of the list.
    pub kinds: &'static [&'static str],
}

/// Declares the modules and both halves of the list: `service { kind kind ... }`. The order is that of
/// the documentation.
macro_rules! kinds {
    ($($(#[doc = $about:literal])+ $service:ident { $($kind:ident $type:ident),+ $(,)? })+) => {
        $(
            $(#[doc = $about])+
            pub mod $service {
                $(pub mod $kind;)+
                pub(crate) mod shared;
            }
        )+

        /// Every kind, as judgement sees it.
        pub static KINDS: &[&dyn AnyKind] = {
            // A static of its own for each: a kind's schema is made once and kept there.
            $($(
                #[expect(non_upper_case_globals, reason = "named after the kind")]
                static $kind: Of<$service::$kind::$type> = Of::taking(minutes::of(stringify!($kind)));
            )+)+
            &[$($(&$kind),+),+]
        };

        /// The same list by service, for documentation.
        pub static SERVICES: &[Service] = &[
            $(Service {
                name: stringify!($service),
                about: concat!($($about),+),
                kinds: &[$(stringify!($kind)),+],
            }),+
        ];

        /// A hand for every kind, working by way of `cx`.
        pub fn hands(cx: &Arc<Aws>) -> Vec<Arc<dyn AnyHand>> {
            vec![$($(Arc::new(Hand::<$service::$kind::$type>::new(Arc::clone(cx))) as Arc<dyn AnyHand>),+),+]
        }
    };
}

kinds! {
    /// Networks and machines.
    ec2 {
        vpc Vpc,
        subnet Subnet,
        internet_gateway InternetGateway,
        route_table RouteTable,
        security_group SecurityGroup,
        eip Eip,
        nat_gateway NatGateway,
        vpc_endpoint VpcEndpoint,
        key_pair KeyPair,
        instance Instance,
        volume Volume,
        launch_template LaunchTemplate,
    }
    /// Traffic to healthy machines.
    elb {
        load_balancer LoadBalancer,
        listener Listener,
        target_group TargetGroup,
    }
    /// Groups of machines that heal and scale.
    autoscaling {
        autoscaling_group AutoscalingGroup,
    }
    /// Who may do what.
    iam {
        iam_role IamRole,
        instance_profile InstanceProfile,
    }
    /// Names.
    route53 {
        hosted_zone HostedZone,
        record Record,
    }
    /// Whose a name is, for browsers to check.
    acm {
        certificate Certificate,
    }
    /// Databases.
    rds {
        db_subnet_group DbSubnetGroup,
        db_parameter_group DbParameterGroup,
        db_instance DbInstance,
    }
    /// Files.
    s3 {
        s3_bucket S3Bucket,
    }
    /// Content near its readers.
    cloudfront {
        origin_access_control OriginAccessControl,
        distribution Distribution,
    }
    /// Passwords known to nobody.
    secretsmanager {
        secret Secret,
    }
    /// Settings that applications read.
    ssm {
        ssm_parameter SsmParameter,
    }
    /// What to watch, and whom to wake.
    cloudwatch {
        alarm Alarm,
    }
}
