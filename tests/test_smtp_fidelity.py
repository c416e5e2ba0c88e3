"""A message comes out of listener and pool byte for byte as it went in."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smtp_gateway import gateway, settings_for
from smtp_sink import Sink

from gateway.edge.smtp_data import hops, read_data
from gateway.edge.smtp_limits import Memory
from gateway.edge.smtp_line_ends import bare_line_ends

LINE = st.one_of(
    st.binary(max_size=40).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b"")),
    st.sampled_from([b"", b".", b"..", b". ", b".\t", b"\x00", b"\xff" * 3, b"x" * 1500, b".x" * 700, b"From a@b", b" \t "]),
)
MESSAGE = st.lists(LINE, max_size=12).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


def on_the_wire(message: bytes) -> bytes:
    """Dot-stuffed line by line, as another author would write it."""
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in message.split(b"\r\n")[:-1]) + b".\r\n"


@settings(max_examples=60, deadline=None)
@given(messages=st.lists(MESSAGE, min_size=1, max_size=5), cuts=st.lists(st.integers(0, 3000), max_size=4))
def test_bytes_survive(messages, cuts):
    async def story():
        async with Sink() as sink, gateway(settings_for(sink.address)) as house, house.client() as client:
            await client.hello()
            for message in messages:
                assert (await client.say("MAIL FROM:<>")).startswith("250")
                assert (await client.say("RCPT TO:<support@gateway.test>")).startswith("250")
                assert (await client.say("DATA")).startswith("354")
                wire = on_the_wire(message)
                edges = [0, *sorted(cut for cut in cuts if cut < len(wire)), len(wire)]
                for start, end in pairwise(edges):
                    await client.send(wire[start:end])
                    await asyncio.sleep(0)
                assert (await client.reply()).startswith("250")
            assert [mail.message for mail in sink.mails] == messages

    asyncio.run(story())


def read(blocks: list[bytes], limit: int = 10_000, memory: int = 1_000_000):
    """Feed blocks one by one; what was read, and what was left for the next command."""

    async def story():
        reader = asyncio.StreamReader()
        budget = Memory(memory)
        reservation = budget.reserve()
        task = asyncio.create_task(read_data(reader, limit, reservation, lambda: None))
        for block in blocks:
            reader.feed_data(block)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            received = await task
        rest = bytes(reader._buffer)
        reservation.release()
        assert budget.taken == 0
        return received, rest

    return asyncio.run(story())


@settings(max_examples=150, deadline=None)
@given(message=MESSAGE, rest=st.sampled_from([b"", b"MAIL FROM:<>\r\n", b".\r\n", b"\r\n.\r\n"]), size=st.integers(1, 50))
def test_any_cutting_of_the_stream_reads_the_same(message, rest, size):
    wire = on_the_wire(message) + rest
    received, left = read([wire[start : start + size] for start in range(0, len(wire), size)], limit=100_000)
    assert received.message == message
    assert received.refusal is None
    assert left == rest


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([b"\r", b"\n", b".", b"x", b"\r\n"]), max_size=30))
def test_only_crlf_dot_crlf_ends_it(parts):
    body = b"".join(parts)
    if b"\r\n.\r\n" in b"\r\n" + body + b"\r\n.":
        return
    received, left = read([body, b"\r\n.\r\n", b"NOOP\r\n"])
    assert left == b"NOOP\r\n"
    whole = body + b"\r\n"
    pure = whole.count(b"\r") == whole.count(b"\n") == whole.count(b"\r\n")
    assert (received.refusal is None) == pure


@given(st.lists(st.sampled_from([b"\r", b"\n", b"x", b"\r\n"]), max_size=12).map(b"".join))
def test_bare_line_ends(message):
    assert bare_line_ends(message) == (not message.count(b"\r") == message.count(b"\n") == message.count(b"\r\n"))


@pytest.mark.parametrize("at", [(1 << 20) - 2, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_bare_line_ends_at_the_edges_of_blocks(at):
    for piece, bare in ((b"\r\n", False), (b"\n\r", True), (b"\rx", True), (b"x\n", True)):
        assert bare_line_ends(b"x" * at + piece + b"y" * 10) is bare


@pytest.mark.parametrize(("size", "refused"), [(9_998, False), (9_999, True), (50_000, True)])
def test_size_is_counted_exactly(size, refused):
    received, _ = read([b"x" * size + b"\r\n.\r\n"])
    assert (received.refusal is not None) == refused


def test_stuffed_dots_dont_count():
    received, _ = read([on_the_wire(b".\r\n" * 30 + b"x" * 9_900 + b"\r\n")], limit=9_992)
    assert received.refusal is None


def test_memory_is_given_back_while_the_rest_is_read():
    received, left = read([b"x" * 600, b"y" * 600, b"\r\n.\r\nQUIT\r\n"], memory=1000)
    assert received.refusal.code == 451
    assert left == b"QUIT\r\n"


def test_a_client_that_leaves_in_the_middle():
    async def story():
        reader = asyncio.StreamReader()
        reader.feed_data(b"half")
        reader.feed_eof()
        with pytest.raises(asyncio.IncompleteReadError):
            await read_data(reader, 100, Memory(100).reserve(), lambda: None)

    asyncio.run(story())


def test_hops():
    assert hops(b"Received: a\r\nX-Received: b\r\nreceived: c\r\n\tReceived: folded\r\n\r\nReceived: body\r\n") == 2
    assert hops(b"") == 0
    assert hops(b"Received: a\r\n") == 1
