"""Late visibility, as weather: what was just made is not seen for a while. Off unless asked for.

EC2 and IAM are eventually consistent (aws-semantics R5, 5.2): directly after a creation a listing may lack the new
resource, and a call that names it may be told that there is no such id. It is done on the wire, where it happens. The
index of tags is behind with everything.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from . import errors

seconds = 0.0

# Until when an id, or an IAM name, is not seen.
_unseen: dict[str, float] = {}

# What an index of tags knew when it was last brought up to date, and when that was.
_indexes: dict[Any, tuple[float, list]] = {}

_MAKES = re.compile(r"(Create|RunInstances|AllocateAddress)")
_READS = re.compile(r"(Describe|Get|List|Search)")
_NOT_FOUND = {
    "vpc": "InvalidVpcID.NotFound",
    "subnet": "InvalidSubnetID.NotFound",
    "igw": "InvalidInternetGatewayID.NotFound",
    "rtb": "InvalidRouteTableID.NotFound",
    "eipalloc": "InvalidAllocationID.NotFound",
    "nat": "NatGatewayNotFound",
    "sg": "InvalidGroup.NotFound",
    "vol": "InvalidVolume.NotFound",
    "i": "InvalidInstanceID.NotFound",
    "lt": "InvalidLaunchTemplateId.NotFound",
    "vpce": "InvalidVpcEndpointId.NotFound",
}
_ID = re.compile(rf"\b(?:{'|'.join(_NOT_FOUND)})-[0-9a-f]{{17}}\b")


def set_seconds(value: float) -> None:
    global seconds
    seconds = max(0.0, value)
    reset()


def reset() -> None:
    _unseen.clear()
    _indexes.clear()


def indexed(place: Any, listed: Callable[[], list]) -> list:
    """What the index of a place says: all that is there, or what was there a while ago."""
    if not seconds:
        return listed()
    now = time.monotonic()
    since, known = _indexes.get(place, (0.0, None))
    if known is None or now - since >= seconds:
        known = listed()
        _indexes[place] = (now, known)
    return known


def _hidden() -> set[str]:
    now = time.monotonic()
    for name in [name for name, until in _unseen.items() if until <= now]:
        del _unseen[name]
    return set(_unseen)


def before(service: str | None, kind: str, body: bytes) -> Any:
    """The refusal of a call that names what is not seen yet; nothing if it may go on."""
    if not seconds or service not in ("ec2", "iam"):
        return None
    hidden = _hidden()
    asked = dict(parse_qsl(body.decode(errors="replace")))
    action = asked.get("Action", "")
    if service == "iam":
        name = asked.get("RoleName", "")
        # IAM itself lets a new role be written to at once.
        if _READS.match(action) and f"role {name}" in hidden:
            return errors.encode(service, kind, "NoSuchEntity", f"The role with name {name} cannot be found.")
        return None
    for member, value in asked.items():
        # By a filter nothing is found, and that is no error.
        if value in hidden and not member.startswith("Filter."):
            code = _NOT_FOUND[value.rpartition("-")[0]]
            return errors.encode(service, kind, code, f"The ID '{value}' does not exist")
    return None


def after(service: str | None, body: bytes, status: int, answer: bytes) -> bytes:
    """The answer without what is not seen yet; what it says was made is not seen from now on."""
    if not seconds or service not in ("ec2", "iam") or status != 200:
        return answer
    asked = dict(parse_qsl(body.decode(errors="replace")))
    action, text = asked.get("Action", ""), answer.decode(errors="replace")
    until = time.monotonic() + seconds
    if service == "iam" and action == "CreateRole":
        _unseen[f"role {asked['RoleName']}"] = until
    elif service == "ec2" and _MAKES.match(action):
        for made in set(_ID.findall(text)) - set(asked.values()) - _known(text):
            _unseen[made] = until
    elif _READS.match(action):
        hidden = _hidden()
        if any(name.removeprefix("role ") in text for name in hidden):
            return _without(answer, hidden)
    return answer


def _known(text: str) -> set[str]:
    """What a creating call's answer names beside the new resource."""
    beside = re.findall(r"<(?:vpcId|subnetId|groupId|imageId|routeTableId)>([^<]+)<", text)
    own = re.search(r"<Create(Vpc|Subnet|SecurityGroup|RouteTable)Response", text)
    if own is None:
        return set(beside)
    prefix = {"Vpc": "vpc-", "Subnet": "subnet-", "SecurityGroup": "sg-", "RouteTable": "rtb-"}[own.group(1)]
    return {name for name in beside if not name.startswith(prefix)}


def _without(answer: bytes, hidden: set[str]) -> bytes:
    root = ElementTree.fromstring(answer)
    space = root.tag.partition("}")[0].removeprefix("{") if root.tag.startswith("{") else ""
    if space:
        ElementTree.register_namespace("", space)
    _prune(root, hidden)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _prune(element: Any, hidden: set[str]) -> None:
    for child in list(element):
        local = child.tag.rpartition("}")[2]
        own = [part.text or "" for part in child]
        names = own + [f"role {part.text}" for part in child if part.tag.endswith("RoleName")]
        if local in ("item", "member") and hidden.intersection(names):
            element.remove(child)
            continue
        had = len(child)
        _prune(child, hidden)
        # A reservation whose instances are not seen is not seen either.
        if local == "instancesSet" and had and not len(child):
            element.append(ElementTree.Element("gone"))
    for child in list(element):
        if any(part.tag == "gone" for part in child):
            element.remove(child)
