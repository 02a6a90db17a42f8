"""Instance refresh: replacing the members of a group a few at a time, each step taking a pace.

A step goes on only when every new member is in service and healthy, and never takes the group below the minimum. When
new members stay unhealthy, or cannot be launched, for `PATIENCE` steps, the refresh fails, or rolls back if asked to.
"""

from __future__ import annotations

import math
import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from . import clock, elbv2_targets
from .autoscaling import find
from .autoscaling_members import converge, launch, living, page, resolved, retire, types
from .corrections import Refusal, also, backend, correction

PATIENCE = 6
ACTIVE = ("Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress")


class Refresh:
    """One refresh of one group. Attributes in capitals are what AWS shows of it."""

    def __init__(self, group: Any, strategy: str, preferences: dict[str, Any], target: Any, desired: Any) -> None:
        self.group, self.target, self.desired = group, target, desired
        self.mixed = desired.get("MixedInstancesPolicy") if desired else group.mixed_instances_policy
        self.before = resolved(group), group.mixed_instances_policy
        self.stalled, self.back, self.turn = 0, False, 0
        # Whether members that match are replaced too; those made from now on are not.
        self.old = {m.instance_id for m in living(group)}
        self.preferences = preferences
        self.shown = {
            "InstanceRefreshId": str(uuid.uuid4()),
            "AutoScalingGroupName": group.name,
            "Status": "Pending",
            "StartTime": utcnow(),
            "PercentageComplete": 0,
            "Strategy": strategy,
            "Preferences": preferences,
            "DesiredConfiguration": desired,
        }
        self.shown["InstancesToUpdate"] = self.total = len(self.outdated())

    @property
    def status(self) -> str:
        return self.shown["Status"]

    def end(self, status: str, reason: str | None = None) -> None:
        self.shown.update(Status=status, EndTime=utcnow())
        if reason:
            self.shown["StatusReason"] = reason
        # What is too many now goes, the unhealthy first.
        cause = "an instance was taken out of service because a refresh ended."
        extra = max(0, len(living(self.group)) - (self.group.desired_capacity or 0))
        retire(self.group, [m for m in living(self.group) if not self.healthy(m)][:extra], cause)
        converge(self.group, cause)

    def go_on(self) -> None:
        """Another step after a pace, and only one."""
        self.turn += 1
        clock.after(1, lambda turn=self.turn: self.turn == turn and self.step())

    def outdated(self) -> list[Any]:
        """Members that must go."""
        found = []
        for member in living(self.group):
            if self.preferences["SkipMatching"] or self.back:
                if self.fits(member):
                    continue
            elif member.instance_id not in self.old:
                continue
            if member.protected_from_scale_in and self.preferences["ScaleInProtectedInstances"] == "Ignore":
                continue
            found.append(member)
        return found

    def fits(self, member: Any) -> bool:
        """Whether a member is started from what all are to be started from."""
        known = types(self.group, self.target, self.mixed)
        return member.launch_template == self.target and member.instance.instance_type in known

    def healthy(self, member: Any) -> bool:
        if member.lifecycle_state != "InService" or member.instance.state != "running":
            return False
        if self.group.health_check_type != "ELB":
            return True
        elb = self.group.autoscaling_backend.elbv2_backend
        for arn in self.group.target_group_arns:
            target_group = elb.target_groups.get(arn)
            target = target_group.targets.get(member.instance_id) if target_group else None
            if target is None or elbv2_targets.health(elb, target_group, target).status not in ("healthy", "unused"):
                return False
        return True

    def step(self) -> None:
        """What one pace brings."""
        if self.status == "Pending":
            self.shown["Status"] = "InProgress"
        if self.status not in ("InProgress", "RollbackInProgress") or getattr(self.group, "status", None):
            return
        group, wanted = self.group, self.group.desired_capacity or 0
        old = self.outdated()
        new = [m for m in living(group) if m not in old]
        waiting = [m for m in new if not self.healthy(m)]
        left = max(0, self.total - sum(self.matching(m) for m in living(group)))
        self.shown["InstancesToUpdate"] = max(left, len(old))
        if self.total:
            done = 100 * (self.total - self.shown["InstancesToUpdate"]) // self.total
            self.shown["PercentageComplete"] = max(0, done - (done == 100))
        if not old and not waiting and len(new) >= wanted:
            return self.succeed()
        moved = not waiting and self.move(old, new, wanted)
        coming = any(m.lifecycle_state == "Pending" for m in waiting)
        self.stalled = 0 if moved or coming else self.stalled + 1
        if self.stalled >= PATIENCE:
            return self.fail()
        return self.go_on()

    def matching(self, member: Any) -> bool:
        return self.fits(member) and (
            self.preferences["SkipMatching"] or self.back or member.instance_id not in self.old
        )

    def move(self, old: list[Any], new: list[Any], wanted: int) -> bool:
        """Launch and retire as many as the limits allow; whether anything was done."""
        lowest, highest = self.preferences["MinHealthyPercentage"], self.preferences["MaxHealthyPercentage"]
        floor = math.ceil(wanted * lowest / 100)
        most = max(math.floor(wanted * highest / 100), wanted)
        if highest > 100:
            most = max(most, wanted + 1)
        else:
            # Without room above the desired capacity one goes before another comes.
            floor = min(floor, max(0, wanted - 1))
        cause = "an instance was replaced as part of an instance refresh."
        room = min(wanted - len(new), most - len(old) - len(new))
        moved = False
        for _ in range(max(0, room)):
            if not launch(self.group, cause, self.target, self.mixed):
                return moved
            moved = True
        sound = sum(map(self.healthy, [*old, *new]))
        going = []
        for member in sorted(old, key=self.healthy):
            if member.protected_from_scale_in and self.preferences["ScaleInProtectedInstances"] == "Wait":
                continue
            well = self.healthy(member)
            if not well or sound - 1 >= floor:
                going.append(member)
                sound -= well
        retire(self.group, going, cause)
        return moved or bool(going)

    def succeed(self) -> None:
        self.shown.update(PercentageComplete=100, InstancesToUpdate=0)
        if self.back:
            return self.end("RollbackSuccessful", self.shown.get("StatusReason"))
        if self.preferences.get("BakeTime") and self.status == "InProgress":
            self.shown["Status"] = "Baking"
            clock.after(1, self.adopt)
            return None
        return self.adopt()

    def adopt(self) -> None:
        if self.status in ("InProgress", "Baking"):
            if self.desired:
                template = self.group.ec2_backend.launch_templates[self.target["LaunchTemplateId"]]
                told = _template(self.desired).get("Version") or self.target["Version"]
                self.group.ec2_launch_template = template
                self.group.launch_template_version = self.group.provided_launch_template_version = told
                self.group.mixed_instances_policy = self.mixed
            self.end("Successful")

    def fail(self) -> None:
        reason = "Instances failed to become healthy in time."
        if self.back:
            return self.end("RollbackFailed", reason)
        if self.preferences["AutoRollback"]:
            return self.roll_back(reason)
        return self.end("Failed", reason)

    def roll_back(self, reason: str) -> None:
        self.shown.update(
            Status="RollbackInProgress",
            StatusReason=reason,
            RollbackDetails={
                "RollbackReason": reason,
                "RollbackStartTime": utcnow(),
                "PercentageCompleteOnRollback": self.shown["PercentageComplete"],
                "InstancesToUpdateOnRollback": self.shown["InstancesToUpdate"],
            },
        )
        (self.target, self.mixed), self.back, self.stalled = self.before, True, 0
        self.shown["PercentageComplete"] = 0
        self.shown["InstancesToUpdate"] = self.total = len(self.outdated())
        self.go_on()


def _template(desired: dict[str, Any]) -> dict[str, Any]:
    """The template of a desired configuration, which has it at one of two places."""
    mixed = (desired.get("MixedInstancesPolicy") or {}).get("LaunchTemplate") or {}
    return desired.get("LaunchTemplate") or mixed.get("LaunchTemplateSpecification") or {}


def _all(call: Any) -> list[Refresh]:
    return backend(call).__dict__.setdefault("refreshes", [])


def _active(call: Any) -> Refresh | None:
    group = find(call)
    return next((r for r in _all(call) if r.group is group and r.status in ACTIVE), None)


@correction(
    "autoscaling.refresh-rollback",
    fact="a refresh can roll back, by itself (AutoRollback) or when asked to (RollbackInstanceRefresh), only if it was "
    "started with a desired configuration and the group names a version by number",
    source="EC2 Auto Scaling API reference, RefreshPreferences, RollbackInstanceRefresh",
    unverified=True,
    around=("autoscaling", "StartInstanceRefresh"),
)
def rollback_possible(call: Any, proceed: Any) -> Any:
    group, told = find(call), call.params.get("Preferences") or {}
    fixed = str(getattr(group, "launch_template_version", "")).isdigit()
    if str(told.get("AutoRollback")).lower() == "true" and not (call.params.get("DesiredConfiguration") and fixed):
        raise Refusal(
            "ValidationError",
            "AutoRollback needs a desired configuration and a launch template version that is not $Latest or $Default.",
        )
    return proceed()


_BOUNDS = {"MinHealthyPercentage": 90, "MaxHealthyPercentage": 100}


@correction(
    "autoscaling.refresh",
    fact="StartInstanceRefresh replaces members a few at a time, within the healthy percentages and only while new "
    "ones are healthy; one runs at a time (InstanceRefreshInProgress); it can be described and cancelled",
    source="aws-semantics 3.22; EC2 Auto Scaling API reference",
    around=("autoscaling", "StartInstanceRefresh"),
)
def start(call: Any, proceed: Any) -> Any:
    group = find(call)
    if getattr(group, "status", None):
        raise Refusal("ValidationError", "AutoScalingGroup is pending delete.")
    if _active(call):
        raise Refusal(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
        )
    told = dict(call.params.get("Preferences") or {})
    policy = getattr(group, "instance_maintenance_policy", None) or {}
    preferences = {**told}
    for name, usual in _BOUNDS.items():
        given = [known.get(name) for known in (told, policy) if known.get(name) is not None]
        preferences[name] = int(given[0]) if given else usual
    preferences["ScaleInProtectedInstances"] = told.get("ScaleInProtectedInstances") or "Wait"
    for name in ("SkipMatching", "AutoRollback"):
        preferences[name] = str(told.get(name)).lower() == "true"
    if told.get("MaxHealthyPercentage") is not None and told.get("MinHealthyPercentage") is None:
        raise Refusal("ValidationError", "MaxHealthyPercentage needs MinHealthyPercentage beside it")
    if not 100 <= preferences["MaxHealthyPercentage"] <= 200:
        raise Refusal("ValidationError", "MaxHealthyPercentage must be between 100 and 200")
    if preferences["MaxHealthyPercentage"] - preferences["MinHealthyPercentage"] > 100:
        raise Refusal("ValidationError", "The difference of the healthy percentages must not be above 100")
    desired = call.params.get("DesiredConfiguration") or None
    target = resolved(group)
    if desired:
        target = _named(call, _template(desired))
    refresh = Refresh(group, call.params.get("Strategy") or "Rolling", preferences, target, desired)
    _all(call).insert(0, refresh)
    refresh.go_on()
    return ActionResult({"InstanceRefreshId": refresh.shown["InstanceRefreshId"]})


def _named(call: Any, asked: Any) -> dict[str, str]:
    ec2 = backend(call).ec2_backend
    number = asked.get("LaunchTemplateId") or ec2.launch_template_name_to_ids.get(asked.get("LaunchTemplateName"))
    template = ec2.launch_templates.get(number)
    if template is None:
        raise Refusal("ValidationError", "The specified launch template does not exist.")
    version = template.get_version(asked.get("Version") or "$Default").number
    return {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "Version": str(version)}


@also("autoscaling.refresh", around=("autoscaling", "DescribeInstanceRefreshes"))
def describe(call: Any, proceed: Any) -> Any:
    group, wanted = find(call), set(call.params.get("InstanceRefreshIds") or ())
    rows = [r.shown for r in _all(call) if r.group is group]
    return page(call, "InstanceRefreshes", [r for r in rows if not wanted or r["InstanceRefreshId"] in wanted], 50)


@also("autoscaling.refresh", around=("autoscaling", "CancelInstanceRefresh"))
def cancel(call: Any, proceed: Any) -> Any:
    refresh = _active(call)
    if refresh is None or refresh.status == "Cancelling":
        raise Refusal(
            "ActiveInstanceRefreshNotFound",
            "No in progress or pending Instance Refresh found for Auto Scaling group "
            f"{call.params['AutoScalingGroupName']}",
        )
    refresh.shown["Status"] = "Cancelling"
    clock.after(1, lambda: refresh.end("Cancelled", "Cancelled due to user request."))
    return ActionResult({"InstanceRefreshId": refresh.shown["InstanceRefreshId"]})


@also("autoscaling.refresh-rollback", around=("autoscaling", "RollbackInstanceRefresh"))
def roll_back(call: Any, proceed: Any) -> Any:
    refresh = _active(call)
    if refresh is None or refresh.status not in ("Pending", "InProgress", "Baking"):
        raise Refusal("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found")
    if not refresh.desired:
        raise Refusal("IrreversibleInstanceRefresh", "The instance refresh has no desired configuration.")
    refresh.roll_back("Rollback due to user request.")
    return ActionResult({"InstanceRefreshId": refresh.shown["InstanceRefreshId"]})
