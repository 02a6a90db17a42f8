"""Errors in the shape the caller's protocol asks for.

moto answers a gap or a crash of its own with a page of HTML and status 500. An SDK retries that and cannot read it, so
here every such answer becomes a client error with code `NotImplemented` (or `InternalFailure` for a crash).
"""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

# Services by their signing name; EC2 and S3 have shapes of their own, all others that concern us speak JSON.
_QUERY = {
    "iam",
    "sts",
    "rds",
    "elasticloadbalancing",
    "autoscaling",
    "sns",
    "elasticache",
    "cloudformation",
    "redshift",
}
_REST_XML = {"route53", "cloudfront"}


def encode(service: str | None, content_type: str, code: str, message: str, status: int = 400):
    """(status, headers, body) of an error for this service."""
    text, short = escape(message), escape(code)
    kind = "text/xml"
    if service == "ec2":
        body = (
            f"<Response><Errors><Error><Code>{short}</Code><Message>{text}</Message></Error></Errors>"
            "<RequestID>terrace</RequestID></Response>"
        )
    elif service == "s3":
        body = f"<Error><Code>{short}</Code><Message>{text}</Message><RequestId>terrace</RequestId></Error>"
    elif service in _REST_XML or service in _QUERY or "form-urlencoded" in content_type:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{short}</Code><Message>{text}</Message></Error>"
            "<RequestId>terrace</RequestId></ErrorResponse>"
        )
    else:
        kind = "application/x-amz-json-1.0"
        body = json.dumps({"__type": code, "message": message})
    headers = [("Content-Type", kind), ("x-amzn-RequestId", "terrace"), ("x-amzn-ErrorType", code)]
    return status, headers, body.encode()
