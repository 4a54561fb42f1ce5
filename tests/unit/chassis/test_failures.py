"""What a failure is called, and how long it waits."""

import errno
import socket

import asyncpg
import pytest
import redis.exceptions
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis._failures import backoff_s, is_outage, reason_of


class NoAudioDecoded(Exception):
    pass


class HTTPServerError(Exception):
    pass


class WithReason(Exception):
    reason = "too_large"


class WithForeignReason(Exception):
    reason = "Not Found"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoAudioDecoded(), "no_audio_decoded"),
        (HTTPServerError(), "http_server"),
        (WithReason(), "too_large"),
        (WithForeignReason(), "with_foreign_reason"),
        (ValueError(), "value"),
        (Exception(), "exception"),
    ],
)
def test_a_reason_is_stable_and_machine_readable(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason


def caused_by(cause: Exception) -> Exception:
    error = RuntimeError("wrapped")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (caused_by(ConnectionResetError()), True),
        (asyncpg.exceptions.CannotConnectNowError(), True),
        (asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"), True),
        (DBAPIError("select", {}, asyncpg.exceptions.AdminShutdownError()), True),
        (asyncpg.exceptions.ReadOnlySQLTransactionError(), True),
        (asyncpg.exceptions.DiskFullError(), True),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), True),
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EHOSTUNREACH, "No route to host"), True),
        (PoolTimeout("QueuePool limit of size 5 overflow 5 reached"), True),
        (redis.exceptions.ConnectionError(), True),
        (redis.exceptions.BusyLoadingError(), True),
        (redis.exceptions.OutOfMemoryError(), True),
        (redis.exceptions.ReadOnlyError(), True),
        (redis.exceptions.DataError(), False),
        (redis.exceptions.ResponseError("WRONGTYPE"), False),
        (asyncpg.exceptions.UniqueViolationError(), False),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (PermissionError(errno.EACCES, "Permission denied"), False),
        (ValueError(), False),
    ],
)
def test_an_outage_is_told_from_a_fault(error: Exception, expected: bool) -> None:
    assert is_outage(error) is expected


@given(st.integers(1, 100))
def test_waits_double_up_to_the_cap_and_half_of_each_is_random(attempt: int) -> None:
    wait = backoff_s(attempt, base_s=0.5, cap_s=300)

    full = min(300, 0.5 * 2 ** (attempt - 1))
    assert full / 2 <= wait <= full


def test_many_failures_of_one_moment_come_back_all_over_the_half_that_is_random() -> None:
    waits = [backoff_s(1, base_s=10, cap_s=300) for _ in range(1000)]

    assert {int(wait * 2) for wait in waits} == set(range(10, 20))  # of twenty half seconds, each of the later ten
