"""The Resource Groups Tagging API: one index of tags over all services, in each region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource, make_tag_matcher, match_resource_type
from moto.rds.models import RDSBackend
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.s3.models import s3_backends

from . import lateness
from .corrections import correction

# Whose resources belong to no region, and where the index has them.
_GLOBAL = ("cloudfront", "route53", "iam")
_HOME = "us-east-1"


@correction(
    "tagging.rds-groups",
    fact="GetResources finds subnet groups and parameter groups of RDS",
    source="AWS: services that support the Resource Groups Tagging API, Amazon RDS",
    patch=(RDSBackend, "iter_tagged_resources"),
)
def of_rds(inner: Any, self: Any) -> Iterator[TaggedResource]:
    yield from inner(self)
    for kind, groups in (("subgrp", self.subnet_groups), ("pg", self.db_parameter_groups)):
        for group in groups.values():
            tags = {tag["Key"]: tag["Value"] for tag in group.get_tags()}
            yield TaggedResource(arn=group.arn, tags=tags, resource_type=f"rds:{kind}")


@correction(
    "tagging.regions",
    fact="GetResources finds what belongs to no region in us-east-1 alone, and a bucket in its own region",
    source="aws-semantics 2, 5.3",
    patch=(ResourceGroupsTaggingAPIBackend, "_get_resources_generator"),
)
def found(
    inner: Any,
    self: Any,
    tag_filters: Any = None,
    resource_type_filters: Any = None,
    resource_arn_list: Any = None,
) -> Iterator[TaggedResource]:
    def listed() -> list[TaggedResource]:
        here = [one for one in inner(self) if _region(self, one) in (None, self.region_name)]
        return [TaggedResource(one.arn, dict(one.tags), one.resource_type, one.extra) for one in here]

    fits = make_tag_matcher(tag_filters)
    for one in lateness.indexed((self.account_id, self.region_name), listed):
        named = not resource_arn_list or one.arn in resource_arn_list
        if named and fits(one.tags) and match_resource_type(one.resource_type, resource_type_filters):
            yield one


def _region(index: Any, one: TaggedResource) -> str | None:
    """Where the index has something that its own service keeps for all regions at once."""
    service = one.resource_type.partition(":")[0]
    if service in _GLOBAL:
        return _HOME
    if one.resource_type != "s3:bucket":
        return None
    buckets = s3_backends[index.account_id][index.partition].buckets
    return buckets[one.arn.rpartition(":")[2]].region_name
