"""Any dialogue that a client can think of, in any pieces: one reply a command, in order, and what got its 250 is with the mailbox server."""

import asyncio
import contextlib
from itertools import pairwise

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from smtp_gateway import Client, gateway, settings_for
from smtp_sink import Sink

REFUSED = {"no@gateway.test": "550 5.1.1 no", "later@gateway.test": "451 4.2.1 later"}
GOOD = ("support@gateway.test", "Joe.Public+tag@gateway.test", "x@GATEWAY.test")
LINE = st.one_of(
    st.binary(max_size=30).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"")),
    st.sampled_from([b"", b".", b"..", b".QUIT", b"MAIL FROM:<e@e.test>", b"\x00\xff", b"z" * 3000]),
)
MESSAGE = st.lists(LINE, max_size=6).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
BARE = st.sampled_from([b"a\nb\r\n", b"\n.\r\n", b"\r.\r\n", b"x\n.\nRSET\r\n", b"a\rb\r\n"])
JUNK = st.one_of(
    st.sampled_from([b"FOO", b"", b"mail from", b"BDAT 3 LAST", b"\xff\xfe", b"x" * 3000, b"EHLO", b"RCPT", b"DATA now", b"AUTH LOGIN", b"STARTTLS"]),
    st.binary(max_size=20).map(lambda data: b"X" + data.replace(b"\r", b"").replace(b"\n", b"")),
)


def stuffed(message: bytes) -> bytes:
    return (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


class Dialogue(RuleBasedStateMachine):
    """The client writes ahead as it likes; `flush` sends what it has written, in pieces, and reads as many replies."""

    @initialize(pipelining=st.booleans())
    def start(self, pipelining):
        self.loop = asyncio.new_event_loop()
        self.stack = contextlib.AsyncExitStack()
        self.sent: list[tuple[str, tuple[str, ...], bytes]] = []
        self.wire, self.expected = b"", []
        self.mood = "250"
        self.run(self._open(("PIPELINING", "8BITMIME") if pipelining else ("8BITMIME",)))

    def run(self, work):
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    async def _open(self, extensions):
        self.sink = await self.stack.enter_async_context(Sink(extensions=extensions))
        self.sink.recipients = dict(REFUSED)
        limits = "errors = 100000\ncommands = 100000"
        self.house = await self.stack.enter_async_context(gateway(settings_for(self.sink.address, recipients=["@gateway.test"], limits=limits)))
        await self._connect()

    async def _connect(self):
        self.client = Client(*await asyncio.open_connection(self.house.host, self.house.port))
        assert (await self.client.reply()).startswith("220")
        self.wire, self.expected = b"", []
        self.hello, self.sender, self.recipients, self.refused = False, None, [], False

    def teardown(self):
        if hasattr(self, "loop"):
            try:
                self.run(self._end())
            finally:
                self.loop.close()

    async def _end(self):
        await self._flush([])
        await self.client.close()
        await self.stack.aclose()  # asserts that every slot, byte and connection is given back
        told = [(mail.sender, mail.recipients, mail.message) for mail in self.sink.mails]
        assert told == self.sent

    def say(self, line: bytes, *codes: str) -> None:
        self.wire += line + b"\r\n"
        self.expected.append(codes)

    def forget(self):
        self.sender, self.recipients, self.refused = None, [], False

    # --- commands

    @rule(verb=st.sampled_from([b"EHLO", b"HELO", b"ehlo"]))
    def greet(self, verb):
        self.say(verb + b" client.test", "250")
        self.hello = True
        self.forget()

    @rule(sender=st.sampled_from(["", "a@b.test", "very.long+tag@sub.b.test"]))
    def mail(self, sender):
        self.say(f"MAIL FROM:<{sender}>".encode(), "250" if self.hello and self.sender is None else "503")
        if self.hello and self.sender is None:
            self.sender = sender

    @rule(recipient=st.sampled_from([*GOOD, *REFUSED, "x@elsewhere.test", "a%b.test@gateway.test", "joe"]))
    def recipient(self, recipient):
        if self.sender is None:
            code = "503"
        elif recipient in GOOD:
            code = "250"
        else:
            code = REFUSED[recipient][:3] if recipient in REFUSED else "55"
            self.refused = True
        self.say(f"RCPT TO:<{recipient}>".encode(), code)
        if code == "250" and recipient not in self.recipients:
            self.recipients.append(recipient)

    @rule(message=MESSAGE)
    def data(self, message):
        if self._data():
            self.wire += stuffed(message)
            self.expected.append((self.mood,))
            if self.mood == "250":
                self.sent.append((self.sender, tuple(self.recipients), message))
            self.forget()

    @rule(before=MESSAGE, bare=BARE, after=MESSAGE)
    def data_with_bare_line_ends(self, before, bare, after):
        if self._data():
            self.wire += stuffed(before).removesuffix(b".\r\n") + bare + stuffed(after)
            self.expected.append(("550 5.6.0",))
            self.forget()

    @rule(sender=st.sampled_from(["", "a@b.test"]), recipients=st.lists(st.sampled_from(GOOD), min_size=1, max_size=3), message=MESSAGE, reset=st.booleans())
    def whole_mail(self, sender, recipients, message, reset):
        if not self.hello:
            self.greet(b"EHLO")
        if reset:
            self.reset()
        self.mail(sender)
        for recipient in recipients:
            self.recipient(recipient)
        self.data(message)

    def _data(self) -> bool:
        if self.sender is None or not self.recipients:
            self.say(b"DATA", "503" if self.sender is None or not self.refused else "554")
            return False
        self.say(b"DATA", "354")
        return True

    @rule()
    def reset(self):
        self.say(b"RSET", "250")
        self.forget()

    @rule(line=st.sampled_from([b"NOOP", b"noop x", b"VRFY joe", b"HELP"]))
    def harmless(self, line):
        self.say(line, "2")

    @rule(line=JUNK)
    def junk(self, line):
        self.say(line, "50")

    # --- what happens on the line

    @rule(cuts=st.lists(st.integers(0, 4000), max_size=5))
    def flush(self, cuts):
        self.run(self._flush(cuts))

    async def _flush(self, cuts):
        edges = [0, *sorted(cut for cut in set(cuts) if cut < len(self.wire)), len(self.wire)]
        for start, end in pairwise(edges):
            await self.client.send(self.wire[start:end])
            await asyncio.sleep(0)
        for codes in self.expected:
            reply = await self.client.reply()
            assert reply.startswith(codes), (reply, codes, self.wire)
        self.wire, self.expected = b"", []

    @rule()
    def quit(self):
        self.say(b"QUIT", "221")
        self.run(self._flush([]))
        assert self.run(self.client.reply()) == "CLOSE"
        self.run(self.client.close())
        self.run(self._connect())

    @precondition(lambda self: not self.expected)
    @rule(half=st.sampled_from([b"", b"NOO", b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<support@gateway.test>\r\nDATA\r\nhalf"]))
    def leave(self, half):
        if b"MAIL" in half:
            self.say(b"RSET", "250")
            self.run(self._flush([]))
        if half:
            self.run(self.client.send(half))
        self.client.reset()
        self.run(self.house.quiet())
        self.run(self._connect())

    @precondition(lambda self: not self.expected)
    @rule(mood=st.sampled_from(["250", "250", "554 5.7.1 spam", "452 4.3.1 full", "451"]))
    def the_mailbox_server_changes_its_mind(self, mood):
        self.mood = mood
        self.sink.replies.pop("message", None)
        self.sink.close_at = "message" if mood == "451" else None
        if mood not in {"250", "451"}:
            self.sink.replies["message"] = mood

    @precondition(lambda self: not self.expected and self.mood == "250" and not self.sender)
    @rule()
    def the_mailbox_server_hangs_up_on_all(self):
        """Idle connections die; whoever comes next must not notice."""
        for task in list(self.sink._tasks):
            task.cancel()
        self.run(asyncio.sleep(0))

    @invariant()
    def nothing_is_lost_so_far(self):
        if hasattr(self, "expected") and not self.expected:
            assert len(self.sink.mails) == len(self.sent)


Dialogue.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
TestDialogue = Dialogue.TestCase
