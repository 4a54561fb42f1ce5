"""Every test here runs on each kind of Redis there is."""

import pytest

from support.chassis_running import Toy


@pytest.fixture
def toy(each_toy: Toy) -> Toy:
    return each_toy
