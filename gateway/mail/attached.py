"""Mail that lies in a mail: what a colleague forwards as an attachment, and which of our references it bears."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.generator import BytesGenerator
from email.message import Message
from email.policy import compat32
from io import BytesIO

from gateway.mail.mark import COURTESY

_DEEPEST = 20
_MOST_PARTS = 200
_MOST_MAILS = 10
_FOLD_ID = re.compile(r"<fold\.([0-9A-Z]{4,12})\.[^@>]*@[^>]+>")
_MARK_ID = re.compile(r"(?:^|;)\s*id=([0-9A-Z]{4,12})(?:;|$)")
_WORD = re.compile(r"(?<![0-9A-Za-z])[0-9A-Z]{9}(?![0-9A-Za-z])")
_RETURN = re.compile(r"<([^<>\s]*)>")


@dataclass(frozen=True, slots=True)
class Attached:
    """One attached mail.

    Attributes:
        message: complete, CRLF lines; as the attachment had it, but for line ends and transfer encodings around it.
        references: of ours that its header bears: of a folded mail, or of the delivery.
        return_path: the reverse path that the last server noted, "" for none.
    """

    message: bytes
    references: tuple[str, ...]
    return_path: str


def attached_mails(message: bytes) -> tuple[Attached, ...]:
    """The mails that lie in a mail, outermost first; a folded one is followed by the mail inside it.

    Args:
        message: as received.

    Returns:
        tuple[Attached, ...]: at most ten; empty too when the mail can't be taken apart.
    """
    try:
        found = []
        for inner in _inner(message_from_bytes(message), 0):
            found.append(_attached(inner))
            if len(found) == _MOST_MAILS:
                break
    except Exception:  # noqa: BLE001 - the library below raises many things on broken mail
        return ()
    return tuple(found)


def mentions(message: bytes, address: str) -> bool:
    """Whether an address stands in a mail or in one that lies in it, in a header or in a text, however it is encoded for transfer.

    Args:
        message: as received.
        address: in its normal form.
    """
    wanted = address.encode("utf-8", "surrogatepass").lower()
    mails = (message, *(inner.message for inner in attached_mails(message)))
    return any(wanted in text.lower() for mail in mails for text in (mail, *_texts(mail)))


def _texts(message: bytes) -> Iterator[bytes]:
    try:
        for number, part in enumerate(message_from_bytes(message).walk()):
            if number == _MOST_PARTS:
                return
            if part.get_content_maintype() == "text" and isinstance(text := part.get_payload(decode=True), bytes):
                yield text
    except Exception:  # noqa: BLE001 - as above
        return


def named_references(text: str) -> tuple[str, ...]:
    """What looks like a reference of ours in a text that a person wrote."""
    return tuple(dict.fromkeys(_WORD.findall(text[:10_000])))


def _inner(part: Message, depth: int) -> Iterator[Message]:
    if depth > _DEEPEST:
        return
    kind = part.get_content_type()
    payload = part.get_payload()
    if kind in {"message/rfc822", "message/global"}:
        mails = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else [_decoded(part)]
        # a library that doesn't decode an encoded one leaves its text as the body of a mail without a header
        mails = [_decoded_body(one) if not one.keys() else one for one in mails]
        for mail in mails:
            yield mail
            yield from _inner(mail, depth + 1)
    elif (part.get_filename() or "").lower().endswith(".eml"):
        mail = _decoded(part)
        yield mail
        yield from _inner(mail, depth + 1)
    elif isinstance(payload, list):
        for child in payload[:_MOST_PARTS]:
            if isinstance(child, Message):
                yield from _inner(child, depth + 1)


def _decoded(part: Message) -> Message:
    data = part.get_payload(decode=True)
    return message_from_bytes(data if isinstance(data, bytes) else b"")


def _decoded_body(mail: Message) -> Message:
    text = mail.get_payload()
    return message_from_bytes(base64.b64decode("".join(str(text).split()) + "==="))


def _attached(mail: Message) -> Attached:
    buffer = BytesIO()
    BytesGenerator(buffer, mangle_from_=False, maxheaderlen=0, policy=compat32.clone(linesep="\r\n")).flatten(mail)
    marks = [*_FOLD_ID.findall(str(mail.get("Message-ID", ""))), *(ref for value in mail.get_all(COURTESY, []) for ref in _MARK_ID.findall(str(value)))]
    path = _RETURN.search(str(mail.get("Return-Path", "")))
    return Attached(buffer.getvalue(), tuple(dict.fromkeys(marks)), path[1] if path else "")
