"""The network interfaces of databases. moto has none."""

from __future__ import annotations

from typing import Any

from .corrections import backend, correction
from .ec2_managed import hold

WORDS = "RDSNetworkInterface"


def place(ec2: Any) -> None:
    """One for each database that is there, and none for one that is gone."""
    from moto.rds.models import rds_backends

    placed = ec2.__dict__.setdefault("placed_databases", {})
    there = {d.db_instance_identifier: d for d in list(rds_backends[ec2.account_id][ec2.region_name].databases.values())}
    for name in [n for n in placed if n not in there]:
        ec2.enis.pop(placed.pop(name).id, None)
    for name, database in there.items():
        group = getattr(database, "db_subnet_group", None)
        if group is None or not group._subnets:
            continue
        if name not in placed:
            zone = getattr(database, "availability_zone", None)
            subnet = next((s for s in group._subnets if s.availability_zone == zone), group._subnets[0])
            eni = ec2.create_network_interface(subnet, [])
            placed[name] = hold(eni, "amazon-rds", WORDS)
        groups = [ec2.get_security_group_from_id(g) for g in database.vpc_security_group_ids or ()]
        placed[name]._group_set = [g for g in groups if g]


@correction(
    "rds.interfaces",
    fact="a database has an interface of amazon-rds in a subnet of its group, described as RDSNetworkInterface, which "
    "uses its security groups, does not say whose it is, and goes with the database",
    source="aws-semantics R12, 3.1, 7.7",
    around=("ec2", "DescribeNetworkInterfaces"),
)
def describe(call: Any, proceed: Any) -> Any:
    place(backend(call))
    return proceed()
