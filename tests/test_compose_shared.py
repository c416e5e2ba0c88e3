"""Folding real and torture mails leaves their bytes untouched."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from gateway.mail.compose import Rendered, folded_message, message_id
from gateway.values import Mailbox

SHARED = Path(__file__).parents[1].parent / "shared"


@pytest.mark.shared
def test_every_real_mail_lies_untouched_in_its_folded_form():
    if not SHARED.is_dir():
        pytest.skip("the larger sets are not here")
    paths = [path for name in ("real-mail", "trap-mail") for path in sorted((SHARED / name).rglob("*")) if path.is_file()]
    assert len(paths) > 300
    for path in paths:
        received = re.sub(rb"\r\n?|\n", b"\r\n", path.read_bytes()[:300_000])
        for utf8 in (False, True):
            message = folded_message(
                received,
                Rendered("Note", "Note\n", "<p>Note</p>\n"),
                gateway=Mailbox("Gateway", "support@shop.example"),
                author=Mailbox("Max", "max@kunde.example"),
                to=("support@shop.example",),
                language="en",
                date=datetime(2026, 11, 24, tzinfo=UTC),
                message_id=message_id("fold.1", "gw.shop.example"),
                boundary="=_b0undary",
                utf8=utf8,
            )
            boundary = message_from_bytes(message.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n", policy=policy.compat32).get_boundary().encode()
            parts = message.split(b"\r\n--" + boundary)
            assert len(parts) == 4
            assert parts[2].split(b"\r\n\r\n", 1)[1] == received, path.name
