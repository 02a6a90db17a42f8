"""Ways in and out: internet gateways, elastic addresses, NAT gateways, VPC endpoints."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from . import clock
from .corrections import Refusal, also, backend, correction
from .inuse import holders, refuse


@correction(
    "ec2.igw-one-per-vpc",
    fact="a VPC has one internet gateway, and a gateway one VPC",
    source="aws-semantics 3.3",
    around=("ec2", "AttachInternetGateway"),
)
def attach(call: Any, proceed: Any) -> Any:
    ec2, vpc = backend(call), call.params["VpcId"]
    gateway = ec2.get_internet_gateway(call.params["InternetGatewayId"])
    if gateway.vpc:
        raise Refusal(
            "Resource.AlreadyAssociated", f"resource {gateway.id} is already attached to network {gateway.vpc.id}"
        )
    if any(g.vpc and g.vpc.id == vpc for g in ec2.internet_gateways.values()):
        raise Refusal("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached")
    return proceed()


@correction(
    "ec2.igw-detach-in-use",
    fact="an internet gateway cannot be detached while its VPC has mapped public addresses",
    source="aws-semantics 3.3",
    around=("ec2", "DetachInternetGateway"),
)
def detach(call: Any, proceed: Any) -> Any:
    ec2, vpc = backend(call), call.params["VpcId"]
    gateway = ec2.get_internet_gateway(call.params["InternetGatewayId"])
    if gateway.vpc and gateway.vpc.id == vpc:
        message = (
            f"Network {vpc} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway."
        )
        refuse(message, (h for h in holders(ec2) if h.vpc == vpc and h.public))
    return proceed()


@correction(
    "ec2.address-release-in-use",
    fact="ReleaseAddress is refused while the address is associated",
    source="aws-semantics 3.5",
    around=("ec2", "ReleaseAddress"),
)
def release(call: Any, proceed: Any) -> Any:
    for address in backend(call).addresses:
        if address.allocation_id == call.params.get("AllocationId") and address.association_id:
            raise Refusal("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")
    return proceed()


@correction(
    "ec2.address-reassociation",
    fact="AssociateAddress takes the address from whatever has it, unless AllowReassociation=false, which refuses",
    source="aws-semantics 3.5",
    around=("ec2", "AssociateAddress"),
)
def associate(call: Any, proceed: Any) -> Any:
    ec2 = backend(call)
    asked = call.params.get("AllocationId")
    address = next((a for a in ec2.addresses if a.allocation_id == asked), None)
    if address is None or not address.association_id:
        return proceed()
    holder = address.instance or (address.eni.instance if address.eni else None)
    same = (holder and holder.id == call.params.get("InstanceId")) or (
        address.eni and address.eni.id == call.params.get("NetworkInterfaceId")
    )
    if same:
        return ActionResult({"AssociationId": address.association_id})
    allowed = call.params.get("AllowReassociation")
    if allowed is not None and not allowed:
        raise Refusal(
            "Resource.AlreadyAssociated",
            f"resource {address.allocation_id} is already associated with associate-id {address.association_id}",
        )
    if any(n.state in ("pending", "available") and n._eni is address.eni for n in ec2.nat_gateways.values()):
        raise Refusal("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")
    ec2.disassociate_address(association_id=address.association_id)
    return proceed()


@correction(
    "ec2.nat-states",
    fact="a NAT gateway is pending before available and deleting before deleted; its address and interface are free "
    "only once it is deleted",
    source="aws-semantics 3.6",
    around=("ec2", "CreateNatGateway"),
)
def create_nat(call: Any, proceed: Any) -> Any:
    answer = proceed()
    nat = answer.result["NatGateway"]
    nat.state = "pending"

    def ready() -> None:
        if nat.state == "pending":
            nat.state = "available"

    clock.after(1, ready)
    return answer


@also("ec2.nat-states", around=("ec2", "DeleteNatGateway"))
def delete_nat(call: Any, proceed: Any) -> Any:
    ec2 = backend(call)
    nat = ec2.nat_gateways.get(call.params["NatGatewayId"])
    if nat is None or nat.state in ("deleting", "deleted"):
        return proceed()
    answer = proceed()
    nat.state = "deleting"

    def gone() -> None:
        nat.state = "deleted"
        for address in ec2.addresses:
            if address.eni is nat._eni:
                ec2.disassociate_address(association_id=address.association_id)
        ec2.enis.pop(nat._eni.id, None)

    clock.after(1, gone)
    return answer


@correction(
    "ec2.nat-unknown",
    fact="an unknown NAT gateway is NatGatewayNotFound, in a description as in a deletion",
    source="aws-semantics 7.2",
    around=[("ec2", "DeleteNatGateway"), ("ec2", "DescribeNatGateways")],
)
def unknown_nat(call: Any, proceed: Any) -> Any:
    asked = call.params.get("NatGatewayIds") or [call.params.get("NatGatewayId")]
    for name in asked:
        if name and name not in backend(call).nat_gateways:
            raise Refusal("NatGatewayNotFound", f"The Nat Gateway {name} was not found")
    return proceed()


@correction(
    "ec2.endpoint-states",
    fact="a VPC endpoint is pending before available, and deleting before it is gone",
    source="aws-semantics 3.8",
    around=("ec2", "CreateVpcEndpoint"),
)
def create_endpoint(call: Any, proceed: Any) -> Any:
    answer = proceed()
    endpoint = answer.result["VpcEndpoint"]
    endpoint.state = "pending"

    def ready() -> None:
        if endpoint.state == "pending":
            endpoint.state = "available"

    clock.after(1, ready)
    return answer


@also("ec2.endpoint-states", around=("ec2", "DeleteVpcEndpoints"))
def delete_endpoints(call: Any, proceed: Any) -> Any:
    known = backend(call).vpc_end_points
    going = [known[name] for name in call.params["VpcEndpointIds"] if name in known]
    fresh = [e for e in going if e.state not in ("deleting", "deleted")]
    passed = {e.id for e in going} - {e.id for e in fresh}
    call.params["VpcEndpointIds"] = [name for name in call.params["VpcEndpointIds"] if name not in passed]
    answer = proceed()
    for endpoint in fresh:
        endpoint.state = "deleting"
        clock.after(1, lambda gone=endpoint: known.pop(gone.id, None))
    return answer


@correction(
    "ec2.endpoint-unknown",
    fact="DeleteVpcEndpoints answers what it could not delete in Unsuccessful, with HTTP 200",
    source="aws-semantics 3.8",
    around=("ec2", "DeleteVpcEndpoints"),
)
def unknown_endpoints(call: Any, proceed: Any) -> Any:
    known = backend(call).vpc_end_points
    missing = [name for name in call.params["VpcEndpointIds"] if name not in known]
    proceed()
    unsuccessful = [
        {
            "ResourceId": name,
            "Error": {
                "Code": "InvalidVpcEndpoint.NotFound",
                "Message": f"The Vpc Endpoint Id '{name}' does not exist",
            },
        }
        for name in missing
    ]
    return ActionResult({"Unsuccessful": unsuccessful})


@correction(
    "ec2.endpoint-gateway-twin",
    fact="a route table has one gateway endpoint for a service: a second is RouteAlreadyExists",
    source="aws-semantics 3.8; moto 2",
    around=("ec2", "CreateVpcEndpoint"),
)
def gateway_twin(call: Any, proceed: Any) -> Any:
    if (call.params.get("VpcEndpointType") or "Gateway") == "Gateway":
        tables = set(call.params.get("RouteTableIds") or ())
        for other in backend(call).vpc_end_points.values():
            both = tables & set(other.route_table_ids or ())
            if other.service_name == call.params["ServiceName"] and other.state not in ("deleting", "deleted") and both:
                raise Refusal(
                    "RouteAlreadyExists",
                    f"route table {min(both)} already has a route with destination-prefix-list-id "
                    f"{other.destination_prefix_list_id}",
                )
        call.params["VpcEndpointType"] = "Gateway"
        # Private DNS names are a matter of interface endpoints.
        call.params["PrivateDnsEnabled"] = False
    return proceed()
