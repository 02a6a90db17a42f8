"""Changes on their way to the name servers: each has an id, is PENDING, and then INSYNC."""

from __future__ import annotations

import secrets
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow

from . import clock
from .corrections import Refusal, also, correction, enabled

# (account, id) -> what GetChange says of it.
_changes: dict[tuple[str, str], dict[str, Any]] = {}


def reset() -> None:
    _changes.clear()


def begin(account: str) -> dict[str, Any]:
    """The ChangeInfo of a change that was accepted just now."""
    name, now = "C" + secrets.token_hex(10).upper(), utcnow()
    if not enabled("route53.pending"):
        return {"Id": f"/change/{name}", "Status": "INSYNC", "SubmittedAt": now}
    info = {"Id": f"/change/{name}", "Status": "PENDING", "SubmittedAt": now}
    _changes[account, name] = info
    clock.after(1, lambda: info.update(Status="INSYNC"))
    return dict(info)


_ACTIONS = ("CreateHostedZone", "DeleteHostedZone", "AssociateVPCWithHostedZone", "DisassociateVPCFromHostedZone")


@correction(
    "route53.pending",
    fact="a change is PENDING and then INSYNC, and GetChange knows only ids that were handed out",
    source="aws-semantics 3.28 e",
    around=[("route53", name) for name in _ACTIONS],
)
def pending(call: Any, proceed: Any) -> Any:
    answer = proceed()
    answer.result["ChangeInfo"] = begin(call.current_account)
    return answer


@also("route53.pending", around=("route53", "GetChange"))
def get_change(call: Any, proceed: Any) -> Any:
    found = _changes.get((call.current_account, call._get_param("Id").split("/")[-1]))
    if found is None:
        raise Refusal("NoSuchChange", "A change with the specified change ID does not exist.")
    return ActionResult({"ChangeInfo": dict(found)})
