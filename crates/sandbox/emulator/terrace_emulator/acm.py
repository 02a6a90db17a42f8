"""ACM: a certificate is issued when its CNAME can be looked up, and kept while somebody uses it.

moto issues by the clock alone. Here the zones of the account are asked, each time a record changes: DNS as far as the
emulator has any. Who uses a certificate is asked of the services that can, when the question comes up.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

from moto.acm.models import AWSCertificateManagerBackend, CertBundle, acm_backends
from moto.cloudfront.models import cloudfront_backends
from moto.core.responses import ActionResult, EmptyResult
from moto.core.utils import utcnow
from moto.elbv2.models import ELBv2Backend, elbv2_backends
from moto.route53.models import route53_backends

from . import clock
from .corrections import Refusal, also, backend, correction, enabled
from .route53 import normal, watchers

# (certificate, its user) for users that let go a moment ago.
_lingering: set[tuple[str, str]] = set()


def reset() -> None:
    _lingering.clear()


def _place(arn: str) -> tuple[str, str]:
    """(account, region) of a certificate."""
    _, _, _, region, account, _ = arn.split(":", 5)
    return account, region


def _names(certificate: CertBundle) -> list[str]:
    """The names as they were asked for: the domain first, each once."""
    return list(dict.fromkeys([certificate.common_name, *getattr(certificate, "asked_names", certificate.sans)]))


def record(account: str, name: str) -> dict[str, str]:
    """The CNAME that proves control of a name: the same for a wildcard and its apex, and for every certificate."""
    apex = name.removeprefix("*.").lower()
    digest = hashlib.sha256(f"{account}|{apex}".encode()).hexdigest()
    return {
        "Name": f"_{digest[:32]}.{apex}.",
        "Type": "CNAME",
        "Value": f"_{digest[32:]}.zzzzzzzzzz.acm-validations.aws.",
    }


@correction(
    "acm.validation-record",
    fact="the CNAME of a name is the same for every certificate of the account, and a wildcard shares that of its apex",
    source="aws-semantics 3.29",
    patch=(CertBundle, "describe"),
)
def validation_record(inner: Any, self: Any) -> Any:
    answer = inner(self)
    account, _ = _place(self.arn)
    for option in answer["Certificate"].get("DomainValidationOptions", []):
        if "ResourceRecord" in option:
            option["ResourceRecord"] = record(account, option["DomainName"])
    return answer


@correction(
    "acm.pending",
    fact="a certificate that waits for validation has no dates and no serial number, names its domain first, and "
    "learns its CNAMEs only after a moment",
    source="aws-semantics 3.29 e",
    patch=(CertBundle, "describe"),
)
def pending(inner: Any, self: Any) -> Any:
    answer = inner(self)
    told = answer["Certificate"]
    options = told.get("DomainValidationOptions", [])
    order = _names(self)
    if self.type == "AMAZON_ISSUED":
        told["SubjectAlternativeNames"] = order
        options.sort(key=lambda option: order.index(option["DomainName"]))
    if self.status == "PENDING_VALIDATION":
        for name in ("IssuedAt", "NotBefore", "NotAfter", "Serial"):
            told.pop(name, None)
        if not getattr(self, "records_known", True):
            for option in options:
                option.pop("ResourceRecord")
    return answer


@also("acm.pending", patch=(AWSCertificateManagerBackend, "request_certificate"))
def request(inner: Any, self: Any, domain_name: str, token: Any, names: Any, *rest: Any) -> str:
    before = set(self._certificates)
    arn = inner(self, domain_name, token, names, *rest)
    if arn not in before:
        certificate = self._certificates[arn]
        certificate.asked_names = list(names or [])
        certificate.records_known = False
        clock.after(1, lambda: _learn(certificate))
    return arn


def _learn(certificate: CertBundle) -> None:
    certificate.records_known = True
    # The record may be there already, of another certificate of this name.
    look_for_records(_place(certificate.arn)[0])


@correction(
    "acm.validation",
    fact="a certificate is issued once the CNAMEs of all its names are found in DNS, not before",
    source="aws-semantics 3.29 e",
    patch=(CertBundle, "check"),
)
def check(inner: Any, self: Any) -> None:
    if self.type != "AMAZON_ISSUED" or self.status != "PENDING_VALIDATION":
        inner(self)


def look_for_records(account: str) -> None:
    """Begin to issue what can be, in every region."""
    if not enabled("acm.validation"):
        return
    for region in list(acm_backends[account].values()):
        for certificate in list(region._certificates.values()):
            if _provable(certificate) and not getattr(certificate, "being_issued", False):
                certificate.being_issued = True
                clock.after(1, lambda certificate=certificate: _issue(certificate))


def _issue(certificate: CertBundle) -> None:
    certificate.being_issued = False
    if _provable(certificate):
        certificate.status = "ISSUED"
        certificate.issued_at = utcnow()


watchers.append(look_for_records)


def _provable(certificate: CertBundle) -> bool:
    if certificate.status != "PENDING_VALIDATION" or not getattr(certificate, "records_known", True):
        return False
    account, _ = _place(certificate.arn)
    needed = {(r["Name"], r["Value"]) for r in (record(account, name) for name in _names(certificate))}
    return needed <= set(_public_cnames(account))


def _public_cnames(account: str) -> Iterator[tuple[str, str]]:
    for zone in list(route53_backends[account]["aws"].zones.values()):
        if not zone.private_zone:
            for found in zone.rrsets:
                if found.type == "CNAME" and found.records:
                    yield normal(found.name), normal(found.records[0])


@correction(
    "acm.idempotency-token",
    fact="an IdempotencyToken used again within an hour for the same names answers the first certificate, whatever the "
    "tags; for other names it makes another one",
    source="aws-semantics 3.29 c; moto 7",
    unverified=True,
    patch=(AWSCertificateManagerBackend, "request_certificate"),
)
def idempotency(inner: Any, self: Any, domain_name: str, token: Any, names: Any, *rest: Any) -> str:
    if token is None:
        return inner(self, domain_name, token, names, *rest)
    # moto keeps tokens for the hour already; it need only be told what belongs to one.
    key = "|".join([token, domain_name.lower(), *sorted({n.lower() for n in names or []} | {domain_name.lower()})])
    arn = self._get_arn_from_idempotency_token(key)
    if arn in self._certificates:
        return arn
    arn = inner(self, domain_name, None, names, *rest)
    self._set_idempotency_token_arn(key, arn)
    return arn


@correction(
    "acm.key-algorithm",
    fact="a certificate has the key algorithm that was asked for, and says so with a hyphen: RSA-2048",
    source="ACM API reference, RequestCertificate; AWS CLI reference, describe-certificate",
    around=("acm", "RequestCertificate"),
)
def key_algorithm(call: Any, proceed: Any) -> Any:
    answer = proceed()
    asked = call._get_param("KeyAlgorithm")
    if asked:
        backend(call)._certificates[answer.result["CertificateArn"]].key_algorithm = asked
    return answer


@also("acm.key-algorithm", patch=(CertBundle, "describe"))
def show_key_algorithm(inner: Any, self: Any) -> Any:
    answer = inner(self)
    kind = getattr(self, "key_algorithm", answer["Certificate"]["KeyAlgorithm"])
    answer["Certificate"]["KeyAlgorithm"] = kind.replace("_", "-", 1)
    return answer


@correction(
    "acm.list",
    fact="ListCertificates pages by MaxItems and NextToken, and without Includes.keyTypes lists RSA 1024 and 2048 only",
    source="aws-semantics 3.29 a",
    around=("acm", "ListCertificates"),
)
def list_certificates(call: Any, proceed: Any) -> Any:
    includes = dict(call._get_param("Includes") or {})
    kinds = includes.pop("keyTypes", None) or ["RSA_1024", "RSA_2048"]
    rows = []
    for certificate in backend(call).list_certificates(call._get_param("CertificateStatuses"), includes):
        row = certificate.describe()["Certificate"]
        # Answers write these with a hyphen, filters with an underscore.
        if row["KeyAlgorithm"].replace("-", "_") in kinds:
            row["InUse"] = bool(row.pop("InUseBy", None))
            row["Exported"] = certificate.cert_options.get("Export") == "ENABLED"
            row["SubjectAlternativeNameSummaries"] = row.pop("SubjectAlternativeNames", [])[:100]
            row["HasAdditionalSubjectAlternativeNames"] = False
            rows.append(row)
    start, size = _offset(call._get_param("NextToken")), int(call._get_param("MaxItems") or 1000)
    following = base64.b64encode(f"acm:{start + size}".encode()).decode() if start + size < len(rows) else None
    return ActionResult({"CertificateSummaryList": rows[start : start + size], "NextToken": following})


def _offset(token: str | None) -> int:
    try:
        return int(base64.b64decode(token).decode().removeprefix("acm:")) if token else 0
    except ValueError:
        raise Refusal("ValidationException", "The NextToken is not valid.") from None


@correction(
    "acm.in-use",
    fact="InUseBy names the load balancers and distributions that have the certificate, and while there are any it "
    "cannot be deleted",
    source="aws-semantics 3.29 f; moto 7",
    patch=(CertBundle, "describe"),
)
def in_use_by(inner: Any, self: Any) -> Any:
    answer = inner(self)
    answer["Certificate"]["InUseBy"] = sorted(_users(self.arn) | {u for c, u in _lingering if c == self.arn})
    return answer


@also("acm.in-use", around=("acm", "DeleteCertificate"))
def delete(call: Any, proceed: Any) -> Any:
    arn = call._get_param("CertificateArn")
    if arn in backend(call)._certificates and (_users(arn) or any(c == arn for c, _ in _lingering)):
        account, _ = _place(arn)
        raise Refusal("ResourceInUseException", f"Certificate {arn} in account {account} is in use.")
    return proceed()


def _users(arn: str) -> set[str]:
    account, region = _place(arn)
    found = set()
    # Not by [region]: that would begin a world of balancers wherever there is a certificate.
    balancing = dict.get(elbv2_backends[account], region)
    for balancer in list(balancing.load_balancers.values()) if balancing else ():
        if any(arn in listener.certificates for listener in balancer.listeners.values()):
            found.add(balancer.arn)
    if region == "us-east-1":
        for distribution in list(cloudfront_backends[account]["aws"].distributions.values()):
            if certificate_of(distribution) == arn:
                found.add(distribution.arn)
    return found


def certificate_of(distribution: Any) -> str | None:
    config = distribution.distribution_config
    viewer = config.get("ViewerCertificate") if isinstance(config, dict) else config.ViewerCertificate
    return viewer.get("ACMCertificateArn") if isinstance(viewer, dict) else viewer.acm_certificate_arn


correction(
    "acm.release-lags",
    fact="a certificate stays in use for a while after its load balancer or distribution let go of it",
    source="aws-semantics 3.29 f",
    unverified=True,
)


@also(
    "acm.release-lags",
    patch=[
        (ELBv2Backend, name)
        for name in ("delete_load_balancer", "delete_listener", "modify_listener", "remove_listener_certificates")
    ],
)
def balancer_lets_go(inner: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
    return _lagging(self.account_id, self.region_name, lambda: inner(self, *args, **kwargs))


@also("acm.release-lags", around=[("cloudfront", "UpdateDistribution"), ("cloudfront", "DeleteDistribution")])
def distribution_lets_go(call: Any, proceed: Any) -> Any:
    return _lagging(call.current_account, "us-east-1", proceed)


def _lagging(account: str, region: str, act: Any) -> Any:
    def used() -> set[tuple[str, str]]:
        return {(arn, user) for arn in acm_backends[account][region]._certificates for user in _users(arn)}

    before = used()
    answer = act()
    let_go = before - used()
    if let_go:
        _lingering.update(let_go)
        clock.after(1, lambda: _lingering.difference_update(let_go))
    return answer


@correction(
    "acm.options",
    fact="UpdateCertificateOptions changes the options of a certificate",
    source="ACM API reference, UpdateCertificateOptions; moto 7",
    around=("acm", "UpdateCertificateOptions"),
)
def update_options(call: Any, proceed: Any) -> Any:
    backend(call).get_certificate(call._get_param("CertificateArn")).cert_options.update(call._get_param("Options"))
    return EmptyResult()
