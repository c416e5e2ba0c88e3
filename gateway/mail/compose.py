"""Complete messages of ours as bytes: notices to senders, alerts to managers, folded mail to agents.

Everything that a person or a machine decides comes in as arguments: clock, ids, boundaries, texts.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from gateway.mail import fields
from gateway.mail.facts import AlertFacts, FoldFacts, NoticeFacts, Rendered
from gateway.values import Mailbox

__all__ = ["AlertFacts", "FoldFacts", "NoticeFacts", "Rendered", "alert_message", "folded_message", "message_id", "notice_message"]

_LABEL = re.compile(r"[A-Za-z0-9._-]{1,100}")


def message_id(unique: str, domain: str) -> str:
    """A Message-ID of ours (RFC 5322 section 3.6.4).

    Args:
        unique: what makes it unique, for example "notice.K7Q2.20261124"; letters, digits, dot, dash, underscore.
        domain: the gateway's host name.

    Returns:
        str: with its angle brackets.

    Raises:
        ValueError: no message id can be made of them.
    """
    made = f"<{unique}@{domain}>"
    if not _LABEL.fullmatch(unique) or not fields.is_message_id(made):
        raise ValueError("not fit for a message id")
    return made


def _own_id(made: str) -> str:
    if not fields.is_message_id(made):
        raise ValueError("not a message id")
    return fields.structured("Message-ID", made)


def _bytes(lines: Sequence[str], body: bytes, *, utf8: bool = False) -> bytes:
    # utf-8 only ever shows in a mail that travels with SMTPUTF8 (RFC 6532 section 3.2).
    return "\r\n".join(lines).encode("utf-8" if utf8 else "ascii") + b"\r\n" + body


def _alternative(rendered: Rendered, language: str, boundary: str) -> bytes:
    # RFC 2046 section 5.1.4: plainest first.
    parts = [fields.text_part("plain", rendered.text, language), fields.text_part("html", rendered.html, language)]
    return fields.multipart("alternative", boundary, parts)


def _original(received: bytes, *, utf8: bool) -> bytes:
    # RFC 2046 section 5.2.1 allows 7bit, 8bit and binary here, so nothing is ever re-encoded and signatures inside
    # still verify. Overlong lines go on as they came: BINARYMIME is never offered, so "binary" would be refused.
    # RFC 6532 section 3.7: a message with UTF-8 in its header is message/global.
    header = received.split(b"\r\n\r\n", 1)[0]
    kind = "message/global" if utf8 and not header.isascii() else "message/rfc822"
    lines = [
        fields.structured("Content-Type", kind),
        fields.structured("Content-Transfer-Encoding", "7bit" if received.isascii() else "8bit"),
        fields.structured("Content-Disposition", "inline"),
    ]
    return _bytes(lines, b"\r\n" + received)


def _with_original(rendered: Rendered, received: bytes, language: str, boundary: str, *, utf8: bool) -> list[bytes]:
    inner = _alternative(rendered, language, f"{boundary}.note")
    return [inner, _original(received, utf8=utf8)]


def notice_message(
    rendered: Rendered,
    *,
    support: Mailbox,
    reply_to: str,
    to: str,
    language: str,
    date: datetime,
    message_id: str,
    boundary: str,
    in_reply_to: str = "",
    references: Sequence[str] = (),
) -> bytes:
    """A notice to a sender, by RFC 3834; its envelope sender is the null path (section 3.3).

    Args:
        rendered: what gateway.edge.templates made of NoticeFacts.
        support: a person answers there (section 3.1.1); becomes From.
        reply_to: the appeals address with its token.
        to: the verified sender, the only recipient (section 3.1.3).
        language: the language of the texts.
        date: now, aware.
        message_id: made by `message_id`.
        boundary: unguessable, 1 to 50 characters.
        in_reply_to: the Message-ID of the mail that is spoken of, unclean as it came.
        references: the References of that mail.

    Returns:
        bytes: a complete message, CRLF lines; pure ASCII unless `to` itself has other letters in its local part (then
        it needs SMTPUTF8).

    Raises:
        ValueError: one of our own arguments is malformed, or `to` is no address.
    """
    utf8 = not to.rpartition("@")[0].isascii()
    lines = [
        fields.date_field(date),
        fields.address_field("From", [support]),
        fields.address_field("Reply-To", [Mailbox("", reply_to)]),
        fields.address_field("To", [Mailbox("", to)], utf8=utf8),
        fields.unstructured("Subject", rendered.subject),
        _own_id(message_id),
        *fields.threading([in_reply_to], [*references, in_reply_to]),
        fields.structured("Auto-Submitted", "auto-replied"),
        fields.structured("X-Auto-Response-Suppress", "All"),
        fields.structured("MIME-Version", "1.0"),
        fields.structured("Content-Language", language),
    ]
    return _bytes(lines, _alternative(rendered, language, boundary), utf8=utf8)


def alert_message(
    rendered: Rendered,
    *,
    sender: Mailbox,
    reply_to: str,
    to: Sequence[str],
    language: str,
    date: datetime,
    message_id: str,
    boundary: str,
    original: bytes | None = None,
    utf8: bool = False,
    urgent: bool = False,
    in_reply_to: str = "",
    references: Sequence[str] = (),
) -> bytes:
    """A mail to the managers: `auto-generated` (RFC 3834 section 5.2), no words of the sender in its subject.

    Args:
        rendered: what gateway.edge.templates made of AlertFacts, or a digest.
        sender: the gateway's own mailbox; becomes From.
        reply_to: the decisions address with its token, "" for none.
        to: the managers.
        language: the site language.
        date: now, aware.
        message_id: made by `message_id`.
        boundary: unguessable, 1 to 50 characters.
        original: the received bytes, attached untouched.
        utf8: the original came with SMTPUTF8.
        urgent: a person should look at once (threat, self-harm).
        in_reply_to: the Message-ID of the mail that it answers, which makes it `auto-replied` (RFC 3834 section 5.1).
        references: of that mail.

    Returns:
        bytes: a complete message, CRLF lines; the original's bytes may be 8-bit.

    Raises:
        ValueError: one of our own arguments is malformed.
    """
    lines = [
        fields.date_field(date),
        fields.address_field("From", [sender]),
        *([fields.address_field("Reply-To", [Mailbox("", reply_to)])] if reply_to else []),
        fields.address_field("To", [Mailbox("", address) for address in to]),
        fields.unstructured("Subject", rendered.subject),
        _own_id(message_id),
        *(fields.threading([in_reply_to], [*references, in_reply_to]) if in_reply_to else []),
        fields.structured("Auto-Submitted", "auto-replied" if in_reply_to else "auto-generated"),
        fields.structured("X-Auto-Response-Suppress", "All"),
        *([fields.structured("Importance", "high")] if urgent else []),
        fields.structured("MIME-Version", "1.0"),
        fields.structured("Content-Language", language),
    ]
    if original is None:
        return _bytes(lines, _alternative(rendered, language, boundary))
    mark = fields.checked_boundary(boundary, original)
    return _mixed(lines, mark, _with_original(rendered, original, language, mark, utf8=utf8), utf8=False)


def folded_message(
    received: bytes,
    rendered: Rendered,
    *,
    gateway: Mailbox,
    author: Mailbox,
    to: Sequence[str],
    language: str,
    date: datetime,
    message_id: str,
    boundary: str,
    reply_to: Sequence[Mailbox] = (),
    in_reply_to: Sequence[str] = (),
    references: Sequence[str] = (),
    utf8: bool = False,
) -> bytes:
    """An abusive mail behind a calm note, its received bytes untouched as the second part (policy point F24).

    Args:
        received: what arrived, CRLF lines.
        rendered: what gateway.edge.templates made of FoldFacts.
        gateway: the gateway's own mailbox; its address becomes From's, its name stands in when the author has none.
        author: who wrote; the name is shown in From, the address becomes Reply-To.
        to: shown in To: the recipients of the envelope whom this copy is for.
        language: the site language, that of the note.
        date: now, aware.
        message_id: made by `message_id`; the original keeps its own inside.
        boundary: unguessable, 1 to 50 characters.
        reply_to: the original's own Reply-To, preferred to the author's address.
        in_reply_to: of the original, so that help desks keep the thread.
        references: of the original.
        utf8: the original came with SMTPUTF8.

    Returns:
        bytes: a complete message, CRLF lines.

    Raises:
        ValueError: one of our own arguments is malformed; nothing that the sender controls raises.
    """
    answers = _answerable(reply_to[:5], utf8=utf8) or _answerable([author], utf8=utf8)
    lines = [
        fields.date_field(date),
        fields.address_field("From", [Mailbox(_shown_name(author) or gateway.display, gateway.address)]),
        *([fields.address_field("Reply-To", answers, utf8=utf8)] if answers else []),
        _shown_recipients(to, utf8=utf8),
        fields.unstructured("Subject", rendered.subject),
        _own_id(message_id),
        *fields.threading(in_reply_to, references),
        # Not Auto-Submitted: a person wrote what lies inside, and help desks drop what calls itself automatic. These ask
        # only not to be answered by a program: Exchange and sieve's vacation, Znuny and OTRS, Zammad (from a trusted channel).
        fields.structured("X-Auto-Response-Suppress", "All"),
        fields.structured("X-OTRS-Loop", "yes"),
        fields.structured("X-Zammad-Send-Auto-Response", "false"),
        fields.structured("MIME-Version", "1.0"),
        fields.structured("Content-Language", language),
    ]
    mark = fields.checked_boundary(boundary, received)
    return _mixed(lines, mark, _with_original(rendered, received, language, mark, utf8=utf8), utf8=utf8)


def _mixed(lines: Sequence[str], boundary: str, parts: Sequence[bytes], *, utf8: bool) -> bytes:
    # The note itself contains its own boundary "X.note", which begins with "X": the outer one is told apart by "=".
    eight_bit = any(not part.isascii() for part in parts)
    body = fields.multipart("mixed", f"{boundary}=", parts)
    encoding = [fields.structured("Content-Transfer-Encoding", "8bit")] if eight_bit else []
    return _bytes([*lines, *encoding], body, utf8=utf8)


def _shown_name(author: Mailbox) -> str:
    # An address in the display name would pass for the true one, so there is none in it.
    return fields.one_line(re.sub(r"[\"<>@\\]", " ", author.display), 64)


def _shown_recipients(to: Sequence[str], *, utf8: bool) -> str:
    # RCPT TO:<postmaster> has no domain (RFC 5321 section 4.1.1.3); the fold must not fail for it.
    shown = _answerable([Mailbox("", address) for address in to], utf8=utf8)
    return fields.address_field("To", shown, utf8=utf8) if shown else fields.structured("To", "undisclosed-recipients:;")


def _answerable(mailboxes: Sequence[Mailbox], *, utf8: bool) -> list[Mailbox]:
    """The mailboxes that can stand in a field, the first hundred at most; a malformed one is left out."""
    kept = []
    for mailbox in mailboxes[:100]:
        named = Mailbox(_shown_name(mailbox), mailbox.address)
        try:
            fields.address_words(named, utf8=utf8)
        except ValueError:
            continue
        kept.append(named)
    return kept
