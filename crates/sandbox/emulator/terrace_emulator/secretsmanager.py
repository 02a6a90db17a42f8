"""Secrets Manager: a deleted secret keeps its name and takes no new value."""

from __future__ import annotations

from typing import Any

from .corrections import Refusal, backend, correction


def _scheduled(call: Any, name: str) -> bool:
    store = backend(call).secrets
    secret = store.get(name) if name else None
    return secret is not None and secret.is_deleted()


@correction(
    "secretsmanager.name-reserved",
    fact="the name of a secret that is scheduled for deletion is reserved: CreateSecret is InvalidRequestException",
    source="aws-semantics 4.15",
    around=("secretsmanager", "CreateSecret"),
)
def create(call: Any, proceed: Any) -> Any:
    if _scheduled(call, call._get_param("Name")):
        raise Refusal(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    return proceed()


@correction(
    "secretsmanager.deleted-takes-no-value",
    fact="PutSecretValue is refused for a secret that is scheduled for deletion",
    source="Secrets Manager API reference, PutSecretValue",
    around=("secretsmanager", "PutSecretValue"),
)
def put(call: Any, proceed: Any) -> Any:
    if _scheduled(call, call._get_param("SecretId")):
        raise Refusal(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return proceed()
