"""Listeners and rules: which may be beside each other, and how AWS writes out what it was told."""

from __future__ import annotations

import copy
from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.models import ELBv2Backend, FakeAction, FakeListener

from .corrections import Refusal, also, backend, correction


def _plain(value: Any) -> Any:
    """Parameters as ordinary lists and dictionaries."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if hasattr(value, "original_dict"):
        value = value.original_dict()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    return value


def _data(actions: Any) -> list[dict[str, Any]]:
    return [_canonical(_plain(a.data if isinstance(a, FakeAction) else a)) for a in actions or ()]


# What a redirect keeps unless told.
_KEPT = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}


def _canonical(action: dict[str, Any]) -> dict[str, Any]:
    """One action as AWS shows it."""
    action = copy.deepcopy(action)
    if action.get("Type") == "forward":
        single = action.get("TargetGroupArn")
        config = action.setdefault("ForwardConfig", {})
        groups = config.setdefault("TargetGroups", [{"TargetGroupArn": single}] if single else [])
        for group in groups:
            group["Weight"] = int(group.get("Weight", 1))
        config.setdefault("TargetGroupStickinessConfig", {"Enabled": False})
        if len(groups) == 1:
            action["TargetGroupArn"] = groups[0]["TargetGroupArn"]
    elif action.get("Type") == "redirect":
        told = action.get("RedirectConfig") or {}
        action["RedirectConfig"] = {**_KEPT, **told}
    return action


@correction(
    "elbv2.actions-shown",
    fact="a forward to one target group is shown both as TargetGroupArn and in ForwardConfig, with weight 1; a "
    "redirect with every part it keeps",
    source="aws-semantics 3.21; ELBv2 API reference, RedirectActionConfig",
    patch=(FakeAction, "__init__"),
)
def shown(inner: Any, self: Any, data: Any) -> None:
    inner(self, _canonical(_plain(data)))


@correction(
    "elbv2.conditions-shown",
    fact="a host or path condition is shown with its values both in Values and in its config, and may have several",
    source="ELBv2 API reference, RuleCondition",
    around=[("elbv2", "CreateRule"), ("elbv2", "ModifyRule")],
)
def conditions(call: Any, proceed: Any) -> Any:
    asked = _plain(call.params.get("Conditions") or [])
    for condition in asked:
        config = _CONFIGS.get(condition.get("Field"))
        if config and condition.get("Values") and not condition.get(config):
            condition[config] = {"Values": condition.pop("Values")}
    if asked:
        call.params["Conditions"] = asked
    return proceed()


_CONFIGS = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}


@also("elbv2.conditions-shown", around=("elbv2", "*Rule*"))
def both_ways(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for rule in getattr(answer, "result", None) and answer.result.get("Rules") or ():
        for condition in rule.conditions:
            config = _CONFIGS.get(condition.get("Field"))
            if config and condition.get(config):
                condition["Values"] = list(condition[config]["Values"])
    return answer


@correction(
    "elbv2.listener-port",
    fact="a balancer has one listener a port: an equal one is answered again, another is DuplicateListener",
    source="aws-semantics 3.21",
    around=[("elbv2", "CreateListener"), ("elbv2", "ModifyListener")],
)
def one_a_port(call: Any, proceed: Any) -> Any:
    elb, port = backend(call), call.params.get("Port")
    arn = call.params.get("ListenerArn")
    balancer = next(
        (b for b in elb.load_balancers.values() if b.arn == call.params.get("LoadBalancerArn") or arn in b.listeners),
        None,
    )
    for other in balancer.listeners.values() if balancer and port is not None else ():
        if str(other.port) == str(port) and other.arn != arn:
            certificates = [c["CertificateArn"] for c in call.params.get("Certificates") or ()]
            same = (
                arn is None
                and other.protocol == call.params.get("Protocol")
                and certificates == other.certificates[:1]
                and _data(call.params.get("DefaultActions")) == _data(other.default_actions)
            )
            if same:
                return ActionResult({"Listeners": [other]})
            raise Refusal("DuplicateListener", "A listener already exists on this port for this load balancer")
    return proceed()


@correction(
    "elbv2.listener-certificate",
    fact="an HTTPS or TLS listener has a certificate, one that is issued: otherwise UnsupportedCertificate",
    source="aws-semantics 3.21",
    around=[("elbv2", a) for a in ("CreateListener", "ModifyListener", "AddListenerCertificates")],
)
def certificate(call: Any, proceed: Any) -> Any:
    from moto.acm.models import acm_backends

    acm = acm_backends[call.current_account][call.region]._certificates
    asked = [c["CertificateArn"] for c in call.params.get("Certificates") or ()]
    protocol = call.params.get("Protocol")
    if call._get_action() == "CreateListener" and protocol in ("HTTPS", "TLS") and not asked:
        raise Refusal("ValidationError", f"A certificate must be specified for {protocol} listeners")
    for arn in asked:
        found = acm.get(arn)
        if ":acm:" in arn and found is None:
            raise Refusal("CertificateNotFound", f"Certificate '{arn}' not found")
        if found is not None and found.status != "ISSUED":
            raise Refusal(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a "
                "supported key size.",
            )
    return proceed()


@correction(
    "elbv2.listener-target",
    fact="a listener forwards only to target groups that exist, at its change too: TargetGroupNotFound",
    source="ELBv2 API reference, ModifyListener",
    around=("elbv2", "ModifyListener"),
)
def target(call: Any, proceed: Any) -> Any:
    known = backend(call).target_groups
    for action in _data(call.params.get("DefaultActions")):
        for group in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
            if group["TargetGroupArn"] not in known:
                raise Refusal("TargetGroupNotFound", f"Target groups '{group['TargetGroupArn']}' not found")
    return proceed()


@correction(
    "elbv2.listener-policy",
    fact="only an HTTPS or TLS listener has a security policy and certificates; both go with a change to plain HTTP",
    source="aws-semantics 3.21; moto 5",
    patch=(FakeListener, "__init__"),
)
def policy(inner: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    inner(self, *args, **kwargs)
    _plain_listener(self)


def _plain_listener(listener: Any) -> None:
    if listener.protocol not in ("HTTPS", "TLS"):
        listener.ssl_policy, listener.certificate, listener.certificates = None, None, []


@also("elbv2.listener-policy", patch=(ELBv2Backend, "modify_listener"))
def modify(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    listener = inner(self, *args, **kwargs)
    _plain_listener(listener)
    if listener.protocol in ("HTTPS", "TLS"):
        listener.ssl_policy = listener.ssl_policy or "ELBSecurityPolicy-2016-08"
    return listener


@correction(
    "elbv2.rule-priorities",
    fact="SetRulePriorities moves several rules at once, also onto each other's places; rules are shown in their order",
    source="aws-semantics 3.21",
    patch=(ELBv2Backend, "set_rule_priorities"),
)
def priorities(inner: Any, self: Any, rule_priorities: Any) -> Any:
    wanted = {p["RuleArn"]: int(p["Priority"]) for p in rule_priorities}
    rules = self.describe_rules(listener_arn=None, rule_arns=list(wanted))
    if len(set(wanted.values())) < len(wanted):
        return inner(self, rule_priorities)
    for rule in rules:
        if rule.is_default:
            raise Refusal("OperationNotPermitted", "Default rule priority cannot be modified")
        for other in self.describe_rules(listener_arn=rule.listener_arn, rule_arns=None):
            if other.arn not in wanted and str(other.priority) == str(wanted[rule.arn]):
                raise Refusal("PriorityInUse", f"Priority '{other.priority}' is currently in use")
    for rule in rules:
        rule.priority = wanted[rule.arn]
    return rules


@also("elbv2.rule-priorities", patch=(ELBv2Backend, "describe_rules"))
def in_order(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    return sorted(inner(self, *args, **kwargs), key=lambda r: (r.is_default, 0 if r.is_default else int(r.priority)))


@correction(
    "elbv2.rule-delete",
    fact="DeleteRule of an unknown rule is RuleNotFound; the default rule cannot be deleted",
    source="ELBv2 API reference, DeleteRule",
    patch=(ELBv2Backend, "delete_rule"),
)
def delete_rule(inner: Any, self: Any, arn: str) -> None:
    rules = self.describe_rules(listener_arn=None, rule_arns=[arn])
    if any(rule.is_default for rule in rules):
        raise Refusal("OperationNotPermitted", "Default rule cannot be deleted")
    inner(self, arn)
