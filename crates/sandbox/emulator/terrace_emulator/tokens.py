"""Client tokens and dry runs, for every EC2 action that takes them.

Which actions do is read from botocore's model, so an action that moto learns later is covered as well.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.core.parse import XFormedDict

from .corrections import Refusal, backend, correction, service_model

# (account, region, action, token) -> (what was asked, what was answered)
_answers: dict[tuple[str, str, str, str], tuple[str, Any]] = {}


def reset() -> None:
    _answers.clear()


@cache
def _members(action: str) -> frozenset[str]:
    shape = service_model("ec2").operation_model(action).input_shape
    return frozenset(shape.members if shape else ())


@correction(
    "ec2.dry-run",
    fact="DryRun=true checks permissions only: it answers DryRunOperation (HTTP 412) and changes nothing",
    source="moto 2; EC2 API reference, common parameters",
    around=("ec2", "*"),
)
def dry_run(call: Any, proceed: Any) -> Any:
    if call.params.get("DryRun"):
        # EC2 has no error shapes that could carry the status.
        call.response_headers["status"] = 412
        raise Refusal("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    return proceed()


@correction(
    "ec2.client-token",
    fact="a ClientToken used again with equal parameters answers the first resource, with others "
    "IdempotentParameterMismatch, and IdempotentInstanceTerminated once the instance is terminated",
    source="aws-semantics R4",
    around=("ec2", "*"),
)
def client_token(call: Any, proceed: Any) -> Any:
    action = call._get_action()
    token = call.params.get("ClientToken") if "ClientToken" in _members(action) else None
    if not token:
        return proceed()
    key = (call.current_account, call.region, action, token)
    asked = json.dumps(
        {k: v for k, v in _plain(call.params).items() if k != "ClientToken"}, sort_keys=True, default=str
    )
    if key in _answers:
        before, answer = _answers[key]
        if before != asked:
            raise Refusal(
                "IdempotentParameterMismatch",
                f"Arguments on this idempotent request are inconsistent with arguments used in previous request(s) "
                f"with client token {token}.",
            )
        if action == "RunInstances" and any(
            i is None or i.state == "terminated" for i in map(backend(call).get_instance_by_id, _instances(answer))
        ):
            raise Refusal(
                "IdempotentInstanceTerminated",
                "The request cannot be completed because the instance launched with this client token is terminated.",
            )
        return answer
    answer = proceed()
    _answers[key] = (asked, answer)
    return answer


def _instances(answer: Any) -> list[str]:
    return [instance.id for instance in answer.result.instances]


def _plain(params: Any) -> dict[str, Any]:
    return params.original_dict() if isinstance(params, XFormedDict) else dict(params)
