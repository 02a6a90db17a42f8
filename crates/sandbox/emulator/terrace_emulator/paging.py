"""Paging of EC2's Describe calls, over whatever list moto answers.

Names of the list and of the tokens are botocore's own paginator model; the sizes allowed are those of its shapes.
"""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import get_value

from .corrections import Refusal, correction, service_model

# What AWS puts on a page when no size is asked for. These two answer everything.
_UNPAGED = {"DescribeImages", "DescribeSnapshots"}
_DEFAULT = {"DescribeRouteTables": 100, "DescribeLaunchTemplates": 200, "DescribeLaunchTemplateVersions": 200}


@cache
def _model(action: str) -> tuple[str, int | None, int | None] | None:
    """(name of the list in the answer, smallest page, largest page) of a call that pages by MaxResults/NextToken."""
    service = service_model("ec2")
    shape = service.operation_model(action).input_shape
    if not shape or not {"MaxResults", "NextToken"} <= set(shape.members):
        return None
    lists = [n for n, s in service.operation_model(action).output_shape.members.items() if s.type_name == "list"]
    limits = shape.members["MaxResults"].metadata
    return (lists[0], limits.get("min"), limits.get("max")) if len(lists) == 1 else None


@correction(
    "ec2.paging",
    fact="Describe calls honour MaxResults, answer NextToken while there is more, and no row twice or never",
    source="aws-semantics 2; moto 2",
    around=("ec2", "Describe*"),
)
def paging(call: Any, proceed: Any) -> Any:
    action = call._get_action()
    model = _model(action)
    if model is None:
        return proceed()
    name, smallest, largest = model
    asked, token = call.params.get("MaxResults"), call.params.get("NextToken")
    if asked is not None and not (smallest or 1) <= int(asked) <= (largest or 1000) and (smallest or largest):
        raise Refusal(
            "InvalidParameterValue",
            f"Value ( {asked} ) for parameter maxResults is invalid. "
            f"Expecting a value between {smallest or 1} and {largest or 1000}.",
        )
    size = int(asked or _DEFAULT.get(action, 0 if action in _UNPAGED else 1000))
    # moto pages some lists itself, and cuts some others without saying so: ask it for everything.
    call.params["MaxResults"] = 1_000_000
    if "NextToken" in call.params:
        del call.params["NextToken"]
    result = proceed().result
    rows = list(get_value(result, name, default=None) or [])
    start = _offset(action, token)
    page = rows[start : start + size] if size else rows
    answer = dict(result) if isinstance(result, dict) else {}
    answer[name] = page
    more = size and start + size < len(rows)
    answer["NextToken"] = _token(action, start + size) if more else None
    return ActionResult(answer)


def _token(action: str, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{action}:{offset}".encode()).decode()


def _offset(action: str, token: str | None) -> int:
    if not token:
        return 0
    try:
        name, _, offset = base64.urlsafe_b64decode(token).decode().partition(":")
        if name == action:
            return int(offset)
    except ValueError:
        pass
    raise Refusal("InvalidNextToken", f"The token '{token}' is invalid")
