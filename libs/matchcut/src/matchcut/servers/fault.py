"""What is raised when a server cannot run here."""

__all__ = ["ServerFault"]


class ServerFault(Exception):
    """A server did not start; the message says why and what to do."""
