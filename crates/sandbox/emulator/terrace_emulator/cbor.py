"""RPC v2 CBOR, which the Rust SDK speaks to CloudWatch, turned into the JSON that moto understands, and back.

`POST /service/GraniteServiceVersion20100801/operation/DescribeAlarms` carries a CBOR map and expects one.
"""

from __future__ import annotations

import base64
import io
import json
import math
import re
import struct
from datetime import datetime
from typing import Any

from botocore.parsers import RpcV2CBORParser

from .corrections import service_model

_PATH = re.compile(r"^/service/(?P<target>[^/]+)/operation/(?P<operation>[^/]+)$")
_SERVICES = {"GraniteServiceVersion20100801": "cloudwatch"}


def operation(environ: dict) -> tuple[str, str] | None:
    """(target, operation) when this is an RPC v2 CBOR call for a service we translate."""
    found = _PATH.match(environ.get("PATH_INFO", ""))
    if found and found["target"] in _SERVICES:
        return found["target"], found["operation"]
    return None


def to_json(environ: dict, body: bytes, target: str, name: str) -> bytes:
    """Rewrite the request in place into JSON 1.0; the signature's header stays as it was."""
    fields = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(body))) if body else {}
    text = json.dumps(fields, default=_plain).encode()
    for header in ("HTTP_SMITHY_PROTOCOL", "HTTP_X_AMZN_QUERY_MODE"):
        environ.pop(header, None)
    environ.update(
        PATH_INFO="/",
        RAW_URI="/",
        REQUEST_URI="/",
        CONTENT_TYPE="application/x-amz-json-1.0",
        CONTENT_LENGTH=str(len(text)),
        HTTP_X_AMZ_TARGET=f"{target}.{name}",
    )
    return text


def from_json(target: str, name: str, status: int, headers: list[tuple[str, str]], body: bytes):
    """(status, headers, body) in CBOR of moto's JSON answer."""
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        fields = {"__type": "InternalFailure", "message": body.decode(errors="replace")[:500]}
        status = max(status, 400)
    kept = [("smithy-protocol", "rpc-v2-cbor"), ("x-amzn-RequestId", "terrace")]
    if status >= 400:
        query = dict((k.lower(), v) for k, v in headers).get("x-amzn-query-error")
        code = str(fields.get("__type", "InternalFailure")).split("#")[-1]
        message = fields.get("message") or fields.get("Message") or ""
        kept.append(("x-amzn-query-error", query or f"{code};{'Sender' if status < 500 else 'Receiver'}"))
        answer = encode({"__type": code, "message": message}, None)
    else:
        shape = service_model(_SERVICES[target]).operation_model(name).output_shape
        answer = encode(fields, shape)
    return status, [("Content-Type", "application/cbor"), *kept], answer


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"cannot say {type(value).__name__} in JSON")


def encode(value: Any, shape: Any) -> bytes:
    """CBOR of a JSON value; the shape tells times and floating point numbers from integers."""
    kind = shape.type_name if shape is not None else None
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if kind == "timestamp":
        return b"\xc1" + _double(value if isinstance(value, (int, float)) else _epoch(value))
    if kind in ("double", "float"):
        return _double(float(value))
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return _double(value)
    if kind == "blob":
        raw = base64.b64decode(value)
        return _head(2, len(raw)) + raw
    if isinstance(value, str):
        raw = value.encode()
        return _head(3, len(raw)) + raw
    if isinstance(value, list):
        member = shape.member if kind == "list" else None
        return _head(4, len(value)) + b"".join(encode(v, member) for v in value)
    pairs = {k: v for k, v in value.items() if v is not None}
    if kind == "structure":
        pairs = {k: v for k, v in pairs.items() if k in shape.members}
        return _head(5, len(pairs)) + b"".join(encode(k, None) + encode(v, shape.members[k]) for k, v in pairs.items())
    member = shape.value if kind == "map" else None
    return _head(5, len(pairs)) + b"".join(encode(k, None) + encode(v, member) for k, v in pairs.items())


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _double(value: float) -> bytes:
    return b"\xfb" + struct.pack(">d", math.nan if value is None else value)


def _head(major: int, length: int) -> bytes:
    if length < 24:
        return bytes([major << 5 | length])
    for extra, (form, limit) in enumerate(((">B", 1 << 8), (">H", 1 << 16), (">I", 1 << 32), (">Q", 1 << 64))):
        if length < limit:
            return bytes([major << 5 | 24 + extra]) + struct.pack(form, length)
    raise OverflowError(length)
