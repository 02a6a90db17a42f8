"""Target groups and the health of their targets.

A target in use is `initial` for a pace, then healthy, unless it is sick: an instance is sick if its user data says
`terrace-sandbox-unhealthy` anywhere, or its tag `terrace-sandbox-health` is `unhealthy`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup

from . import clock
from .corrections import Refusal, also, backend, correction

MARKER = b"terrace-sandbox-unhealthy"
TAG = "terrace-sandbox-health"


def users(elb: Any, arn: str) -> Iterator[Any]:
    """The balancers that send something to this target group."""
    for balancer in elb.load_balancers.values():
        rules = [rule for listener in balancer.listeners.values() for rule in listener.rules.values()]
        if any(arn in elb._get_target_group_arns_from(a.data) for r in rules for a in r.actions):
            yield balancer


def sick(instance: Any) -> bool:
    """Has a test asked for this instance to fail its health checks?"""
    try:
        script = base64.b64decode(str(instance.user_data or ""))
    except ValueError:
        script = str(instance.user_data).encode()
    tags = {t["key"]: t["value"] for t in instance.get_tags()}
    return MARKER in script or tags.get(TAG) == "unhealthy"


_HEALTH = {
    "HealthCheckProtocol": "health_check_protocol",
    "HealthCheckPort": "health_check_port",
    "HealthCheckPath": "health_check_path",
    "HealthCheckIntervalSeconds": "health_check_interval_seconds",
    "HealthCheckTimeoutSeconds": "health_check_timeout_seconds",
    "HealthyThresholdCount": "healthy_threshold_count",
    "UnhealthyThresholdCount": "unhealthy_threshold_count",
    "HealthCheckEnabled": "health_check_enabled",
}


@correction(
    "elbv2.target-group-name",
    fact="the name of a target group is unique: creating it again with equal settings answers the first, with others "
    "DuplicateTargetGroupName",
    source="aws-semantics 3.20",
    around=("elbv2", "CreateTargetGroup"),
)
def same_name(call: Any, proceed: Any) -> Any:
    found = next((g for g in backend(call).target_groups.values() if g.name == call.params["Name"]), None)
    if found is None:
        return proceed()
    now = {
        "Protocol": found.protocol,
        "Port": found.port,
        "VpcId": found.vpc_id,
        "ProtocolVersion": found.protocol_version,
        "TargetType": found.target_type,
        "IpAddressType": found.ip_address_type,
        **{name: getattr(found, attribute) for name, attribute in _HEALTH.items()},
    }
    asked = {name: call.params.get(name) for name in now}
    matcher = (call.params.get("Matcher") or {}).get("HttpCode")
    same = all(value is None or str(value).lower() == str(now[name]).lower() for name, value in asked.items())
    if same and (matcher is None or matcher == (found.matcher or {}).get("HttpCode")):
        return ActionResult({"TargetGroups": [found]})
    raise Refusal(
        "DuplicateTargetGroupName",
        f"A target group with the same name '{found.name}' exists, but with different settings",
    )


@correction(
    "elbv2.health-check-timeout",
    fact="the timeout of a health check is shorter than its interval, after a change too",
    source="ELBv2 API reference, CreateTargetGroup, ModifyTargetGroup",
    around=("elbv2", "ModifyTargetGroup"),
)
def timeout(call: Any, proceed: Any) -> Any:
    group = backend(call).target_groups.get(call.params["TargetGroupArn"])
    if group is not None:
        names = ("HealthCheckTimeoutSeconds", "HealthCheckIntervalSeconds")
        now = [call.params.get(name) or getattr(group, _HEALTH[name]) for name in names]
        if all(now) and int(now[0]) >= int(now[1]):
            raise Refusal(
                "ValidationError", f"Health check timeout '{now[0]}' must be smaller than the interval '{now[1]}'"
            )
    return proceed()


@correction(
    "elbv2.target-group-balancers",
    fact="a target group names each balancer that uses it, once, and only while it does",
    source="moto 5",
    patch=(ELBv2Backend, "describe_target_groups"),
)
def balancers(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    for group in self.target_groups.values():
        group.load_balancer_arns = [balancer.arn for balancer in users(self, group.arn)]
    return inner(self, *args, **kwargs)


@correction(
    "elbv2.target-group-one-balancer",
    fact="a target group is used by one balancer only: TargetGroupAssociationLimit",
    source="ELB quotas, load balancers per target group",
    unverified=True,
    around=[("elbv2", a) for a in ("CreateListener", "ModifyListener", "CreateRule", "ModifyRule")],
)
def one_balancer(call: Any, proceed: Any) -> Any:
    elb = backend(call)
    arn = call.params.get("LoadBalancerArn") or call.params.get("ListenerArn") or call.params.get("RuleArn") or ""
    # The ARNs of a listener and of a rule go on from that of their balancer.
    own = "/".join(re.sub(":listener(-rule)?/", ":loadbalancer/", arn).split("/")[:4])
    for action in [*(call.params.get("DefaultActions") or ()), *(call.params.get("Actions") or ())]:
        weighted = (action.get("ForwardConfig") or {}).get("TargetGroups") or ()
        for group in [action.get("TargetGroupArn"), *(g["TargetGroupArn"] for g in weighted)]:
            if group and any(b.arn != own for b in users(elb, group)):
                raise Refusal(
                    "TargetGroupAssociationLimit",
                    f"The following target groups cannot be associated with more than one load balancer: {group}",
                )
    return proceed()


@correction(
    "elbv2.target-network",
    fact="an instance is registered only with target groups of its own VPC: InvalidTarget",
    source="ELBv2 API reference, RegisterTargets",
    around=("elbv2", "RegisterTargets"),
)
def same_network(call: Any, proceed: Any) -> Any:
    elb = backend(call)
    group = elb.target_groups.get(call.params["TargetGroupArn"])
    for target in (call.params.get("Targets") or ()) if group and group.target_type == "instance" else ():
        instance = elb.ec2_backend.get_instance_by_id(target["Id"])
        if instance is None:
            raise Refusal("InvalidTarget", f"The following targets are invalid: '{target['Id']}'")
        if instance.vpc_id != group.vpc_id:
            raise Refusal(
                "InvalidTarget",
                f"The following targets are not in the target group VPC '{group.vpc_id}': '{instance.id}'",
            )
    return proceed()


_ATTRIBUTES = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "stickiness.enabled": "false",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
_WEB = {
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
}
_PLAIN = {
    "deregistration_delay.connection_termination.enabled": "false",
    "preserve_client_ip.enabled": "true",
    "proxy_protocol_v2.enabled": "false",
    "stickiness.type": "source_ip",
    "target_health_state.unhealthy.connection_termination.enabled": "true",
    "target_health_state.unhealthy.draining_interval_seconds": "0",
}


@correction(
    "elbv2.target-group-attributes",
    fact="every attribute of a target group has a value from the start, and changing one answers all",
    source="aws-semantics 3.20; ELBv2 API reference, TargetGroupAttribute",
    patch=(FakeTargetGroup, "__init__"),
)
def attributes(inner: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    inner(self, *args, **kwargs)
    if self.target_type != "lambda":
        self.attributes = {**_ATTRIBUTES, **(_WEB if self.protocol in ("HTTP", "HTTPS") else _PLAIN)}


@also("elbv2.target-group-attributes", around=("elbv2", "ModifyTargetGroupAttributes"))
def modified_attributes(call: Any, proceed: Any) -> Any:
    proceed()
    group = backend(call).target_groups[call.params["TargetGroupArn"]]
    return ActionResult({"Attributes": {k: str(v) for k, v in group.attributes.items()}})


def _status(group: Any, target: Any, state: str, reason: str | None = None, words: str | None = None) -> Any:
    port = target.get("Port", group.port)
    return FakeHealthStatus(target["Id"], port, group.health_check_port, state, reason, words)


def examine(elb: Any, group: Any) -> None:
    """Begin the health checks of targets that have become subject to them."""
    used = any(users(elb, group.arn))
    for target in group.targets.values():
        if not used:
            target.pop("checked", None)
        elif "checked" not in target:
            target["checked"] = False
            clock.after(1, lambda target=target: target.__contains__("checked") and target.update(checked=True))


def health(elb: Any, group: Any, target: Any) -> Any:
    """The state of one registered target."""
    instance = elb.ec2_backend.get_instance_by_id(target["Id"]) if target["Id"].startswith("i-") else None
    using = list(users(elb, group.arn))
    if not using:
        words = "Target group is not configured to receive traffic from the load balancer"
        return _status(group, target, "unused", "Target.NotInUse", words)
    if instance is not None and instance.state in ("stopping", "stopped", "shutting-down", "terminated"):
        words = f"Target is in the {instance.state} state"
        return _status(group, target, "unused", "Target.InvalidState", words)
    zones = {s.availability_zone for b in using for s in b.subnets}
    if instance is not None and instance.availability_zone not in zones:
        words = "Target is in an Availability Zone that is not enabled for the load balancer"
        return _status(group, target, "unused", "Target.NotInUse", words)
    if not target.get("checked") or (instance is not None and instance.state == "pending"):
        return _status(group, target, "initial", "Elb.RegistrationInProgress", "Target registration is in progress")
    if instance is not None and sick(instance):
        words = "Health checks failed with these codes: [503]"
        return _status(group, target, "unhealthy", "Target.ResponseCodeMismatch", words)
    return _status(group, target, "healthy")


@correction(
    "elbv2.target-health",
    fact="a target is unused without a listener, initial before it is healthy, draining for a while after it was "
    "deregistered, and unused once its instance has stopped",
    source="aws-semantics 3.20",
    around=("elbv2", "DescribeTargetHealth"),
)
def describe_health(call: Any, proceed: Any) -> Any:
    elb = backend(call)
    group = elb.target_groups.get(call.params["TargetGroupArn"])
    if group is None:
        return proceed()
    examine(elb, group)
    draining = group.__dict__.get("draining", {})
    asked = call.params.get("Targets") or [*group.targets.values(), *draining.values()]
    rows = []
    for target in asked:
        if target["Id"] in group.targets:
            rows.append(health(elb, group, group.targets[target["Id"]]))
        elif target["Id"] in draining:
            words = "Target deregistration is in progress"
            rows.append(_status(group, target, "draining", "Target.DeregistrationInProgress", words))
        else:
            words = "Target is not registered to the target group"
            rows.append(_status(group, target, "unused", "Target.NotRegistered", words))
    return ActionResult({"TargetHealthDescriptions": rows})


@also("elbv2.target-health", around=[("elbv2", a) for a in ("*Listener", "*Rule", "RegisterTargets")])
def begin_checks(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for group in backend(call).target_groups.values():
        examine(backend(call), group)
    return answer


@also("elbv2.target-health", patch=(FakeTargetGroup, "register"))
def register(inner: Any, self: Any, targets: Any) -> None:
    before = dict(self.targets)
    inner(self, targets)
    for target in targets:
        # What is registered again keeps its health.
        if target["Id"] in before:
            before[target["Id"]].update(self.targets[target["Id"]])
            self.targets[target["Id"]] = before[target["Id"]]
        self.__dict__.get("draining", {}).pop(target["Id"], None)


@also("elbv2.target-health", patch=(FakeTargetGroup, "deregister"))
def deregister(inner: Any, self: Any, targets: Any) -> None:
    known = [t for t in targets if t["Id"] in self.targets]
    going = {t["Id"]: self.targets[t["Id"]] for t in known}
    # AWS answers for a target that is not there as if it had been.
    inner(self, known)
    _drain(self, going)


@also("elbv2.target-health", patch=(FakeTargetGroup, "deregister_terminated_instances"))
def terminated(inner: Any, self: Any, instance_ids: Any) -> None:
    going = {name: t for name, t in self.targets.items() if name in instance_ids}
    inner(self, instance_ids)
    _drain(self, going)


def _drain(group: Any, going: dict[str, Any]) -> None:
    """Draining for a pace; at once if nobody has sent it anything."""
    draining = group.__dict__.setdefault("draining", {})
    for name, target in going.items():
        if "checked" in target:
            draining[name] = target
            clock.after(1, lambda name=name: draining.pop(name, None))
