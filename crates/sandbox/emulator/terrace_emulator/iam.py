"""IAM: names, listings, tags. What EC2 learns late of a profile is with the instances."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult

from .corrections import Refusal, backend, correction


@correction(
    "iam.role-name-case",
    fact="role names are unique in an account whatever their case and path",
    source="aws-semantics 3.12",
    around=("iam", "CreateRole"),
)
def create_role(call: Any, proceed: Any) -> Any:
    name = call.params["RoleName"]
    if any(role.name.lower() == name.lower() for role in backend(call).roles.values()):
        raise Refusal("EntityAlreadyExists", f"Role with name {name} already exists.")
    return proceed()


@correction(
    "iam.instance-profile-tags",
    fact="ListInstanceProfileTags answers the profile's tags",
    source="moto 3; IAM API reference",
    around=("iam", "ListInstanceProfileTags"),
)
def profile_tags(call: Any, proceed: Any) -> Any:
    profile = backend(call).get_instance_profile(call.params["InstanceProfileName"])
    tags = sorted(profile.tags.items()) if isinstance(profile.tags, dict) else profile.tags
    rows = [{"Key": t[0], "Value": t[1]} if isinstance(t, tuple) else t for t in tags]
    return ActionResult({"Tags": rows, "IsTruncated": False})


@correction(
    "iam.profile-without-role",
    fact="taking a role out of a profile that does not have it is NoSuchEntity",
    source="IAM API reference, RemoveRoleFromInstanceProfile",
    around=("iam", "RemoveRoleFromInstanceProfile"),
)
def remove_role(call: Any, proceed: Any) -> Any:
    name, role = call.params["InstanceProfileName"], call.params["RoleName"]
    if all(other.name != role for other in backend(call).get_instance_profile(name).roles):
        raise Refusal("NoSuchEntity", f"Instance Profile {name} does not have the role {role}.")
    return proceed()


_DETAILS = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")


@correction(
    "iam.authorization-details-paging",
    fact="GetAccountAuthorizationDetails pages over all its lists together, by MaxItems and Marker",
    source="aws-semantics 2",
    around=("iam", "GetAccountAuthorizationDetails"),
)
def authorization_details(call: Any, proceed: Any) -> Any:
    size, start = int(call.params.get("MaxItems") or 100), int(call.params.get("Marker") or 0)
    for member in ("MaxItems", "Marker"):
        if member in call.params:
            del call.params[member]
    result = proceed().result
    rows = [(name, row) for name in _DETAILS for row in (result.get(name) or ())]
    page = rows[start : start + size]
    answer: dict[str, Any] = {name: [row for n, row in page if n == name] for name in _DETAILS}
    more = start + size < len(rows)
    return ActionResult({**answer, "IsTruncated": more, "Marker": str(start + size) if more else None})
