"""CloudFront: distributions as they are made, changed and taken away, and who may reach their origins."""

from __future__ import annotations

from typing import Any

from moto.cloudfront import urls
from moto.cloudfront.models import CloudFrontBackend, Distribution, Invalidation, random_id
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow

from . import clock
from .cloudfront_config import aliases, certificate_names, covered, items
from .corrections import Refusal, also, backend, correction

# References of distributions that are gone: (account, reference).
_burnt: set[tuple[str, str]] = set()

urls.url_paths["{0}/2020-05-31/distribution/(?P<distribution_id>[^/]+)/associate-alias$"] = CloudFrontResponse.dispatch


def reset() -> None:
    _burnt.clear()


def _found(call: Any, parameter: str = "Id") -> Any:
    found = backend(call).distributions.get(call._get_param(parameter))
    if found is None:
        raise Refusal("NoSuchDistribution", "The specified distribution does not exist.")
    return found


def _match(call: Any, thing: Any) -> None:
    """If-Match as every change of a versioned thing checks it."""
    given = call._get_param("IfMatch")
    if given and given in getattr(thing, "earlier", ()):
        raise Refusal(
            "PreconditionFailed",
            "The request failed because it didn't meet the preconditions in one or more request-header fields.",
        )
    if given != thing.etag:
        raise Refusal("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")


def _changed(thing: Any) -> None:
    thing.earlier = {*getattr(thing, "earlier", ()), thing.etag}
    thing.etag = random_id()
    thing.last_modified_time = utcnow()


@correction(
    "cloudfront.etag",
    fact="every change of a distribution makes a new ETag, and a change or deletion must quote the current one: an "
    "earlier one is PreconditionFailed, none or any other InvalidIfMatchVersion",
    source="aws-semantics 3.26 d; moto 7",
    around=[("cloudfront", "UpdateDistribution"), ("cloudfront", "DeleteDistribution")],
)
def etag(call: Any, proceed: Any) -> Any:
    distribution = _found(call)
    _match(call, distribution)
    answer = proceed()
    _changed(distribution)
    if isinstance(answer.result, dict):
        answer.result["ETag"] = distribution.etag
    return answer


@correction(
    "cloudfront.caller-reference-kept",
    fact="a distribution's CallerReference cannot be changed",
    source="aws-semantics 3.26 d",
    around=("cloudfront", "UpdateDistribution"),
)
def reference_kept(call: Any, proceed: Any) -> Any:
    reference = _found(call).distribution_config.caller_reference
    if call._get_param("DistributionConfig.CallerReference") != reference:
        raise Refusal("IllegalUpdate", "The update contains modifications that are not allowed.")
    return proceed()


@correction(
    "cloudfront.caller-reference-burnt",
    fact="a CallerReference stays used after its distribution is deleted",
    source="aws-semantics 3.26 f",
    unverified=True,
    patch=(CloudFrontBackend, "create_distribution_with_tags"),
)
def burnt(inner: Any, self: Any, distribution_config: dict[str, Any], tags: Any) -> Any:
    if (self.account_id, distribution_config["CallerReference"]) in _burnt:
        raise Refusal(
            "DistributionAlreadyExists",
            "The caller reference that you are using to create a distribution is associated with another distribution.",
        )
    return inner(self, distribution_config, tags)


@correction(
    "cloudfront.deploys",
    fact="a distribution is InProgress after each change, not its creation only, and then Deployed",
    source="aws-semantics 3.26 e; moto 7",
    patch=(Distribution, "status"),
)
def status(inner: Any, self: Any) -> str:
    return "InProgress" if getattr(self, "deploying", None) else "Deployed"


def deploy(distribution: Any) -> None:
    distribution.deploying = ours = object()

    def done() -> None:
        if distribution.deploying is ours:
            distribution.deploying = None

    clock.after(1, done)


@also("cloudfront.deploys", patch=(CloudFrontBackend, "create_distribution_with_tags"))
@also("cloudfront.deploys", patch=(CloudFrontBackend, "update_distribution"))
def begin(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    made = inner(self, *args, **kwargs)
    deploy(made[0])
    return made


@correction(
    "cloudfront.delete-disabled",
    fact="only a distribution that is disabled, and deployed so, can be deleted",
    source="aws-semantics 3.26 f; moto 7",
    around=("cloudfront", "DeleteDistribution"),
)
def delete(call: Any, proceed: Any) -> Any:
    distribution = _found(call)
    config = distribution.distribution_config
    if config.Enabled or distribution.status != "Deployed":
        raise Refusal(
            "DistributionNotDisabled",
            "The distribution you are trying to delete has not been disabled.",
        )
    answer = proceed()
    _burnt.add((call.current_account, config.caller_reference))
    return answer


@correction(
    "cloudfront.tags-deleted",
    fact="the tags of a distribution go with it: asked for, or given to what does not exist, they are NoSuchResource",
    source="CloudFront API reference, ListTagsForResource",
    around=[("cloudfront", n) for n in ("ListTagsForResource", "TagResource", "UntagResource")],
)
def tags(call: Any, proceed: Any) -> Any:
    arn = call._get_param("Resource")
    kept = backend(call)
    if ":distribution/" in arn and not any(d.arn == arn for d in kept.distributions.values()):
        raise Refusal("NoSuchResource", "The specified resource does not exist.")
    return proceed()


@correction(
    "cloudfront.list-etag",
    fact="ListDistributions says each distribution's ETag",
    source="CloudFront API reference, DistributionSummary",
    around=("cloudfront", "ListDistributions"),
)
def list_etag(call: Any, proceed: Any) -> Any:
    answer = proceed()
    for distribution in answer.result["DistributionList"]["Items"] or ():
        distribution.e_tag = distribution.etag
    return answer


@correction(
    "cloudfront.associate-alias",
    fact="AssociateAlias moves an alias to a distribution whose certificate covers it, from any other of the account",
    source="CloudFront API reference, AssociateAlias",
    around=("cloudfront", "AssociateAlias"),
)
def associate_alias(call: Any, proceed: Any) -> Any:
    target, alias = _found(call, "TargetDistributionId"), call._get_param("Alias").lower()
    arn = target.distribution_config["ViewerCertificate"].get("ACMCertificateArn")
    names = certificate_names(call.current_account, arn) if arn else None
    if names is None or not covered(alias, names):
        raise Refusal(
            "IllegalUpdate",
            "The distribution's certificate does not cover the alternate domain name that you're trying to move.",
        )
    for distribution in backend(call).distributions.values():
        config = distribution.distribution_config
        had, has = aliases(config), [a for a in items(config["Aliases"]) if a.lower() != alias]
        if distribution is target:
            has.append(alias)
        if had != has:
            config["Aliases"] = {"Quantity": len(has), **({"Items": has} if has else {})}
            _changed(distribution)
            deploy(distribution)
    return EmptyResult()


@correction(
    "cloudfront.invalidation",
    fact="an invalidation is InProgress and then Completed",
    source="CloudFront API reference, Invalidation",
    patch=(Invalidation, "__init__"),
)
def invalidation(inner: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    inner(self, *args, **kwargs)
    self.status = "InProgress"
    clock.after(1, lambda: setattr(self, "status", "Completed"))


def _control(call: Any) -> Any:
    found = backend(call).origin_access_controls.get(call._get_param("Id"))
    if found is None:
        raise Refusal("NoSuchOriginAccessControl", "The specified origin access control does not exist.")
    return found


_CONTROL_CHANGES = [("cloudfront", "UpdateOriginAccessControl"), ("cloudfront", "DeleteOriginAccessControl")]


@correction(
    "cloudfront.control-etag",
    fact="a change or deletion of an origin access control must quote its current ETag, and a missing one is "
    "NoSuchOriginAccessControl",
    source="aws-semantics 3.25 f; moto 7",
    around=_CONTROL_CHANGES,
)
def control_etag(call: Any, proceed: Any) -> Any:
    control = _control(call)
    _match(call, control)
    answer = proceed()
    _changed(control)
    if isinstance(answer.result, dict):
        answer.result["ETag"] = control.etag
    return answer


@correction(
    "cloudfront.control-name",
    fact="the name of an origin access control is its own in the account: a second one is "
    "OriginAccessControlAlreadyExists",
    source="aws-semantics 3.25 b; moto 7",
    around=[("cloudfront", "CreateOriginAccessControl"), ("cloudfront", "UpdateOriginAccessControl")],
)
def control_name(call: Any, proceed: Any) -> Any:
    name = call._get_param("OriginAccessControlConfig.Name")
    others = [c for c in backend(call).origin_access_controls.values() if c.id != call._get_param("Id")]
    if any(other.name == name for other in others):
        raise Refusal(
            "OriginAccessControlAlreadyExists",
            "An origin access control with the specified parameters already exists.",
        )
    return proceed()


@correction(
    "cloudfront.control-in-use",
    fact="an origin access control that a distribution names cannot be deleted: OriginAccessControlInUse",
    source="aws-semantics 3.25 f; moto 7",
    around=("cloudfront", "DeleteOriginAccessControl"),
)
def control_in_use(call: Any, proceed: Any) -> Any:
    wanted = call._get_param("Id")
    for distribution in backend(call).distributions.values():
        if any(o.get("OriginAccessControlId") == wanted for o in items(distribution.distribution_config["Origins"])):
            raise Refusal(
                "OriginAccessControlInUse",
                "Cannot delete the origin access control because it's in use by one or more distributions.",
            )
    return proceed()


@correction(
    "cloudfront.control-config",
    fact="GetOriginAccessControlConfig answers the configuration and its ETag",
    source="CloudFront API reference, GetOriginAccessControlConfig",
    around=("cloudfront", "GetOriginAccessControlConfig"),
)
def control_config(call: Any, proceed: Any) -> Any:
    control = _control(call)
    return ActionResult({"OriginAccessControlConfig": control, "ETag": control.etag})


@correction(
    "cloudfront.control-paging",
    fact="ListOriginAccessControls pages by Marker and MaxItems",
    source="CloudFront API reference, ListOriginAccessControls",
    around=("cloudfront", "ListOriginAccessControls"),
)
def control_paging(call: Any, proceed: Any) -> Any:
    marker, size = call._get_param("Marker"), int(call._get_param("MaxItems") or 100)
    found, following = backend(call).list_origin_access_controls(marker=marker, max_items=size)
    page = {"Marker": marker or "", "MaxItems": size, "IsTruncated": following is not None, "Quantity": len(found)}
    return ActionResult({"OriginAccessControlList": {**page, "NextMarker": following, "Items": found or None}})
