"""Corrections of the server itself, not of one service; the code that keeps them is in `wsgi`."""

from __future__ import annotations

from .corrections import correction

correction(
    "accounts.access-key",
    fact="credentials belong to one account, and everything they touch lives in it",
    source="design 7",
)
correction(
    "protocol.readable-errors",
    fact="an operation that fails answers an error in its own protocol, never a page of HTML",
    source="moto 8.1",
)
correction(
    "cloudwatch.cbor",
    fact="CloudWatch speaks RPC v2 CBOR, the only protocol of the Rust SDK for it",
    source="spikes B",
)
