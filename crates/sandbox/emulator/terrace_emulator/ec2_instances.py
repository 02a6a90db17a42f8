"""Instances: what RunInstances keeps, and the states it goes through."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.core.types import Base64EncodedString
from moto.ec2.models.amis import Ami
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociationBackend
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState

from . import clock
from .corrections import Refusal, also, backend, correction

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


def _move(instance: Any, through: str, to: str) -> None:
    """Into the slow state now, and on after a pace unless something else has moved it meanwhile."""
    instance._state = InstanceState(through, CODES[through])

    def arrive() -> None:
        if instance.state == through:
            instance._state = InstanceState(to, CODES[to])

    clock.after(1, arrive)


@correction(
    "ec2.instance-states",
    fact="an instance is pending before running, stopping before stopped, shutting-down before terminated, and an "
    "action in a state it does not fit is IncorrectInstanceState",
    source="aws-semantics 3.11",
    around=("ec2", "RunInstances"),
)
def pending(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for instance in answer.result.instances:
        _move(instance, "pending", "running")
    return answer


_FITS = {
    "StartInstances": (("stopped",), ("pending", "running"), "started"),
    "StopInstances": (("running",), ("stopping", "stopped"), "stopped"),
    "RebootInstances": (("running",), (), "rebooted"),
    "TerminateInstances": (
        ("pending", "running", "stopping", "stopped"),
        ("shutting-down", "terminated"),
        "terminated",
    ),
}
_PASSAGES = {
    "StartInstances": ("pending", "running", "StartingInstances"),
    "StopInstances": ("stopping", "stopped", "StoppingInstances"),
    "TerminateInstances": ("shutting-down", "terminated", "TerminatingInstances"),
}


@also("ec2.instance-states", around=[("ec2", action) for action in _FITS])
def passages(call: Any, proceed: Any) -> Any:
    action = call._get_action()
    fits, already, word = _FITS[action]
    asked = backend(call).get_multi_instances_by_id(call.params["InstanceIds"])
    for instance in asked:
        if instance.state not in fits + already:
            raise Refusal(
                "IncorrectInstanceState",
                f"This instance '{instance.id}' is not in a state from which it can be {word}.",
            )
    before = {instance.id: copy.copy(instance._state) for instance in asked}
    moving = [instance for instance in asked if instance.state in fits]
    call.params["InstanceIds"] = [instance.id for instance in moving]
    if moving:
        proceed()
    if action == "RebootInstances":
        return EmptyResult()
    through, to, name = _PASSAGES[action]
    for instance in moving:
        _move(instance, through, to)
    rows = [{"InstanceId": i.id, "CurrentState": copy.copy(i._state), "PreviousState": before[i.id]} for i in asked]
    return ActionResult({name: rows})


@correction(
    "ec2.instance-modify-stopped",
    fact="instance type, user data and EBS optimisation change only while the instance is stopped",
    source="aws-semantics 3.11",
    around=("ec2", "ModifyInstanceAttribute"),
)
def modify_stopped(call: Any, proceed: Any) -> Any:
    instance = backend(call).get_instance(call.params["InstanceId"])
    named = (call.params.get("Attribute") or "").lower()
    for member in ("InstanceType", "UserData", "EbsOptimized"):
        if (call.params.get(member) or named == member.lower()) and instance.state != "stopped":
            raise Refusal("IncorrectInstanceState", f"The instance '{instance.id}' is not in the 'stopped' state.")
    return proceed()


@correction(
    "ec2.instance-termination",
    fact="a terminated instance takes its own interfaces with it and leaves its elastic address free",
    source="aws-semantics 3.5, 3.11; moto 1",
    patch=(Instance, "terminate"),
)
def terminate(inner: Any, self: Any) -> Any:
    before = inner(self)
    for address in self.ec2_backend.addresses:
        if address.association_id and (address.instance is self or address.eni in self.nics.values()):
            self.ec2_backend.disassociate_address(association_id=address.association_id)
    return before


@also("ec2.instance-termination", patch=(Instance, "prep_nics"))
def own_interfaces(inner: Any, self: Any, nic_spec: Any, *args: Any, **kwargs: Any) -> Any:
    # An interface made with the instance goes with it, unless the request says otherwise.
    told = {int(n.get("DeviceIndex", 0)): n.get("DeleteOnTermination") for n in nic_spec}
    given = {int(n.get("DeviceIndex", 0)) for n in nic_spec if n.get("NetworkInterfaceId")}
    inner(self, nic_spec, *args, **kwargs)
    for index, nic in self.nics.items():
        if index not in given:
            nic.delete_on_termination = told.get(index) in (None, True)


@correction(
    "ec2.instance-public-address",
    fact="a stopped instance gives its public address back and gets another on start; an elastic one stays",
    source="aws-semantics 3.11",
    patch=[(Instance, "stop"), (Instance, "start")],
)
def keep_elastic(inner: Any, self: Any) -> Any:
    before = inner(self)
    for address in self.ec2_backend.addresses:
        if address.eni in self.nics.values():
            address.eni.public_ip = address.public_ip
    return before


@correction(
    "ec2.ami-root-device",
    fact="the root volume of an Amazon Linux image is 8 GiB gp3 and deleted with the instance",
    source="EC2 DescribeImages of al2023",
    unverified=True,
    patch=(Ami, "block_device_mappings"),
)
def root_device(inner: Any, self: Any) -> Any:
    mappings = inner(self)
    for mapping in mappings:
        mapping["Ebs"].update(VolumeSize=8, VolumeType="gp3", DeleteOnTermination=True)
    return mappings


@correction(
    "ec2.run-launch-template",
    fact="RunInstances takes whatever it is not told from the launch template: profile, metadata options, devices, "
    "user data, tags",
    source="moto 2; EC2 API reference, RunInstances",
    around=("ec2", "RunInstances"),
)
def from_template(call: Any, proceed: Any) -> Any:
    named = call.params.get("LaunchTemplate")
    if not named:
        return proceed()
    data = backend(call)._get_template_from_args(named).data
    for key, value in data.items():
        if key == "TagSpecifications":
            told = {spec["ResourceType"]: spec for spec in call.params.get(key) or ()}
            specs = [s for s in value if s["ResourceType"] not in told and s["ResourceType"] != "launch-template"]
            if specs or told:
                call.params[key] = copy.deepcopy(specs) + list(told.values())
        elif value is not None and call.params.get(key) is None:
            value = value._encoded_string if isinstance(value, Base64EncodedString) else value
            call.params[key] = copy.deepcopy(value)
    return proceed()


@correction(
    "ec2.run-groups-network",
    fact="an instance wears only security groups of its subnet's VPC: InvalidParameter, different networks",
    source="EC2 user guide, security groups; EC2 API reference, RunInstances",
    around=("ec2", "RunInstances"),
)
def groups_network(call: Any, proceed: Any) -> Any:
    ec2, name = backend(call), call.params.get("SubnetId")
    known = {subnet.id: subnet for subnet in ec2.describe_subnets()} if name else {}
    for group in (call.params.get("SecurityGroupIds") or call.params.get("SecurityGroupId") or ()) if known else ():
        found = ec2.get_security_group_from_id(group)
        if found is not None and name in known and found.vpc_id != known[name].vpc_id:
            raise Refusal(
                "InvalidParameter", f"Security group {group} and subnet {name} belong to different networks."
            )
    return proceed()


@correction(
    "ec2.run-devices",
    fact="RunInstances makes the root volume of the image, changed by a mapping of the same device name, and keeps "
    "what a mapping says of type, IOPS and throughput",
    source="aws-semantics 3.11; moto 2",
    around=("ec2", "RunInstances"),
)
def devices(call: Any, proceed: Any) -> Any:
    ec2, image = backend(call), call.params.get("ImageId")
    found = ec2.describe_images(ami_ids=[image]) if image else []
    if not found:
        return proceed()
    wanted = {m["DeviceName"]: dict(m) for m in found[0].block_device_mappings}
    for mapping in call.params.get("BlockDeviceMappings") or ():
        known = wanted.get(mapping["DeviceName"], {})
        volume = {**known.get("Ebs", {}), **dict(mapping.get("Ebs") or {})}
        wanted[mapping["DeviceName"]] = {**known, **mapping, **({"Ebs": volume} if volume else {})}
    told = {name: dict(m.get("Ebs") or {}) for name, m in wanted.items()}
    call.params["BlockDeviceMappings"] = list(wanted.values())
    answer = proceed()
    for instance in answer.result.instances:
        for name, device in instance.block_device_mapping.items():
            volume = ec2.get_volume(device.volume_id)
            for field in ("Iops", "Throughput"):
                if told.get(name, {}).get(field):
                    setattr(volume, field.lower(), int(told[name][field]))
    return answer


@correction(
    "ec2.run-termination-protection",
    fact="RunInstances honours DisableApiTermination",
    source="EC2 API reference, RunInstances",
    around=("ec2", "RunInstances"),
)
def protection(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for instance in answer.result.instances:
        instance.disable_api_termination = bool(call.params.get("DisableApiTermination"))
    return answer


@correction(
    "ec2.metadata-options",
    fact="ModifyInstanceMetadataOptions changes the fields it is given and keeps the others",
    source="moto 2; EC2 API reference",
    patch=(InstanceBackend, "modify_instance_metadata_options"),
)
def metadata(inner: Any, self: Any, instance_id: str, **given: Any) -> Any:
    before = vars(self.get_instance(instance_id).metadata_options).copy()
    options = inner(self, instance_id, **given)
    for told, name in (
        ("http_tokens", "http_tokens"),
        ("hop_limit", "http_put_response_hop_limit"),
        ("http_endpoint", "http_endpoint"),
        ("http_protocol", "http_protocol_ipv6"),
        ("metadata_tags", "instance_metadata_tags"),
    ):
        if given.get(told) is None:
            setattr(options, name, before[name])
    return options


@correction(
    "ec2.monitoring",
    fact="MonitorInstances and UnmonitorInstances switch detailed monitoring of a live instance",
    source="EC2 API reference",
    around=[("ec2", "MonitorInstances"), ("ec2", "UnmonitorInstances")],
)
def monitoring(call: Any, proceed: Any) -> Any:
    state = "enabled" if call._get_action() == "MonitorInstances" else "disabled"
    rows = []
    for instance in backend(call).get_multi_instances_by_id(call.params["InstanceIds"]):
        instance.monitoring_state = state
        word = {"enabled": "pending", "disabled": "disabling"}[state]
        rows.append({"InstanceId": instance.id, "Monitoring": {"State": word}})
    return ActionResult({"InstanceMonitorings": rows})


@correction(
    "ec2.run-profile-unknown",
    fact="an instance profile that does not exist is InvalidParameterValue, Invalid IAM Instance Profile name",
    source="aws-semantics 3.11, 7.2",
    around=[
        ("ec2", a) for a in ("RunInstances", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation")
    ],
)
def profile(call: Any, proceed: Any) -> Any:
    asked = call.params.get("IamInstanceProfile") or {}
    name, arn = asked.get("Name"), asked.get("Arn")
    if (name or arn) and not find_profile(call, name, arn):
        raise _invalid_profile(name, arn)
    return proceed()


def _invalid_profile(name: str | None, arn: str | None) -> Refusal:
    member, word = ("name", "name") if name else ("arn", "ARN")
    return Refusal(
        "InvalidParameterValue",
        f"Value ({name or arn}) for parameter iamInstanceProfile.{member} is invalid. "
        f"Invalid IAM Instance Profile {word}",
    )


def find_profile(call: Any, name: str | None, arn: str | None) -> Any:
    from moto.iam.models import iam_backends

    for found in iam_backends[call.current_account][call.partition].instance_profiles.values():
        if found.name == name or (arn and found.arn == arn):
            return found
    return None


@correction(
    "ec2.run-profile-propagation",
    fact="EC2 learns of a new instance profile some seconds late: until then it is an Invalid IAM Instance Profile",
    source="aws-semantics 3.13, 7.2",
    unverified=True,
    around=("ec2", "RunInstances"),
)
def propagation(call: Any, proceed: Any) -> Any:
    asked = call.params.get("IamInstanceProfile") or {}
    found = find_profile(call, asked.get("Name"), asked.get("Arn"))
    if found is not None and not getattr(found, "settled", True):
        raise _invalid_profile(asked.get("Name"), asked.get("Arn"))
    return proceed()


@also("ec2.run-profile-propagation", around=("iam", "CreateInstanceProfile"))
def fresh_profile(call: Any, proceed: Any) -> Any:
    answer = proceed()
    found = backend(call).instance_profiles
    fresh = [p for p in found.values() if p.name == call.params["InstanceProfileName"]]
    for one in fresh:
        one.settled = False
        clock.after(1, lambda one=one: setattr(one, "settled", True))
    return answer


@correction(
    "ec2.instance-profile-shown",
    fact="an instance shows the profile it has now, with the profile's own id",
    source="aws-semantics 3.11; moto 2",
    patch=[
        (IamInstanceProfileAssociationBackend, "associate_iam_instance_profile"),
        (IamInstanceProfileAssociationBackend, "replace_iam_instance_profile_association"),
    ],
)
def profile_shown(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    association = inner(self, *args, **kwargs)
    profile = association.iam_instance_profile
    association.instance.iam_instance_profile = {"Arn": profile.arn, "Id": profile.id}
    return association
