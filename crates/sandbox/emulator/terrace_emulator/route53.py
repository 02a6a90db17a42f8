"""Hosted zones and their records.

A change batch is a transaction over the zone's records, so it is done here on a copy of them and put in place as a
whole; moto works through it change by change and keeps a journal of its own that forgets nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.route53.models import RecordSet

from . import route53_changes
from .corrections import Refusal, backend, correction

# References of zones that are gone: (account, reference).
_burnt: set[tuple[str, str]] = set()

# Who wants to know that records of an account have changed: DNS, as far as the emulator has any.
watchers: list[Callable[[str], None]] = []

# What else is asked of a change: the call, the zone, the records it sets and all there will be -> what is wrong.
checks: list[Callable[[Any, Any, list[Any], list[Any]], list[str]]] = []


def reset() -> None:
    _burnt.clear()


def normal(name: str) -> str:
    """A DNS name as Route 53 keeps it: lower case, with its dot; `*` and others are octal escapes only in answers."""
    plain = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), name)
    return plain.rstrip(".").lower() + "."


def escaped(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]", lambda m: f"\\{ord(m.group()):03o}", name)


@correction(
    "route53.caller-reference",
    fact="a CallerReference makes one zone: used again it is HostedZoneAlreadyExists",
    source="aws-semantics 3.27",
    around=("route53", "CreateHostedZone"),
)
def caller_reference(call: Any, proceed: Any) -> Any:
    reference = call.params["CallerReference"]
    if any(zone.caller_reference == reference for zone in backend(call).zones.values()):
        _refuse_reference()
    return proceed()


def _refuse_reference() -> None:
    raise Refusal(
        "HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference."
    )


@correction(
    "route53.caller-reference-burnt",
    fact="a CallerReference stays used after its zone is deleted",
    source="aws-semantics 3.27",
    unverified=True,
    around=("route53", "CreateHostedZone"),
)
def burnt(call: Any, proceed: Any) -> Any:
    if (call.current_account, call.params["CallerReference"]) in _burnt:
        _refuse_reference()
    return proceed()


@correction(
    "route53.zone-not-empty",
    fact="a zone can be deleted when only its own NS and SOA records are left",
    source="aws-semantics 3.27",
    around=("route53", "DeleteHostedZone"),
)
def delete_zone(call: Any, proceed: Any) -> Any:
    zone = backend(call).get_hosted_zone(call.params["Id"])
    if any(not _own(zone, record) for record in zone.rrsets):
        raise Refusal(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
        )
    answer = proceed()
    _burnt.add((call.current_account, zone.caller_reference))
    return answer


def _own(zone: Any, record: Any) -> bool:
    return record.type in ("NS", "SOA") and normal(record.name) == normal(zone.name)


@correction(
    "route53.private-zone",
    fact="a zone made with a VPC is private, says so, and lists its VPCs",
    source="aws-semantics 3.27; moto 7",
    around=("route53", "CreateHostedZone"),
)
def private(call: Any, proceed: Any) -> Any:
    if call.params.get("VPC"):
        call.params["HostedZoneConfig"] = {**(call.params.get("HostedZoneConfig") or {}), "PrivateZone": True}
    return proceed()


@correction(
    "route53.zone-records",
    fact="a new zone has a lower-case name with its dot, and NS and SOA records that can be read",
    source="aws-semantics 3.27, R11; moto 7",
    around=("route53", "CreateHostedZone"),
)
def zone_records(call: Any, proceed: Any) -> Any:
    call.params["Name"] = normal(call.params["Name"])
    answer = proceed()
    for record in answer.result["HostedZone"].rrsets:
        record.records = [r["Value"] if isinstance(r, dict) else r for r in record.records]
        if record.type == "NS":
            record.records = [normal(r) for r in record.records]
        record.ttl = int(record.ttl)
    return answer


@correction(
    "route53.change-batch",
    fact="a change batch is done as a whole or not at all; CREATE refuses what exists, DELETE wants the exact current "
    "values and takes one record only, a CNAME stands alone, and simple records do not stand beside routed ones",
    source="aws-semantics 3.28; moto 7",
    around=("route53", "ChangeResourceRecordSets"),
)
def change(call: Any, proceed: Any) -> Any:
    zone = backend(call).get_hosted_zone(call.params["HostedZoneId"])
    wrong: list[str] = []
    given: list[Any] = []
    records = {_key(record): record for record in zone.rrsets}
    for each in call.params["ChangeBatch"]["Changes"]:
        record = _record(each["ResourceRecordSet"])
        name, action = _name(record), each["Action"]
        current = records.get(_key(record))
        if not ("." + record.name).endswith("." + normal(zone.name)):
            wrong.append(f"RRSet with DNS name {escaped(record.name)} is not permitted in zone {zone.name}")
        elif action == "CREATE" and current is not None:
            wrong.append(f"Tried to create resource record set {name} but it already exists")
        elif action == "DELETE" and current is None:
            wrong.append(f"Tried to delete resource record set {name} but it was not found")
        elif action == "DELETE" and _values(current) != _values(record):
            wrong.append(
                f"Tried to delete resource record set {name} but the values provided do not match the current values"
            )
        elif action == "DELETE":
            del records[_key(record)]
        else:
            records[_key(record)] = record
            given.append(record)
    wrong = wrong or _conflicts(zone, list(records.values()))
    wrong = wrong or [problem for check in checks for problem in check(call, zone, given, list(records.values()))]
    if wrong:
        raise Refusal("InvalidChangeBatch", f"[{', '.join(wrong)}]")
    zone.rrsets = list(records.values())
    for tell in watchers:
        tell(call.current_account)
    return ActionResult({"ChangeInfo": route53_changes.begin(call.current_account)})


def _key(record: Any) -> tuple[str, str, str | None]:
    return normal(record.name), record.type, record.set_identifier


def _name(record: Any) -> str:
    routed = f", set-identifier='{record.set_identifier}'" if record.set_identifier else ""
    return f"[name='{escaped(record.name)}', type='{record.type}'{routed}]"


def _record(asked: Any) -> Any:
    fields = dict(asked)
    fields["Name"] = normal(fields["Name"])
    fields["ResourceRecords"] = [r["Value"] for r in fields.get("ResourceRecords") or ()]
    if fields.get("TTL") is not None:
        fields["TTL"] = int(fields["TTL"])
    if fields.get("AliasTarget"):
        alias = dict(fields["AliasTarget"])
        fields["AliasTarget"] = {**alias, "DNSName": normal(alias["DNSName"])}
    return RecordSet(fields)


_ROUTING = ("weight", "region", "failover", "geo_location", "multi_value_answer")


def _values(record: Any) -> tuple:
    rest = tuple(str(getattr(record, name)) for name in (*_ROUTING, "health_check_id"))
    alias = sorted((k, str(v)) for k, v in dict(record.alias_target or {}).items())
    return str(record.ttl), sorted(record.records), alias, rest


def _conflicts(zone: Any, records: list[Any]) -> list[str]:
    wrong = []
    apex = normal(zone.name)
    for record in records:
        beside = [r for r in records if r is not record and r.name == record.name]
        dns, kind = escaped(record.name), record.type
        if kind == "CNAME" and record.name == apex:
            wrong.append(f"RRSet of type CNAME with DNS name {dns} is not permitted at apex in zone {zone.name}")
        elif kind == "CNAME" and any(r.type != "CNAME" for r in beside):
            wrong.append(
                f"RRSet of type CNAME with DNS name {dns} is not permitted as it conflicts with other records with the "
                f"same DNS name in zone {zone.name}"
            )
        flavours = {_flavour(r) for r in [record, *beside] if r.type == kind}
        if len(flavours) > 1:
            wrong.append(
                f"RRSet with DNS name {dns}, type {kind}, SetIdentifier {record.set_identifier or 'null'} cannot be "
                "created as an RRSet with another routing policy exists with the same name and type"
            )
    for kind, count in (("SOA", "exactly one SOA record"), ("NS", "at least one NS record for the zone itself")):
        if not any(r.type == kind and normal(r.name) == apex for r in records):
            wrong.append(f"A HostedZone must contain {count}.")
    return wrong


def _flavour(record: Any) -> str:
    return next((name for name in _ROUTING if getattr(record, name) is not None), "simple")


@correction(
    "route53.list-records",
    fact="records are listed in order of their reversed names, type and set identifier, in pages that begin where the "
    "last one says, and with `*` written \\052",
    source="aws-semantics 3.28",
    around=("route53", "ListResourceRecordSets"),
)
def list_records(call: Any, proceed: Any) -> Any:
    zone, asked = backend(call).get_hosted_zone(call.params["HostedZoneId"]), call.params
    name, kind, identifier = (asked.get(f"StartRecord{part}") for part in ("Name", "Type", "Identifier"))
    if (kind and not name) or (identifier and not kind):
        raise Refusal("InvalidInput", "The input is not valid")
    size = min(int(asked.get("MaxItems") or 300), 300)
    start = (_reversed(normal(name)) if name else "", kind or "", identifier or "")
    rows = sorted((r for r in zone.rrsets if _order(r) >= start), key=_order)
    page, rest = rows[:size], rows[size:]
    answer = {"ResourceRecordSets": [_row(r) for r in page], "IsTruncated": bool(rest), "MaxItems": size}
    if rest:
        following = rest[0]
        answer["NextRecordName"] = escaped(normal(following.name))
        answer["NextRecordType"] = following.type
        answer["NextRecordIdentifier"] = following.set_identifier
    return ActionResult(answer)


def _reversed(name: str) -> str:
    return ".".join(reversed(name.rstrip(".").split("."))) + "."


def _order(record: Any) -> tuple[str, str, str]:
    return _reversed(normal(record.name)), record.type, record.set_identifier or ""


class _row:
    """A record with its name as answers write it."""

    def __init__(self, record: Any) -> None:
        self._record, self.name = record, escaped(normal(record.name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


@correction(
    "route53.network-exists",
    fact="a private zone takes only VPCs that exist: InvalidVPCId",
    source="Route 53 API reference, CreateHostedZone",
    around=[("route53", "CreateHostedZone"), ("route53", "AssociateVPCWithHostedZone")],
)
def network_exists(call: Any, proceed: Any) -> Any:
    from moto.ec2.models import ec2_backends

    network = call.params.get("VPC")
    # One of another account may be given too, once it has authorized that.
    kept = [dict.get(ec2_backends[account], network["VPCRegion"]) for account in list(ec2_backends)] if network else []
    if network and not any(network["VPCId"] in ec2.vpcs for ec2 in kept if ec2):
        raise Refusal(
            "InvalidVPCId", f"The VPC: {network['VPCId']} you provided is not authorized to make the association."
        )
    return proceed()
