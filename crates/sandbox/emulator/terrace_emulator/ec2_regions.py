"""Regions as an account sees them."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

from .corrections import correction

# Those that need no opt-in: all that came before 20 March 2019, and Osaka.
ENABLED = frozenset(
    "ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1 "
    "eu-north-1 eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2".split()
)


@correction(
    "ec2.enabled-regions",
    fact="DescribeRegions tells the regions of the partition that are enabled for the account; those that an account "
    "must opt in to are not, unless it has",
    source="EC2 API reference, DescribeRegions; Account Management guide, Enable or disable AWS Regions in your account",
    patch=(RegionsAndZonesBackend, "describe_regions"),
)
def describe(inner: Any, self: Any, region_names: Any = None) -> Any:
    found = inner(self, region_names)
    return found if region_names else [region for region in found if region.name in ENABLED]
