"""What an instance keeps beside its states: groups, credits, tags of its interfaces, behaviour on shutdown."""

from __future__ import annotations

import base64
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models.elastic_block_store import VolumeAttachment

from .corrections import Refusal, also, backend, correction, enabled


@correction(
    "ec2.instance-shutdown-behavior",
    fact="ModifyInstanceAttribute sets InstanceInitiatedShutdownBehavior, and touches nothing it is not given",
    source="aws-semantics 3.11",
    around=("ec2", "ModifyInstanceAttribute"),
)
def shutdown_behavior(call: Any, proceed: Any) -> Any:
    told = call.params.get("InstanceInitiatedShutdownBehavior")
    if not told:
        return proceed()
    backend(call).get_instance(call.params["InstanceId"]).instance_initiated_shutdown_behavior = told["Value"]
    return EmptyResult()


@correction(
    "ec2.instance-user-data",
    fact="ModifyInstanceAttribute takes user data that the SDK has encoded once, as it does every blob",
    source="EC2 API reference, BlobAttributeValue",
    around=("ec2", "ModifyInstanceAttribute"),
)
def user_data(call: Any, proceed: Any) -> Any:
    told = call.params.get("UserData")
    # moto has decoded it by now, and means to do so again.
    if told and isinstance(told.get("Value"), bytes):
        call.params["UserData"] = {"Value": base64.b64encode(told["Value"]).decode()}
    return proceed()


@correction(
    "ec2.instance-groups",
    fact="the security groups of an instance are those of its primary interface: a change replaces them in both",
    source="aws-semantics 3.11",
    around=("ec2", "ModifyInstanceAttribute"),
)
def instance_groups(call: Any, proceed: Any) -> Any:
    groups = call.params.get("Groups")
    for name in groups or ():
        if backend(call).get_security_group_from_id(name) is None:
            raise Refusal("InvalidGroup.NotFound", f"The security group '{name}' does not exist")
    answer = proceed()
    if groups:
        instance = backend(call).get_instance(call.params["InstanceId"])
        instance.nics[0]._group_set = list(instance.security_groups)
    return answer


@also("ec2.instance-groups", around=("ec2", "ModifyNetworkInterfaceAttribute"))
def interface_groups(call: Any, proceed: Any) -> Any:
    answer = proceed()
    if call.params.get("Groups"):
        eni = backend(call).get_network_interface(call.params["NetworkInterfaceId"])
        if eni.instance is not None and eni.instance.nics.get(0) is eni:
            eni.instance.security_groups = list(eni._group_set)
    return answer


@correction(
    "ec2.instance-source-dest-check",
    fact="the source/destination check of an instance is that of its primary interface",
    source="aws-semantics 3.11",
    around=("ec2", "ModifyInstanceAttribute"),
)
def source_dest_check(call: Any, proceed: Any) -> Any:
    answer = proceed()
    told = call.params.get("SourceDestCheck")
    if told is not None and told.get("Value") is not None:
        backend(call).get_instance(call.params["InstanceId"]).nics[0].source_dest_check = told["Value"]
    return answer


@correction(
    "ec2.run-interface-tags",
    fact="RunInstances tags the interfaces it makes",
    source="aws-semantics 3.11",
    around=("ec2", "RunInstances"),
)
def interface_tags(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for spec in call.params.get("TagSpecifications") or ():
        if spec["ResourceType"] == "network-interface":
            for nic in (nic for instance in answer.result.instances for nic in instance.nics.values()):
                nic.add_tags({tag["Key"]: tag.get("Value", "") for tag in spec.get("Tags") or ()})
    return answer


@correction(
    "ec2.credit-specification",
    fact="a burstable instance has the credit option it was given: by default unlimited, but standard for t2",
    source="aws-semantics 3.11; EC2 API reference, CreditSpecification",
    around=("ec2", "RunInstances"),
)
def run_credits(call: Any, proceed: Any) -> Any:
    answer = proceed()
    told = call.params.get("CreditSpecification") or {}
    for instance in answer.result.instances:
        instance.cpu_credits = told.get("CpuCredits") or _default(instance)
    return answer


def _default(instance: Any) -> str:
    return "standard" if instance.instance_type.startswith("t2.") else "unlimited"


@also("ec2.credit-specification", around=("ec2", "ModifyInstanceCreditSpecification"))
def modify_credits(call: Any, proceed: Any) -> Any:
    done = []
    for asked in call.params.get("InstanceCreditSpecifications") or ():
        instance = backend(call).get_instance(asked["InstanceId"])
        instance.cpu_credits = asked["CpuCredits"]
        done.append({"InstanceId": instance.id})
    return ActionResult(
        {"SuccessfulInstanceCreditSpecifications": done, "UnsuccessfulInstanceCreditSpecifications": []}
    )


@also("ec2.credit-specification", around=("ec2", "DescribeInstanceCreditSpecifications"))
def describe_credits(call: Any, proceed: Any) -> Any:
    asked = call.params.get("InstanceIds")
    found = backend(call).get_multi_instances_by_id(asked) if asked else backend(call).all_instances()
    rows = [
        {"InstanceId": i.id, "CpuCredits": getattr(i, "cpu_credits", None) or _default(i)}
        for i in found
        if i.instance_type.startswith("t") and (asked or getattr(i, "cpu_credits", None) == "unlimited")
    ]
    return ActionResult({"InstanceCreditSpecifications": rows})


correction(
    "ec2.attachment-delete-on-termination",
    fact="the attachment of a volume says whether it goes with the instance",
    source="EC2 API reference, VolumeAttachment",
)


def _goes_with_instance(self: Any) -> bool | None:
    if not enabled("ec2.attachment-delete-on-termination"):
        return None
    device = self.instance.block_device_mapping.get(self.device)
    return bool(device and device.delete_on_termination)


# moto's answers take a field from the attribute of its name, and here there was none.
VolumeAttachment.delete_on_termination = property(_goes_with_instance)
