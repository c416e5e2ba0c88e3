"""What the tests of the reading room share: the shipped forms, and small mails."""

from pathlib import Path

from gateway.edge.forms import load_forms
from gateway.edge.shipped import folder
from gateway.mail.message import read
from gateway.values import Reading, SegmentKind

FORMS = load_forms([folder("rules")])
DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).parents[1].parent / "shared"


def mail(body, subject="Order 4711", author="Jane Roe <jane@example.org>", fields=""):
    """A plain mail in UTF-8, CRLF lines."""
    header = f"From: {author}\nTo: support@shop.example\nSubject: {subject}\n{fields}Content-Type: text/plain; charset=utf-8\n\n"
    return (header + body).replace("\n", "\r\n").encode()


def raw(header, body=b""):
    """A mail from lines of header and bytes of body."""
    return ("From: a@b.example\n" + header + "\n\n").replace("\n", "\r\n").encode() + body


def multipart(subtype, *parts, header=""):
    """A multipart mail; each part is (header lines, body)."""
    lines = "".join(f"--b\n{fields}\n\n{body}\n" for fields, body in parts) + "--b--\n"
    return raw(f"{header}Content-Type: multipart/{subtype}; boundary=b", lines.replace("\n", "\r\n").encode())


def reading(message) -> Reading:
    """Read bytes, or the body of a plain mail."""
    return read(message if isinstance(message, bytes) else mail(message), FORMS)


def of_kind(result: Reading, kind: str) -> str:
    """The text of all segments of a kind."""
    return "\n".join(segment.text for segment in result.segments if segment.kind == SegmentKind(kind))
