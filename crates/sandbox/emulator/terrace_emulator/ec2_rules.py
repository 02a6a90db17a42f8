"""What a security group's rules and key pairs are told by."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupBackend, SecurityGroupRule

from .corrections import backend, correction

_FACT = (
    "a rule's description tells no rule from another; it is kept for every kind of peer, and an update without one "
    "takes it away"
)
_SOURCE = "aws-semantics 3.7; EC2 API reference, UpdateSecurityGroupRuleDescriptionsIngress"


def _peer(rule: SecurityGroupRule) -> tuple:
    bare = {k: v for k, v in rule.source_group.items() if k not in ("Description", "UserId", "OwnerId")}
    return (rule.ip_range.get("CidrIp"), rule.ip_range.get("CidrIpv6"), tuple(sorted(bare.items())), rule.prefix_list_id)


@correction("ec2.rule-descriptions", fact=_FACT, source=_SOURCE, patch=(SecurityGroupRule, "__eq__"))
def same(inner: Any, rule: SecurityGroupRule, other: SecurityGroupRule) -> bool:
    def ports(of: SecurityGroupRule) -> tuple:
        return () if of.ip_protocol == "-1" else (of.from_port, of.to_port)

    return (rule.ip_protocol, ports(rule), _peer(rule)) == (other.ip_protocol, ports(other), _peer(other))


@correction("ec2.rule-descriptions", fact=_FACT, source=_SOURCE, patch=(SecurityGroupRule, "__init__"))
def init(inner: Any, rule: SecurityGroupRule, *args: Any, **kwargs: Any) -> None:
    inner(rule, *args, **kwargs)
    asked = kwargs.get("prefix_list_id") or next((a for a in args if isinstance(a, dict) and "PrefixListId" in a), {})
    rule.prefix_list_description = asked.get("Description")


@correction("ec2.rule-descriptions", fact=_FACT, source=_SOURCE, patch=(SecurityGroupBackend, "_sg_update_description"))
def update(inner: Any, ec2: Any, wanted: SecurityGroupRule, rule: SecurityGroupRule) -> None:
    rule.prefix_list_description = wanted.prefix_list_description
    for mine, theirs in ((rule.ip_range, wanted.ip_range), (rule.source_group, wanted.source_group)):
        mine.pop("Description", None)
        if theirs.get("Description"):
            mine["Description"] = theirs["Description"]


@correction(
    "ec2.rule-descriptions",
    fact=_FACT,
    source=_SOURCE,
    patch=[(SecurityGroup, "ip_permissions"), (SecurityGroup, "ip_permissions_egress")],
)
def permissions(inner: Any, group: SecurityGroup) -> Any:
    described = {
        rule.prefix_list_id: text
        for rule in [*group.ingress_rules, *group.egress_rules]
        if (text := getattr(rule, "prefix_list_description", None))
    }
    views = inner(group)
    for view in views:
        for entry in view.prefix_list_ids:
            if entry["PrefixListId"] in described:
                entry["Description"] = described[entry["PrefixListId"]]
    return views


@correction(
    "ec2.key-pair-delete-by-id",
    fact="DeleteKeyPair takes a key pair's id as well as its name",
    source="aws-semantics 3.9; EC2 API reference",
    around=("ec2", "DeleteKeyPair"),
)
def delete_key_pair(call: Any, proceed: Any) -> Any:
    asked = call.params.get("KeyPairId")
    for name, pair in backend(call).key_pairs.items():
        if asked and pair.id == asked:
            call.params["KeyName"] = name
            break
    return proceed()
