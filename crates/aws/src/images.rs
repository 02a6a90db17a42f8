//! Machine images by family, whose newest image its maker publishes as a parameter.

use terrace_core::error::{CloudError, ErrorClass, Result};
use terrace_core::kind::Objection;
use terrace_core::known::Known;
use terrace_core::reference::{Ref, Reference};

use crate::client::{Aws, missing};
use crate::kinds::ec2::shared::filter;
use crate::lookups::image::Image;

/// The processors that a machine type has, as AWS calls them.
///
/// Read off its name, because a plan is made without asking AWS: Graviton's types have a `g` behind the
/// generation's number (`t4g`, `c7gn`, `is4gen`), and the very first was `a1`.
pub(crate) fn architecture(machine: &str) -> &'static str {
    let family = machine
        .split_once('.')
        .map_or(machine, |(family, _)| family);
    let behind = family.trim_start_matches(|c: char| !c.is_ascii_digit());
    if family == "a1" || behind.contains('g') {
        "arm64"
    } else {
        "x86_64"
    }
}

/// The public parameter that holds the newest image of a family.
fn parameter(family: &str, machine: &str) -> Option<String> {
    let aws = architecture(machine);
    let others = if aws == "arm64" { "arm64" } else { "amd64" };
    if let Some(flavour) = family.strip_prefix("al2023") {
        let flavour = match flavour {
            "" => "ami",
            "-minimal" => "ami-minimal",
            _ => return None,
        };
        return Some(format!(
            "/aws/service/ami-amazon-linux-latest/al2023-{flavour}-kernel-default-{aws}"
        ));
    }
    if let Some(release) = family.strip_prefix("ubuntu-") {
        let year: u32 = release.strip_suffix(".04")?.parse().ok()?;
        // Canonical's images stand on gp3 since 23.10.
        let disk = if year < 24 { "gp2" } else { "gp3" };
        return Some(format!(
            "/aws/service/canonical/ubuntu/server/{release}/stable/current/{others}/hvm/ebs-{disk}/ami-id"
        ));
    }
    let release: u32 = family.strip_prefix("debian-")?.parse().ok()?;
    Some(format!(
        "/aws/service/debian/release/{release}/latest/{others}"
    ))
}

/// The family that an image names, if it is one.
pub(crate) fn family(image: &Ref<Image>) -> Option<&str> {
    match image.names() {
        Reference::Literal(text) if !text.starts_with("ami-") => Some(text),
        _ => None,
    }
}

/// What is wrong with the image of a spec.
pub(crate) fn check(image: &Ref<Image>, machine: &str) -> Option<Objection> {
    let family = family(image)?;
    if parameter(family, machine).is_some() {
        return None;
    }
    let help = match ["-arm", "-arm64", "-amd64", "-x86_64"].iter().find_map(|end| family.strip_suffix(end)) {
        Some(bare) => format!("write \"{bare}\": its architecture follows the type"),
        None => "there are al2023, al2023-minimal, ubuntu-24.04, ubuntu-22.04, debian-13, debian-12; or write an id \
                 (\"ami-0abc\") or an `existing.image`"
            .to_owned(),
    };
    Some(Objection::new("image", format!("there is no image `{family}`")).help(help))
}

/// What a live machine says of its image: the family its creation was told, else the image itself. What
/// it was told may also be where it was looked up, or an id.
pub(crate) fn told<'a>(told: Option<&'a str>, live: &'a str) -> &'a str {
    told.filter(|told| is_family(told)).unwrap_or(live)
}

/// Whether a text is the name of a family of images.
pub(crate) fn is_family(text: &str) -> bool {
    parameter(text, "t3.small").is_some()
}

/// Whether a live machine runs the image that is wanted. `known` is what its creation was told, which a
/// machine that was imported does not say: then any family is its own, because a newer image of the
/// same family is no reason to replace it (language rule 18).
pub(crate) fn same(image: &Ref<Image>, live: &str, told: Option<&str>) -> bool {
    match family(image) {
        Some(family) => told.is_none_or(|told| told == family),
        None => matches!(image.names(), Reference::Literal(id) if id == live),
    }
}

/// An image to start a machine from.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) id: String,
    /// The device of its root volume, which differs from one family to the next.
    pub(crate) root_device: String,
}

/// The image that is wanted for a machine type, the newest if it is a family.
pub(crate) async fn choose(
    cx: &Aws,
    image: &Ref<Image>,
    machine: &str,
    known: &Known,
) -> Result<Chosen> {
    let id = match family(image) {
        Some(family) => newest(cx, family, machine).await?,
        None => known.need(image)?.to_string(),
    };
    let filters = vec![filter("image-id", &id)];
    let answer = cx
        .read("ec2:DescribeImages", || {
            cx.ec2
                .describe_images()
                .set_filters(Some(filters.clone()))
                .send()
        })
        .await?;
    let root_device = answer
        .images()
        .first()
        .and_then(|image| image.root_device_name.clone());
    let root_device = root_device.ok_or_else(|| {
        let message = format!("the image {id} is not there, or not for this account");
        CloudError::new("ec2:DescribeImages", ErrorClass::NotFound, message)
    })?;
    Ok(Chosen { id, root_device })
}

async fn newest(cx: &Aws, family: &str, machine: &str) -> Result<String> {
    const ACTION: &str = "ssm:GetParameter";
    let name = parameter(family, machine).ok_or_else(|| missing(ACTION, "image of that family"))?;
    let answer = cx
        .read(ACTION, || cx.ssm.get_parameter().name(&name).send())
        .await?;
    let value = answer.parameter.and_then(|parameter| parameter.value);
    value.ok_or_else(|| missing(ACTION, "value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architecture_follows_the_name_of_the_type() {
        for machine in [
            "t4g.small",
            "m6gd.large",
            "c7gn.xlarge",
            "is4gen.medium",
            "a1.large",
            "g5g.xlarge",
        ] {
            assert_eq!(architecture(machine), "arm64", "{machine}");
        }
        for machine in [
            "t3.micro",
            "g4dn.xlarge",
            "gr6.4xlarge",
            "m7i-flex.large",
            "u-6tb1.metal",
            "p4de.24xlarge",
        ] {
            assert_eq!(architecture(machine), "x86_64", "{machine}");
        }
    }

    #[test]
    fn a_family_has_an_image_for_each_architecture() {
        for (family, machine, end) in [
            ("al2023", "t4g.small", "al2023-ami-kernel-default-arm64"),
            (
                "al2023-minimal",
                "t3.small",
                "al2023-ami-minimal-kernel-default-x86_64",
            ),
            (
                "ubuntu-24.04",
                "t3.small",
                "24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
            ),
            (
                "ubuntu-22.04",
                "t4g.small",
                "22.04/stable/current/arm64/hvm/ebs-gp2/ami-id",
            ),
            ("debian-12", "t3.small", "debian/release/12/latest/amd64"),
        ] {
            let parameter = parameter(family, machine).unwrap_or_default();
            assert!(parameter.ends_with(end), "{parameter}");
        }
        for wrong in ["al2023-arm", "ubuntu", "ubuntu-24.10", "windows"] {
            assert_eq!(parameter(wrong, "t3.small"), None, "{wrong}");
        }
    }
}
