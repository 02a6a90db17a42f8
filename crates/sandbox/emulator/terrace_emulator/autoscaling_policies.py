"""What hangs on a group: scaling policies with their alarms, scheduled actions, lifecycle hooks."""

from __future__ import annotations

import uuid
from typing import Any

from moto.autoscaling.models import (
    AutoScalingBackend,
    FakeScalingPolicy,
    FakeScheduledAction,
    LifecycleHook,
)
from moto.core.responses import ActionResult, EmptyResult

from .autoscaling import forget_policy
from .corrections import Refusal, also, backend, correction

_METRICS = {
    "ASGAverageCPUUtilization": ("AWS/EC2", "CPUUtilization"),
    "ASGAverageNetworkIn": ("AWS/EC2", "NetworkIn"),
    "ASGAverageNetworkOut": ("AWS/EC2", "NetworkOut"),
    "ALBRequestCountPerTarget": ("AWS/ApplicationELB", "RequestCountPerTarget"),
}


@correction(
    "autoscaling.policies",
    fact="a policy belongs to its group, whatever another calls its own; it is put under an ARN that stays, and target "
    "tracking makes two TargetTracking- alarms that go with it",
    source="aws-semantics 3.23; moto 5",
    patch=(AutoScalingBackend, "put_scaling_policy"),
)
def put(inner: Any, self: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    policy = inner(self, name, *args, **kwargs)
    del self.policies[name]
    key = (policy.auto_scaling_group_name, name)
    before = self.policies.get(key)
    policy.number = before.number if before else str(uuid.uuid4())
    policy.own_alarms = getattr(before, "own_alarms", {})
    policy.enabled = True
    policy.predictive_scaling_configuration = policy.predictive_scaling_configuration or None
    self.policies[key] = policy
    if policy.policy_type == "TargetTrackingScaling":
        _track(self, policy)
    return policy


@correction(
    "autoscaling.policy-label",
    fact="a policy on the requests for each target names a balancer and a target group of it that is attached to the "
    "group: otherwise ValidationError",
    source="EC2 Auto Scaling API reference, PredefinedMetricSpecification, ResourceLabel",
    unverified=True,
    around=("autoscaling", "PutScalingPolicy"),
)
def label(call: Any, proceed: Any) -> Any:
    told = (call.params.get("TargetTrackingConfiguration") or {}).get("PredefinedMetricSpecification") or {}
    if told.get("PredefinedMetricType") == "ALBRequestCountPerTarget":
        scaling, asked = backend(call), told.get("ResourceLabel") or ""
        group = scaling.autoscaling_groups.get(call.params["AutoScalingGroupName"])
        if not asked:
            raise Refusal("ValidationError", "ResourceLabel must be specified for ALBRequestCountPerTarget")
        if group is not None and asked not in _labels(scaling.elbv2_backend, group.target_group_arns):
            raise Refusal(
                "ValidationError",
                f"The resource label {asked} does not name a target group that is attached to {group.name}",
            )
    return proceed()


def _labels(elb: Any, attached: list[str]) -> set[str]:
    from .elbv2 import full_name
    from .elbv2_targets import users

    return {f"{full_name(b.arn)}/{full_name(arn)}" for arn in attached for b in users(elb, arn)}


def _track(scaling: Any, policy: Any) -> None:
    from moto.cloudwatch.models import cloudwatch_backends

    alarms = cloudwatch_backends[scaling.account_id][scaling.region_name]
    group, told = policy.auto_scaling_group_name, vars(policy.target_tracking_configuration)
    told.setdefault("DisableScaleIn", False)
    predefined = told.get("PredefinedMetricSpecification") or {}
    custom = told.get("CustomizedMetricSpecification") or {}
    space, metric = _METRICS.get(
        predefined.get("PredefinedMetricType"), (custom.get("Namespace"), custom.get("MetricName"))
    )
    if not policy.own_alarms:
        policy.own_alarms = {
            f"TargetTracking-{group}-Alarm{side}-{uuid.uuid4()}": side
            for side in ("High",) + (() if told["DisableScaleIn"] in (True, "true") else ("Low",))
        }
    for name, side in policy.own_alarms.items():
        alarm = alarms.put_metric_alarm(
            name=name,
            namespace=space,
            metric_name=metric,
            comparison_operator="GreaterThanThreshold" if side == "High" else "LessThanThreshold",
            evaluation_periods=3 if side == "High" else 15,
            period=60,
            threshold=float(told.get("TargetValue") or 0) * (1 if side == "High" else 0.9),
            statistic="Average",
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            dimensions=[{"Name": "AutoScalingGroupName", "Value": group}],
            alarm_actions=[policy.arn],
        )
        alarm.state_value = "INSUFFICIENT_DATA"


@also("autoscaling.policies", patch=[(FakeScalingPolicy, "arn"), (FakeScalingPolicy, "policy_arn")])
def arn(inner: Any, self: Any) -> str:
    return inner(self).replace("c322761b-3172-4d56-9a21-0ed9d6161d67", getattr(self, "number", "0"))


@also("autoscaling.policies", around=("autoscaling", "PutScalingPolicy"))
def answer_put(call: Any, proceed: Any) -> Any:
    proceed()
    scaling = backend(call)
    policy = scaling.policies[call.params["AutoScalingGroupName"], call.params["PolicyName"]]
    return ActionResult({"PolicyARN": policy.arn, "Alarms": _alarms(scaling, policy)})


def _alarms(scaling: Any, policy: Any) -> list[dict[str, str]]:
    from moto.cloudwatch.models import cloudwatch_backends

    known = cloudwatch_backends[scaling.account_id][scaling.region_name].alarms.values()
    return [{"AlarmName": a.name, "AlarmARN": a.alarm_arn} for a in known if policy.arn in (a.alarm_actions or ())]


@also("autoscaling.policies", around=("autoscaling", "DescribePolicies"))
def describe(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for policy in answer.result["ScalingPolicies"]:
        policy.alarms = _alarms(backend(call), policy)
    return answer


@also("autoscaling.policies", around=[("autoscaling", "DeletePolicy"), ("autoscaling", "ExecutePolicy")])
def delete(call: Any, proceed: Any) -> Any:
    scaling, group, named = backend(call), call.params.get("AutoScalingGroupName"), call.params["PolicyName"]
    for policy in list(scaling.policies.values()):
        if policy.arn == named or (policy.name == named and group in (None, policy.auto_scaling_group_name)):
            if call._get_action() == "ExecutePolicy":
                policy.execute()
            else:
                forget_policy(scaling, policy)
            return EmptyResult()
    raise Refusal("ValidationError", f"Unable to find policy {named} for AutoScalingGroup {group}")


@correction(
    "autoscaling.scheduled-actions",
    fact="a scheduled action belongs to its group, whatever another calls its own, and has an ARN; of a group that "
    "does not exist there are none",
    source="aws-semantics 3.23; EC2 Auto Scaling API reference",
    patch=(AutoScalingBackend, "put_scheduled_update_group_action"),
)
def schedule(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    action = inner(self, *args, **kwargs)
    del self.scheduled_actions[action.scheduled_action_name]
    key = (action.auto_scaling_group_name, action.scheduled_action_name)
    before = self.scheduled_actions.get(key)
    action.scheduled_action_arn = (
        before.scheduled_action_arn
        if before
        else f"arn:aws:autoscaling:{self.region_name}:{self.account_id}:scheduledUpdateGroupAction:{uuid.uuid4()}:"
        f"autoScalingGroupName/{key[0]}:scheduledActionName/{key[1]}"
    )
    self.scheduled_actions[key] = action
    return action


@also("autoscaling.scheduled-actions", patch=(AutoScalingBackend, "delete_scheduled_action"))
def unschedule(inner: Any, self: Any, auto_scaling_group_name: str, scheduled_action_name: str) -> None:
    if self.scheduled_actions.pop((auto_scaling_group_name, scheduled_action_name), None) is None:
        raise Refusal("ValidationError", "Scheduled action name not found")


@also("autoscaling.scheduled-actions", patch=(FakeScheduledAction, "__init__"))
def start_time(inner: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    inner(self, *args, **kwargs)
    # The older name of the same thing.
    self.time = self.start_time


@correction(
    "autoscaling.hooks",
    fact="a lifecycle hook has the role, target and metadata it was given, or none",
    source="EC2 Auto Scaling API reference, PutLifecycleHook",
    around=("autoscaling", "PutLifecycleHook"),
)
def hook(call: Any, proceed: Any) -> Any:
    hooks, params = backend(call).lifecycle_hooks, call.params
    key = f"{params['AutoScalingGroupName']}_{params['LifecycleHookName']}"
    before = hooks.get(key)
    # An update keeps what it does not name.
    for name, attribute in (
        ("LifecycleTransition", "lifecycle_transition"),
        ("HeartbeatTimeout", "heartbeat_timeout"),
        ("DefaultResult", "default_result"),
    ):
        if params.get(name) is None and before is not None:
            params[name] = getattr(before, attribute)
    if not params.get("LifecycleTransition"):
        raise Refusal("ValidationError", "1 validation error detected: LifecycleTransition must not be null")
    answer = proceed()
    for name, attribute in _HOOK.items():
        setattr(hooks[key], attribute, params.get(name) or getattr(before, attribute, None))
    return answer


_HOOK = {
    "RoleARN": "role_arn",
    "NotificationTargetARN": "notification_target_arn",
    "NotificationMetadata": "notification_metadata",
}


@also("autoscaling.hooks", patch=(LifecycleHook, "__init__"))
def plain_hook(inner: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    inner(self, *args, **kwargs)
    self.role_arn = self.notification_target_arn = None
