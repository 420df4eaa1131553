"""What several suites start."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from inspector import harness  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    """A PostgreSQL of our own: one test of each suite stops it."""
    made = harness.Cluster()
    made.start()
    yield made
    made.close()
