"""Load balancers: what they are refused, what they take hold of, and how long they take."""

from __future__ import annotations

import re
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.utils import random_public_ip
from moto.elbv2.models import ELBv2Backend, FakeLoadBalancer
from moto.moto_api._internal import mock_random

from . import clock
from .corrections import Refusal, also, backend, correction, service_model
from .ec2_managed import hold


def full_name(arn: str) -> str:
    """`app/name/id` of a balancer, `targetgroup/name/id` of a target group."""
    return arn.rpartition(":")[2].removeprefix("loadbalancer/")


@correction(
    "elbv2.balancer-name",
    fact="the name of a balancer is unique: creating it again with equal settings answers the first, with others "
    "DuplicateLoadBalancerName",
    source="aws-semantics 3.19",
    around=("elbv2", "CreateLoadBalancer"),
)
def same_name(call: Any, proceed: Any) -> Any:
    name = call.params["Name"]
    if not re.fullmatch(r"(?!internal-)(?!-)[A-Za-z0-9-]{1,32}(?<!-)", name):
        raise Refusal("ValidationError", f"The load balancer name '{name}' is not valid")
    found = next((b for b in backend(call).load_balancers.values() if b.name == name), None)
    if found is None:
        return proceed()
    subnets = set(_subnets(call.params))
    groups = set(call.params.get("SecurityGroups") or found.security_groups)
    asked = (
        call.params.get("Scheme") or "internet-facing",
        call.params.get("Type") or "application",
        call.params.get("IpAddressType") or "ipv4",
    )
    same = asked == (found.scheme, found.type, found.ip_address_type)
    if same and subnets == {s.id for s in found.subnets} and groups == set(found.security_groups):
        return ActionResult({"LoadBalancers": [found]})
    raise Refusal(
        "DuplicateLoadBalancerName",
        f"A load balancer with the same name '{name}' exists, but with different settings",
    )


def _subnets(params: Any) -> list[str]:
    return [*(params.get("Subnets") or ()), *(m["SubnetId"] for m in params.get("SubnetMappings") or ())]


@correction(
    "elbv2.balancer-network",
    fact="an application balancer needs subnets that exist in two zones of one VPC, one a zone, security groups that "
    "exist, and an internet gateway if it faces the internet",
    source="aws-semantics 3.19; ELBv2 API reference, CreateLoadBalancer",
    around=[("elbv2", "CreateLoadBalancer"), ("elbv2", "SetSubnets")],
)
def network(call: Any, proceed: Any) -> Any:
    elb = backend(call)
    ec2, asked = elb.ec2_backend, _subnets(call.params)
    known = {s.id: s for s in ec2.describe_subnets()}
    for name in asked:
        if name not in known:
            raise Refusal("SubnetNotFound", f"The subnet ID '{name}' is not valid")
    subnets = [known[name] for name in asked]
    balancer = elb.load_balancers.get(call.params.get("LoadBalancerArn"))
    kind = (balancer.type if balancer else call.params.get("Type")) or "application"
    scheme = (balancer.scheme if balancer else call.params.get("Scheme")) or "internet-facing"
    zones = [s.availability_zone for s in subnets]
    if len({s.vpc_id for s in subnets}) > 1:
        raise Refusal("InvalidConfigurationRequest", "All subnets must belong to the same VPC")
    if len(set(zones)) < len(zones):
        raise Refusal(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    if kind == "application" and len(zones) < 2:
        raise Refusal("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    _check_groups(ec2, call.params.get("SecurityGroups"))
    open_to = {g.vpc.id for g in ec2.internet_gateways.values() if g.vpc}
    if scheme == "internet-facing" and subnets and subnets[0].vpc_id not in open_to and not subnets[0].default_for_az:
        raise Refusal("InvalidSubnet", f"VPC {subnets[0].vpc_id} has no internet gateway")
    return proceed()


def _check_groups(ec2: Any, asked: Any) -> None:
    for name in asked or ():
        if ec2.get_security_group_from_id(name) is None:
            raise Refusal("InvalidSecurityGroup", f"Security group '{name}' does not exist")


@correction(
    "elbv2.balancer-network-subnets",
    fact="a network balancer may be left with a single subnet",
    source="aws-semantics 3.19; moto 5",
    patch=(ELBv2Backend, "set_subnets"),
)
def set_subnets(inner: Any, self: Any, arn: str, subnets: Any, subnet_mappings: Any) -> Any:
    balancer = self.load_balancers.get(arn)
    if balancer is None or balancer.type != "network":
        return inner(self, arn, subnets, subnet_mappings)
    asked = [*subnets, *(m["SubnetId"] for m in subnet_mappings)]
    balancer.subnets = [self.ec2_backend.get_subnet(name) for name in asked]
    return balancer.availability_zones


@correction(
    "elbv2.balancer-unknown",
    fact="asking for several balancers of which one does not exist is LoadBalancerNotFound",
    source="ELBv2 API reference, DescribeLoadBalancers",
    around=("elbv2", "DescribeLoadBalancers"),
)
def unknown(call: Any, proceed: Any) -> Any:
    known = backend(call).load_balancers
    names = {b.name for b in known.values()}
    missing = [arn for arn in call.params.get("LoadBalancerArns") or () if arn not in known]
    missing += [name for name in call.params.get("Names") or () if name not in names]
    if missing:
        raise Refusal("LoadBalancerNotFound", f"Load balancers '{missing}' not found")
    return proceed()


_ACCESS = {"access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": ""}
_CONNECTION = {key.replace("access", "connection"): value for key, value in _ACCESS.items()}
_BOTH = {
    **_ACCESS,
    "deletion_protection.enabled": "false",
    "ipv6.deny_all_igw_traffic": "false",
    "zonal_shift.config.enabled": "false",
}
ATTRIBUTES = {
    "application": {
        **_BOTH,
        **_CONNECTION,
        "client_keep_alive.seconds": "3600",
        "idle_timeout.timeout_seconds": "60",
        "load_balancing.cross_zone.enabled": "true",
        "routing.http.desync_mitigation_mode": "defensive",
        "routing.http.drop_invalid_header_fields.enabled": "false",
        "routing.http.preserve_host_header.enabled": "false",
        "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
        "routing.http.xff_client_port.enabled": "false",
        "routing.http.xff_header_processing.mode": "append",
        "routing.http2.enabled": "true",
        "waf.fail_open.enabled": "false",
    },
    "network": {
        **_BOTH,
        "dns_record.client_routing_policy": "any_availability_zone",
        "load_balancing.cross_zone.enabled": "false",
    },
}


@correction(
    "elbv2.balancer-defaults",
    fact="a balancer faces the internet unless told, an application one uses the VPC's default group unless told, all "
    "attributes of its type have values from the start, and its DNS name is never used again",
    source="aws-semantics 3.19; moto 5; ELBv2 API reference, LoadBalancerAttribute",
    patch=(ELBv2Backend, "create_load_balancer"),
)
def create_defaults(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    kwargs["scheme"] = kwargs.get("scheme") or "internet-facing"
    balancer = inner(self, *args, **kwargs)
    balancer.attrs = dict(ATTRIBUTES.get(balancer.type, balancer.attrs))
    if balancer.type == "application" and not balancer.security_groups:
        default = self.ec2_backend.get_default_security_group(balancer.vpc_id)
        balancer.security_groups = [default.id] if default else []
    if balancer.type == "application":
        prefix = "internal-" if balancer.scheme == "internal" else ""
        number = mock_random.randint(10**8, 2 * 10**9)
        balancer.dns_name = f"{prefix}{balancer.name}-{number}.{self.region_name}.elb.amazonaws.com"
    else:
        number = balancer.arn.rpartition("/")[2]
        balancer.dns_name = f"{balancer.name}-{number}.elb.{self.region_name}.amazonaws.com"
    return balancer


@correction(
    "elbv2.balancer-states",
    fact="a balancer is provisioning for a while before it is active",
    source="aws-semantics 3.19",
    around=("elbv2", "CreateLoadBalancer"),
)
def provisioning(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for balancer in answer.result["LoadBalancers"]:
        if not hasattr(balancer, "ready"):
            balancer.ready = False
            clock.after(1, lambda b=balancer: setattr(b, "ready", True))
    return answer


@also("elbv2.balancer-states", patch=(FakeLoadBalancer, "activate"))
def activate(inner: Any, self: Any) -> None:
    if getattr(self, "ready", True):
        inner(self)


@correction(
    "elbv2.balancer-interfaces",
    fact="a balancer has an interface of amazon-elb in each subnet, which uses its security groups and goes some time "
    "after the balancer",
    source="aws-semantics 3.19, 7.7",
    around=[("elbv2", a) for a in ("CreateLoadBalancer", "SetSubnets", "SetSecurityGroups")],
)
def interfaces(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for balancer in backend(call).load_balancers.values():
        _place(backend(call).ec2_backend, balancer)
    return answer


def _place(ec2: Any, balancer: Any) -> None:
    """An interface in each subnet of the balancer, and in no other."""
    placed = balancer.__dict__.setdefault("placed", {})
    groups = [ec2.get_security_group_from_id(name) for name in balancer.security_groups or ()]
    wanted = {s.id: s for s in balancer.subnets}
    for name in [n for n in placed if n not in wanted]:
        clock.after(1, lambda gone=placed.pop(name): ec2.enis.pop(gone.id, None))
    for name, subnet in wanted.items():
        if name not in placed:
            kind = "network_load_balancer" if balancer.type == "network" else "interface"
            eni = ec2.create_network_interface(subnet, [])
            hold(eni, "amazon-elb", f"ELB {full_name(balancer.arn)}", kind)
            if balancer.scheme == "internet-facing":
                eni.public_ip = random_public_ip()
            placed[name] = eni
        placed[name]._group_set = [g for g in groups if g]


@also("elbv2.balancer-interfaces", around=("elbv2", "DeleteLoadBalancer"))
def linger(call: Any, proceed: Any) -> Any:
    elb = backend(call)
    balancer = elb.load_balancers.get(call.params["LoadBalancerArn"])
    answer = proceed()
    if balancer is not None and balancer.arn not in elb.load_balancers:
        for eni in balancer.__dict__.get("placed", {}).values():
            clock.after(2, lambda gone=eni.id: elb.ec2_backend.enis.pop(gone, None))
    return answer


@correction(
    "elbv2.balancer-deletion-protection",
    fact="a balancer with deletion_protection.enabled cannot be deleted: OperationNotPermitted",
    source="aws-semantics 3.19",
    around=("elbv2", "DeleteLoadBalancer"),
)
def protection(call: Any, proceed: Any) -> Any:
    arn = call.params["LoadBalancerArn"]
    balancer = backend(call).load_balancers.get(arn)
    if balancer is not None and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise Refusal(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )
    return proceed()


@correction(
    "elbv2.balancer-in-use",
    fact="a balancer that an endpoint service offers to other networks cannot be deleted: ResourceInUse",
    source="ELB API reference, DeleteLoadBalancer; EC2 API reference, CreateVpcEndpointServiceConfiguration",
    around=("elbv2", "DeleteLoadBalancer"),
)
def offered(call: Any, proceed: Any) -> Any:
    arn = call.params["LoadBalancerArn"]
    for service in backend(call).ec2_backend.configurations.values():
        if arn in service.network_load_balancer_arns + service.gateway_load_balancer_arns:
            raise Refusal(
                "ResourceInUse",
                f"Load balancer '{arn}' cannot be deleted because it is currently associated with another service",
            )
    return proceed()


@correction(
    "elbv2.tags",
    fact="the tags of a balancer, listener, rule or target group go with it, and asking for those of one that is gone "
    "is an error; one call asks for 20 at most",
    source="aws-semantics 3.19, R1; moto 1",
    around=("elbv2", "DescribeTags"),
)
def tags(call: Any, proceed: Any) -> Any:
    asked = call.params.get("ResourceArns") or ()
    if len(asked) > 20:
        raise Refusal("ValidationError", "Cannot have more than 20 resources described")
    for arn in asked:
        backend(call)._get_resource_by_arn(arn)
    return proceed()


@correction(
    "elbv2.tag-limit",
    fact="a balancer and its parts take 50 tags each",
    source="aws-semantics R1",
    around=("elbv2", "AddTags"),
)
def tag_limit(call: Any, proceed: Any) -> Any:
    elb, new = backend(call), {t["Key"]: t.get("Value", "") for t in call.params.get("Tags") or ()}
    for arn in call.params["ResourceArns"]:
        elb._get_resource_by_arn(arn)
        if len(elb.tagging_service.get_tag_dict_for_resource(arn).keys() | new.keys()) > 50:
            raise Refusal("TooManyTags", "The number of tags has exceeded the limit of 50")
    for arn in call.params["ResourceArns"]:
        elb.tagging_service.tag_resource(arn, [{"Key": k, "Value": v} for k, v in new.items()])
    return ActionResult({})


_LISTS = {
    "DescribeListeners": "Listeners",
    "DescribeLoadBalancers": "LoadBalancers",
    "DescribeRules": "Rules",
    "DescribeTargetGroups": "TargetGroups",
}


@correction(
    "elbv2.paging",
    fact="descriptions honour PageSize (400 unless told) and answer NextMarker while there is more",
    source="aws-semantics 3.19, 3.20; moto 5",
    around=[("elbv2", action) for action in _LISTS],
)
def paging(call: Any, proceed: Any) -> Any:
    name = _LISTS[call._get_action()]
    size, marker = int(call.params.get("PageSize") or 400), call.params.get("Marker")
    limits = service_model("elbv2").shape_for("PageSize").metadata
    if not limits["min"] <= size <= limits["max"]:
        raise Refusal("ValidationError", f"Page size '{size}' must be between 1 and 400")
    call.params["PageSize"] = 1_000_000
    if marker:
        del call.params["Marker"]
    rows = list(proceed().result[name])
    arns = [row.arn for row in rows]
    if marker and marker not in arns:
        raise Refusal("ValidationError", "The marker is not valid")
    start = arns.index(marker) + 1 if marker else 0
    page = rows[start : start + size]
    more = page[-1].arn if page and start + size < len(rows) else None
    return ActionResult({name: page, "NextMarker": more})
