"""`python -m tests`: the whole suite, as `python -m unittest` would run it."""

import unittest

unittest.main(module=None, argv=["tests", "discover", "-s", "tests", "-t", "."])
