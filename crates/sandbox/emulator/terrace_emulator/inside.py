"""A plain AWS client whose calls do not leave the process: a census of a world asks a hundred times and more.

All but the wire is as it always is: botocore writes the request and reads the answer, the application serves it.
"""

from __future__ import annotations

import functools
import io
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from botocore.awsrequest import AWSResponse


class _Body(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Any:
        yield self.read()


@functools.cache
def client(application: Any, service: str, account: str, region: str) -> Any:
    """One client of each kind, for this process and the copies that are forked from it."""
    import boto3

    made = boto3.client(
        service,
        endpoint_url="http://127.0.0.1",
        region_name=region,
        aws_access_key_id=f"TERRACE{account}",
        aws_secret_access_key="sandbox",
    )

    def answer(request: Any, **_: Any) -> AWSResponse:
        environ, body = _environ(request)
        status, headers, text = application.serve(environ, body)
        return AWSResponse(request.url, status, dict(headers), _Body(text))

    made.meta.events.register("before-send", answer)
    return made


def _environ(request: Any) -> tuple[dict[str, Any], bytes]:
    """The request as a server hands it on."""
    url = urlsplit(request.url)
    path = url.path or "/"
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        body = body.encode()
    environ: dict[str, Any] = {
        "wsgi.url_scheme": url.scheme,
        "wsgi.input": io.BytesIO(body),
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": url.query,
        "RAW_URI": f"{path}?{url.query}" if url.query else path,
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": url.netloc,
    }
    for name, value in request.headers.items():
        value = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ, body
