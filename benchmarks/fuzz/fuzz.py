"""Coverage-guided fuzzing of what strangers and admins can hand us; kept out of CI, as it has no end.

    pip install atheris                                    # wheels for CPython 3.11 and later on Linux; no dependency of ours
    python benchmarks/fuzz/fuzz.py reading FOLDER -max_total_time=600
    python benchmarks/fuzz/fuzz.py reading FOLDER/crash-...          # once more what was found

Targets: reading, data, addresses, replies, settings, rules. FOLDER keeps the inputs that reach something new; some to
begin with are put there, and more may be. Everything behind FOLDER is libFuzzer's: -max_len, -jobs, -runs.
What is found ends as a test beside the room that it is in, never as a try/except around it.
"""

import asyncio
import contextlib
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

with atheris.instrument_imports(include=["gateway", "mailparser"]):
    from tiny_rules import FILES, own, scorer_of, write

    from gateway.edge.downstream import Connection, Extensions, stuffed
    from gateway.edge.forms import load_forms
    from gateway.edge.rules import load_rules
    from gateway.edge.settings import parse_settings
    from gateway.edge.smtp_addresses import parse_path
    from gateway.edge.smtp_data import read_data
    from gateway.edge.smtp_limits import Memory
    from gateway.edge.smtp_line_ends import bare_line_ends
    from gateway.edge.smtp_trace import XCLIENT_ATTRIBUTES, parse_attributes
    from gateway.errors import BadInput, ReadingFailed
    from gateway.mail.message import read

Target = Callable[[bytes], object]
FORMS = load_forms((ROOT / "rules",))
SETTINGS = b"""mode = "observe"
time_zone = "Europe/Berlin"
[listen]
address = "127.0.0.1:0"
[downstream]
address = "127.0.0.1:25"
[accept]
recipients = ["support@shop.example", "@shop.example"]
[addresses]
support = "Shop Support <support@shop.example>"
[limits]
workers = 1
"""


def reading(data: bytes) -> None:
    """A mail is read, or ReadingFailed says why not; what was read is text that can be written down."""
    with contextlib.suppress(ReadingFailed):
        for segment in read(data, FORMS).segments:
            segment.text.encode("utf-8")


def data(octets: bytes) -> None:
    """What is read after DATA has no bare line end, and goes over the wire again as it came."""

    async def story() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(octets + b"\r\n.\r\n")
        received = await read_data(reader, 10_000, Memory(1_000_000).reserve(), lambda: None)
        if received.refusal is None:
            assert not bare_line_ends(received.message)
            assert (b"\r\n" + stuffed(received.message)).count(b"\r\n.\r\n") == 1

    asyncio.run(story())


def addresses(octets: bytes) -> None:
    """An argument of MAIL or RCPT is a path that is safe to send on, or None."""
    text = octets.decode("utf-8", "surrogateescape")
    parse_attributes(text, XCLIENT_ATTRIBUTES)
    if (path := parse_path(text)) is not None:
        assert not set(path.address) & set("\r\n\0")
        assert not set(re.sub(r'"(\\.|[^"\\])*"', "", path.address)) & set("<> "), "only in a quoted string (RFC 5321 section 4.1.2)"


def replies(octets: bytes) -> None:
    """A server's replies, whatever it says: they are read, or the connection is given up."""

    async def story() -> None:
        connection = Connection(1.0)
        connection.data_received(octets)
        while connection._replies:  # noqa: SLF001 - nobody asked, so nobody may take them
            reply = connection._replies.popleft()  # noqa: SLF001 - see above
            assert "\r" not in str(reply).replace("\r\n", "")
            Extensions.read(reply.text.split("\n"))

    asyncio.run(story())


def settings(octets: bytes) -> None:
    """Any settings file is understood, or BadInput says what is wrong."""
    with contextlib.suppress(BadInput):
        parse_settings(octets.decode("utf-8", "replace"), "courtesy.toml")


def rules_in(folder: Path) -> Target:
    """Any rules file is understood and can weigh, or BadInput says what is wrong."""
    root = write(folder)

    def rules(octets: bytes) -> None:
        (root / "en" / "rules.toml").write_bytes(octets)
        with contextlib.suppress(BadInput):
            load_rules((root,))
            scorer_of(root).assess(own("You are an idiot. I will kill you, you dumb fool! Sie sind ein Vollidiot."))

    return rules


def seeds(name: str) -> list[bytes]:
    """Inputs to begin with: random octets alone never get as far as a reply or a TOML table."""
    match name:
        case "reading":
            return [path.read_bytes() for path in sorted((ROOT / "tests" / "data" / "trap-mail").glob("*.eml"))]
        case "data":
            return [b"Subject: x\r\n\r\n..hello\r\n", b".", b"\n.\r\n"]
        case "addresses":
            return [b"<a@b.test> SIZE=10 BODY=8BITMIME", b'<"a b"@[127.0.0.1]>', b"<@x.test:a@b.test>", b"NAME=a+2Bb ADDR=IPV6:::1 HELO=c.test"]
        case "replies":
            return [b"250-x\r\n250-SIZE 10\r\n250 XFORWARD NAME ADDR\r\n", b"550-5.1.1 no\r\n550 5.1.1 never\r\n421 bye\r\n"]
        case "settings":
            return [SETTINGS]
        case _:
            return [FILES["en/rules.toml"].encode()]


def main() -> None:
    if len(sys.argv) < 3 or sys.argv[1] not in {"reading", "data", "addresses", "replies", "settings", "rules"}:
        raise SystemExit(__doc__)
    name, corpus = sys.argv.pop(1), Path(sys.argv[1])
    if not corpus.is_file():
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds(name)):
            (corpus / f"seed-{number}").write_bytes(seed)
    with tempfile.TemporaryDirectory() as folder:
        target = rules_in(Path(folder)) if name == "rules" else globals()[name]
        atheris.Setup(sys.argv, target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
