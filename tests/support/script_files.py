"""Scripts in the formats of word processors, made by hand after their documentation."""

import io
import zipfile
from collections.abc import Iterable
from xml.sax.saxutils import escape

__all__ = ["a_word_document", "final_draft", "word_paragraph", "zipped"]

_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_STYLES = (
    f'<w:styles xmlns:w="{_W}">'
    '<w:style w:type="paragraph" w:styleId="P7"><w:name w:val="Character"/></w:style>'
    '<w:style w:type="paragraph" w:styleId="P8"><w:name w:val="Dialogue"/></w:style>'
    "</w:styles>"
)


def word_paragraph(text: str, style: str | None = None) -> str:
    """A paragraph; newlines are breaks."""
    runs = "<w:br/>".join(f'<w:t xml:space="preserve">{escape(part)}</w:t>' for part in text.split("\n"))
    about = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{about}<w:r>{runs}</w:r></w:p>"


def a_word_document(body: str, *, declaration: str = "") -> bytes:
    """A package with what Word needs to open it."""
    document = f'<?xml version="1.0"?>{declaration}<w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'
    return zipped({"[Content_Types].xml": "<Types/>", "word/document.xml": document, "word/styles.xml": _STYLES})


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A zip file."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return held.getvalue()


def final_draft(paragraphs: Iterable[tuple[str, str]], *, more: str = "", declaration: str = "") -> bytes:
    """A document of paragraphs: type and text. ``more`` is put after them as it is."""
    content = "".join(f'<Paragraph Type="{kind}"><Text>{escape(text)}</Text></Paragraph>' for kind, text in paragraphs)
    head = f'<?xml version="1.0" encoding="UTF-8" standalone="no" ?>{declaration}'
    return (
        f'{head}<FinalDraft DocumentType="Script" Version="5"><Content>{content}{more}</Content></FinalDraft>'.encode()
    )
