"""The members of Auto Scaling groups: how they are launched, counted, retired and written about.

A group works towards its desired capacity (`converge`). A member is Pending for a pace, then InService; one that goes
is Terminating for a pace. Launches go through RunInstances with all its corrections, so a member has whatever the
launch template says.
"""

from __future__ import annotations

import copy
import traceback
import uuid
from collections import Counter
from typing import Any

from moto.autoscaling.models import (
    ASG_NAME_TAG,
    AutoScalingBackend,
    FakeAutoScalingGroup,
    InstanceState,
)
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.responses import EC2Response

from . import clock
from .corrections import Refusal, also, backend, correction
from .ec2_instances import _move

LIVING = ("Pending", "InService")
# A launch that fails is tried this often before the group waits to be told something new.
TRIES = 3


def living(group: Any) -> list[Any]:
    return [m for m in group.instance_states if m.lifecycle_state in LIVING]


def resolved(group: Any) -> dict[str, str] | None:
    """The launch template of a group with its version as a number."""
    template = group.ec2_launch_template
    if template is None:
        return None
    number = template.get_version(group.launch_template_version).number
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": str(number)}


def note(group: Any, description: str, cause: str, status: str = "InProgress", message: str | None = None) -> Any:
    """Write down an activity of the group; the newest come first."""
    known = group.autoscaling_backend.__dict__.setdefault("activities", [])
    now = utcnow()
    row = {
        "ActivityId": str(uuid.uuid4()),
        "AutoScalingGroupName": group.name,
        "AutoScalingGroupARN": group.arn,
        "Description": description,
        "Cause": f"At {now:%Y-%m-%dT%H:%M:%SZ} {cause}",
        "StartTime": now,
        "StatusCode": status,
        "StatusMessage": message,
        "Progress": 100 if status == "Failed" else 50,
        "Details": "{}",
    }
    known.insert(0, row)
    if status == "Failed":
        row["EndTime"] = now
    return row


def _done(row: dict[str, Any]) -> None:
    row.update(StatusCode="Successful", Progress=100, EndTime=utcnow())


def converge(group: Any, cause: str) -> None:
    """Launch what is missing, or retire what is too many."""
    if getattr(group, "status", None):
        return
    suspended = group._suspended_processes
    missing = (group.desired_capacity or 0) - len(living(group))
    if missing > 0 and "Launch" not in suspended:
        for _ in range(missing):
            if not launch(group, cause):
                group.failures = getattr(group, "failures", 0) + 1
                if group.failures < TRIES:
                    clock.after(1, lambda: converge(group, cause))
                return
        group.failures = 0
    elif missing < 0 and "Terminate" not in suspended:
        retire(group, spare(group, -missing), cause)


def spare(group: Any, number: int) -> list[Any]:
    """Whom a group gives up first: in the fullest zone, of an older template, the oldest; never a protected one."""
    now, going = resolved(group), []
    left = [m for m in living(group) if not m.protected_from_scale_in]
    while left and len(going) < number:
        zones = Counter(m.availability_zone for m in living(group) if m not in going)
        first = max(left, key=lambda m: (zones[m.availability_zone], m.launch_template != now, -left.index(m)))
        left.remove(first)
        going.append(first)
    return going


def types(group: Any, template: dict[str, str] | None, mixed: Any) -> list[str]:
    """The types of machines that a mixed instances policy names, or else the template."""
    overrides = (mixed or {}).get("LaunchTemplate", {}).get("Overrides") or ()
    named = [o["InstanceType"] for o in overrides if o.get("InstanceType")]
    found = group.ec2_backend.launch_templates.get(template["LaunchTemplateId"]) if template else None
    return named or ([found.get_version(template["Version"]).data.get("InstanceType")] if found else [])


def launch(group: Any, cause: str, template: dict[str, str] | None = None, mixed: Any = None) -> bool:
    """One more member, in the subnet that has fewest, of this template and policy or of the group's."""
    mixed = mixed if template else group.mixed_instances_policy
    template = template or resolved(group)
    try:
        if template is None:
            before = list(group.instance_states)
            group.replace_autoscaling_group_instances(1, group.get_propagated_tags())
            member = next(m for m in group.instance_states if m not in before)
            member.lifecycle_state = "Pending"
        else:
            member = InstanceState(
                _run(group, template, mixed), "Pending", "Healthy", group.new_instances_protected_from_scale_in, group
            )
            group.instance_states.append(member)
    except Exception as problem:
        if not isinstance(problem, ServiceException):
            traceback.print_exc()
        message = getattr(problem, "message", str(problem))
        words = f"{message} Launching EC2 instance failed."
        note(group, "Launching a new EC2 instance.  Status Reason: " + words, cause, "Failed", words)
        return False
    member.template = template
    row = note(group, f"Launching a new EC2 instance: {member.instance_id}", cause)

    def arrive() -> None:
        if member in group.instance_states and member.lifecycle_state == "Pending":
            member.lifecycle_state = "InService"
            _done(row)
            group.autoscaling_backend.update_attached_target_groups(group.name)

    clock.after(1, arrive)
    return True


def _run(group: Any, template: dict[str, str], mixed: Any) -> Any:
    ec2 = group.autoscaling_backend.ec2_backend
    if template["LaunchTemplateId"] not in ec2.launch_templates:
        raise Refusal(
            "ValidationError",
            f"The specified launch template, with template ID {template['LaunchTemplateId']}, does not exist.",
        )
    data = ec2.launch_templates[template["LaunchTemplateId"]].get_version(template["Version"]).data
    call = EC2Response()
    call.params = {
        "MinCount": 1,
        "MaxCount": 1,
        "LaunchTemplate": {k: template[k] for k in ("LaunchTemplateId", "Version")},
    }
    call.uri_match, call.querystring, call.headers = {}, {"Action": ["RunInstances"]}, {}
    call.current_account, call.region = group.account_id, group.region
    call.partition = group.arn.split(":")[1]
    wanted = types(group, template, mixed)
    if wanted and wanted[0]:
        call.params["InstanceType"] = wanted[0]
    subnets = (group.vpc_zone_identifier or "").split(",") if group.vpc_zone_identifier else []
    taken = Counter(m.instance.subnet_id for m in living(group))
    subnet = min(subnets, key=lambda name: taken[name.strip()]).strip() if subnets else None
    if data.get("NetworkInterfaces") and subnet:
        nics = copy.deepcopy(data["NetworkInterfaces"])
        for nic in nics:
            nic["SubnetId"] = subnet
        call.params["NetworkInterfaces"] = nics
    elif subnet:
        call.params["SubnetId"] = subnet
    else:
        zones = Counter(m.availability_zone for m in living(group))
        call.params["Placement"] = {"AvailabilityZone": min(group.availability_zones, key=lambda z: zones[z])}
    instance = call.run_instances().result.instances[0]
    instance.autoscaling_group = group
    instance.add_tags(
        {
            **group.get_propagated_tags(),
            ASG_NAME_TAG: group.name,
            "aws:ec2launchtemplate:id": template["LaunchTemplateId"],
            "aws:ec2launchtemplate:version": template["Version"],
        }
    )
    return instance


def retire(group: Any, going: list[Any], cause: str) -> None:
    """Terminate these members: out of their target groups now, gone after a pace."""
    ec2 = group.autoscaling_backend.ec2_backend
    for member in going:
        member.lifecycle_state = "Terminating"
        row = note(group, f"Terminating EC2 instance: {member.instance_id}", cause)
        instance = member.instance
        if instance.state not in ("shutting-down", "terminated"):
            # Protection against termination is not one against the group.
            instance.disable_api_termination = False
            ec2.terminate_instances([instance.id])
            _move(instance, "shutting-down", "terminated")
        group.autoscaling_backend.elbv2_backend.notify_terminate_instances([instance.id])

        def gone(member: Any = member, row: Any = row) -> None:
            if member in group.instance_states:
                group.instance_states.remove(member)
            _done(row)

        clock.after(1, gone)


@correction(
    "autoscaling.members",
    fact="a group spreads its members over its subnets; each is Pending before it is InService and Terminating before "
    "it is gone, and has what the launch template of its time says: profile, metadata options, tags, volumes, version",
    source="aws-semantics 3.22; moto 2, 5",
    patch=(FakeAutoScalingGroup, "set_desired_capacity"),
)
def set_desired(inner: Any, self: Any, new_capacity: Any) -> None:
    before = getattr(self, "desired_capacity", 0) or 0
    self.desired_capacity = self.min_size if new_capacity is None else new_capacity
    self.failures = 0
    cause = (
        "an instance was started in response to a difference between desired and actual capacity, changing the desired "
        f"capacity from {before} to {self.desired_capacity}."
    )
    converge(self, cause)


@also("autoscaling.members", patch=(FakeAutoScalingGroup, "active_instances"))
def active(inner: Any, self: Any) -> Any:
    return living(self)


@also("autoscaling.members", patch=(InstanceState, "launch_template"))
def own_template(inner: Any, self: Any) -> Any:
    return getattr(self, "template", None) or resolved(self.auto_scaling_group)


@also("autoscaling.members", patch=(AutoScalingBackend, "update_attached_target_groups"))
def register(inner: Any, self: Any, group_name: str) -> None:
    group = self.autoscaling_groups[group_name]
    serving = [m for m in group.instance_states if m.lifecycle_state == "InService" and m.instance.state == "running"]
    from .elbv2_targets import examine

    for arn in group.target_group_arns:
        target_group = self.elbv2_backend.target_groups.get(arn)
        if target_group is not None:
            target_group.register([{"Id": m.instance_id, "Port": target_group.port} for m in serving])
            examine(self.elbv2_backend, target_group)


@also("autoscaling.members", patch=(AutoScalingBackend, "notify_terminate_instances"))
def terminated_by_others(inner: Any, self: Any, instance_ids: Any) -> None:
    for group in list(self.autoscaling_groups.values()):
        lost = [m for m in living(group) if m.instance_id in instance_ids]
        if lost:
            for member in lost:
                member.health_status = "Unhealthy"
            cause = "an instance was taken out of service in response to an EC2 health check."
            retire(group, lost, cause)
            clock.after(1, lambda group=group: converge(group, "an instance was launched to replace an unhealthy one."))


@also("autoscaling.members", around=("ec2", "StopInstances"))
def stopped_by_others(call: Any, proceed: Any) -> Any:
    from moto.autoscaling.models import autoscaling_backends

    answer = proceed()
    scaling = autoscaling_backends[call.current_account][call.region]
    scaling.notify_terminate_instances([row["InstanceId"] for row in answer.result["StoppingInstances"]])
    return answer


@also("autoscaling.members", around=("autoscaling", "TerminateInstanceInAutoScalingGroup"))
def terminate_one(call: Any, proceed: Any) -> Any:
    named = call.params["InstanceId"]
    for group in backend(call).autoscaling_groups.values():
        for member in [m for m in group.instance_states if m.instance_id == named]:
            if str(call.params.get("ShouldDecrementDesiredCapacity")).lower() == "true":
                if group.desired_capacity <= group.min_size:
                    raise Refusal("ValidationError", f"Currently, desiredSize equals minSize ({group.min_size}).")
                group.desired_capacity -= 1
            cause = f"instance {named} was taken out of service in response to a user request."
            retire(group, [member], cause)
            clock.after(1, lambda group=group: converge(group, "an instance was launched to replace another."))
            return ActionResult({"Activity": group.autoscaling_backend.activities[0]})
    raise Refusal("ValidationError", f"Instance Id not found - No managed instance found for instance ID: {named}")


@correction(
    "autoscaling.activities",
    fact="a group tells of its launches and terminations, also of those that failed and why, the newest first",
    source="aws-semantics 3.22",
    around=("autoscaling", "DescribeScalingActivities"),
)
def activities(call: Any, proceed: Any) -> Any:
    scaling, name = backend(call), call.params.get("AutoScalingGroupName")
    rows = scaling.__dict__.get("activities", [])
    if not call.params.get("IncludeDeletedGroups"):
        arns = {group.arn for group in scaling.autoscaling_groups.values()}
        rows = [row for row in rows if row["AutoScalingGroupARN"] in arns]
    wanted = set(call.params.get("ActivityIds") or ())
    rows = [r for r in rows if name in (None, r["AutoScalingGroupName"]) and (not wanted or r["ActivityId"] in wanted)]
    return page(call, "Activities", rows)


def page(call: Any, name: str, rows: list[Any], size: int = 100) -> Any:
    """As many rows as were asked for, and a token if there are more."""
    size, token = int(call.params.get("MaxRecords") or size), call.params.get("NextToken") or "0"
    if not 1 <= size <= 100:
        raise Refusal("ValidationError", "MaxRecords must be between 1 and 100")
    if not token.isdigit():
        raise Refusal("InvalidNextToken", f"Invalid next token: {token}")
    start = int(token)
    more = str(start + size) if start + size < len(rows) else None
    return ActionResult({name: rows[start : start + size], "NextToken": more})
