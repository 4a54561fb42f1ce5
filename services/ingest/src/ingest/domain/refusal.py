"""When a file is turned away, and the limits it is held to."""

from dataclasses import dataclass

from contracts.ingest import RejectionReason

__all__ = ["Allowance", "Limits", "Refused"]


class Refused(Exception):
    """This file cannot be taken in: ``reason`` is for programs, ``detail`` says to a person what to do."""

    def __init__(self, reason: RejectionReason, detail: str) -> None:
        # Both go to the base class, so that the exception survives the way home from a child process.
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of everything a file may have."""

    max_bytes: int
    max_pixels: int
    """Per frame, as coded."""
    max_duration_s: float

    def check_size(self, size_bytes: int) -> None:
        """Refuse what is empty or larger than allowed."""
        if size_bytes == 0:
            raise Refused(RejectionReason.EMPTY, "The file has 0 bytes. Upload it again; the first try was cut off.")
        if size_bytes > self.max_bytes:
            raise Refused(
                RejectionReason.TOO_LARGE,
                f"The file has {size_bytes / 2**30:.1f} GiB; at most {self.max_bytes / 2**30:.1f} GiB are taken in. "
                "Export it with a lower bit rate or in parts.",
            )

    def check_picture(self, width: int, height: int) -> None:
        """Refuse frames with more pixels than allowed."""
        if width * height > self.max_pixels:
            raise Refused(
                RejectionReason.TOO_MANY_PIXELS,
                f"Its frames have {width} x {height} pixels ({width * height / 1e6:.0f} megapixels); "
                f"at most {self.max_pixels / 1e6:.0f} megapixels are taken in. Export it smaller.",
            )

    def check_duration(self, seconds: float) -> None:
        """Refuse what plays longer than allowed."""
        if seconds > self.max_duration_s:
            raise Refused(
                RejectionReason.TOO_LONG,
                f"It plays for {seconds / 3600:.1f} hours or more; at most {self.max_duration_s / 3600:.1f} hours "
                "are taken in. Cut it into parts.",
            )


@dataclass(frozen=True, slots=True)
class Allowance:
    """What decoding one file may use of the machine."""

    memory_mib: int
    """Address space of each process beyond what it has at its start; more than is ever resident."""
    cpu_s: int
    """Seconds of computing of each process, over all its threads."""
