"""What every test uses: one server a process, clients for it, and names of the corrections a test proves.

The tests speak plain boto3 and would in principle run unchanged on a real account. `TERRACE_EMULATOR_BARE=1` runs them
against moto alone, where each must fail.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-west-1"
# Slow states last until somebody waits for them: then no test depends on how fast the machine is.
PACE = 600

_process: subprocess.Popen | None = None
_endpoint = ""
_numbers = itertools.count(1)
_clients: dict[tuple, Any] = {}


def bare() -> bool:
    return os.environ.get("TERRACE_EMULATOR_BARE") == "1"


def endpoint() -> str:
    """The address of this process's server, started at the first call."""
    global _process, _endpoint
    if _process is None:
        command = [sys.executable, "-m", "terrace_emulator", "--port", "0", "--identity", "tests"]
        _process = subprocess.Popen(
            command + (["--bare"] if bare() else []),
            cwd=Path(__file__).parent.parent,
            env={**os.environ, "TERRACE_SANDBOX_PACE": str(PACE)},
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("TERRACE_SANDBOX_LOG") else subprocess.DEVNULL,
            text=True,
        )
        atexit.register(stop)
        line = _process.stdout.readline()
        assert line.startswith("listening on "), f"the server did not start: {line!r}"
        _endpoint = "http://" + line.split()[-1]
    return _endpoint


def stop() -> None:
    """End the server this process started; the next call starts another."""
    global _process
    if _process is not None:
        _process.terminate()
        _process.wait(timeout=10)
        _process = None
        _clients.clear()


def control(path: str, method: str = "GET") -> Any:
    request = urllib.request.Request(endpoint() + "/terrace/" + path, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def client(service: str, account: str = "111122223333", region: str = REGION) -> Any:
    key = (service, account, region)
    if key not in _clients:
        _clients[key] = boto3.client(
            service,
            region_name=region,
            endpoint_url=endpoint(),
            aws_access_key_id=f"TERRACE{account}",
            aws_secret_access_key="any",
            config=Config(retries={"max_attempts": 0, "mode": "standard"}, s3={"addressing_style": "path"}),
        )
    return _clients[key]


def unique(prefix: str = "t") -> str:
    """A name nobody else has, in this world or in a real account."""
    return f"{prefix}-{os.getpid():x}-{next(_numbers)}"


def corrects(*names: str):
    """Mark a test as the proof of these corrections."""

    def mark(test: Any) -> Any:
        test.corrects = names
        return test

    return mark


class Case(unittest.TestCase):
    """The words the tests are written in. All share one world, so each looks only at what it made itself."""

    @contextlib.contextmanager
    def refused(self, code: str, words: str = ""):
        """The block must end in an error with this code (and these words in its message)."""
        try:
            yield
        except ClientError as error:
            self.assertEqual(code, error.response["Error"]["Code"], error)
            self.assertIn(words.lower(), error.response["Error"].get("Message", "").lower())
        else:
            self.fail(f"not refused; AWS says {code}")

    def eventually(self, check: Any, tries: int = 8) -> Any:
        """The first true answer of `check`. A real account takes its time; the emulator is told to take none."""
        for _ in range(tries):
            found = check()
            if found:
                return found
            control("settle", "POST")
            time.sleep(0.01)
        return self.fail("did not come true")
