"""Tags and names, across the kinds of EC2."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.utils import generic_filter

from .corrections import Refusal, backend, correction

# AWS's word for a type, and moto's.
_TYPES = {"natgateway": "nat-gateway", "elastic-ip": "vpc-elastic-ip"}
_WORDS = {theirs: ours for ours, theirs in _TYPES.items()}


@correction(
    "ec2.tag-types",
    fact="DescribeTags calls a NAT gateway `natgateway` and an address `elastic-ip`, in filters and answers",
    source="moto 2; EC2 API reference, ResourceType",
    around=("ec2", "DescribeTags"),
)
def tag_types(call: Any, proceed: Any) -> Any:
    for each in call.params.get("Filters") or ():
        if each["Name"] == "resource-type":
            each["Values"] = [_TYPES.get(value, value) for value in each["Values"]]
    answer = proceed()
    rows = [
        {**row, "resource_type": _WORDS.get(row["resource_type"], row["resource_type"])}
        for row in answer.result["Tags"]
    ]
    return ActionResult({**answer.result, "Tags": rows})


@correction(
    "ec2.tags-of-deleted",
    fact="the tags of a resource go with it",
    source="aws-semantics R2, R14",
    around=("ec2", "DescribeTags"),
)
def tags_of_deleted(call: Any, proceed: Any) -> Any:
    alive, answer = _alive(backend(call)), proceed()
    rows = [row for row in answer.result["Tags"] if row["resource_id"] in alive(row["resource_id"])]
    return ActionResult({**answer.result, "Tags": rows})


def _alive(ec2: Any) -> Any:
    """A function from an id to all ids of its kind that exist; to itself for kinds not looked after here."""
    groups = {name: group for groups in ec2.groups.values() for name, group in groups.items()}
    known: dict[str, Any] = {
        "vpc": ec2.vpcs,
        "subnet": {name for zone in ec2.subnets.values() for name in zone},
        "igw": ec2.internet_gateways,
        "rtb": ec2.route_tables,
        "eipalloc": {address.allocation_id for address in ec2.addresses},
        "nat": ec2.nat_gateways,
        "vpce": ec2.vpc_end_points,
        "sg": groups,
        "sgr": {rule.id for group in groups.values() for rule in [*group.ingress_rules, *group.egress_rules]},
        "eni": ec2.enis,
        "vol": ec2.volumes,
        "lt": ec2.launch_templates,
        "key": {pair.id for pair in ec2.key_pairs.values()},
    }
    return lambda name: known.get(name.split("-")[0], {name})


@correction(
    "ec2.tag-keys-reserved",
    fact="tag keys beginning with aws: are reserved",
    source="aws-semantics R1; moto 2",
    around=("ec2", "*"),
)
def reserved_keys(call: Any, proceed: Any) -> Any:
    given = [tag for spec in call.params.get("TagSpecifications") or () for tag in spec.get("Tags") or ()]
    if call._get_action() == "CreateTags":
        given += call.params.get("Tags") or ()
    if any(tag["Key"].startswith("aws:") for tag in given):
        raise Refusal(
            "InvalidParameterValue",
            "Value ( aws: ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use",
        )
    return proceed()


@correction(
    "ec2.nat-filters",
    fact="DescribeNatGateways filters by tag",
    source="aws-semantics 3.6",
    patch=(NatGatewayBackend, "describe_nat_gateways"),
)
def nat_filters(inner: Any, self: Any, filters: Any, nat_gateway_ids: Any) -> Any:
    tags = {name: values for name, values in (filters or {}).items() if name.startswith("tag")}
    return generic_filter(tags, inner(self, filters, nat_gateway_ids))


@correction(
    "ec2.nat-connectivity",
    fact="a NAT gateway says its connectivity type: public unless asked",
    source="EC2 API reference, CreateNatGateway",
    around=("ec2", "CreateNatGateway"),
)
def connectivity(call: Any, proceed: Any) -> Any:
    if not call.params.get("ConnectivityType"):
        call.params["ConnectivityType"] = "public"
    return proceed()


@correction(
    "ec2.address-absent-fields",
    fact="an address that is not associated says nothing of instance or interface",
    source="moto 2",
    patch=[(ElasticAddress, "network_interface_id"), (ElasticAddress, "instance_id")],
)
def absent(inner: Any, self: Any) -> str | None:
    return inner(self) or None


@correction(
    "ec2.security-group-names",
    fact="a security group is made in a VPC that exists, under a name nobody in it has in any case",
    source="aws-semantics 3.7",
    around=("ec2", "CreateSecurityGroup"),
)
def group_names(call: Any, proceed: Any) -> Any:
    ec2, vpc, name = backend(call), call.params.get("VpcId"), call.params["GroupName"]
    vpc = vpc or ec2.default_vpc.id
    if vpc not in ec2.vpcs:
        raise Refusal("InvalidVpcID.NotFound", f"The vpc ID '{vpc}' does not exist")
    if any(group.name.lower() == name.lower() for group in ec2.groups.get(vpc, {}).values()):
        raise Refusal("InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc}'")
    return proceed()
