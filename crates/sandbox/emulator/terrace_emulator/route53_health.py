"""Health checks, and the tags of what Route 53 has.

A health check that records still name can be deleted, as moto does it: HealthCheckInUse is "not in use" itself.
"""

from __future__ import annotations

import json
from typing import Any

from moto.core.responses import ActionResult

from .corrections import Refusal, backend, correction

# References of health checks that are gone: (account, reference).
_burnt: set[tuple[str, str]] = set()


def reset() -> None:
    _burnt.clear()


def _found(call: Any) -> Any:
    name = call._get_param("HealthCheckId")
    found = backend(call).health_checks.get(name)
    if found is None:
        raise Refusal("NoSuchHealthCheck", f"A health check with id {name} does not exist.")
    return found


@correction(
    "route53.health-check-reference",
    fact="a CallerReference makes one health check: with equal settings it answers that one, with others or after its "
    "deletion it is HealthCheckAlreadyExists",
    source="Route 53 API reference, CreateHealthCheck",
    around=("route53", "CreateHealthCheck"),
)
def reference(call: Any, proceed: Any) -> Any:
    name, asked = call._get_param("CallerReference"), json.dumps(call._get_param("HealthCheckConfig"), sort_keys=True)
    found = next((c for c in backend(call).health_checks.values() if c.caller_reference == name), None)
    if (found and getattr(found, "asked", None) != asked) or (call.current_account, name) in _burnt:
        raise Refusal(
            "HealthCheckAlreadyExists",
            "The health check you're attempting to create already exists: a health check with this CallerReference was "
            "created before.",
        )
    if found:
        return ActionResult({"HealthCheck": found})
    answer = proceed()
    answer.result["HealthCheck"].asked = asked
    return answer


@correction(
    "route53.health-check-version",
    fact="each update raises HealthCheckVersion and keeps what it does not name; one that quotes an earlier version is "
    "HealthCheckVersionMismatch",
    source="Route 53 API reference, UpdateHealthCheck",
    around=("route53", "UpdateHealthCheck"),
)
def version(call: Any, proceed: Any) -> Any:
    check, quoted = _found(call), call._get_param("HealthCheckVersion")
    if quoted is not None and int(quoted) != check.health_check_version:
        raise Refusal(
            "HealthCheckVersionMismatch",
            "The value of HealthCheckVersion in the request doesn't match the value of HealthCheckVersion in the "
            "health check.",
        )
    regions, children = check.regions, check.children
    answer = proceed()
    check.regions, check.children = check.regions or regions, check.children or children
    if call._get_param("HealthThreshold") is not None:
        check.health_threshold = call._get_param("HealthThreshold")
    for element in call._get_param("ResetElements") or ():
        names = {"FullyQualifiedDomainName": "fqdn", "ResourcePath": "resource_path", "Regions": "regions"}
        setattr(check, names.get(element, "children"), None)
    check.health_check_version += 1
    return answer


@correction(
    "route53.health-check-deleted",
    fact="to delete a health check that does not exist is NoSuchHealthCheck, and its tags go with it",
    source="Route 53 API reference, DeleteHealthCheck",
    around=("route53", "DeleteHealthCheck"),
)
def delete(call: Any, proceed: Any) -> Any:
    check = _found(call)
    answer = proceed()
    _burnt.add((call.current_account, check.caller_reference))
    backend(call).resource_tags.pop(check.id, None)
    return answer


@correction(
    "route53.health-check-paging",
    fact="ListHealthChecks pages by Marker and MaxItems",
    source="Route 53 API reference, ListHealthChecks",
    around=("route53", "ListHealthChecks"),
)
def paging(call: Any, proceed: Any) -> Any:
    marker, size = call._get_param("Marker"), min(int(call._get_param("MaxItems") or 100), 1000)
    rows = sorted((c for c in backend(call).health_checks.values() if not marker or c.id >= marker), key=lambda c: c.id)
    following = rows[size].id if size < len(rows) else None
    answer = {"HealthChecks": rows[:size], "MaxItems": size, "IsTruncated": following is not None}
    return ActionResult({**answer, "Marker": marker, "NextMarker": following})


@correction(
    "route53.tags-of-something",
    fact="tags belong to a zone or health check that exists: otherwise NoSuchHostedZone or NoSuchHealthCheck",
    source="Route 53 API reference, ListTagsForResource",
    around=[("route53", n) for n in ("ListTagsForResource", "ListTagsForResources", "ChangeTagsForResource")],
)
def tags(call: Any, proceed: Any) -> Any:
    health = call._get_param("ResourceType") == "healthcheck"
    known = backend(call).health_checks if health else backend(call).zones
    for name in call._get_param("ResourceIds") or [call._get_param("ResourceId")]:
        if name not in known:
            code, what = ("NoSuchHealthCheck", "health check") if health else ("NoSuchHostedZone", "hosted zone")
            raise Refusal(code, f"No {what} found with ID: {name}")
    return proceed()
