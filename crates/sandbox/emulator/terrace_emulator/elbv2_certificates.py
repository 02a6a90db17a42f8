"""The certificates of a listener: one that is its default, and a list beside it for other names (SNI).

As in moto, the first of `listener.certificates` is the default.
"""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.elbv2.models import ELBv2Backend

from .corrections import Refusal, also, backend, correction


@correction(
    "elbv2.certificate-list",
    fact="a listener keeps its list of certificates when its default changes; the default may be in the list too, and "
    "is then described twice; what is added again is there once; the default cannot be removed",
    source="ELBv2 API reference, AddListenerCertificates, DescribeListenerCertificates, RemoveListenerCertificates",
    unverified=True,
    patch=(ELBv2Backend, "modify_listener"),
)
def modify(inner: Any, self: Any, arn: str, *args: Any, **kwargs: Any) -> Any:
    before = self.describe_listeners(load_balancer_arn=None, listener_arns=[arn])[0].certificates
    listener = inner(self, arn, *args, **kwargs)
    if listener.protocol not in ("HTTPS", "TLS"):
        listener.certificates = []
        return listener
    listener.certificates = [*listener.certificates[:1], *before[1:]]
    return listener


@also("elbv2.certificate-list", patch=(ELBv2Backend, "add_listener_certificates"))
def add(inner: Any, self: Any, arn: str, certificates: Any) -> list[str]:
    listener = self.describe_listeners(load_balancer_arn=None, listener_arns=[arn])[0]
    known = listener.certificates[1:]
    fresh = [c for c in certificates if c["CertificateArn"] not in known]
    return inner(self, arn, fresh)


@also("elbv2.certificate-list", around=("elbv2", "AddListenerCertificates"))
def answer_added(call: Any, proceed: Any) -> Any:
    proceed()
    asked = [c["CertificateArn"] for c in call.params["Certificates"]]
    return ActionResult({"Certificates": [{"CertificateArn": arn, "IsDefault": False} for arn in asked]})


@also("elbv2.certificate-list", around=("elbv2", "RemoveListenerCertificates"))
def remove(call: Any, proceed: Any) -> Any:
    arn = call.params["ListenerArn"]
    listener = backend(call).describe_listeners(load_balancer_arn=None, listener_arns=[arn])[0]
    going = [c["CertificateArn"] for c in call.params["Certificates"]]
    default, known = listener.certificates[:1], listener.certificates[1:]
    if set(default) & set(going) - set(known):
        raise Refusal("OperationNotPermitted", "Default certificate cannot be removed from the listener")
    listener.certificates = [*default, *(c for c in known if c not in going)]
    return ActionResult({})
