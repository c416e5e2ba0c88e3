"""Real and torture messages of many projects: read without a crash and in time, and delivered byte for byte."""

import re
import time

import pytest
from gateway_inside import gateway_inside
from reading_mails import SHARED

from gateway.edge.smtp_line_ends import bare_line_ends

FOLDER = SHARED / "real-mail"
OURS = re.compile(rb"Received: [^\r]*(?:\r\n\t[^\r]*)*\r\nX-Courtesy: level=[a-z]+; [^\r]*\r\n")
A_SECOND = 1.0

pytestmark = [pytest.mark.shared, pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/real-mail is not here")]


def messages() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Messages as SMTP carries them, and apart those with a CR or LF on its own beside CRLF."""
    good, bare = {}, {}
    for path in sorted(FOLDER.rglob("*.eml")):
        data = path.read_bytes()
        if b"\r" not in data:
            data = data.replace(b"\n", b"\r\n")  # kept on a Unix disk
        if not data.endswith(b"\r\n"):
            data += b"\r\n"
        (bare if bare_line_ends(data) else good)[str(path.relative_to(FOLDER))] = data
    return good, bare


@pytest.mark.timeout(600)
async def test_every_real_mail(tmp_path):
    good, bare = messages()
    assert (len(good) > 600, len(bare) < 30) == (True, True), (len(good), len(bare))
    slow, changed, unscored = {}, [], []
    async with gateway_inside(tmp_path, mode="observe", more="commands = 100_000\nerrors = 10_000") as house:
        reader = house.running.reader
        for name, message in (good | bare).items():
            for _ in range(3):  # again only when the machine may have been busy with something else
                begun = time.perf_counter()
                _, assessment = await reader.weigh(message, "author@client.example")
                took = time.perf_counter() - begun
                if took < A_SECOND:
                    break
            else:
                slow[name] = took
            if assessment.level is None:
                unscored.append((name, assessment.error))
        for number, (name, message) in enumerate(good.items()):
            # a path of its own: the folders hold the same message twice, and a resend is not delivered again
            path = f"author+{number}@client.example"
            reply = await house.send(message, path, options=" BODY=8BITMIME")
            if not reply.startswith("250"):
                changed.append((name, reply))
                continue
            # alerts to the managers may arrive between them
            (arrived,) = [mail.message for mail in house.sink.mails if mail.sender == path]
            ours = OURS.match(arrived)
            if not ours or arrived[ours.end() :] != message:
                changed.append((name, "not byte for byte"))
        for name, message in bare.items():
            reply = await house.send(message, "bare@client.example")
            if not reply.startswith("550 5.6.0 "):
                changed.append((name, reply))
        assert not [mail for mail in house.sink.mails if mail.sender == "bare@client.example"]
    assert not slow
    assert not changed
    assert not unscored
