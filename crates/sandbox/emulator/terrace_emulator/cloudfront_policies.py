"""CloudFront's managed policies: what every account has and may name in a behaviour, by AWS's own ids."""

from __future__ import annotations

import datetime
from typing import Any

from moto.cloudfront import urls
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult

from .corrections import Refusal, also, correction

_DAY, _YEAR = 86400, 31536000
_NONE: tuple[str, list[str]] = ("none", [])
_ALL: tuple[str, list[str]] = ("all", [])
_CORS = ["Origin", "Access-Control-Request-Headers", "Access-Control-Request-Method"]
_AMPLIFY = ["Authorization", "CloudFront-Viewer-Country", "Host"]
_SEEN_BY_CLOUDFRONT = ["CloudFront-Viewer-Country", "CloudFront-Viewer-Address"]
_ORIGIN_CONTROLS = ["Host", "Origin", "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]


def _many(names: list[str]) -> dict[str, Any]:
    return {"Quantity": len(names), **({"Items": names} if names else {})}


def _parts(headers: tuple, cookies: tuple, queries: tuple) -> dict[str, Any]:
    def one(kind: str, lists: str, part: tuple) -> dict[str, Any]:
        return {kind: part[0], **({lists: _many(part[1])} if part[1] else {})}

    return {
        "HeadersConfig": one("HeaderBehavior", "Headers", headers),
        "CookiesConfig": one("CookieBehavior", "Cookies", cookies),
        "QueryStringsConfig": one("QueryStringBehavior", "QueryStrings", queries),
    }


def _cache(ttl: tuple, packed: tuple, headers: tuple = _NONE, cookies: tuple = _NONE, queries: tuple = _NONE) -> dict:
    key = {"EnableAcceptEncodingGzip": packed[0], "EnableAcceptEncodingBrotli": packed[1]}
    return {
        **dict(zip(("MinTTL", "DefaultTTL", "MaxTTL"), ttl, strict=True)),
        "ParametersInCacheKeyAndForwardedToOrigin": {**key, **_parts(headers, cookies, queries)},
    }


def _cors(methods: list[str], exposed: list[str]) -> dict[str, Any]:
    return {
        "AccessControlAllowOrigins": _many(["*"]),
        "AccessControlAllowHeaders": _many([]),
        "AccessControlAllowMethods": _many(methods),
        "AccessControlAllowCredentials": False,
        "AccessControlExposeHeaders": _many(exposed),
        "OriginOverride": False,
    }


_SIMPLE = _cors([], [])
_PREFLIGHT = _cors(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"], ["*"])
_SECURITY = {
    "XSSProtection": {"Override": False, "Protection": True, "ModeBlock": True},
    "FrameOptions": {"Override": False, "FrameOption": "SAMEORIGIN"},
    "ReferrerPolicy": {"Override": False, "ReferrerPolicy": "strict-origin-when-cross-origin"},
    "ContentTypeOptions": {"Override": True},
    "StrictTransportSecurity": {"Override": False, "AccessControlMaxAgeSec": _YEAR},
}

_CACHE = {
    "CachingOptimized": ("658327ea-f89d-4fab-a63d-7e88639e58f6", _cache((1, _DAY, _YEAR), (True, True))),
    "CachingOptimizedForUncompressedObjects": (
        "b2884449-e4de-46a7-ac36-70bc7f1ddd6d",
        _cache((1, _DAY, _YEAR), (False, False)),
    ),
    "CachingDisabled": ("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", _cache((0, 0, 0), (False, False))),
    "Elemental-MediaPackage": (
        "08627262-05a9-4f76-9ded-b50ca2e3a84f",
        _cache(
            (0, _DAY, _YEAR),
            (True, False),
            ("whitelist", ["Origin"]),
            queries=("whitelist", ["aws.manifestfilter", "start", "end", "m"]),
        ),
    ),
    "Amplify": (
        "2e54312d-136d-493c-8eb9-b001f22f67d2",
        _cache((2, 2, 600), (True, True), ("whitelist", _AMPLIFY), _ALL, _ALL),
    ),
    "UseOriginCacheControlHeaders": (
        "83da9c7e-98b4-4e11-a168-04f0df8e2c65",
        _cache((0, 0, _YEAR), (True, True), ("whitelist", _ORIGIN_CONTROLS), _ALL),
    ),
    "UseOriginCacheControlHeaders-QueryStrings": (
        "4cc15a8a-d715-48a4-82b8-cc0b614638fe",
        _cache((0, 0, _YEAR), (True, True), ("whitelist", _ORIGIN_CONTROLS), _ALL, _ALL),
    ),
}
_ORIGIN_REQUEST = {
    "AllViewer": ("216adef6-5c7f-47e4-b989-5492eafa07d3", _parts(("allViewer", []), _ALL, _ALL)),
    "AllViewerExceptHostHeader": (
        "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        _parts(("allExcept", ["Host"]), _ALL, _ALL),
    ),
    "AllViewerAndCloudFrontHeaders-2022-06": (
        "33f36d7e-f396-46d9-90e0-52428a34d9dc",
        _parts(("allViewerAndWhitelistCloudFront", _SEEN_BY_CLOUDFRONT), _ALL, _ALL),
    ),
    "CORS-CustomOrigin": ("59781a5b-3903-41f3-afcb-af62929ccde1", _parts(("whitelist", ["Origin"]), _NONE, _NONE)),
    "CORS-S3Origin": ("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", _parts(("whitelist", _CORS), _NONE, _NONE)),
    "UserAgentRefererHeaders": (
        "acba4595-bd28-49b8-b9fe-13317c0390fa",
        _parts(("whitelist", ["User-Agent", "Referer"]), _NONE, _NONE),
    ),
    "Elemental-MediaTailor-PersonalizedManifests": (
        "775133bc-15f2-49f9-abea-afb2e0bf67d2",
        _parts(("whitelist", [*_CORS, "User-Agent", "X-Forwarded-For"]), _NONE, _ALL),
    ),
}
_RESPONSE_HEADERS = {
    "SimpleCORS": ("60669652-455b-4ae9-85a4-c4c02393f86c", {"CorsConfig": _SIMPLE}),
    "CORS-With-Preflight": ("5cc3b908-e619-4b99-88e5-2cf7f45965bd", {"CorsConfig": _PREFLIGHT}),
    "SecurityHeadersPolicy": ("67f7725c-6f97-4210-82d7-5512b31e9d03", {"SecurityHeadersConfig": _SECURITY}),
    "CORS-and-SecurityHeadersPolicy": (
        "e61eb60c-9c35-4d20-a928-2b84e02af89c",
        {"CorsConfig": _SIMPLE, "SecurityHeadersConfig": _SECURITY},
    ),
    "CORS-with-preflight-and-SecurityHeadersPolicy": (
        "eaab4381-ed33-4a86-88ca-d9558dc6cd63",
        {"CorsConfig": _PREFLIGHT, "SecurityHeadersConfig": _SECURITY},
    ),
}

KINDS = {"CachePolicy": _CACHE, "OriginRequestPolicy": _ORIGIN_REQUEST, "ResponseHeadersPolicy": _RESPONSE_HEADERS}
_PATHS = {
    "CachePolicy": "cache-policy",
    "OriginRequestPolicy": "origin-request-policy",
    "ResponseHeadersPolicy": "response-headers-policy",
}
_SINCE = datetime.datetime(2023, 1, 1)

for _path in _PATHS.values():
    urls.url_paths[f"{{0}}/2020-05-31/{_path}$"] = CloudFrontResponse.dispatch
    urls.url_paths[f"{{0}}/2020-05-31/{_path}/(?P<policy_id>[^/]+)$"] = CloudFrontResponse.dispatch


def known(kind: str, policy: str) -> bool:
    return any(policy == known_id for known_id, _ in KINDS[kind].values())


def _policies(kind: str) -> list[dict[str, Any]]:
    return [
        {
            "Id": known_id,
            "LastModifiedTime": _SINCE,
            f"{kind}Config": {"Name": f"Managed-{name}", "Comment": "", **config},
        }
        for name, (known_id, config) in KINDS[kind].items()
    ]


def _kind(call: Any) -> str:
    return next(kind for kind in KINDS if kind in call._get_action().replace("Policies", "Policy"))


@correction(
    "cloudfront.managed-policies",
    fact="every account sees AWS's managed cache, origin request and response headers policies, under their names "
    "(Managed-...) and ids",
    source="CloudFront developer guide, managed policies",
    around=("cloudfront", "List*Policies"),
)
def list_policies(call: Any, proceed: Any) -> Any:
    if not any(call._get_action() == f"List{kind[:-1]}ies" for kind in KINDS):
        return proceed()
    kind, marker = _kind(call), call._get_param("Marker")
    size = int(call._get_param("MaxItems") or 100)
    rows = [] if call._get_param("Type") == "custom" else _policies(kind)
    ids = [row["Id"] for row in rows]
    start = ids.index(marker) + 1 if marker in ids else 0
    page = [{"Type": "managed", kind: row} for row in rows[start : start + size]]
    following = ids[start + size - 1] if start + size < len(rows) else None
    answer = {"MaxItems": size, "Quantity": len(page), "NextMarker": following, "Items": page or None}
    return ActionResult({f"{kind}List": answer})


@also("cloudfront.managed-policies", around=[("cloudfront", f"Get{kind}") for kind in KINDS])
def get_policy(call: Any, proceed: Any) -> Any:
    kind = _kind(call)
    for row in _policies(kind):
        if row["Id"] == call._get_param("Id"):
            return ActionResult({kind: row, "ETag": "E23ZP02F085DFQ"})
    raise Refusal(f"NoSuch{kind}", "The specified policy does not exist.")
