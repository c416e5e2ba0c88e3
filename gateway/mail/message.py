"""What one mail says: mail-parser is the reader of record of its header and its part tree, everything it misses is read here."""

import email
import re
from collections.abc import Iterator
from typing import TypeVar

import mailparser

from gateway.errors import ReadingFailed
from gateway.mail import alternative, automatic, charset, headers, parts, segments
from gateway.mail.forms import Forms, words
from gateway.mail.headers import Header
from gateway.mail.parts import Role, Text
from gateway.mail.quotes import Frame
from gateway.mail.skeleton import ReadingLimits, Skeleton, lighten
from gateway.values import Mailbox, Reading, Segment, SegmentKind, TrailField

for _module in (mailparser.core, mailparser.utils):
    _module.log.disabled = True  # it logs addresses and header values, once a mail

_MOST_FROM_FIELDS = 10
_ANGLE = re.compile(rb"<([!-;=?A-~]{1,64}@[A-Za-z0-9.-]{1,255})>")
_LONGEST_FROM = 8_192
_MOST_DEFECTS = 20
_TRAIL = frozenset({"received", "authentication-results", "arc-authentication-results", "arc-seal"})
_MOST_TRAIL, _LONGEST_TRAIL = 200, 4_096
_MOST_LINES = 20_000
_BLANK_RUN = re.compile(r"\n[ \t\xa0\n]*\n[ \t\xa0]*\n")
_Sequence = TypeVar("_Sequence", str, list[str])
_ARMOURED = re.compile(
    r"-----BEGIN PGP MESSAGE-----\n(?:[A-Z][\w-]{0,30}: [^\n]*\n){0,9}\n?(?:[A-Za-z0-9+/=]{40,90}\n)+(?:[A-Za-z0-9+/=]{1,90}\n){0,3}(?:-----END[^\n]*)?"
)
_SIGNED_HEAD = re.compile(r"-----BEGIN PGP SIGNED MESSAGE-----\n(?:[^\n]+\n)*\n?")
_SIGNED_TAIL = re.compile(
    r"-----BEGIN PGP SIGNATURE-----\n(?:[A-Z][\w-]{0,30}: [^\n]*\n){0,9}\n?(?:[A-Za-z0-9+/=]{1,90}\n){0,99}(?:-----END PGP SIGNATURE-----)?"
)

__all__ = ["ReadingLimits", "read"]


def read(message: bytes, forms: Forms, limits: ReadingLimits = ReadingLimits(), return_path: str | None = None) -> Reading:  # noqa: B008 - frozen
    """Read one mail.

    Args:
        message: as received; lines may end in LF alone.
        forms: how mail programs frame what isn't the author's text.
        limits: what the mail may ask of us.
        return_path: the envelope sender when it is known, "" for the null path.

    Returns:
        Reading: what the mail says.

    Raises:
        ReadingFailed: whatever went wrong; nothing else is raised.
    """
    try:
        return _read(message, forms, limits, return_path)
    except ReadingFailed:
        raise
    except Exception as error:
        raise ReadingFailed(f"{type(error).__name__} while reading") from error


def _read(message: bytes, forms: Forms, limits: ReadingLimits, return_path: str | None) -> Reading:
    skeleton = lighten(message, limits)
    record, tree = _parsed(skeleton)
    header = skeleton.header
    tree_parts = parts.read(tree)
    subject = " ".join(dict.fromkeys(headers.text(value) for value in header.all("subject") if value))[:10_000]
    authors = tuple(_mailboxes(record, header, "from"))
    in_reply_to = headers.message_ids(header.all("in-reply-to"))
    references = headers.message_ids(header.all("references"))
    frame = Frame(
        reply=bool(in_reply_to or references) or forms.reply_subject(subject),
        forward=forms.forward_subject(subject),
        names=frozenset(_names(authors)),
    )
    texts, cut = _cut(tree_parts.texts, limits.text_characters)
    found, encrypted = _segments(texts, forms, frame)
    if subject:
        found = (Segment(SegmentKind.SUBJECT, subject), *found)
    defects = [*skeleton.defects, *tree_parts.defects, *cut, *sorted(str(name) for name in record.defects_categories)]
    return Reading(
        segments=found,
        subject=subject,
        authors=authors,
        from_fields=len(header.all("from")),
        reply_to=tuple(_mailboxes(record, header, "reply-to")),
        message_id=next(iter(headers.message_ids(header.all("message-id")[:1])), ""),
        in_reply_to=in_reply_to,
        references=references,
        authentication_results=tuple(
            headers.one_line(value.decode("utf-8", "replace")) for value in header.all("authentication-results")[:50]
        ),
        trail=tuple(_trail(header)),
        received=len(header.all("received")),
        automatic=automatic.reasons(header, subject, tree_parts.types, return_path, forms),
        encrypted=tree_parts.encrypted or encrypted,
        defects=tuple(dict.fromkeys(defects))[:_MOST_DEFECTS],
    )


def _parsed(skeleton: Skeleton) -> tuple[mailparser.MailParser, email.message.Message]:
    """Let mail-parser read; where it gives up on the parts, it still reads the header and the tree is the library's below it."""
    try:
        record = mailparser.parse_from_bytes(skeleton.message)
    except Exception:  # noqa: BLE001 - it raises AttributeError and TypeError on broken multiparts (measured)
        record = mailparser.parse_from_bytes(skeleton.header.encoded())
        return record, email.message_from_bytes(skeleton.message)
    return record, record.message


def _trail(header: Header) -> Iterator[TrailField]:
    """What hosts on the way wrote, in its order: who vouches stands above the Received field of the host that he is."""
    for field in [field for field in header.fields if field.name in _TRAIL][:_MOST_TRAIL]:
        yield TrailField(field.name, headers.one_line(field.value[:_LONGEST_TRAIL].decode("utf-8", "replace")))


# --- mailboxes ----------------------------------------------------------------------------------------------------


def _mailboxes(record: mailparser.MailParser, header: Header, name: str) -> Iterator[Mailbox]:
    """Every mailbox of every field of a name."""
    values = header.all(name)
    if len(values) == 1 and values[0].isascii() and len(values[0]) <= _LONGEST_FROM:
        pairs = record.from_ if name == "from" else record.reply_to
    else:
        pairs = [pair for value in values[:_MOST_FROM_FIELDS] for pair in _alone(value)]
    if len(values) == 1 and not any("@" in str(address) for _, address in pairs):
        pairs = _only_one(values[0])
    for display, address in pairs:
        local, at, domain = headers.one_line(str(address)).rpartition("@")
        if at and local and domain:
            yield Mailbox(headers.one_line(str(display)), f"{local}@{domain.lower()}")


def _only_one(value: bytes) -> list[tuple[str, str]]:
    """The one address of a field that is broken around it (a stray bracket or quote): a block is not got round by a typing error."""
    found = _ANGLE.findall(value[:_LONGEST_FROM]) if value.count(b"@") == 1 else []
    return [("", found[0].decode("ascii"))] if len(found) == 1 else []


def _alone(value: bytes) -> list[tuple[str, str]]:
    """The mailboxes of a field that mail-parser doesn't show: one of several, or in an undeclared charset, given to it alone."""
    text = charset.decode(value[:_LONGEST_FROM], None)[0]
    return list(mailparser.parse_from_string(f"From: {text}\n\n").from_)


def _names(authors: tuple[Mailbox, ...]) -> Iterator[str]:
    for mailbox in authors:
        yield from words(mailbox.display)
        yield from words(mailbox.address.partition("@")[0])


# --- segments -----------------------------------------------------------------------------------------------------


def _cut(texts: list[Text], most: int) -> tuple[list[Text], list[str]]:
    """Bound the text in characters and in lines: of what is too long the beginning and the end are read."""
    characters, lines = most, _MOST_LINES
    result: list[Text] = []
    cut = False
    for text in texts:
        visible = _BLANK_RUN.sub("\n\n\n", text.visible)
        whole = len(visible)
        visible = _ends(visible, characters)
        if visible.count("\n") > lines:
            visible = "\n".join(_ends(visible.split("\n"), lines))
        characters -= len(visible)
        lines -= visible.count("\n")
        hidden = text.hidden[: most // 4]
        cut = cut or len(visible) < whole or len(hidden) < len(text.hidden)
        result.append(Text(text.role, visible, hidden, text.markup))
    return result, ["a text is too long to be read whole"] if cut else []


def _ends(whole: _Sequence, most: int) -> _Sequence:
    """The first three quarters and the last quarter of so much of a text."""
    most = max(0, most)
    return whole if len(whole) <= most else whole[: most - most // 4] + whole[len(whole) - most // 4 :]


def _segments(texts: list[Text], forms: Forms, frame: Frame) -> tuple[tuple[Segment, ...], bool]:
    result: list[Segment] = []
    plain = ""
    encrypted = False
    for text in texts:
        visible, armoured = _unarmoured(text.visible)
        if armoured and text.role is not Role.FORWARDED:
            encrypted = True
        if text.role is Role.FORWARDED or text.role is Role.ATTACHED:
            result.extend(_evidence(visible, forms))
        elif text.role is Role.ALTERNATIVE and plain.strip():
            result.extend(alternative.added(plain, segments.split(visible, forms, frame)))
        else:
            result.extend(segments.split(visible, forms, frame))
        if text.role in {Role.BODY, Role.ALTERNATIVE}:
            plain += "\n" + visible
        if text.hidden.strip():
            result.append(Segment(SegmentKind.HIDDEN, text.hidden.strip()))
    return tuple(result), encrypted


def _evidence(text: str, forms: Forms) -> Iterator[Segment]:
    """Attached mails and files are what the sender shows us, not what he says."""
    for segment in segments.split(text, forms, Frame()):
        yield Segment(SegmentKind.FORWARDED, segment.text) if segment.kind is SegmentKind.OWN else segment


def _unarmoured(text: str) -> tuple[str, bool]:
    """Text without PGP armour, and whether something in it was encrypted; words in fake armour stay (RFC 9580 sections 6 and 7)."""
    if "-----BEGIN PGP " not in text:
        return text, False
    text, count = _ARMOURED.subn("", text)
    return _SIGNED_TAIL.sub("", _SIGNED_HEAD.sub("", text)), count > 0
