"""What is raised when the product cannot be started here."""

__all__ = ["LaunchFault"]


class LaunchFault(Exception):
    """Something did not start; the message says what, why, and where its log is."""
