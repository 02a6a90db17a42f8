"""VPCs, subnets, route tables and security groups."""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.core.responses import ActionResult

from .corrections import Refusal, backend, correction
from .inuse import holders, refuse


@correction(
    "ec2.vpc-delete-in-use",
    fact="DeleteVpc is refused while anything but the default security group and the main route table is in it",
    source="aws-semantics 3.1",
    around=("ec2", "DeleteVpc"),
)
def delete_vpc(call: Any, proceed: Any) -> Any:
    ec2, vpc = backend(call), call.params["VpcId"]
    message = f"The vpc '{vpc}' has dependencies and cannot be deleted."
    refuse(message, (g for g in ec2.internet_gateways.values() if g.vpc and g.vpc.id == vpc))
    refuse(message, (g for g in ec2.groups.get(vpc, {}).values() if not g.is_default))
    refuse(message, (h for h in holders(ec2) if h.vpc == vpc))
    answer = proceed()
    # What AWS removes with the VPC and moto leaves behind.
    for acl in [a for a in ec2.network_acls.values() if a.vpc_id == vpc]:
        del ec2.network_acls[acl.id]
    return answer


@correction(
    "ec2.subnet-delete-in-use",
    fact="DeleteSubnet is refused while a network interface is in it: of an instance, NAT gateway, endpoint, load "
    "balancer or database",
    source="aws-semantics 3.2",
    around=("ec2", "DeleteSubnet"),
)
def delete_subnet(call: Any, proceed: Any) -> Any:
    subnet = call.params["SubnetId"]
    found = (h for h in holders(backend(call)) if subnet in h.subnets)
    refuse(f"The subnet '{subnet}' has dependencies and cannot be deleted.", found)
    return proceed()


@correction(
    "ec2.subnet-delete-disassociates",
    fact="a deleted subnet takes its association with a route table along",
    source="aws-semantics 3.4; EC2 API reference, DeleteSubnet",
    around=("ec2", "DeleteSubnet"),
)
def disassociate_subnet(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for table in backend(call).route_tables.values():
        for association in [a for a, subnet in table._associations.items() if subnet == call.params["SubnetId"]]:
            del table._associations[association]
    return answer


@correction(
    "ec2.security-group-delete-in-use",
    fact="DeleteSecurityGroup is refused while an interface uses the group or another group's rule names it; the "
    "default group cannot be deleted",
    source="aws-semantics 3.7",
    around=("ec2", "DeleteSecurityGroup"),
)
def delete_security_group(call: Any, proceed: Any) -> Any:
    ec2 = backend(call)
    asked = call.params.get("GroupId") or call.params.get("GroupName")
    group = ec2.get_security_group_by_name_or_id(asked)
    if group is None:
        return proceed()
    if group.is_default:
        raise Refusal("CannotDelete", f'the specified group: "{group.id}" name: "default" cannot be deleted by a user')
    message = f"resource {group.id} has a dependent object"
    refuse(message, (h for h in holders(ec2) if group.id in h.groups))
    others = (g for groups in ec2.groups.values() for g in groups.values() if g.id != group.id)
    refuse(message, (r for g in others for r in [*g.ingress_rules, *g.egress_rules] if _names(r, group)))
    return proceed()


def _names(rule: Any, group: Any) -> bool:
    """Does this rule name the group as its peer?"""
    peers = rule.source_group or {}
    return group.id in (peers.get("GroupId"), peers.get("GroupName"))


@correction(
    "ec2.route-table-main",
    fact="the main route table of a VPC cannot be deleted by itself",
    source="aws-semantics 3.4",
    around=("ec2", "DeleteRouteTable"),
)
def delete_route_table(call: Any, proceed: Any) -> Any:
    table = backend(call).get_route_table(call.params["RouteTableId"])
    main = [table] if table.main_association_id else []
    refuse(f"The routeTable '{table.id}' has dependencies and cannot be deleted.", main)
    return proceed()


@correction(
    "ec2.route-table-association",
    fact="a subnet has one explicit route table: AssociateRouteTable with another is Resource.AlreadyAssociated",
    source="aws-semantics 3.4",
    around=("ec2", "AssociateRouteTable"),
)
def associate_route_table(call: Any, proceed: Any) -> Any:
    ec2, asked = backend(call), call.params["RouteTableId"]
    ec2.get_route_table(asked)
    subnet = call.params.get("SubnetId")
    for table in ec2.route_tables.values():
        if subnet and subnet in table._associations.values() and table.id != asked:
            raise Refusal(
                "Resource.AlreadyAssociated",
                f"the specified association for route table {asked} conflicts with an existing association",
            )
    return proceed()


@correction(
    "ec2.route-blackhole",
    fact="a route whose target is gone stays, in state blackhole",
    source="aws-semantics 3.4, 3.6",
    around=("ec2", "DescribeRouteTables"),
)
def blackholes(call: Any, proceed: Any) -> Any:
    ec2, answer = backend(call), proceed()
    tables = []
    for table in answer.result["RouteTables"]:
        routes = [_Route(route, "blackhole" if _dead(ec2, route) else "active") for route in table.routes]
        tables.append(_Table(table, routes))
    return ActionResult({**answer.result, "RouteTables": tables})


class _Route:
    def __init__(self, route: Any, state: str) -> None:
        self._route, self.state = route, state

    def __getattr__(self, name: str) -> Any:
        return getattr(self._route, name)


class _Table:
    def __init__(self, table: Any, routes: list[_Route]) -> None:
        self._table, self.routes = table, routes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)


def _dead(ec2: Any, route: Any) -> bool:
    nat, gateway = route.nat_gateway, route.gateway
    if nat is not None:
        return nat.id not in ec2.nat_gateways or nat.state not in ("available", "pending")
    if gateway is not None and gateway.id.startswith("igw-"):
        return gateway.id not in ec2.internet_gateways or gateway.vpc is None
    if route.interface is not None:
        return route.interface.id not in ec2.enis
    return route.instance is not None and route.instance.state in ("shutting-down", "terminated")


_BLOCKS = {"CidrBlock", "DestinationCidrBlock", "CidrIp", "CidrIpv4", "CidrIpv6", "DestinationIpv6CidrBlock"}


@correction(
    "ec2.cidr-masked",
    fact="AWS canonicalises CIDR blocks: 100.68.0.18/18 becomes 100.68.0.0/18",
    source="aws-semantics 3.1; EC2 API reference",
    around=[
        ("ec2", name)
        for name in (
            "CreateVpc",
            "AssociateVpcCidrBlock",
            "CreateSubnet",
            "*Route",
            "AuthorizeSecurityGroup*",
            "RevokeSecurityGroup*",
            "ModifySecurityGroupRules",
        )
    ],
)
def mask(call: Any, proceed: Any) -> Any:
    _mask(call.params)
    return proceed()


def _mask(value: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _mask(item)
    elif hasattr(value, "items"):
        for key, item in list(value.items()):
            if key in _BLOCKS and isinstance(item, str) and "/" in item:
                try:
                    value[key] = str(ipaddress.ip_network(item, strict=False))
                except ValueError:
                    pass  # moto says what is wrong with it
            else:
                _mask(item)


@correction(
    "ec2.authorize-returns-all-rules",
    fact="AuthorizeSecurityGroup* adds every rule or none, and answers every rule it added",
    source="aws-semantics 3.7",
    around=[("ec2", "AuthorizeSecurityGroupIngress"), ("ec2", "AuthorizeSecurityGroupEgress")],
)
def authorize(call: Any, proceed: Any) -> Any:
    ec2 = backend(call)
    asked = call.params.get("GroupId") or call.params.get("GroupName")
    group = ec2.get_security_group_by_name_or_id(asked)
    if group is None:
        return proceed()
    name = "egress_rules" if call._get_action().endswith("Egress") else "ingress_rules"
    before = list(getattr(group, name))
    try:
        proceed()
    except Exception:
        setattr(group, name, before)
        raise
    known = {rule.id for rule in before}
    added = [rule for rule in getattr(group, name) if rule.id not in known]
    return ActionResult({"Return": True, "SecurityGroupRules": added})
