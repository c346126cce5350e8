"""A counter at which two recipients read."""

import pytest

from tests.sharing.release.conftest import office
from tests.sharing.release.office import Office
from tests.sharing.serve.counter import Counter

__all__ = ["counter", "office"]


@pytest.fixture
def counter(office: Office) -> Counter:
    """With one night that was published and released."""
    found = Counter(office)
    found.publish()
    return found
