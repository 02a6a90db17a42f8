"""Time, as far as the emulator has any: slow states last one *pace*.

Nothing runs in the background. What is due is done before the next request is looked at, under the server's lock, so
a state never changes in the middle of an answer.
"""

from __future__ import annotations

import heapq
import itertools
import os
import time
import traceback
from collections.abc import Callable

pace = float(os.environ.get("TERRACE_SANDBOX_PACE", "0.05"))

# The time an act is done at, for what it plans: the next of a chain is due a pace later, whoever asks when.
_now: float | None = None

_due: list[tuple[float, int, Callable[[], None]]] = []
_order = itertools.count()


def set_pace(seconds: float) -> None:
    global pace
    pace = max(0.0, seconds)


def after(paces: float, act: Callable[[], None]) -> None:
    """Do `act` once so many paces have passed; with a pace of zero, before the next request."""
    heapq.heappush(_due, ((_now or time.monotonic()) + paces * pace, next(_order), act))


def catch_up(everything: bool = False) -> None:
    """Do what is due, or everything there is.

    An act may plan another one, which waits for its own time (none, without a pace).
    """
    global _now
    while _due and (everything or _due[0][0] <= time.monotonic()):
        _now, _, act = heapq.heappop(_due)
        try:
            act()
        except Exception:
            # What it was about may be gone; the request that happens to come next is not to blame.
            traceback.print_exc()
    _now = None


def forget() -> None:
    _due.clear()
