"""Network interfaces that belong to a service of AWS: of load balancers, NAT gateways and endpoints."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.elastic_network_interfaces import NetworkInterface

from .corrections import Refusal, also, backend, correction


def hold(eni: Any, owner: str, description: str, kind: str = "interface") -> Any:
    """Make this an interface that a service of AWS holds."""
    eni.holder, eni.description, eni.interface_type = owner, description, kind
    eni.requester_managed, eni.requester_id, eni.status = True, owner, "in-use"
    return eni


class _Attachment:
    def __init__(self, eni: Any) -> None:
        self.attachment_id = f"ela-attach-{eni.id.removeprefix('eni-')}"
        self.delete_on_termination = False
        self.device_index = 1
        self.instance_owner_id = eni.holder
        self.status = "attached"


@correction(
    "ec2.managed-interfaces",
    fact="an interface of an AWS service says so: requester managed, in use, attached to what AWS owns; nobody else "
    "can delete or detach it",
    source="aws-semantics R12, 3.19; EC2 API reference, NetworkInterface",
    patch=(NetworkInterface, "attachment"),
)
def attachment(inner: Any, self: Any) -> Any:
    return _Attachment(self) if hasattr(self, "holder") else inner(self)


@also("ec2.managed-interfaces", around=("ec2", "DeleteNetworkInterface"))
def delete(call: Any, proceed: Any) -> Any:
    eni = backend(call).enis.get(call.params["NetworkInterfaceId"])
    if hasattr(eni, "holder"):
        raise Refusal("InvalidParameterValue", f"Network interface '{eni.id}' is currently in use.")
    return proceed()


@also("ec2.managed-interfaces", around=("ec2", "DetachNetworkInterface"))
def detach(call: Any, proceed: Any) -> Any:
    if call.params["AttachmentId"].startswith("ela-attach-"):
        raise Refusal("OperationNotPermitted", "You are not allowed to manage 'ela-attach' attachments.")
    return proceed()


@also("ec2.managed-interfaces", patch=(NetworkInterface, "get_filter_value"))
def filters(inner: Any, self: Any, filter_name: str, method_name: Any = None) -> Any:
    if filter_name == "attachment.instance-owner-id":
        return self.attachment.instance_owner_id if self.attachment else None
    if filter_name in ("requester-managed", "requester-id", "status", "interface-type"):
        value = getattr(self, filter_name.replace("-", "_"))
        return str(value).lower() if isinstance(value, bool) else value
    return inner(self, filter_name, method_name)
