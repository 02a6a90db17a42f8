"""S3: whose bucket it is, and what a new one has.

moto's S3 does not go by named actions as its other services do, so these stand around the two methods that every
request passes. Conditional writes need nothing here: the server answers one request at a time.
"""

from __future__ import annotations

import json
import re
import uuid
import xml.etree.ElementTree as ElementTree
from typing import Any

from moto.core.responses import ActionResult
from moto.s3.models import PublicAccessBlock, S3Backend, s3_backends
from moto.s3.responses import S3Response, bucket_name_from_url, bucketpath_bucket_name_from_url

from . import accounts, errors
from .corrections import also, correction, enabled

correction(
    "s3.conditional-writes",
    fact="a conditional write is atomic: of many PutObject with If-None-Match: * one wins",
    source="aws-semantics 5.4",
)


def _refuse(code: str, message: str, status: int) -> tuple[int, dict[str, str], bytes]:
    status, headers, body = errors.encode("s3", "", code, message, status)
    return status, dict(headers), body


def _account(request: Any) -> str:
    from moto.iam.models import get_account_id_from

    chosen = request.headers.get("x-moto-account-id")
    return chosen or get_account_id_from(accounts.access_key(request.environ) or "")


def _bucket(request: Any, url: str) -> str | None:
    by_host = S3Response.subdomain_based_buckets(request)
    return bucket_name_from_url(url) if by_host else bucketpath_bucket_name_from_url(url)


_BOTH = [(S3Response, "bucket_response"), (S3Response, "key_response")]


@correction(
    "s3.foreign-bucket",
    fact="a bucket belongs to one account: every other gets AccessDenied (HTTP 403) unless a policy lets it in, and "
    "ExpectedBucketOwner makes the same check for oneself",
    source="aws-semantics 3.24; moto 6",
    patch=_BOTH,
)
def foreign(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    name = _bucket(request, full_url)
    _, owner = s3_backends.bucket_accounts.get(name, (None, None))
    caller = _account(request)
    expected = request.headers.get("x-amz-expected-bucket-owner")
    # CreateBucket has an answer of its own for a name that is taken.
    creating = request.method == "PUT" and inner.__name__ == "bucket_response" and not request.query_string
    if owner and not creating:
        open_to_others = owner != caller and s3_backends[owner]["aws"].get_bucket(name).policy
        if (expected and expected != owner) or (owner != caller and not open_to_others):
            return _refuse("AccessDenied", "Access Denied", 403)
    return inner(self, request, full_url, headers)


@correction(
    "s3.bucket-tags-at-creation",
    fact="CreateBucket keeps the tags of its configuration",
    source="aws-semantics 3.24",
    patch=(S3Response, "bucket_response"),
)
def tags_at_creation(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    name = _bucket(request, full_url)
    fresh = name and request.method == "PUT" and not request.query_string and name not in s3_backends.bucket_accounts
    body = request.data if fresh else b""
    answer = inner(self, request, full_url, headers)
    if fresh and name in s3_backends.bucket_accounts and b"<Tag" in body:
        tags = {}
        for element in ElementTree.fromstring(body).iter():
            if element.tag.rpartition("}")[2] == "Tag":
                fields = {child.tag.rpartition("}")[2]: child.text or "" for child in element}
                tags[fields["Key"]] = fields.get("Value", "")
        self.backend.put_bucket_tagging(name, tags)
    return answer


@correction(
    "s3.bucket-defaults",
    fact="a new bucket is encrypted with AES256, blocks public access in all four ways and belongs to its owner alone "
    "(BucketOwnerEnforced)",
    source="aws-semantics 3.24",
    patch=(S3Backend, "create_bucket"),
)
def bucket_defaults(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    bucket = inner(self, *args, **kwargs)
    bucket.encryption = _aes256()
    bucket.public_access_block = PublicAccessBlock(*(["true"] * 4))
    bucket.ownership_rule = "BucketOwnerEnforced"
    return bucket


@also("s3.bucket-defaults", patch=(S3Backend, "delete_bucket_encryption"))
def delete_encryption(inner: Any, self: Any, bucket_name: str) -> None:
    # There is no unencrypted bucket any more: taking the choice back leaves the default.
    self.get_bucket(bucket_name).encryption = _aes256()


def _aes256() -> dict[str, Any]:
    return {
        "Rule": {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": "false"},
    }


@correction(
    "s3.public-policy-blocked",
    fact="a policy must be JSON, and a public one is AccessDenied while BlockPublicPolicy is on",
    source="aws-semantics 3.24; moto 6",
    patch=(S3Response, "bucket_response"),
)
def public_policy(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    if request.method == "PUT" and request.args.get("policy") is not None:
        name = _bucket(request, full_url)
        partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
        try:
            policy = json.loads(request.data)
            statements = policy["Statement"]
        except (ValueError, KeyError, TypeError):
            return _refuse("MalformedPolicy", "This policy contains invalid Json", 400)
        block = s3_backends[owner][partition].get_bucket(name).public_access_block if owner else None
        blocked = block is not None and str(block.block_public_policy).lower() == "true"
        if blocked and any(_public(s) for s in (statements if isinstance(statements, list) else [statements])):
            return _refuse(
                "AccessDenied",
                "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the "
                "BlockPublicPolicy setting in S3 Block Public Access.",
                403,
            )
    return inner(self, request, full_url, headers)


def _public(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal")
    anyone = principal == "*" or (isinstance(principal, dict) and "*" in _listed(principal.get("AWS")))
    return statement.get("Effect") == "Allow" and anyone and not statement.get("Condition")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@correction(
    "s3.list-buckets-paging",
    fact="ListBuckets with MaxBuckets answers a ContinuationToken while there are more",
    source="aws-semantics 2; moto 6",
    patch=(S3Response, "all_buckets"),
)
def list_buckets(inner: Any, self: Any) -> Any:
    size, token = self._get_param("max-buckets"), self._get_param("continuation-token")
    if not size and not token and not enabled("s3.list-buckets-region"):
        return inner(self)
    asked = any(self._get_param(name) for name in ("max-buckets", "continuation-token", "prefix", "bucket-region"))
    self.data["Action"] = "ListBuckets"
    found = self.backend.list_buckets(
        prefix=self._get_param("prefix"), bucket_region=self._get_param("bucket-region"), max_buckets=None
    )
    found = sorted((b for b in found if not token or b.name > token), key=lambda b: b.name)
    page = found[: int(size or 10000)]
    rows = [{"Name": b.name, "CreationDate": b.creation_date_ISO8601, "BucketRegion": b.region_name} for b in page]
    if not asked or not enabled("s3.list-buckets-region"):
        rows = [{k: v for k, v in row.items() if k != "BucketRegion"} for row in rows]
    owner = {"ID": "bcaf1ffd86f41161ca5fb16fd081034f", "DisplayName": "webfile"}
    more = page[-1].name if len(page) < len(found) else None
    prefix = self._get_param("prefix")
    return self.serialized(
        ActionResult({"Owner": owner, "Buckets": rows, "ContinuationToken": more, "Prefix": prefix})
    )


correction(
    "s3.list-buckets-region",
    fact="ListBuckets with any parameter says each bucket's region, and its Prefix",
    source="S3 API reference, ListBuckets",
)


@correction(
    "s3.bucket-tags-deleted",
    fact="the tags of a bucket go with it",
    source="aws-semantics 3.24, R1",
    patch=(S3Backend, "delete_bucket"),
)
def delete_bucket(inner: Any, self: Any, bucket_name: str) -> Any:
    gone = inner(self, bucket_name)
    if gone:
        self.tagger.delete_all_tags_for_resource(gone.arn)
    return gone


# What one PUT replaces as a whole, by the name in its query: the elements that are given an id when they have none.
_DOCUMENTS = {
    "lifecycle": {"Rule": "ID"},
    "notification": dict.fromkeys(("TopicConfiguration", "QueueConfiguration", "CloudFunctionConfiguration"), "Id"),
}


@correction(
    "s3.documents-kept",
    fact="lifecycle and notification configurations are read back as they were put, with ids for what had none",
    source="S3 API reference, GetBucketLifecycleConfiguration, GetBucketNotificationConfiguration",
    patch=(S3Response, "bucket_response"),
)
def documents(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    which = next((name for name in _DOCUMENTS if name in request.args), None)
    name = _bucket(request, full_url)
    partition, owner = s3_backends.bucket_accounts.get(name, (None, None))
    body = request.data if which and request.method == "PUT" else b""
    answer = inner(self, request, full_url, headers)
    if not which or not owner or answer[0] >= 300:
        return answer
    kept = s3_backends[owner][partition].get_bucket(name).__dict__.setdefault("documents", {})
    if request.method == "PUT":
        kept[which] = _with_ids(body, _DOCUMENTS[which])
    elif request.method == "DELETE":
        kept.pop(which, None)
    elif which in kept:
        return answer[0], answer[1], kept[which]
    return answer


def _with_ids(document: bytes, ids: dict[str, str]) -> bytes:
    root = ElementTree.fromstring(document)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    for element in root:
        key = ids.get(element.tag)
        if key and element.find(key) is None:
            ElementTree.SubElement(element, key).text = uuid.uuid4().hex
    return ElementTree.tostring(root)


@correction(
    "s3.notification-destination",
    fact="a bucket notifies only topics, queues and functions that exist",
    source="aws-semantics 3.24, 7.7",
    patch=(S3Response, "bucket_response"),
)
def destinations(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    if request.method == "PUT" and "notification" in request.args and request.data:
        for element in ElementTree.fromstring(request.data).iter():
            kind = element.tag.rpartition("}")[2]
            if kind in ("Topic", "Queue", "CloudFunction") and not _exists(kind, element.text or ""):
                return _refuse("InvalidArgument", "Unable to validate the following destination configurations", 400)
    return inner(self, request, full_url, headers)


def _exists(kind: str, arn: str) -> bool:
    from moto.awslambda.models import lambda_backends
    from moto.sns.models import sns_backends
    from moto.sqs.models import sqs_backends

    region, account, name = arn.split(":", 5)[3:]
    if kind == "Topic":
        return arn in sns_backends[account][region].topics
    if kind == "Queue":
        return name in sqs_backends[account][region].queues
    return any(arn.startswith(f.function_arn) for f in lambda_backends[account][region].list_functions())


@correction(
    "s3.bucket-name",
    fact="a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and is no address",
    source="aws-semantics 7.1; S3 user guide, bucket naming rules",
    patch=(S3Response, "bucket_response"),
)
def bucket_name(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    if request.method == "PUT" and not request.query_string:
        name = _bucket(request, full_url) or ""
        good = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) and ".." not in name
        if not good or name.startswith("xn--") or re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
            return _refuse("InvalidBucketName", "The specified bucket is not valid.", 400)
    return inner(self, request, full_url, headers)


@correction(
    "s3.no-access-lists",
    fact="a bucket whose owner is enforced takes no access control list but bucket-owner-full-control",
    source="aws-semantics 3.24",
    patch=_BOTH,
)
def no_access_lists(inner: Any, self: Any, request: Any, full_url: str, headers: Any) -> Any:
    given = request.headers.get("x-amz-acl")
    partition, owner = s3_backends.bucket_accounts.get(_bucket(request, full_url), (None, None))
    if request.method != "PUT" or not given:
        return inner(self, request, full_url, headers)
    if owner is None:
        enforced = request.headers.get("x-amz-object-ownership") in (None, "BucketOwnerEnforced")
        if enforced and given != "private" and inner.__name__ == "bucket_response":
            return _refuse(
                "InvalidBucketAclWithObjectOwnership",
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
                400,
            )
    elif s3_backends[owner][partition].get_bucket(_bucket(request, full_url)).ownership_rule == "BucketOwnerEnforced":
        if given != "bucket-owner-full-control":
            return _refuse("AccessControlListNotSupported", "The bucket does not allow ACLs", 400)
    return inner(self, request, full_url, headers)
