"""Parameter Store."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from .corrections import Refusal, backend, correction


@correction(
    "ssm.describe-paging",
    fact="DescribeParameters honours MaxResults (10 unless told, 50 at most) and its last page has no token",
    source="aws-semantics 2",
    around=("ssm", "DescribeParameters"),
)
def describe(call: Any, proceed: Any) -> Any:
    size = int(call._get_param("MaxResults") or 10)
    token = str(call._get_param("NextToken") or "0").strip()
    if not 1 <= size <= 50:
        raise Refusal("ValidationException", f"Value '{size}' at 'maxResults' must be between 1 and 50")
    if not token.isdigit():
        raise Refusal("InvalidNextToken", "The specified token is not valid.")
    start = int(token)
    found = backend(call).describe_parameters(call._get_param("Filters"), call._get_param("ParameterFilters"))
    page = [parameter.describe_response_object(False) for parameter in found[start : start + size]]
    more = str(start + size) if start + size < len(found) else None
    return ActionResult({"Parameters": page, "NextToken": more})


@correction(
    "ssm.tags-deleted",
    fact="the tags of a parameter go with it",
    source="aws-semantics 4.16, R1",
    around=[("ssm", "DeleteParameter"), ("ssm", "DeleteParameters")],
)
def delete(call: Any, proceed: Any) -> Any:
    answer = proceed()
    kept = backend(call)._resource_tags["Parameter"]
    for name in call._get_param("Names") or [call._get_param("Name")]:
        # moto keeps the tags of `/name` under that, and forgets those of `name`.
        kept.pop(name, None)
    return answer
