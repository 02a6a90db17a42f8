"""The WSGI application around moto: our own paths, account choice, CBOR, one lock, and readable errors."""

from __future__ import annotations

import datetime
import importlib
import io
import json
import os
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from . import __version__, accounts, cbor, census, clock, errors, forks, lateness, likeness, speed, stand_ins
from .corrections import REGISTRY, enabled, install

# Each of these declares corrections when imported.
MODULES = (
    "protocol",
    "tokens",
    "paging",
    "cloudwatch",
    "ec2_network",
    "ec2_rules",
    "ec2_gateways",
    "ec2_managed",
    "ec2_nat",
    "ec2_regions",
    "ec2_endpoints",
    "ec2_endpoint_filters",
    "ec2_instances",
    "ec2_attributes",
    "ec2_volumes",
    "ec2_tags",
    "ec2_templates",
    "autoscaling_members",
    "autoscaling",
    "autoscaling_policies",
    "autoscaling_refresh",
    "elbv2",
    "elbv2_listeners",
    "elbv2_targets",
    "elbv2_certificates",
    "rds",
    "rds_groups",
    "rds_interfaces",
    "route53",
    "route53_changes",
    "route53_health",
    "route53_records",
    "acm",
    "cloudfront",
    "cloudfront_config",
    "cloudfront_policies",
    "iam",
    "s3",
    "s3_answers",
    "s3_checks",
    "secretsmanager",
    "ssm",
    "tagging",
)

# Services that may call back into the server while they answer: holding the lock there would wait for itself.
_REENTRANT = {"lambda", "states", "cloudformation", "apigateway", "execute-api"}

Answer = tuple[int, list[tuple[str, str]], bytes]


class Application:
    """moto, corrected. With `bare` it is moto alone behind our identity path."""

    def __init__(self, identity: str = "", bare: bool = False) -> None:
        # moto reads its settings when it is first imported, so only now.
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.identity = identity
        self.bare = bare
        self.started = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
        self.moto = DomainDispatcherApplication(create_backend_app)
        # moto keeps dictionaries that several threads read and change without care. One request at a time makes
        # every action atomic, as AWS's conditional writes, names and tokens are. Waiting for the network (slow
        # bodies, the weather before us) happens outside.
        self.lock = threading.RLock()
        self.resets: list[Callable[[], None]] = [clock.forget, lateness.reset]
        if not bare:
            for name in MODULES:
                module = importlib.import_module(f"{__package__}.{name}")
                if hasattr(module, "reset"):
                    self.resets.append(module.reset)
            install()
            speed.install()

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        body = _read(environ)
        path = environ.get("PATH_INFO", "")
        if path.startswith("/terrace/"):
            status, headers, answer = self.control(environ, path)
        elif self.bare:
            environ["wsgi.input"] = io.BytesIO(body)
            return self.moto(environ, start_response)
        else:
            status, headers, answer = self.serve(environ, body)
        headers = [(k, v) for k, v in headers if k.lower() != "transfer-encoding"]
        if environ["REQUEST_METHOD"] != "HEAD":
            headers = [(k, v) for k, v in headers if k.lower() != "content-length"]
            headers.append(("Content-Length", str(len(answer))))
        else:
            answer = b""
        start_response(f"{status} {'OK' if status < 400 else 'Refused'}", headers)
        return [answer]

    def serve(self, environ: dict[str, Any], body: bytes) -> Answer:
        """One AWS request."""
        if enabled("accounts.access-key"):
            accounts.select(environ)
        service, _ = accounts.scope(environ)
        call = cbor.operation(environ) if enabled("cloudwatch.cbor") else None
        if call:
            try:
                body = cbor.to_json(environ, body, *call)
            except Exception as problem:
                text = json.dumps({"__type": "SerializationException", "message": str(problem)})
                return cbor.from_json(*call, 400, [], text.encode())
        if service in _REENTRANT:
            answer = self.moto_answer(environ, body, service)
        else:
            with self.lock:
                clock.catch_up()
                answer = lateness.before(service, environ.get("CONTENT_TYPE", ""), body)
                if answer is None:
                    status, headers, text = self.moto_answer(environ, body, service)
                    answer = status, headers, lateness.after(service, body, status, text)
        return cbor.from_json(*call, *answer) if call else answer

    def moto_answer(self, environ: dict[str, Any], body: bytes, service: str | None) -> Answer:
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        taken: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable:
            taken.update(status=int(status.split()[0]), headers=headers)
            return lambda data: None

        try:
            parts = self.moto(environ, start_response)
            try:
                answer = b"".join(parts)
            finally:
                getattr(parts, "close", lambda: None)()
        except Exception as problem:
            if not enabled("protocol.readable-errors"):
                raise
            return _refusal(environ, service, problem)
        status, headers = taken["status"], taken["headers"]
        kind = dict((k.lower(), v) for k, v in headers).get("content-type", "")
        # moto says the status of an error twice, once as a header of its own.
        headers = [(k, v) for k, v in headers if k.lower() != "status"]
        if status >= 400 and kind.startswith("text/html") and answer[:9].lower() == b"<!doctype":
            if enabled("protocol.readable-errors"):
                gap = NotImplementedError(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO')}")
                return _refusal(environ, service, gap)
        return status, headers, answer

    def control(self, environ: dict[str, Any], path: str) -> Answer:
        """Our own paths, for Terrace and for tests."""
        method = environ["REQUEST_METHOD"]
        query = {k: v[-1] for k, v in parse_qs(environ.get("QUERY_STRING", "")).items()}
        if path == "/terrace/identity" and method == "GET":
            return _json(
                {
                    "identity": self.identity,
                    "pid": os.getpid(),
                    "package": __version__,
                    "bare": self.bare,
                    "started": self.started,
                }
            )
        if path == "/terrace/reset" and method == "POST":
            with self.lock:
                self.reset()
            return _json({"reset": True})
        if path == "/terrace/settle" and method == "POST":
            with self.lock:
                clock.catch_up(everything=True)
            return _json({"settled": True})
        if path == "/terrace/pace":
            try:
                if method == "POST":
                    clock.set_pace(float(query["seconds"]))
            except (KeyError, ValueError):
                return _json({"error": "say ?seconds=<number>"}, 400)
            return _json({"seconds": clock.pace})
        if path == "/terrace/lateness":
            try:
                if method == "POST":
                    lateness.set_seconds(float(query["seconds"]))
            except (KeyError, ValueError):
                return _json({"error": "say ?seconds=<number>"}, 400)
            return _json({"seconds": lateness.seconds})
        if path == "/terrace/stand-in" and method == "POST":
            # Outside the lock: it calls this server as any client would.
            return _json(stand_ins.make(self, query))
        if path == "/terrace/census" and method == "GET":
            return _json(census.count(self, query["account"], query["region"]))
        if path == "/terrace/likeness" and method == "GET":
            return _json(likeness.take(self, query["account"], query["region"]))
        if path == "/terrace/fork" and method == "POST":
            with self.lock:
                return _json(forks.fork(self, query["identity"], environ.get("werkzeug.socket")))
        if path == "/terrace/corrections" and method == "GET":
            return _json([REGISTRY[name].as_json() for name in sorted(REGISTRY)])
        if path.startswith("/terrace/corrections/") and method == "POST":
            known = REGISTRY.get(path.removeprefix("/terrace/corrections/"))
            if known is None:
                return _json({"error": "no such correction"}, 404)
            if query.get("on") not in ("0", "1"):
                return _json({"error": "say ?on=0 or ?on=1"}, 400)
            known.on = query["on"] == "1"
            return _json(known.as_json())
        return _json({"error": "no such path"}, 404)

    def reset(self) -> None:
        """A fresh world: moto's, and ours."""
        from moto.core.base_backend import BackendDict, BaseBackend, backend_lock
        from moto.core.model_instances import reset_model_data

        # moto's own reset builds every account's images and managed policies anew and then throws them away. They are
        # built at first use anyway, so only those that must close something are asked.
        with backend_lock:
            for service in BackendDict._instances:
                for account in service.values():
                    for region in account.values():
                        if type(region).reset is not BaseBackend.reset:
                            region.reset()
                service.clear()
            BackendDict._instances.clear()
        reset_model_data()
        for forget in self.resets:
            forget()


def _read(environ: dict[str, Any]) -> bytes:
    """The whole body, read before the lock is taken."""
    length = environ.get("CONTENT_LENGTH")
    if length:
        return environ["wsgi.input"].read(int(length))
    if environ.get("wsgi.input_terminated"):
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        return environ["wsgi.input"].read()
    return b""


def _refusal(environ: dict[str, Any], service: str | None, problem: Exception) -> Answer:
    gap = isinstance(problem, NotImplementedError)
    if not gap or os.environ.get("TERRACE_SANDBOX_LOG"):
        traceback.print_exception(problem, limit=-4, chain=False)
    code = "NotImplemented" if gap else "InternalFailure"
    message = f"the sandbox cannot do this yet: {type(problem).__name__}: {problem}"
    return errors.encode(service, environ.get("CONTENT_TYPE", ""), code, message[:1000])


def _json(value: Any, status: int = 200) -> Answer:
    return status, [("Content-Type", "application/json")], json.dumps(value).encode()
