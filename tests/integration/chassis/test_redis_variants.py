"""Which servers the bus is tested on, here."""

import pytest

from support.redis_variants import variants


def test_valkey_8_is_covered() -> None:
    assert "valkey-8" in {variant.name for variant in variants()}


def test_redis_7_is_covered() -> None:
    if "redis-7" not in {variant.name for variant in variants()}:
        pytest.skip("no Redis 7 here: install redis-server 7, or name one in MATCHCUT_REDIS_7")
