"""The part tree: which parts are the author's text, which are evidence that he attaches, and what can't be read."""

import binascii
import quopri
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from enum import StrEnum

from gateway.mail import charset, headers, html
from gateway.mail.flowed import unflow

_ENRICHED = re.compile(r"<[^<>]{0,60}>")
_PARAM = re.compile(r"<param>.{0,200}?</param>", re.IGNORECASE | re.DOTALL)
_CALENDAR_TEXT = re.compile(r"^(?:SUMMARY|DESCRIPTION|COMMENT|LOCATION)(?:;[^:\n]{0,200})?:(.*)$", re.MULTILINE | re.IGNORECASE)
_PROSE = frozenset({"text/plain", "text/html", "text/enriched", "text/richtext", "text/x-amp-html", "text/markdown", "text/x-markdown"})
_MARKUP = frozenset({"text/html", "text/x-amp-html", "application/xhtml+xml"})
_SEEMS_MARKUP = ("<html", "<!doctype", "<body", "<div", "<p>", "<table", "<span", "<br>")
"""HTML that is declared plain by mistake: the words in it are the same."""
_REPORT = frozenset({"message/delivery-status", "message/global-delivery-status", "message/disposition-notification", "message/feedback-report",
                     "message/global-disposition-notification", "text/rfc822-headers", "text/rfc822-header", "text/x-amp-html"})  # fmt: skip
_ENVELOPED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_TOKEN = re.compile(r"[\s\"']*([A-Za-z0-9-]+)")
_DEEPEST = 60


class Role(StrEnum):
    """What a text is in its mail."""

    BODY = "body"
    ALTERNATIVE = "alternative"
    ATTACHED = "attached"
    FORWARDED = "forwarded"


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a mail: its role, what is seen of it, and what is hidden in it."""

    role: Role
    visible: str
    hidden: str = ""
    markup: bool = False


@dataclass(slots=True)
class Parts:
    """All texts of a mail in the order of reading, whether something can't be read, and the types of its own parts.

    Parts of attached mails are not among the types: who forwards a bounce is no robot.
    """

    texts: list[Text]
    encrypted: bool
    types: list[str]
    defects: list[str]


def read(message: Message) -> Parts:
    """Walk over the part tree.

    Args:
        message: as the parser has it; transfer encodings are taken off it on the way.

    Returns:
        Parts: when the mail has no text of its own, an attached text is taken for it: who reads the mail reads that.
    """
    parts = Parts([], encrypted=False, types=[], defects=[])
    parts.texts.extend(_walk(message, parts, Role.BODY, 0))
    if not any(text.role in {Role.BODY, Role.ALTERNATIVE} and text.visible.strip() for text in parts.texts):
        for number, text in enumerate(parts.texts):
            if text.role is Role.ATTACHED and text.visible.strip():
                parts.texts[number] = Text(Role.BODY, text.visible, text.hidden, text.markup)
                break
    return parts


def _walk(part: Message, parts: Parts, role: Role, depth: int) -> Iterator[Text]:
    kind = _type(part)
    if role is not Role.FORWARDED:
        parts.types.append(kind)
    if depth > _DEEPEST or kind in _REPORT:
        return
    if kind == "multipart/encrypted" or _enveloped(part, kind):
        parts.encrypted = parts.encrypted or role is not Role.FORWARDED
        return
    if kind in {"message/rfc822", "message/global", "message/partial", "message/external-body", "message/rfc2822"}:
        yield from _attached_message(part, parts, depth)
        return
    children = part.get_payload()
    if part.is_multipart() and isinstance(children, list):
        for child, below in _roles([child for child in children if isinstance(child, Message)], kind, role):
            yield from _walk(child, parts, below, depth + 1)
    elif (text := _leaf(part, kind, role, depth, parts)) is not None:
        yield text


def _roles(children: list[Message], kind: str, role: Role) -> Iterator[tuple[Message, Role]]:
    """What each child of a multipart is: the first is what is read first, later ones may be files or another form of it."""
    if kind == "multipart/digest":
        role = Role.FORWARDED
    for number, child in enumerate(children):
        if number and role is not Role.FORWARDED and _attachment(child):
            yield child, Role.ATTACHED
        elif number and role is Role.BODY and kind == "multipart/alternative":
            yield child, Role.ALTERNATIVE
        else:
            yield child, role


def _type(part: Message) -> str:
    try:
        return part.get_content_type()
    except Exception:  # noqa: BLE001 - the library's parameter parsing raises many kinds on hostile input
        return "text/plain"


def _attachment(part: Message) -> bool:
    """Whether a part that isn't the first is a file (RFC 2183): declared so, or named."""
    try:
        disposition = str(part.get("content-disposition", "")).strip().lower()
        return disposition.startswith("attachment") or bool(part.get_filename())
    except Exception:  # noqa: BLE001 - as above
        return True


def _enveloped(part: Message, kind: str) -> bool:
    if kind not in _ENVELOPED:
        return False
    smime = str(part.get_param("smime-type", "")).lower()
    return smime not in {"certs-only", "compressed-data"}


def _attached_message(part: Message, parts: Parts, depth: int) -> Iterator[Text]:
    """An attached mail is evidence, not the sender's words (RFC 2046 section 5.2.1)."""
    children = part.get_payload()
    inner = children[0] if isinstance(children, list) and children and isinstance(children[0], Message) else None
    if inner is None:
        if whole := _decoded(part)[0].strip():
            yield Text(Role.FORWARDED, whole)
        return
    if _encoding(part) in {"base64", "quoted-printable"} and not inner.keys():
        inner = message_from_bytes(_untransferred(_raw(inner), _encoding(part)))
    subject = next((str(value) for name, value in inner.raw_items() if name.lower() == "subject"), "")
    if subject := headers.text(subject.encode("utf-8", "surrogateescape")):
        yield Text(Role.FORWARDED, subject)
    yield from _walk(inner, parts, Role.FORWARDED, depth + 1)


def _leaf(part: Message, kind: str, role: Role, depth: int, parts: Parts) -> Text | None:
    """A part without parts: its text when it is one, None for a file."""
    main = kind.partition("/")[0]
    if main not in {"text", "multipart"} and kind not in _MARKUP:
        return _opaque(part, role) if depth == 0 and main not in {"image", "audio", "video"} else None
    text, kept = _decoded(part)
    if not kept:
        parts.defects.append("a charset is not what the mail says")
    if kind in _MARKUP or text.lstrip()[:9].lower().startswith(_SEEMS_MARKUP):
        page = html.read(text)
        return Text(role, page.visible, page.hidden, markup=True)
    if kind in {"text/enriched", "text/richtext"}:
        return Text(role, _unenriched(text))
    if kind == "text/calendar":
        return Text(Role.ALTERNATIVE if role is Role.BODY and depth else role, _calendar(text))
    if main == "text" and kind not in _PROSE and depth and role is not Role.FORWARDED:
        return Text(Role.ATTACHED, text)
    if _flowed(part):
        text = unflow(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
    return Text(role, text)


def _opaque(part: Message, role: Role) -> Text | None:
    """A message that says it is a file: read when it is text after all, as mail programs show it."""
    data = _untransferred(_raw(part), _encoding(part))
    if b"\0" in data[:1000] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return None
    text = charset.decode(data, None)[0]
    sample = text[:2000]
    strange = sum(not (character.isprintable() or character.isspace()) for character in sample)
    return None if strange * 20 > len(sample) else Text(role, _lined(text))


def _unenriched(text: str) -> str:
    """The text of text/enriched (RFC 1896): commands in angle brackets, "<<" for the bracket itself."""
    return _ENRICHED.sub("", _PARAM.sub("", text.replace("<<", "\0"))).replace("\0", "<")


def _calendar(text: str) -> str:
    """What a person reads in an invitation (RFC 5545 sections 3.1 and 3.3.11)."""
    unfolded = text.replace("\n ", "").replace("\n\t", "")
    spoken = "\n".join(found[1] for found in _CALENDAR_TEXT.finditer(unfolded))
    return spoken.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";")


def _flowed(part: Message) -> bool:
    try:
        return str(part.get_param("format", "")).lower() == "flowed"
    except Exception:  # noqa: BLE001 - as above
        return False


def _decoded(part: Message) -> tuple[str, bool]:
    """The text of a leaf, with line feeds, and whether its charset was as declared."""
    try:
        declared = part.get_content_charset()
    except Exception:  # noqa: BLE001 - as above
        declared = None
    text, kept = charset.decode(_untransferred(_raw(part), _encoding(part)), declared)
    return _lined(text), kept


def _lined(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _encoding(part: Message) -> str:
    """The transfer encoding: doubled, quoted, with a comment or blank behind it, it still means what it says (RFC 2045 section 6)."""
    names = [found[1].lower() for value in part.get_all("content-transfer-encoding", []) if (found := _TOKEN.match(str(value)))]
    if part.get_content_maintype() == "multipart":
        return ""
    return next((name for name in names if name not in {"7bit", "8bit", "binary"}), "")


def _raw(part: Message) -> bytes:
    """The bytes of a leaf as they were sent."""
    if isinstance(part.get_payload(), list):
        return b""
    keep = part.get_all("content-transfer-encoding", [])
    del part["content-transfer-encoding"]
    payload = part.get_payload(decode=True)
    for value in keep:
        part["content-transfer-encoding"] = value
    return payload if isinstance(payload, bytes) else b""


def _untransferred(data: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        lines = data.split(b"\n")
        plain = [line for line in lines if b" " in line.strip()]
        if not plain:
            return headers.lenient_base64(data)
        return b"\n".join([headers.lenient_base64(b"\n".join(line for line in lines if b" " not in line.strip())), *plain])
    if encoding == "quoted-printable":
        return quopri.decodestring(data)
    if encoding in {"x-uuencode", "uuencode", "x-uue", "uue"}:
        return _uudecoded(data)
    return data


def _uudecoded(data: bytes) -> bytes:
    result = bytearray()
    inside = False
    for line in data.splitlines():
        if not inside:
            inside = line.startswith(b"begin ")
            continue
        if line.strip() == b"end":
            break
        try:
            result += binascii.a2b_uu(line)
        except binascii.Error:
            try:
                result += binascii.a2b_uu(line[: (((line[0] - 32) & 63) * 4 + 5) // 3])
            except (binascii.Error, IndexError):
                continue
    return bytes(result) if inside else data
