"""S3: answers that a strict client can read, and who pays for requests."""

from __future__ import annotations

import re
from typing import Any

from moto.s3.responses import S3Response

from .corrections import also, correction

# What moto calls by the name of the operation.
_ROOTS = {
    "accelerate": "AccelerateConfiguration",
    "notification": "NotificationConfiguration",
    "versioning": "VersioningConfiguration",
}


@correction(
    "s3.answers-named",
    fact="the answers of GetBucketVersioning, GetBucketAccelerateConfiguration and GetBucketNotificationConfiguration are "
    "called VersioningConfiguration, AccelerateConfiguration and NotificationConfiguration; the Rust SDK reads no others",
    source="S3 API reference, response syntax",
    patch=(S3Response, "_bucket_response_get"),
)
def roots(inner: Any, self: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
    answer = inner(self, bucket_name, querystring)
    name = next((_ROOTS[key] for key in _ROOTS if key in querystring), None)
    if not name or not isinstance(answer, tuple) or answer[0] >= 300:
        return answer
    body = answer[2].decode() if isinstance(answer[2], bytes) else answer[2]
    return answer[0], answer[1], re.sub(r"(</?)\w+Response\b", rf"\1{name}", body)


@correction(
    "s3.request-payment",
    fact="a bucket's owner pays for requests, unless PutBucketRequestPayment says that whoever asks does",
    source="S3 API reference, GetBucketRequestPayment",
    patch=(S3Response, "_bucket_response_get"),
)
def get_payer(inner: Any, self: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
    if "requestPayment" not in querystring:
        return inner(self, bucket_name, querystring)
    payer = getattr(self.backend.get_bucket(bucket_name), "payer", "BucketOwner")
    return 200, {}, f"<RequestPaymentConfiguration><Payer>{payer}</Payer></RequestPaymentConfiguration>"


@also("s3.request-payment", patch=(S3Response, "_bucket_response_put"))
def put_payer(inner: Any, self: Any, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
    if "requestPayment" not in querystring:
        return inner(self, request, bucket_name, querystring)
    self.backend.get_bucket(bucket_name).payer = re.search(rb"<Payer>(\w+)</Payer>", self.body)[1].decode()
    return ""
