"""Why a runner is refused. The text says what to do."""

__all__ = [
    "InQuarantine",
    "InvalidReport",
    "NotHandedIn",
    "NotInvited",
    "ProtocolTooOld",
    "RunnerRefusal",
    "StaleLease",
    "UnknownRunner",
]


class RunnerRefusal(Exception):
    """What all of them are."""


class NotInvited(RunnerRefusal):
    """The registration token is unknown, was used, was revoked, or has expired."""


class UnknownRunner(RunnerRefusal):
    """The secret is not that of a runner who may work here."""


class ProtocolTooOld(RunnerRefusal):
    """The program speaks a protocol that is not understood any more."""


class InQuarantine(RunnerRefusal):
    """The runner failed too often and gets nothing until an operator releases it."""


class StaleLease(RunnerRefusal):
    """The lease is over, or was never this runner's: its work is not wanted any more."""


class NotHandedIn(RunnerRefusal):
    """The chunk is not where it should be, or not whole."""


class InvalidReport(RunnerRefusal):
    """What a runner says of its chunk cannot be."""
