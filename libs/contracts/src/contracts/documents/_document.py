"""What all documents share."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

__all__ = ["Box", "Document", "Seconds"]


class Document(BaseModel):
    """Frozen, and tolerant of keys from a newer writer."""

    model_config = ConfigDict(frozen=True, extra="ignore")


Seconds = Annotated[float, AfterValidator(lambda value: round(value, 3))]
"""Seconds from the first video frame, kept to the millisecond."""

Box = Annotated[tuple[int, int, int, int], Field(description="x, y, width, height in pixels of the displayed picture")]
