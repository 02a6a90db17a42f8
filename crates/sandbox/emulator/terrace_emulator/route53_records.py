"""What a single record must be like, and what records of one name must be like together."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from .corrections import Refusal, backend, correction, enabled
from .route53 import checks, escaped, normal

_CLOUDFRONT = "Z2FDTNDATAQYW2"
_ROUTING = {
    "weight": "Weight",
    "region": "Region",
    "failover": "Failover",
    "geo_location": "GeoLocation",
    "multi_value_answer": "MultiValueAnswer",
}

correction(
    "route53.record-checked",
    fact="a routed record has exactly one policy and a SetIdentifier, a record a TTL and values or an alias without, "
    "and its values are what its type says",
    source="Route 53 API reference, ResourceRecordSet",
)
correction(
    "route53.record-health-check",
    fact="a record names only a health check that exists: NoSuchHealthCheck",
    source="Route 53 API reference, ChangeResourceRecordSets",
)
correction(
    "route53.routed-together",
    fact="of one name and type there is one record a region and one PRIMARY and SECONDARY, and all weighted ones share "
    "their TTL",
    source="aws-semantics 3.28 d; Route 53 API reference, ResourceRecordSet",
)
correction(
    "route53.alias-target",
    fact="an alias to a record of its own zone needs that record, one to CloudFront its zone Z2FDTNDATAQYW2 and no "
    "EvaluateTargetHealth",
    source="aws-semantics 3.28 h; Route 53 API reference, AliasTarget",
)
correction(
    "route53.alias-balancer",
    fact="an alias leads only to a load balancer that exists, in the zone that the balancer says is its own",
    source="aws-semantics 3.28 h; Route 53 developer guide, values for alias records",
)


def _where(record: Any) -> str:
    identifier = record.set_identifier or "null"
    return f"in Change with [Name={record.name}, Type={record.type}, SetIdentifier={identifier}]"


def _check(call: Any, zone: Any, given: list[Any], records: list[Any]) -> list[str]:
    wrong: list[str] = []
    for record in given:
        if enabled("route53.record-checked"):
            _shape(record)
            wrong += _values(record)
        if enabled("route53.record-health-check") and record.health_check_id:
            if record.health_check_id not in backend(call).health_checks:
                raise Refusal("NoSuchHealthCheck", f"A health check with id {record.health_check_id} does not exist.")
        if enabled("route53.alias-target"):
            wrong += _alias(zone, record, records)
        if enabled("route53.alias-balancer"):
            wrong += _balancer(record)
    if enabled("route53.routed-together"):
        wrong += _together(given, records)
    return wrong


checks.append(_check)


def _shape(record: Any) -> None:
    policies = [wire for name, wire in _ROUTING.items() if getattr(record, name) is not None]
    every = ", ".join(_ROUTING.values())
    if policies and not record.set_identifier:
        raise Refusal("InvalidInput", f"Invalid request: Missing field 'SetIdentifier' {_where(record)}")
    if len(policies) > 1 or (record.set_identifier and not policies):
        count = "more than one" if policies else "none"
        raise Refusal(
            "InvalidInput", f"Invalid request: Expected exactly one of [{every}], but found {count} {_where(record)}"
        )
    plain = record.ttl is not None and bool(record.records)
    partly = record.ttl is not None or bool(record.records)
    if (record.alias_target and partly) or (not record.alias_target and not plain):
        count = "more than one" if record.alias_target else "none"
        raise Refusal(
            "InvalidInput",
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            f"TrafficPolicyInstanceId], but found {count} {_where(record)}",
        )


def _values(record: Any) -> Iterator[str]:
    for value in record.records:
        problem = _problem(record.type, value)
        if problem:
            yield f"Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''"
    if record.weight is not None and not 0 <= int(record.weight) <= 255:
        yield f"Invalid weight {record.weight}"


def _problem(kind: str, value: str) -> str | None:
    try:
        if kind == "A":
            ipaddress.IPv4Address(value)
        elif kind == "AAAA":
            ipaddress.IPv6Address(value)
    except ValueError:
        version = {"A": 4, "AAAA": 6}[kind]
        return f"{kind}RRDATAIllegalIPv{version}Address (Value is not a valid IPv{version} address)"
    if kind in ("TXT", "SPF") and not (len(value) > 1 and value[0] == value[-1] == '"'):
        return "InvalidCharacterString (Value should be enclosed in quotation marks)"
    return None


def _alias(zone: Any, record: Any, records: list[Any]) -> Iterator[str]:
    target = record.alias_target
    if not target:
        return
    name, place = normal(target["DNSName"]), target["HostedZoneId"].split("/")[-1]
    said = f"Tried to create an alias that targets {escaped(name)}, type {record.type} in zone {place}"
    evaluated = str(target.get("EvaluateTargetHealth", "")).lower() == "true"
    if place == zone.id.split("/")[-1]:
        if not any(normal(r.name) == name and r.type == record.type for r in records):
            yield f"{said}, but that target was not found"
    elif (place == _CLOUDFRONT) != name.endswith(".cloudfront.net."):
        yield f"{said}, but the alias target name does not lie within the target zone"
    if place == _CLOUDFRONT and evaluated:
        yield f"EvaluateTargetHealth cannot be set to true for an alias that targets {escaped(name)}"


def _balancer(record: Any) -> Iterator[str]:
    target = record.alias_target or {}
    name, place = normal(target.get("DNSName", "")), target.get("HostedZoneId")
    if not re.search(r"\.elb\.([a-z0-9-]+\.)?amazonaws\.com\.$", name):
        return
    said = f"Tried to create an alias that targets {escaped(name)}, type {record.type} in zone {place}"
    found = next((b for b in _balancers() if normal(b.dns_name) == name.removeprefix("dualstack.")), None)
    if found is None:
        yield f"{said}, but that target was not found"
    elif place != found.canonical_hosted_zone_id:
        yield f"{said}, but the alias target name does not lie within the target zone"


def _balancers() -> Iterator[Any]:
    """The load balancers of all accounts, wherever there are any."""
    from moto.elbv2.models import elbv2_backends

    for account in list(elbv2_backends.values()):
        for region in list(dict.values(account)):
            yield from region.load_balancers.values()


def _together(given: list[Any], records: list[Any]) -> Iterator[str]:
    for name, kind in dict.fromkeys((r.name, r.type) for r in given):
        group = [r for r in records if normal(r.name) == name and r.type == kind]
        for policy in ("region", "failover"):
            values = [getattr(r, policy) for r in group if getattr(r, policy) is not None]
            for value in sorted({v for v in values if values.count(v) > 1}):
                yield (
                    f"RRSet with DNS name {escaped(name)}, type {kind} cannot be created as another RRSet exists with "
                    f"the same name, type, and {policy} {value}"
                )
        if len({r.ttl for r in group if r.weight is not None and not r.alias_target}) > 1:
            yield f"RRSets with DNS name {escaped(name)}, type {kind} and weights must have the same TTL"
