"""What holds on to a network: one list of holders, from which every refusal to delete is answered.

moto's services keep no record of each other, so nothing in its EC2 knows that a database lives in a subnet. Here all of
them are asked, when a deletion is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .corrections import Refusal
from .rds_interfaces import place


@dataclass
class Holder:
    """Something alive in a VPC."""

    what: str
    vpc: str | None
    subnets: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    public: bool = False


def holders(ec2: Any) -> Iterator[Holder]:
    place(ec2)
    yield from _instances(ec2)
    yield from _interfaces(ec2)
    yield from _nats(ec2)
    yield from _endpoints(ec2)
    yield from _databases(ec2)
    yield from _load_balancers(ec2)


def _instances(ec2: Any) -> Iterator[Holder]:
    for instance in ec2.all_instances():
        if instance.state != "terminated":
            groups = {g.id for g in instance.security_groups}
            for nic in instance.nics.values():
                groups |= {g.id for g in nic.group_set}
            public = instance.state != "shutting-down" and any(n.public_ip for n in instance.nics.values())
            yield Holder(instance.id, instance.vpc_id, {instance.subnet_id}, groups, public)


def _interfaces(ec2: Any) -> Iterator[Holder]:
    for eni in list(ec2.enis.values()):
        if eni.instance is None or eni.instance.state != "terminated":
            yield Holder(eni.id, eni.vpc_id, {eni.subnet_id}, {g.id for g in eni.group_set}, bool(eni.public_ip))


def _nats(ec2: Any) -> Iterator[Holder]:
    for nat in list(ec2.nat_gateways.values()):
        if nat.state not in ("deleted", "failed"):
            yield Holder(nat.id, nat.vpc_id, {nat.subnet_id}, public=nat.connectivity_type != "private")


def _endpoints(ec2: Any) -> Iterator[Holder]:
    for endpoint in list(ec2.vpc_end_points.values()):
        if endpoint.state != "deleted":
            yield Holder(
                endpoint.id, endpoint.vpc_id, set(endpoint.subnet_ids or ()), set(endpoint.security_group_ids or ())
            )


def _databases(ec2: Any) -> Iterator[Holder]:
    from moto.rds.models import rds_backends

    for database in list(rds_backends[ec2.account_id][ec2.region_name].databases.values()):
        group = getattr(database, "db_subnet_group", None)
        subnets = {s.id for s in group._subnets} if group else set()
        vpc = group.vpc_id if group else None
        yield Holder(database.db_instance_identifier, vpc, subnets, set(database.vpc_security_group_ids or ()))


def _load_balancers(ec2: Any) -> Iterator[Holder]:
    from moto.elbv2.models import elbv2_backends

    for balancer in list(elbv2_backends[ec2.account_id][ec2.region_name].load_balancers.values()):
        yield Holder(
            balancer.name,
            balancer.vpc_id,
            {s.id for s in balancer.subnets},
            set(balancer.security_groups or ()),
            public=balancer.scheme == "internet-facing",
        )


def refuse(message: str, found: Any) -> None:
    """AWS does not say what is in the way, so neither do we; the log does."""
    first = next(iter(found), None)
    if first is not None:
        raise Refusal("DependencyViolation", message)
