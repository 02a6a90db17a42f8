"""`python -m tests.contrast`: every correction's test must pass with corrections and fail without.

A test that passes on moto alone proves nothing: then moto is right already and the correction should go.

`--each` asks more: with every other correction on, does switching off this one fail one of its tests?
"""

from __future__ import annotations

import os
import sys
import time
import traceback
import unittest
from pathlib import Path

from . import harness


class Outcome(unittest.TestResult):
    def __init__(self) -> None:
        super().__init__()
        self.passed: dict[str, bool] = {}
        self.names: dict[str, tuple[str, ...]] = {}
        self.whys: dict[str, str] = {}

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        method = getattr(test, test._testMethodName)
        self.passed[test.id()] = True
        self.names[test.id()] = getattr(method, "corrects", ())

    def addFailure(self, test, err) -> None:
        self._failed(test, err)

    def addError(self, test, err) -> None:
        self._failed(test, err)

    def _failed(self, test, err) -> None:
        name = test.id()
        self.passed[name] = False
        self.names.setdefault(name, ())
        self.whys[name] = "".join(traceback.format_exception(*err))


def run(bare: bool) -> Outcome:
    os.environ["TERRACE_EMULATOR_BARE"] = "1" if bare else "0"
    harness.stop()
    here = Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(str(here), top_level_dir=str(here.parent))
    outcome = Outcome()
    suite.run(outcome)
    return outcome


# The lock around every request, which nothing switches off.
_ALWAYS_ON = {"s3.conditional-writes"}


def each() -> int:
    os.environ["TERRACE_EMULATOR_BARE"] = "0"
    tests: dict[str, list[str]] = {}
    for test, names in run(bare=False).names.items():
        for name in names:
            tests.setdefault(name, []).append(test)
    idle = []
    for name in sorted(tests.keys() - _ALWAYS_ON):
        harness.control(f"corrections/{name}?on=0", "POST")
        outcome = Outcome()
        unittest.defaultTestLoader.loadTestsFromNames(tests[name]).run(outcome)
        harness.control(f"corrections/{name}?on=1", "POST")
        if all(outcome.passed.values()):
            idle.append(name)
    harness.stop()
    print(f"{len(tests)} corrections; without effect of their own: {', '.join(idle) or 'none'}")
    return 1 if idle else 0


def main() -> int:
    if "--each" in sys.argv:
        return each()
    begun = time.monotonic()
    corrected = run(bare=False)
    known = {c["name"] for c in harness.control("corrections")}
    between = time.monotonic()
    alone = run(bare=True)
    harness.stop()
    bad = 0
    rows: dict[str, list[str]] = {}
    for test, names in corrected.names.items():
        for name in names or ():
            rows.setdefault(name, []).append(test)
    say = lambda ok: "pass" if ok else "FAIL"  # noqa: E731
    width = max(map(len, known | set(rows))) + 2
    print(f"{'correction':{width}}{'corrected':11}{'moto alone':12}test")
    for name in sorted(known | set(rows)):
        for test in rows.get(name, [""]):
            short = test.removeprefix("tests.")
            if not test or name not in known:
                print(f"{name:{width}}{'no test' if not test else 'no such correction'}")
                bad += 1
                continue
            first, second = corrected.passed[test], alone.passed.get(test, False)
            wrong = not first or second
            bad += wrong
            print(f"{name:{width}}{say(first):11}{say(second):12}{short}{'   <-- wrong' if wrong else ''}")
    for test, why in corrected.whys.items():
        print(f"\n{test}\n{why}")
        bad += not corrected.names.get(test)
    if os.environ.get("CONTRAST_WHY"):
        for test, why in alone.whys.items():
            print(f"moto alone: {test.split('.')[-1]}: {why.splitlines()[-1][:150]}")
    print(
        f"\n{len(rows)} corrections, {len(corrected.passed)} tests, {bad} wrong; "
        f"{between - begun:.0f} s corrected, {time.monotonic() - between:.0f} s alone"
    )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
