"""EBS volumes: their states, what may be done in which, and their defaults."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_block_store import EBSBackend, Volume, VolumeModification

from . import clock
from .corrections import Refusal, also, backend, correction


@correction(
    "ec2.volume-states",
    fact="a volume is creating before it is available, and detaching before it is available again; it can be attached "
    "and deleted only when available",
    source="aws-semantics 3.11",
    patch=(Volume, "status"),
)
def status(inner: Any, self: Any) -> str:
    return getattr(self, "passing", None) or inner(self)


def _pass_through(volume: Any, state: str) -> None:
    volume.passing = state

    def settled() -> None:
        volume.passing = None

    clock.after(1, settled)


@also("ec2.volume-states", around=("ec2", "CreateVolume"))
def create(call: Any, proceed: Any) -> Any:
    answer = proceed()
    _pass_through(answer.result, "creating")
    return answer


@also("ec2.volume-states", around=("ec2", "AttachVolume"))
def attach_only_available(call: Any, proceed: Any) -> Any:
    volume = backend(call).get_volume(call.params["VolumeId"])
    if volume.attachment:
        raise Refusal("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.status != "available":
        raise Refusal("IncorrectState", f"Volume '{volume.id}' is not 'available'.")
    instance = backend(call).get_instance(call.params["InstanceId"])
    if instance.state not in ("running", "stopped", "stopping"):
        raise Refusal("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if call.params["Device"] in instance.block_device_mapping:
        device = call.params["Device"]
        raise Refusal(
            "InvalidParameterValue",
            f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
        )
    return proceed()


@also("ec2.volume-states", around=("ec2", "DeleteVolume"))
def delete_only_available(call: Any, proceed: Any) -> Any:
    volume = backend(call).get_volume(call.params["VolumeId"])
    if volume.status == "in-use" and not volume.attachment:
        raise Refusal("VolumeInUse", f"Volume {volume.id} is currently attached")
    if volume.status == "creating":
        raise Refusal("IncorrectState", f"The volume '{volume.id}' is 'creating'")
    return proceed()


@also("ec2.volume-states", around=("ec2", "DetachVolume"))
def detaching(call: Any, proceed: Any) -> Any:
    answer = proceed()
    _pass_through(backend(call).get_volume(call.params["VolumeId"]), "in-use")
    return answer


@correction(
    "ec2.volume-attach-zone",
    fact="a volume attaches only to an instance in its own availability zone",
    source="aws-semantics 3.11; moto 2",
    around=("ec2", "AttachVolume"),
)
def attach_zone(call: Any, proceed: Any) -> Any:
    volume = backend(call).get_volume(call.params["VolumeId"])
    instance = backend(call).get_instance(call.params["InstanceId"])
    if volume.availability_zone != instance.availability_zone:
        raise Refusal(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'",
        )
    return proceed()


@correction(
    "ec2.volume-detach-by-id",
    fact="DetachVolume needs the volume only",
    source="moto 2; EC2 API reference",
    around=("ec2", "DetachVolume"),
)
def detach_by_id(call: Any, proceed: Any) -> Any:
    volume = backend(call).get_volume(call.params["VolumeId"])
    if not volume.attachment:
        raise Refusal("IncorrectState", f"Volume '{volume.id}' is in the 'available' state.")
    if not call.params.get("InstanceId"):
        call.params["InstanceId"] = volume.attachment.instance.id
    return proceed()


@correction(
    "ec2.volume-modify",
    fact="ModifyVolume only grows, takes time (modifying, optimizing, completed), shows the new values after the first "
    "of these, and is refused until the one before has completed",
    source="aws-semantics 3.11",
    around=("ec2", "ModifyVolume"),
)
def modify(call: Any, proceed: Any) -> Any:
    volume = backend(call).get_volume(call.params["VolumeId"])
    size = call.params.get("Size")
    if size is not None and int(size) < int(volume.size):
        raise Refusal("InvalidParameterValue", "New size cannot be smaller than existing size")
    if volume.modifications and volume.modifications[-1].modification_state != "completed":
        raise Refusal(
            "IncorrectModificationState",
            f"Cannot modify volume {volume.id} in modification state "
            f"{volume.modifications[-1].modification_state.upper()}",
        )
    fields = ("size", "volume_type", "iops", "throughput")
    before = {name: getattr(volume, name) for name in fields}
    answer = proceed()
    after = {name: getattr(volume, name) for name in fields}
    change = volume.modifications[-1]
    _set(volume, before)
    change.stage = "modifying"

    def grown() -> None:
        _set(volume, after)
        for device in volume.attachment.instance.block_device_mapping.values() if volume.attachment else ():
            if device.volume_id == volume.id:
                device.size = volume.size
        change.stage = "optimizing"
        clock.after(1, done)

    def done() -> None:
        change.stage = "completed"

    clock.after(1, grown)
    return answer


def _set(volume: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(volume, name, value)


@also("ec2.volume-modify", patch=(VolumeModification, "modification_state"))
def modification_state(inner: Any, self: Any) -> str:
    return getattr(self, "stage", None) or inner(self)


@also("ec2.volume-modify", patch=(VolumeModification, "get_filter_value"))
def filter_value(inner: Any, self: Any, name: str) -> Any:
    return self.modification_state if name == "modification-state" else inner(self, name)


@also("ec2.volume-modify", patch=(VolumeModification, "progress"))
def progress(inner: Any, self: Any) -> int:
    return {"modifying": 0, "optimizing": 50}.get(self.modification_state, 100)


@also("ec2.volume-modify", around=("ec2", "DescribeVolumesModifications"))
def latest_modification(call: Any, proceed: Any) -> Any:
    answer = proceed()
    # AWS tells of the latest change of a volume only.
    latest = {m.volume_id: m for m in answer.result["VolumesModifications"]}
    return ActionResult({**answer.result, "VolumesModifications": list(latest.values())})


@correction(
    "ec2.volume-defaults",
    fact="a gp3 volume has 3000 IOPS and 125 MiB/s unless told, a gp2 volume 3 IOPS a GiB (100 to 16000)",
    source="EC2 API reference, CreateVolume; moto 2",
    patch=(EBSBackend, "create_volume"),
)
def defaults(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    volume = inner(self, *args, **kwargs)
    if volume.volume_type == "gp3":
        volume.throughput = volume.throughput or 125
    elif volume.volume_type == "gp2":
        volume.iops = min(16000, max(100, 3 * int(volume.size)))
    return volume
