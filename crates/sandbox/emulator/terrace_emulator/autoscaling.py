"""Auto Scaling groups: what they are refused, what they keep, and how they go."""

from __future__ import annotations

import copy
from typing import Any

from moto.autoscaling.models import AutoScalingBackend
from moto.core.responses import ActionResult, EmptyResult

from . import clock
from .autoscaling_members import page, retire
from .corrections import Refusal, also, backend, correction
from .ec2_instances import find_profile


def find(call: Any) -> Any:
    """The group a call names, or the refusal AWS has for an unknown one."""
    name = call.params.get("AutoScalingGroupName")
    group = backend(call).autoscaling_groups.get(name)
    if group is None:
        raise Refusal("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
    return group


@correction(
    "autoscaling.group-unknown",
    fact="whatever names a group that does not exist is a ValidationError",
    source="EC2 Auto Scaling API reference, common errors",
    around=[
        ("autoscaling", action)
        for action in (
            "SetDesiredCapacity",
            "UpdateAutoScalingGroup",
            "DeleteAutoScalingGroup",
            "Put*",
            "AttachLoadBalancerTargetGroups",
            "DetachLoadBalancerTargetGroups",
            "DescribeLoadBalancerTargetGroups",
            "SetInstanceProtection",
            "SuspendProcesses",
            "ResumeProcesses",
        )
    ],
)
def unknown(call: Any, proceed: Any) -> Any:
    find(call)
    return proceed()


@also("autoscaling.group-unknown", around=[("autoscaling", "CreateOrUpdateTags"), ("autoscaling", "DeleteTags")])
def unknown_tags(call: Any, proceed: Any) -> Any:
    for tag in call.params.get("Tags") or ():
        if tag.get("ResourceId") not in backend(call).autoscaling_groups:
            raise Refusal("ValidationError", "AutoScalingGroup name not found - null")
    return proceed()


@correction(
    "autoscaling.group-name-taken",
    fact="the name of a group is taken until the group is gone: AlreadyExists",
    source="aws-semantics 3.22",
    around=("autoscaling", "CreateAutoScalingGroup"),
)
def name_taken(call: Any, proceed: Any) -> Any:
    name = call.params["AutoScalingGroupName"]
    found = backend(call).autoscaling_groups.get(name)
    if found is not None:
        dying = " and is pending delete" if getattr(found, "status", None) else ""
        raise Refusal(
            "AlreadyExists",
            f"AutoScalingGroup by this name already exists - A group with the name {name} already exists{dying}",
        )
    return proceed()


_CHANGES = [("autoscaling", "CreateAutoScalingGroup"), ("autoscaling", "UpdateAutoScalingGroup")]


@correction(
    "autoscaling.group-parts",
    fact="target groups, subnets and the launch template of a group must exist before anything is made or changed",
    source="moto 5; EC2 Auto Scaling user guide, troubleshooting",
    around=_CHANGES,
)
def parts(call: Any, proceed: Any) -> Any:
    scaling = backend(call)
    for arn in [*(call.params.get("TargetGroupARNs") or ()), *_sources(call)]:
        if arn not in scaling.elbv2_backend.target_groups:
            raise Refusal(
                "ValidationError",
                "Provided Target Groups may not be valid. Please ensure they exist and try again.",
            )
    known = {subnet.id for subnet in scaling.ec2_backend.describe_subnets()}
    for subnet in (call.params.get("VPCZoneIdentifier") or "").split(","):
        if subnet.strip() and subnet.strip() not in known:
            raise Refusal("ValidationError", f"The subnet ID '{subnet.strip()}' does not exist")
    _template(call)
    return proceed()


def _sources(call: Any) -> list[str]:
    return [s["Identifier"] for s in call.params.get("TrafficSources") or ()]


def _template(call: Any) -> Any:
    """The template version a request names, if it names one."""
    mixed = (call.params.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    asked = call.params.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification")
    if not asked:
        return None
    ec2, words = backend(call).ec2_backend, "You must use a valid fully-formed launch template."
    number, name = asked.get("LaunchTemplateId"), asked.get("LaunchTemplateName")
    template = ec2.launch_templates.get(number or ec2.launch_template_name_to_ids.get(name))
    if template is None:
        told = f"template ID {number}" if number else f"template name {name}"
        raise Refusal("ValidationError", f"{words} The specified launch template, with {told}, does not exist.")
    version = asked.get("Version") or "$Default"
    if version not in ("$Default", "$Latest") and not any(str(v.number) == str(version) for v in template.versions):
        raise Refusal("ValidationError", f"{words} Could not find launch template version {version}.")
    return template.get_version(version)


@correction(
    "autoscaling.group-image",
    fact="a group is refused while the image of its launch template does not exist",
    source="EC2 Auto Scaling user guide, troubleshooting launch templates",
    around=_CHANGES,
)
def image(call: Any, proceed: Any) -> Any:
    version = _template(call)
    asked = version.data.get("ImageId") if version else None
    # By the name of a parameter it is looked up at each launch.
    if asked and asked.startswith("ami-") and asked not in backend(call).ec2_backend.amis:
        raise Refusal(
            "ValidationError",
            f"You must use a valid fully-formed launch template. The image id '[{asked}]' does not exist",
        )
    return proceed()


@correction(
    "autoscaling.group-profile",
    fact="a group is refused while the instance profile of its launch template is unknown or new: Invalid IAM Instance "
    "Profile name",
    source="aws-semantics 7.2",
    unverified=True,
    around=_CHANGES,
)
def profile(call: Any, proceed: Any) -> Any:
    version = _template(call)
    asked = (version.data.get("IamInstanceProfile") if version else None) or {}
    name, arn = asked.get("Name"), asked.get("Arn")
    if name or arn:
        found = find_profile(call, name, arn)
        if found is None or not getattr(found, "settled", True):
            raise Refusal(
                "ValidationError",
                "You must use a valid fully-formed launch template. Value "
                f"({name or arn}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
            )
    return proceed()


@correction(
    "autoscaling.group-size",
    fact="minimum <= desired <= maximum, or the request is refused; raising the minimum raises the desired capacity, "
    "lowering the maximum lowers it",
    source="aws-semantics 3.22; EC2 Auto Scaling API reference",
    around=_CHANGES,
)
def size(call: Any, proceed: Any) -> Any:
    group = backend(call).autoscaling_groups.get(call.params["AutoScalingGroupName"])
    told = {n: call.params.get(n) for n in ("MinSize", "MaxSize", "DesiredCapacity")}
    lowest = int(told["MinSize"] if told["MinSize"] is not None else group.min_size)
    highest = int(told["MaxSize"] if told["MaxSize"] is not None else group.max_size)
    if lowest > highest:
        raise Refusal(
            "ValidationError", f"Max bound, {highest}, must be greater than or equal to min bound, {lowest}"
        )
    desired = told["DesiredCapacity"]
    if desired is None:
        desired = min(max(group.desired_capacity if group else lowest, lowest), highest)
        call.params["DesiredCapacity"] = desired
    if not lowest <= int(desired) <= highest:
        raise Refusal(
            "ValidationError",
            f"Desired capacity:{desired} must be between the specified min size:{lowest} and max size:{highest}",
        )
    return proceed()


@also("autoscaling.group-size", around=("autoscaling", "SetDesiredCapacity"))
def desired_size(call: Any, proceed: Any) -> Any:
    group, desired = find(call), int(call.params["DesiredCapacity"])
    for bound, word, wrong in (
        (group.min_size, "below min", desired < group.min_size),
        (group.max_size, "above max", desired > group.max_size),
    ):
        if wrong:
            raise Refusal(
                "ValidationError",
                f"New SetDesiredCapacity value {desired} is {word} value {bound} for the AutoScalingGroup.",
            )
    return proceed()


# What moto forgets when it makes a group or changes one.
_KEPT = {
    "CapacityRebalance": "capacity_rebalance",
    "Context": "context",
    "DefaultCooldown": "default_cooldown",
    "DefaultInstanceWarmup": "default_instance_warmup",
    "DeletionProtection": "deletion_protection",
    "DesiredCapacityType": "desired_capacity_type",
    "HealthCheckGracePeriod": "health_check_grace_period",
    "InstanceMaintenancePolicy": "instance_maintenance_policy",
    "MaxInstanceLifetime": "max_instance_lifetime",
    "PlacementGroup": "placement_group",
    "TerminationPolicies": "termination_policies",
}


@correction(
    "autoscaling.group-settings",
    fact="a group keeps every setting it is made with, and an update changes those it names and no others; the grace "
    "period is 0 unless told",
    source="moto 5; EC2 Auto Scaling API reference",
    around=_CHANGES,
)
def settings(call: Any, proceed: Any) -> Any:
    groups, name = backend(call).autoscaling_groups, call.params["AutoScalingGroupName"]
    before = groups.get(name)
    starts = [n for n in ("LaunchTemplate", "LaunchConfigurationName", "MixedInstancesPolicy") if call.params.get(n)]
    if before is None:
        call.params["TargetGroupARNs"] = [*(call.params.get("TargetGroupARNs") or ()), *_sources(call)]
    elif not starts and before.mixed_instances_policy:
        # moto names the template by its name too, and takes either alone.
        mixed = copy.deepcopy(before.mixed_instances_policy)
        mixed["LaunchTemplate"]["LaunchTemplateSpecification"].pop("LaunchTemplateName", None)
        call.params["MixedInstancesPolicy"] = mixed
    answer = proceed()
    group = groups[name]
    if before is None and call.params.get("HealthCheckGracePeriod") is None:
        group.health_check_grace_period = 0
    for told, attribute in _KEPT.items():
        if call.params.get(told) is not None:
            value = call.params[told]
            setattr(group, attribute, int(value) if str(value).lstrip("-").isdigit() else value)
    if getattr(group, "default_instance_warmup", None) == -1:
        group.default_instance_warmup = None
    return answer


class _Row:
    """A group as one answer shows it."""

    def __init__(self, group: Any, **shown: Any) -> None:
        self._group = group
        self.__dict__.update(shown)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._group, name)


@also("autoscaling.group-settings", around=("autoscaling", "DescribeAutoScalingGroups"))
def without_instances(call: Any, proceed: Any) -> Any:
    answer = proceed()
    if str(call.params.get("IncludeInstances")).lower() != "false":
        return answer
    rows = [_Row(group, instances=[]) for group in answer.result["AutoScalingGroups"]]
    return ActionResult({**answer.result, "AutoScalingGroups": rows})


@correction(
    "autoscaling.group-delete",
    fact="DeleteAutoScalingGroup with instances is ResourceInUse unless forced; then the group is `Delete in progress` "
    "until its members are gone, and its policies, hooks and scheduled actions go with it",
    source="aws-semantics 3.22, 3.23; moto 5",
    around=("autoscaling", "DeleteAutoScalingGroup"),
)
def delete(call: Any, proceed: Any) -> Any:
    group = find(call)
    forced = str(call.params.get("ForceDelete")).lower() == "true"
    if getattr(group, "status", None):
        raise Refusal("ScalingActivityInProgress", f"AutoScalingGroup {group.name} is already being deleted.")
    states = {m.lifecycle_state for m in group.instance_states}
    if states - {"Terminating"} and not forced:
        raise Refusal(
            "ResourceInUse",
            "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) still "
            "in the group.",
        )
    if states and not forced:
        raise Refusal(
            "ScalingActivityInProgress",
            "You cannot delete an AutoScalingGroup while there are scaling activities in progress for that group.",
        )
    group.status = "Delete in progress"
    staying = [m for m in group.instance_states if m.lifecycle_state != "Terminating"]
    retire(group, staying, "an instance was terminated because its group is being deleted.")
    clock.after(2, lambda: _forget(backend(call), group))
    return EmptyResult()


def _forget(scaling: Any, group: Any) -> None:
    if scaling.autoscaling_groups.get(group.name) is group:
        del scaling.autoscaling_groups[group.name]
    for policy in [p for p in scaling.policies.values() if p.auto_scaling_group_name == group.name]:
        forget_policy(scaling, policy)
    for known in (scaling.scheduled_actions, scaling.lifecycle_hooks):
        for key in [k for k, row in known.items() if row.auto_scaling_group_name == group.name]:
            del known[key]


def forget_policy(scaling: Any, policy: Any) -> None:
    """A policy and the alarms that target tracking made for it."""
    from moto.cloudwatch.models import cloudwatch_backends

    for key in [k for k, known in scaling.policies.items() if known is policy]:
        del scaling.policies[key]
    alarms = cloudwatch_backends[scaling.account_id][scaling.region_name]
    alarms.delete_alarms(list(getattr(policy, "own_alarms", ())))


@also("autoscaling.group-delete", around=[("autoscaling", a) for a in ("UpdateAutoScalingGroup", "SetDesiredCapacity")])
def dying(call: Any, proceed: Any) -> Any:
    if getattr(find(call), "status", None):
        raise Refusal("ScalingActivityInProgress", "AutoScalingGroup is pending delete.")
    return proceed()


_LISTS = {
    "DescribeAutoScalingGroups": "AutoScalingGroups",
    "DescribeAutoScalingInstances": "AutoScalingInstances",
    "DescribePolicies": "ScalingPolicies",
    "DescribeScheduledActions": "ScheduledUpdateGroupActions",
    "DescribeTags": "Tags",
}


@correction(
    "autoscaling.paging",
    fact="descriptions honour MaxRecords (50 unless told, 100 at most) and answer NextToken while there is more",
    source="aws-semantics 3.22, 3.23; EC2 Auto Scaling API reference",
    around=[("autoscaling", action) for action in _LISTS],
)
def paging(call: Any, proceed: Any) -> Any:
    asked = dict(call.params)
    # moto pages some of these itself.
    call.params["MaxRecords"] = 100
    call.params.pop("NextToken", None)
    name = _LISTS[call._get_action()]
    rows, more = [], True
    while more:
        result = proceed().result
        rows += result[name]
        more = result.get("NextToken")
        call.params["NextToken"] = more
    call.params = asked
    return page(call, name, rows, 50)


@correction(
    "autoscaling.traffic-sources",
    fact="AttachTrafficSources, DetachTrafficSources and DescribeTrafficSources work with target groups: Adding before "
    "InService, Removing before gone, and the members are registered and deregistered with them",
    source="aws-semantics 3.22; EC2 Auto Scaling API reference",
    around=[("autoscaling", "AttachTrafficSources"), ("autoscaling", "DetachTrafficSources")],
)
def change_sources(call: Any, proceed: Any) -> Any:
    scaling, group = backend(call), find(call)
    passing = group.__dict__.setdefault("passing_sources", {})
    attach = call._get_action().startswith("Attach")
    for arn in _sources(call):
        if attach and arn not in scaling.elbv2_backend.target_groups:
            raise Refusal(
                "ValidationError",
                "Provided Target Groups may not be valid. Please ensure they exist and try again.",
            )
        if attach == (arn in group.target_group_arns):
            continue
        if attach:
            group.target_group_arns = [*group.target_group_arns, arn]
            scaling.update_attached_target_groups(group.name)
        else:
            scaling.detach_load_balancer_target_groups(group.name, [arn])
        passing[arn] = "Adding" if attach else "Removing"
        clock.after(1, lambda arn=arn: passing.pop(arn, None))
    return EmptyResult()


@also("autoscaling.traffic-sources", around=("autoscaling", "DescribeTrafficSources"))
def describe_sources(call: Any, proceed: Any) -> Any:
    group = find(call)
    passing = group.__dict__.get("passing_sources", {})
    settled = "InService" if any(m.lifecycle_state == "InService" for m in group.instance_states) else "Added"
    rows = [
        {"TrafficSource": arn, "Identifier": arn, "Type": "elbv2", "State": passing.get(arn, settled)}
        for arn in dict.fromkeys([*group.target_group_arns, *passing])
    ]
    return page(call, "TrafficSources", rows, 50)


@also("autoscaling.traffic-sources", around=("autoscaling", "DescribeAutoScalingGroups"))
def show_sources(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for group in answer.result["AutoScalingGroups"]:
        shown = [{"Identifier": arn, "Type": "elbv2"} for arn in group.target_group_arns]
        getattr(group, "_group", group).traffic_sources = shown
    return answer


@also("autoscaling.traffic-sources", patch=(AutoScalingBackend, "detach_load_balancer_target_groups"))
def detach(inner: Any, self: Any, group_name: str, target_group_arns: Any) -> None:
    # A target group may be gone before the group lets it go.
    inner(self, group_name, [arn for arn in target_group_arns if arn in self.elbv2_backend.target_groups])
    group = self.autoscaling_groups[group_name]
    group.target_group_arns = [arn for arn in group.target_group_arns if arn not in target_group_arns]
