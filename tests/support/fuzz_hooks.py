"""What schemathesis loads beside its configuration."""

import re
from typing import Any
from uuid import uuid4

import schemathesis

_GOOD = re.compile(r"[\x21-\x7e]{1,200}")


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    """Each request is meant anew: a repeated Idempotency-Key would answer with a thing that was deleted since."""
    for name in [name for name in case.headers or () if name.lower() == "idempotency-key"]:
        if _GOOD.fullmatch(str(case.headers[name])):
            case.headers[name] = f"{case.headers[name]}-{uuid4().hex}"


@schemathesis.serializer("application/offset+octet-stream")
def as_bytes(_context: Any, value: Any) -> Any:
    """A piece of an upload by tus."""
    content = getattr(value, "data", value)
    return content if isinstance(content, bytes) else str(content).encode()
