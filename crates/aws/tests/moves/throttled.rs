//! Many resources at AWS's own rates: calls take turns so that AWS never has to say no, and where others in the
//! account use them up, what is throttled is asked for again until it is there.

use std::fmt::Write;
use std::sync::Arc;

use terrace_aws::timing::Timing;
use terrace_sandbox::Forecast;

use super::{ACCOUNT, World, world};

/// At a fifth of AWS's time the emulator answers faster than AWS would let it be asked.
const PACE: Timing = Timing { scale: 0.2 };

/// So many resources, most of them of kinds whose calls AWS counts one by one.
fn stack(many: usize) -> String {
    let mut toml = "[vpc.main]\ncidr = \"10.0.0.0/16\"\n\n[hosted_zone.main]\nname = \"shop.example\"\nprotect = false\n".to_owned();
    for number in 0..many - 2 {
        let _ = match number % 10 {
            0..5 => write!(
                toml,
                "\n[subnet.s{number}]\nvpc = \"vpc.main\"\nzone = \"a\"\ncidr = \"10.0.{}.{}/28\"\n",
                number / 16,
                number % 16 * 16
            ),
            5..8 => write!(
                toml,
                "\n[security_group.g{number}]\nvpc = \"vpc.main\"\n\
                 ingress.web = {{ port = 443, from = \"0.0.0.0/0\" }}\n"
            ),
            8 => write!(
                toml,
                "\n[record.r{number}]\nzone = \"hosted_zone.main\"\nname = \"r{number}.shop.example\"\n\
                 values = [\"192.0.2.10\"]\n"
            ),
            _ => write!(
                toml,
                "\n[ssm_parameter.p{number}]\nname = \"/shop/{number}\"\nvalue = \"{number}\"\n"
            ),
        };
    }
    toml
}

/// Applies so many resources where this part of AWS's allowances is left, finds nothing left to do, and answers how
/// many calls were throttled.
async fn throttled(many: usize, left: f64) -> u64 {
    let World {
        stand,
        sandbox: _sandbox,
    } = world().await;
    let weather = Arc::new(Forecast::allowances(left, PACE.scale));
    let (stand, _proxy) = stand
        .elsewhere(ACCOUNT.into(), weather.clone())
        .await
        .unwrap();
    let toml = stack(many).parse().unwrap();
    let site = stand.paced(PACE).site("many", &toml).await;
    let site = site.unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(site.loaded.stack.resources.len(), many);
    site.apply().await.unwrap_or_else(|error| panic!("{error}"));
    site.settled()
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    weather.throttled()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_resources_are_applied_without_a_throttle() {
    assert_eq!(throttled(300, 1.0).await, 0);
}

/// What is left is half of what we keep to.
#[tokio::test(flavor = "multi_thread")]
async fn where_others_use_the_rates_up_it_is_slower_and_no_error() {
    assert!(throttled(100, 0.25).await > 10);
}
