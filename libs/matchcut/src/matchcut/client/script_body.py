"""A script as the gateway takes it: text where it is text, else the bytes of the file."""

from base64 import b64encode

__all__ = ["script_body"]


def script_body(raw: bytes) -> dict[str, str]:
    """``text`` of a file in UTF-8, which people can read in what they log; ``content`` of any other."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return {"content": b64encode(raw).decode()}
    return {"content": b64encode(raw).decode()} if "\x00" in text else {"text": text}
