"""NAT gateways: the interface they have, how one fails, and that its traces go."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.nat_gateways import NatGateway

from . import clock
from .corrections import backend, correction
from .ec2_managed import hold


def _reap(ec2: Any, nat: Any, paces: float) -> None:
    clock.after(paces, lambda: ec2.nat_gateways.pop(nat.id, None))


@correction(
    "ec2.nat-interface",
    fact="the interface of a NAT gateway is one of AWS's own, in its subnet",
    source="aws-semantics R12, 3.6",
    patch=(NatGateway, "__init__"),
)
def interface(inner: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    inner(self, *args, **kwargs)
    hold(self._eni, "amazon-aws", f"Interface for NAT Gateway {self.id}", "nat_gateway")
    # AWS uses no security group there.
    self._eni._group_set = []


@correction(
    "ec2.nat-failed",
    fact="a public NAT gateway in a VPC without an internet gateway becomes failed, Gateway.NotAttached, lets go of "
    "its address, and stays with its tags until it is deleted or some time has passed",
    source="aws-semantics 3.6, R2; EC2 API reference, NatGateway",
    around=("ec2", "CreateNatGateway"),
)
def failed(call: Any, proceed: Any) -> Any:
    ec2, answer = backend(call), proceed()
    nat = answer.result["NatGateway"]
    attached = {g.vpc.id for g in ec2.internet_gateways.values() if g.vpc}
    # moto's default VPCs have no gateway; AWS's have.
    if nat.connectivity_type == "private" or nat.vpc_id in attached or ec2.get_subnet(nat.subnet_id).default_for_az:
        return answer

    def fail() -> None:
        if nat.state in ("pending", "available"):
            nat.state, nat.failure_code = "failed", "Gateway.NotAttached"
            nat.failure_message = f"Network {nat.vpc_id} has no Internet gateway attached"
            for address in ec2.addresses:
                if address.association_id and address.eni is nat._eni:
                    ec2.disassociate_address(association_id=address.association_id)
            ec2.enis.pop(nat._eni.id, None)
            _reap(ec2, nat, 100)

    clock.after(1, fail)
    return answer


@correction(
    "ec2.nat-reaped",
    fact="a deleted NAT gateway is described for a while, and then no more",
    source="aws-semantics 3.6, R2",
    around=("ec2", "DeleteNatGateway"),
)
def reaped(call: Any, proceed: Any) -> Any:
    answer, ec2 = proceed(), backend(call)
    nat = ec2.nat_gateways.get(call.params["NatGatewayId"])
    if nat is not None and not hasattr(nat, "reaping"):
        nat.reaping = True
        _reap(ec2, nat, 20)
    return answer
