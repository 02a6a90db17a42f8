"""The registry: what a correction is, and how it is put around moto's own code.

A correction is one AWS fact with the code that keeps it. It is hooked in at one of two places:

- around an *action* (`around=("ec2", "DeleteVpc")`): a function `f(call, proceed)`, where `call` is moto's response
  object (parameters in `call.params`, backend by `backend(call)`) and `proceed()` runs what lies below. The action may
  be a pattern (`Describe*`) or one that moto does not know at all.
- around a *method* or property of a moto model (`patch=(SomeClass, "name")`): `f(inner, self, *args, **kwargs)`.

Corrections can be switched while the server runs, so each hook asks at the time of the call whether it is on.
"""

from __future__ import annotations

import fnmatch
import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from botocore.session import Session
from moto.core.exceptions import ServiceException
from moto.core.utils import camelcase_to_underscores


@functools.cache
def service_model(name: str) -> Any:
    """botocore's model of a service: what its actions take and answer. Reading one costs a third of a second."""
    return Session().get_service_model(name)


class Refusal(ServiceException):
    """What AWS answers instead: `Refusal(code, message)`, written out in the protocol of the call.

    A class of ours, since moto looks for the shape of its own exceptions in the service they are defined in.
    """


@dataclass
class Correction:
    """One AWS fact, where it is from, and whether it is being kept right now."""

    name: str
    fact: str
    source: str
    unverified: bool = False
    on: bool = True
    hooks: list[tuple[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "fact": self.fact,
            "source": self.source,
            "unverified": self.unverified,
            "on": self.on,
        }


REGISTRY: dict[str, Correction] = {}

# Response classes by the service name that botocore uses. Class paths, since importing a moto service costs time.
RESPONSES = {
    "acm": "moto.acm.responses:AWSCertificateManagerResponse",
    "autoscaling": "moto.autoscaling.responses:AutoScalingResponse",
    "cloudfront": "moto.cloudfront.responses:CloudFrontResponse",
    "cloudwatch": "moto.cloudwatch.responses:CloudWatchResponse",
    "ec2": "moto.ec2.responses:EC2Response",
    "elbv2": "moto.elbv2.responses:ELBV2Response",
    "iam": "moto.iam.responses:IamResponse",
    "rds": "moto.rds.responses:RDSResponse",
    "route53": "moto.route53.responses:Route53",
    "secretsmanager": "moto.secretsmanager.responses:SecretsManagerResponse",
    "ssm": "moto.ssm.responses:SimpleSystemManagerResponse",
}

_around: list[tuple[str, str, Correction, Callable]] = []
_patches: list[tuple[type, str, Correction, Callable]] = []


def correction(
    name: str,
    *,
    fact: str,
    source: str,
    unverified: bool = False,
    around: tuple[str, str] | Iterable[tuple[str, str]] = (),
    patch: tuple[type, str] | Iterable[tuple[type, str]] = (),
) -> Callable[[Callable], Callable]:
    """Declare the decorated function as (part of) the correction `name`.

    Several functions may carry one name: they are one fact, switched together.
    """
    known = REGISTRY.setdefault(name, Correction(name, fact, source, unverified))
    assert known.fact == fact, f"two facts under the name {name}"

    def declare(function: Callable) -> Callable:
        for service, action in [around] if isinstance(around, tuple) and around else around:
            known.hooks.append((service, action))
            _around.append((service, action, known, function))
        for owner, method in [patch] if isinstance(patch, tuple) and patch else patch:
            _patches.append((owner, method, known, function))
        return function

    return declare


def enabled(name: str) -> bool:
    """Is this correction known and on? For hooks outside moto's responses (the WSGI layer)."""
    found = REGISTRY.get(name)
    return found is not None and found.on


def also(name: str, **hook: Any) -> Callable[[Callable], Callable]:
    """A further hook of a correction that is already declared."""
    known = REGISTRY[name]
    return correction(name, fact=known.fact, source=known.source, unverified=known.unverified, **hook)


def backend(call: Any) -> Any:
    """moto's model of the service, account and region that `call` speaks to."""
    services = ("acm", "autoscaling", "cloudwatch", "ec2", "elbv2", "ssm")
    for attribute in (*(f"{service}_backend" for service in services), "backend"):
        if hasattr(type(call), attribute):
            return getattr(call, attribute)
    raise AttributeError(f"no backend known for {type(call).__name__}")


def install() -> None:
    """Put every declared correction around moto's code. Called once, before serving."""
    for service, path in RESPONSES.items():
        module, _, name = path.partition(":")
        response = getattr(importlib.import_module(module), name)
        hooks = [h for h in _around if h[0] == service]
        for action in service_model(service).operation_names:
            chain = [(c, f) for _, pattern, c, f in hooks if fnmatch.fnmatchcase(action, pattern)]
            if chain:
                _wrap_action(response, action, chain)
    for owner, method, known, function in _patches:
        _wrap_method(owner, method, known, function)


def _wrap_action(response: type, action: str, chain: list[tuple[Correction, Callable]]) -> None:
    method = camelcase_to_underscores(action)
    inner = getattr(response, method, None)

    def run(call: Any) -> Any:
        def missing() -> Any:
            raise NotImplementedError(f"{action} is not known to the emulator")

        step = functools.partial(inner, call) if inner else missing
        # The first declared lies outermost: it sees the request first and the answer last.
        for known, function in reversed(chain):
            if known.on:
                step = functools.partial(function, call, step)
        return step()

    run.__name__ = method
    setattr(response, method, run)


def _wrap_method(owner: type, method: str, known: Correction, function: Callable) -> None:
    found = inspect.getattr_static(owner, method)
    inner = found.fget if isinstance(found, property) else found

    @functools.wraps(inner)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not known.on:
            return inner(self, *args, **kwargs)
        return function(inner, self, *args, **kwargs)

    setattr(owner, method, property(run) if isinstance(found, property) else run)
