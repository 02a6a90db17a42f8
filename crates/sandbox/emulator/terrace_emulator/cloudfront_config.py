"""The configuration of a distribution: kept as it was given, with what CloudFront adds to it, and what it refuses.

moto copies the fields it knows into objects of its own and drops the rest. Here the document itself is kept.
"""

from __future__ import annotations

import copy
from typing import Any

from moto.cloudfront.models import CloudFrontBackend, Distribution, cloudfront_backends

from .corrections import Refusal, also, backend, correction, enabled

# CloudFront's own order of methods, whatever the caller's.
_METHODS = ("HEAD", "DELETE", "POST", "GET", "OPTIONS", "PUT", "PATCH")

_LEGACY_TTL = {"MinTTL": 0, "DefaultTTL": 86400, "MaxTTL": 31536000}


class Kept(dict):
    """A configuration as a dictionary that can also be read as moto reads its objects."""

    @property
    def caller_reference(self) -> str:
        return self["CallerReference"]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def _none() -> dict[str, Any]:
    return {"Quantity": 0}


def filled(asked: dict[str, Any]) -> Kept:
    config = Kept(
        {
            "CallerReference": "",
            "Aliases": _none(),
            "DefaultRootObject": "",
            "Origins": _none(),
            "OriginGroups": _none(),
            "DefaultCacheBehavior": {},
            "CacheBehaviors": _none(),
            "CustomErrorResponses": _none(),
            "Comment": "",
            "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""},
            "PriceClass": "PriceClass_All",
            "Enabled": False,
            "ViewerCertificate": {},
            "Restrictions": {"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}},
            "WebACLId": "",
            "HttpVersion": "http2",
            "IsIPV6Enabled": True,
            "ContinuousDeploymentPolicyId": "",
            "Staging": False,
        }
    )
    config.update(_plain(asked))
    items(config["Origins"])[:] = [_origin(o) for o in items(config["Origins"])]
    config["DefaultCacheBehavior"] = _behaviour(config["DefaultCacheBehavior"])
    items(config["CacheBehaviors"])[:] = [_behaviour(b) for b in items(config["CacheBehaviors"])]
    config["ViewerCertificate"] = _certificate(config["ViewerCertificate"])
    return config


def items(many: dict[str, Any] | None) -> list[Any]:
    return (many or {}).get("Items") or []


def behaviours(config: dict[str, Any]) -> list[dict[str, Any]]:
    return [config["DefaultCacheBehavior"], *items(config.get("CacheBehaviors"))]


def aliases(config: dict[str, Any]) -> list[str]:
    return [alias.lower() for alias in items(config.get("Aliases"))]


def _plain(value: Any) -> Any:
    """A copy without empty lists of items: CloudFront answers the quantity alone."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None and not (k == "Items" and not v)}
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _origin(asked: dict[str, Any]) -> dict[str, Any]:
    made = {
        "OriginPath": "",
        "CustomHeaders": _none(),
        "ConnectionAttempts": 3,
        "ConnectionTimeout": 10,
        "OriginShield": {"Enabled": False},
        "OriginAccessControlId": "",
        **asked,
    }
    if "CustomOriginConfig" in asked:
        times = {"OriginReadTimeout": 30, "OriginKeepaliveTimeout": 5}
        made["CustomOriginConfig"] = {**times, **asked["CustomOriginConfig"]}
    return made


def _behaviour(asked: dict[str, Any]) -> dict[str, Any]:
    legacy = {} if asked.get("CachePolicyId") else _LEGACY_TTL
    made = {
        "TrustedSigners": {"Enabled": False, "Quantity": 0},
        "TrustedKeyGroups": {"Enabled": False, "Quantity": 0},
        "SmoothStreaming": False,
        "Compress": False,
        "LambdaFunctionAssociations": _none(),
        "FunctionAssociations": _none(),
        "FieldLevelEncryptionId": "",
        "GrpcConfig": {"Enabled": False},
        **legacy,
        **asked,
    }
    methods = asked.get("AllowedMethods") or {"Quantity": 2, "Items": ["HEAD", "GET"]}
    cached = methods.get("CachedMethods") or {"Quantity": 2, "Items": ["HEAD", "GET"]}
    made["AllowedMethods"] = {**_ordered(methods), "CachedMethods": _ordered(cached)}
    return made


correction(
    "cloudfront.method-order",
    fact="allowed and cached methods are answered in CloudFront's order, not in that they were given in",
    source="AWS CLI reference, get-distribution; moto 7",
    unverified=True,
)


def _ordered(methods: dict[str, Any]) -> dict[str, Any]:
    if not enabled("cloudfront.method-order"):
        return methods
    return {**methods, "Items": sorted(items(methods), key=lambda m: _METHODS.index(m) if m in _METHODS else 99)}


def _certificate(asked: dict[str, Any]) -> dict[str, Any]:
    arn, iam = asked.get("ACMCertificateArn"), asked.get("IAMCertificateId")
    if arn or iam:
        origin = {"Certificate": arn or iam, "CertificateSource": "acm" if arn else "iam"}
        return {"MinimumProtocolVersion": "TLSv1", **asked, "CloudFrontDefaultCertificate": False, **origin}
    return {
        "CloudFrontDefaultCertificate": True,
        "SSLSupportMethod": "vip",
        "MinimumProtocolVersion": "TLSv1",
        "CertificateSource": "cloudfront",
    }


@correction(
    "cloudfront.config-kept",
    fact="a distribution answers every field it was given, those it was not given with their defaults, and none that "
    "another one excludes",
    source="aws-semantics 3.26; moto 7",
    patch=(Distribution, "__init__"),
)
def keep(inner: Any, self: Any, account_id: str, region_name: str, config: dict[str, Any]) -> None:
    # moto changes what it reads.
    inner(self, account_id, region_name, copy.deepcopy(config))
    self.distribution_config = filled(config)


@also("cloudfront.config-kept", patch=(CloudFrontBackend, "update_distribution"))
def keep_update(inner: Any, self: Any, dist_config: dict[str, Any], _id: str, if_match: Any) -> Any:
    distribution, location, etag = inner(self, copy.deepcopy(dist_config), _id, if_match)
    distribution.distribution_config = filled(dist_config)
    return distribution, location, etag


def _asked(call: Any) -> dict[str, Any]:
    return call._get_param("DistributionConfigWithTags.DistributionConfig") or call._get_param("DistributionConfig")


_WRITES = [("cloudfront", n) for n in ("CreateDistribution", "CreateDistributionWithTags", "UpdateDistribution")]


@correction(
    "cloudfront.config-checked",
    fact="a configuration is refused when quantities do not count the items, a behaviour names no origin of it, sets "
    "neither or both of CachePolicyId and ForwardedValues, or names what does not exist",
    source="CloudFront API reference, CreateDistribution errors",
    around=_WRITES,
)
def check(call: Any, proceed: Any) -> Any:
    from .cloudfront_policies import KINDS, known

    config = _asked(call)
    _count(config)
    origins = items(config.get("Origins"))
    for behaviour in behaviours(config):
        if behaviour.get("TargetOriginId") not in {o["Id"] for o in [*origins, *items(config.get("OriginGroups"))]}:
            raise Refusal("NoSuchOrigin", "One or more of your origins or origin groups do not exist.")
        policy, values = behaviour.get("CachePolicyId"), behaviour.get("ForwardedValues")
        if policy and values:
            raise Refusal(
                "InvalidArgument",
                "The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior.",
            )
        if not policy and not values:
            raise Refusal("InvalidArgument", "The parameter ForwardedValues is required.")
        for kind in KINDS:
            named = behaviour.get(f"{kind}Id")
            if named and not known(kind, named):
                raise Refusal(f"NoSuch{kind}", "The specified policy does not exist.")
    for origin in origins:
        control = origin.get("OriginAccessControlId")
        if control and control not in backend(call).origin_access_controls:
            raise Refusal("InvalidOriginAccessControl", "The specified origin access control does not exist.")
    return proceed()


@correction(
    "cloudfront.config-values",
    fact="a configuration is refused when two behaviours have one path, when the root object begins with a slash, and "
    "when an error has a page but no status or the other way round",
    source="CloudFront API reference, CacheBehavior, DistributionConfig, CustomErrorResponse",
    unverified=True,
    around=_WRITES,
)
def values(call: Any, proceed: Any) -> Any:
    config = _asked(call)
    paths = [behaviour.get("PathPattern") for behaviour in items(config.get("CacheBehaviors"))]
    if len(set(paths)) < len(paths):
        raise Refusal("InvalidArgument", "The parameter PathPattern contains a duplicate.")
    if (config.get("DefaultRootObject") or "").startswith("/"):
        raise Refusal("InvalidDefaultRootObject", "The parameter DefaultRootObject is invalid.")
    for error in items(config.get("CustomErrorResponses")):
        if bool(error.get("ResponsePagePath")) != bool(error.get("ResponseCode")):
            raise Refusal(
                "InvalidArgument", "ResponsePagePath and ResponseCode must be specified both, or neither of them."
            )
    return proceed()


@correction(
    "cloudfront.log-bucket",
    fact="a distribution logs only to a bucket that is there and takes access control lists",
    source="CloudFront developer guide, standard logging (legacy)",
    around=_WRITES,
)
def log_bucket(call: Any, proceed: Any) -> Any:
    from moto.s3.models import s3_backends

    told = _asked(call).get("Logging") or {}
    if str(told.get("Enabled")).lower() == "true":
        domain = told.get("Bucket") or ""
        name = domain.partition(".s3.")[0]
        partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
        if owner is None:
            raise Refusal("InvalidArgument", "The parameter Logging Bucket does not refer to a valid S3 bucket.")
        if s3_backends[owner][partition].get_bucket(name).ownership_rule == "BucketOwnerEnforced":
            raise Refusal(
                "InvalidArgument",
                f"The S3 bucket that you specified for CloudFront logs does not enable ACL access: {domain}",
            )
    return proceed()


def _count(value: Any) -> None:
    if isinstance(value, dict):
        if value.get("Quantity") is not None and int(value["Quantity"]) != len(items(value)):
            raise Refusal("InconsistentQuantities", "The value of Quantity and the size of Items don't match.")
        for child in value.values():
            _count(child)
    elif isinstance(value, list):
        for child in value:
            _count(child)


@correction(
    "cloudfront.alias-unique",
    fact="an alias belongs to one distribution of all accounts: on another it is CNAMEAlreadyExists",
    source="aws-semantics 3.26 c; moto 7",
    around=_WRITES,
)
def alias_unique(call: Any, proceed: Any) -> Any:
    wanted = set(aliases(_asked(call)))
    for distribution in everyones():
        if distribution.id != call._get_param("Id") and wanted & set(aliases(distribution.distribution_config)):
            raise Refusal(
                "CNAMEAlreadyExists",
                "One or more of the CNAMEs you provided are already associated with a different resource.",
            )
    return proceed()


def everyones() -> list[Any]:
    """The distributions of all accounts."""
    accounts = [cloudfront_backends[account]["aws"] for account in list(cloudfront_backends)]
    return [distribution for account in accounts for distribution in account.distributions.values()]


@correction(
    "cloudfront.viewer-certificate",
    fact="a distribution takes only an issued certificate of us-east-1, and only aliases that it covers",
    source="aws-semantics 3.26 h; moto 7",
    around=_WRITES,
)
def viewer_certificate(call: Any, proceed: Any) -> Any:
    config = _asked(call)
    viewer = config.get("ViewerCertificate") or {}
    if viewer.get("IAMCertificateId"):
        return proceed()
    arn = viewer.get("ACMCertificateArn")
    if not arn and aliases(config):
        raise Refusal(
            "InvalidViewerCertificate",
            "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted "
            "certificate that validates your authorization to use the domain name.",
        )
    if arn:
        names = certificate_names(call.current_account, arn)
        if names is None:
            raise Refusal(
                "InvalidViewerCertificate",
                "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't "
                "include a valid certificate chain.",
            )
        if not all(covered(alias, names) for alias in aliases(config)):
            raise Refusal(
                "InvalidViewerCertificate",
                "The certificate that is attached to your distribution doesn't cover the alternate domain name (CNAME) "
                "that you're trying to add.",
            )
    return proceed()


def certificate_names(account: str, arn: str) -> list[str] | None:
    """The names of an issued certificate where CloudFront looks for it."""
    from moto.acm.models import acm_backends

    found = acm_backends[account]["us-east-1"]._certificates.get(arn)
    if found is None or found.status != "ISSUED":
        return None
    return [name.lower() for name in [found.common_name, *found.sans]]


def covered(alias: str, names: list[str]) -> bool:
    return alias in names or "*." + alias.partition(".")[2] in names
