"""VPC endpoints: what they take hold of, and what ModifyVpcEndpoint changes with them."""

from __future__ import annotations

import json
from typing import Any

from moto.ec2.models.vpcs import AWS_ENDPOINT_SERVICES, COVERED_ENDPOINT_SERVICES, VPCEndPoint

from . import clock
from .corrections import Refusal, also, backend, correction
from .ec2_managed import hold

_DYING = ("deleting", "deleted")
_OFFERED = {*AWS_ENDPOINT_SERVICES, *COVERED_ENDPOINT_SERVICES}


def _is_interface(endpoint: Any) -> bool:
    return (endpoint.vpc_endpoint_type or "Gateway").lower() == "interface"


@correction(
    "ec2.endpoint-interfaces",
    fact="an interface endpoint has an interface of AWS's own in each of its subnets, with its security groups: the "
    "VPC's default group unless told",
    source="aws-semantics 3.8; moto 2",
    around=("ec2", "CreateVpcEndpoint"),
)
def create(call: Any, proceed: Any) -> Any:
    answer = proceed()
    endpoint, ec2 = answer.result["VpcEndpoint"], backend(call)
    if _is_interface(endpoint):
        if not endpoint.security_group_ids:
            endpoint.security_group_ids = [ec2.get_default_security_group(endpoint.vpc_id).id]
        _place(ec2, endpoint)
    return answer


def _place(ec2: Any, endpoint: Any) -> None:
    groups = [ec2.get_security_group_from_id(name) for name in endpoint.security_group_ids]
    enis = [ec2.enis[name] for name in endpoint.network_interface_ids if name in ec2.enis]
    placed = {eni.subnet_id: eni for eni in enis}
    for subnet in [name for name in placed if name not in endpoint.subnet_ids]:
        gone = placed.pop(subnet)
        clock.after(1, lambda gone=gone.id: ec2.enis.pop(gone, None))
    for subnet in endpoint.subnet_ids:
        if subnet not in placed:
            placed[subnet] = ec2.create_network_interface(ec2.get_subnet(subnet), [])
    for eni in placed.values():
        hold(eni, "amazon-aws", f"VPC Endpoint Interface {endpoint.id}", "vpc_endpoint")
        eni._group_set = [g for g in groups if g]
    endpoint.network_interface_ids = [eni.id for eni in placed.values()]


@also("ec2.endpoint-interfaces", around=("ec2", "ModifyVpcEndpoint"))
def modify_interfaces(call: Any, proceed: Any) -> Any:
    answer, ec2 = proceed(), backend(call)
    endpoint = ec2.vpc_end_points.get(call.params["VpcEndpointId"])
    if _is_interface(endpoint):
        _place(ec2, endpoint)
    return answer


@also("ec2.endpoint-interfaces", around=("ec2", "DeleteVpcEndpoints"))
def delete_interfaces(call: Any, proceed: Any) -> Any:
    ec2 = backend(call)
    going = [ec2.vpc_end_points.get(name) for name in call.params["VpcEndpointIds"]]
    kept = {n: ec2.enis[n] for e in going if e for n in e.network_interface_ids if n in ec2.enis}
    answer = proceed()
    # moto drops them at once; they go with the endpoint.
    for name, eni in kept.items():
        ec2.enis[name] = eni
        clock.after(1, lambda name=name: ec2.enis.pop(name, None))
    return answer


@correction(
    "ec2.endpoint-modify",
    fact="ModifyVpcEndpoint adds and removes the routes of a gateway endpoint with its route tables, changes private "
    "DNS, resets the policy, and is IncorrectState until the endpoint is available",
    source="aws-semantics 3.8; moto 2",
    around=("ec2", "ModifyVpcEndpoint"),
)
def modify(call: Any, proceed: Any) -> Any:
    ec2, params = backend(call), call.params
    endpoint = ec2.vpc_end_points.get(params["VpcEndpointId"])
    if endpoint is None:
        return proceed()
    if endpoint.state != "available":
        raise Refusal("IncorrectState", f"The VPC endpoint {endpoint.id} is not in the available state")
    before = list(endpoint.route_table_ids or ())
    added = [t for t in params.get("AddRouteTableIds") or () if t not in before]
    for other in ec2.vpc_end_points.values():
        both = set(added) & set(other.route_table_ids or ())
        if other is not endpoint and other.service_name == endpoint.service_name and other.state not in _DYING and both:
            raise Refusal("RouteAlreadyExists", f"route table {min(both)} already has a route to {other.service_name}")
    for table in added:
        ec2.get_route_table(table)
    endpoint.route_table_ids = before
    answer = proceed()
    for table in added:
        if endpoint.destination_prefix_list_id:
            ec2.create_route(
                table,
                None,
                gateway_id=endpoint.id,
                destination_prefix_list_id=endpoint.destination_prefix_list_id,
            )
    for table in before:
        if table not in endpoint.route_table_ids:
            ec2.delete_route(table, endpoint.destination_prefix_list_id)
    if params.get("PrivateDnsEnabled") is not None:
        endpoint.private_dns_enabled = str(params["PrivateDnsEnabled"]).lower() == "true"
    if str(params.get("ResetPolicy")).lower() == "true":
        endpoint.policy_document = json.dumps(VPCEndPoint.DEFAULT_POLICY)
    return answer


@correction(
    "ec2.endpoint-private-dns",
    fact="private DNS needs both DNS attributes of the VPC, and one endpoint a VPC has it for a service: a second is "
    "refused for a conflicting DNS domain",
    source="aws-semantics 3.8",
    unverified=True,
    around=[("ec2", "CreateVpcEndpoint"), ("ec2", "ModifyVpcEndpoint")],
)
def private_dns(call: Any, proceed: Any) -> Any:
    ec2, params = backend(call), call.params
    endpoint = ec2.vpc_end_points.get(params.get("VpcEndpointId"))
    kind = endpoint.vpc_endpoint_type if endpoint else params.get("VpcEndpointType")
    told = params.get("PrivateDnsEnabled")
    if (kind or "Gateway").lower() != "interface" or str(told).lower() != "true":
        return proceed()
    vpc = ec2.get_vpc(endpoint.vpc_id if endpoint else params["VpcId"])
    if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
        raise Refusal(
            "InvalidParameter",
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for "
            f"{vpc.id}",
        )
    service = endpoint.service_name if endpoint else params["ServiceName"]
    for other in ec2.vpc_end_points.values():
        same = other is not endpoint and other.vpc_id == vpc.id and other.service_name == service
        if same and other.state not in _DYING and str(other.private_dns_enabled).lower() == "true":
            raise Refusal(
                "InvalidParameter",
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                f"{service} in the VPC {vpc.id}",
            )
    return proceed()


@correction(
    "ec2.endpoint-service-unknown",
    fact="an endpoint for a service that is not offered is InvalidServiceName",
    source="EC2 API reference, error codes",
    around=("ec2", "CreateVpcEndpoint"),
)
def service_unknown(call: Any, proceed: Any) -> Any:
    name, prefix = call.params["ServiceName"], f"com.amazonaws.{call.region}."
    if name.startswith(prefix) and name.removeprefix(prefix) not in _OFFERED:
        raise Refusal("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")
    return proceed()
