"""Metrics and health: the text format, the documents in step, and the real service before a real monitor's eyes."""

import asyncio
import http.client
import re
import shutil
import smtplib
import socket
import time
from pathlib import Path

import pytest
from gateway_process import GatewayProcess, mail, settings, wait_until
from smtp_sink import ThreadedSink

from gateway import replies
from gateway.edge.metrics import Metrics, refusal_reason
from gateway.edge.metrics_text import Counter, Gauge, Histogram, Info, render
from gateway.edge.monitor import Monitor
from gateway.edge.settings import parse_settings
from gateway.edge.smtp_server import MAIL_FIRST, WONT_VERIFY
from gateway.errors import BadInput
from gateway.policy.answerable import ENOUGH, SAME_TEXT, why_not
from gateway.ports import WatchedEvent
from gateway.values import Assessment, Disposition, Envelope, Identity, Level, Reading, Reply

DOCS = Path(__file__).parents[1] / "docs" / "metrics.md"
SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z]+="(?:[^"\\]|\\.)*",?)*\})? (\+Inf|-?[0-9.e+-]+)')


def parsed(text):
    """The samples of a text; fails on a line that Prometheus wouldn't read."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("# HELP ") or re.fullmatch(r"# TYPE [a-z_]+ (counter|gauge|histogram)", line):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, line
        assert line.rpartition(" ")[0] not in samples, line
        samples[line.rpartition(" ")[0]] = float(match[3])
    return samples


# --- the text format ------------------------------------------------------------------------------------------------


def test_the_text_format():
    counter = Counter("a_total", "Of a kind.", {"kind": ("x", "y")})
    counter.add("x")
    counter.add("x", by=2)
    gauge = Gauge("b", "Now.")
    gauge.set(1.5)
    info = Info("c_info", "Words.", ("version",))
    info.tell('1"\\\n2')
    histogram = Histogram("d_seconds", "Long.", (0.1, 1.0))
    for seconds in (0.05, 0.1, 0.5, 7):
        histogram.observe(seconds)
    assert render([counter, gauge, info, histogram]) == (
        "# HELP a_total Of a kind.\n# TYPE a_total counter\n"
        'a_total{kind="x"} 3\na_total{kind="y"} 0\n'
        "# HELP b Now.\n# TYPE b gauge\nb 1.5\n"
        '# HELP c_info Words.\n# TYPE c_info gauge\nc_info{version="1\\"\\\\\\n2"} 1\n'
        "# HELP d_seconds Long.\n# TYPE d_seconds histogram\n"
        'd_seconds_bucket{le="0.1"} 2\nd_seconds_bucket{le="1"} 3\nd_seconds_bucket{le="+Inf"} 4\n'
        "d_seconds_sum 7.65\nd_seconds_count 4\n"
    )


def test_labels_are_closed_sets():
    """Whatever is told, no series appears that a mail could have made."""
    metrics = Metrics()
    before = len(parsed(metrics.text()))
    for number in range(1000):
        metrics.posted(f"kind{number}", "sent")
        metrics.replied(Reply(550, f"User {number} unknown", "5.1.1"))
        metrics.notice_suppressed(f"reason {number}")
        metrics.weighed(Assessment(None, error=f"error {number}"), 0.1)
    text = metrics.text()
    assert len(parsed(text)) <= before + 2, "one `other` each"
    assert 'courtesy_refused_total{reason="mailbox_server"} 1000' in text
    assert 'courtesy_outgoing_total{kind="other",outcome="sent"} 1000' in text


def test_refusals_by_their_reason():
    refusing = {name: reply for name, reply in vars(replies).items() if isinstance(reply, Reply) and reply.code >= 400}
    assert {name: refusal_reason(reply) for name, reply in refusing.items()} == {name: name.lower() for name in refusing}
    assert refusal_reason(replies.blocked("ABC", "appeals@shop.example")) == "blocked"
    assert refusal_reason(MAIL_FIRST) == "protocol"
    assert refusal_reason(Reply(550, "No such user", "5.1.1")) == "mailbox_server"
    metrics = Metrics()
    metrics.replied(WONT_VERIFY)
    assert not [name for name, value in parsed(metrics.text()).items() if name.startswith("courtesy_refused_total") and value]


def test_every_reason_against_a_notice_has_its_label():
    """The reasons are sentences of another room: what it says today must not be counted as `other`."""
    own = frozenset({"support@shop.example"})
    anna = Identity("anna@example.net", verified=True, by="x")
    cases = [
        (Reading(()), Envelope("", ()), anna),
        (Reading((), automatic=("list",)), Envelope("anna@example.net", ()), anna),
        (Reading(()), Envelope("anna@example.net", ()), Identity("anna@example.net", verified=False, by="x")),
        (Reading(()), Envelope("support@shop.example", ()), anna),
        (Reading(()), Envelope("bela@example.net", ()), anna),
    ]
    metrics = Metrics()
    for reading, envelope, identity in cases:
        reason = why_not(reading, envelope, identity, own)
        assert reason
        metrics.notice_suppressed(reason)
    for reason in (SAME_TEXT, ENOUGH):  # the breakers of loops
        metrics.notice_suppressed(reason)
    samples = parsed(metrics.text())
    assert [value for name, value in samples.items() if name.startswith("courtesy_notices_suppressed_total")] == [1.0] * (len(cases) + 2)


def test_unscored_mails_by_their_reason():
    metrics = Metrics()
    for error in ("reading and weighing ran late", "couldn't be read: too deep", "couldn't be weighed: ValueError", "the weigher ended", None):
        metrics.weighed(Assessment(None, error=error), 0.1)
    metrics.weighed(Assessment(Level.CLEAN), 0.1)
    samples = parsed(metrics.text())
    assert [value for name, value in samples.items() if name.startswith("courtesy_unscored_total")] == [1.0] * 5
    assert samples["courtesy_weighing_seconds_count"] == 6


# --- docs -----------------------------------------------------------------------------------------------------------


def test_every_metric_is_told_with_its_labels_and_what_to_do():
    rows = re.findall(r"^\| `([a-z_]+)(?:\{([a-z,]+)\})?` \| (\w+) \| (.+?) \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: (tuple(labels.split(",")) if labels else (), kind) for name, labels, kind, _, _ in rows}
    assert told == {metric.name: (tuple(metric.labels), metric.kind) for metric in Metrics().all}
    for name, _, _, says, what_to_do in rows:
        assert says.endswith("."), name
        assert what_to_do.endswith("."), name
    text = DOCS.read_text(encoding="utf-8")
    for metric in Metrics().all:
        for label, values in metric.labels.items():
            if label not in {"kind", "version", "mode"}:
                for value in values[:-1]:
                    assert f"`{value}`" in text, f"{metric.name}: {label}={value}"


# --- where it listens -----------------------------------------------------------------------------------------------

LEAST = '[downstream]\naddress = "127.0.0.1:25"\n[accept]\nrecipients = ["a@b.example"]\n[addresses]\nsupport = "a@b.example"\n[metrics]\naddress = "{}"\n'


@pytest.mark.parametrize("address", ["", "127.0.0.1:0", "127.3.2.1:9188", "[::1]:9188", "localhost:9188"])
def test_addresses_that_are_fine(address):
    assert parse_settings(LEAST.format(address), "x").metrics.address == address


@pytest.mark.parametrize("address", ["0.0.0.0:9188", "[::]:9188", "192.0.2.1:9188", "gw.shop.example:9188"])
def test_it_never_listens_beyond_loopback(address):
    with pytest.raises(BadInput, match=r"metrics\.address must be on loopback"):
        parse_settings(LEAST.format(address), "x")


async def asked(port, question):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    return answer.decode()


async def test_what_is_no_question_of_a_monitor(monkeypatch):
    monkeypatch.setattr("gateway.edge.monitor._PATIENCE", 0.5)
    stumbles = False

    async def metrics():
        if stumbles:
            raise ValueError("a bug")
        return "text\n"

    async def health():
        return ["one is wrong", "another too"]

    monitor = Monitor(metrics, health)
    _, port = await monitor.start("127.0.0.1:0")
    assert (await asked(port, b"GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")).endswith("\r\n\r\ntext\n")
    assert (await asked(port, b"HEAD /metrics HTTP/1.0\r\n\r\n")).endswith("Content-Length: 5\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n")
    unwell = await asked(port, b"GET /health HTTP/1.1\r\n\r\n")
    assert unwell.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert unwell.endswith("\r\n\r\none is wrong\nanother too\n")
    assert (await asked(port, b"GET / HTTP/1.1\r\n\r\n")).startswith("HTTP/1.1 404 ")
    assert (await asked(port, b"POST /metrics HTTP/1.1\r\n\r\n")).startswith("HTTP/1.1 405 ")
    assert (await asked(port, b"\x16\x03\x01\r\n\r\n")).startswith("HTTP/1.1 400 ")
    assert await asked(port, b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 100_000) == ""
    assert await asked(port, b"GET /metr") == "", "who is silent is not waited for"
    stumbles = True
    assert await asked(port, b"GET /metrics HTTP/1.1\r\n\r\n") == ""
    await monitor.stop()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


# --- the real service -----------------------------------------------------------------------------------------------


class Watched(GatewayProcess):
    """A gateway with a monitor beside it."""

    def get(self, page):
        port = int(wait_until(lambda: [found[1] for line in self.lines if (found := re.search(r"metrics and health on 127\.0\.0\.1:(\d+)", line))])[0])
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        client.request("GET", page)
        answer = client.getresponse()
        text = answer.read().decode()
        assert answer.getheader("Content-Type").startswith("text/plain")
        client.close()
        return answer.status, text

    def samples(self):
        status, text = self.get("/metrics")
        assert status == 200
        return parsed(text)


def test_what_moves_when_mail_flows(tmp_path):
    config = settings(tmp_path, 1, more='[metrics]\naddress = "127.0.0.1:0"')
    (tmp_path / "rules" / "en").mkdir(parents=True)
    with ThreadedSink() as sink:
        config.write_text(f'rules_dir = "{tmp_path / "rules"}"\n' + config.read_text().replace("127.0.0.1:1", f"127.0.0.1:{sink.port}"))
        watch_mail_flow(tmp_path, sink, config)


def watch_mail_flow(tmp_path, sink, config):
    with Watched(config) as gateway:
        assert gateway.get("/health") == (200, "ok\n")
        first = gateway.samples()
        assert first["courtesy_downstream_up"] == 1
        assert first["courtesy_rules_current"] == 1
        assert first['courtesy_mails_total{level="clean",disposition="deliver"}'] == 0
        assert first['courtesy_weighers{state="idle"}'] == 1
        assert [name for name in first if name.startswith("courtesy_rules_info")]
        assert 'mode="enforce"' in next(name for name in first if name.startswith("courtesy_info"))

        assert gateway.send(mail("Hello, where is my order?", number=1), "anna@client.example")[0] == 250
        abusive = mail("You are an idiot.", number=2)
        for _ in range(2):  # the second is the same mail again
            assert gateway.send(abusive, "anna@client.example")[0] == 250
        assert gateway.send(mail("You are an idiot.", number=3, verified=False), "anna@client.example")[0] == 250
        assert gateway.send(mail("I will kill you.", sender="bela@client.example", number=4), "bela@client.example")[0] == 250
        with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
            client.ehlo()
            client.mail("anna@client.example")
            assert client.rcpt("nobody@else.example")[0] == 550
            sink.recipients["support@shop.example"] = "550 5.1.1 no such user"
            assert client.rcpt("support@shop.example")[0] == 550
            sink.recipients.clear()
            assert gateway.samples()["courtesy_connections"] == 1
        wait_until(lambda: gateway.samples()['courtesy_outgoing_total{kind="warning",outcome="sent"}'] == 1)
        now = gateway.samples()
        assert (now["courtesy_cases_open"], now["courtesy_cases_overdue"]) == (0, 0)
        assert now['courtesy_mails_total{level="clean",disposition="deliver"}'] == 1
        assert now['courtesy_mails_total{level="abusive",disposition="fold"}'] == 2
        assert now['courtesy_mails_total{level="severe",disposition="hold"}'] == 1
        assert now['courtesy_mail_events_total{event="resent"}'] == 1
        assert now['courtesy_refused_total{reason="relay_denied"}'] == 1
        assert now['courtesy_refused_total{reason="mailbox_server"}'] == 1
        assert now["courtesy_connections_total"] == 6
        assert now["courtesy_mail_seconds_count"] == 5
        assert now["courtesy_weighing_seconds_count"] == 5
        assert now["courtesy_downstream_seconds_count"] == 3
        assert now["courtesy_ledger_seconds_count"] > 5
        assert now["courtesy_ledger_errors_total"] == 0
        assert now["process_open_fds"] > 5
        assert now["process_resident_memory_bytes"] > 10_000_000
        assert now["process_cpu_seconds_total"] > 0
        assert abs(now["process_start_time_seconds"] - time.time()) < 600

        (tmp_path / "rules" / "en" / "bad.toml").write_text('[[rule]]\nid = "en.x.y"\ncategory = "insult"\npoints = 99\n')
        gateway.hang_up()
        wait_until(lambda: gateway.samples()["courtesy_rules_load_failures_total"] == 1)
        assert gateway.samples()["courtesy_rules_current"] == 0
        assert [name for name in gateway.samples() if name.startswith("courtesy_rules_info")] == [name for name in now if name.startswith("courtesy_rules_info")]
        (tmp_path / "rules" / "en" / "bad.toml").unlink()
        gateway.hang_up()
        wait_until(lambda: gateway.samples()["courtesy_rules_current"] == 1)


def test_health_says_what_is_wrong_and_when_it_is_well_again(tmp_path):
    """The mailbox server goes, the ledger's folder goes, and both come back."""
    with ThreadedSink() as sink:
        port = sink.port
        gateway = Watched(settings(tmp_path, port, more='[metrics]\naddress = "127.0.0.1:0"'))
        gateway.start()
        assert gateway.get("/health")[0] == 200
    try:
        _, text = wait_until(lambda: (answer := gateway.get("/health"))[0] == 503 and answer)
        assert text == "the mailbox server can't be reached: mail waits at its senders (451)\n"
        assert gateway.samples()["courtesy_downstream_up"] == 0
        with ThreadedSink(port):
            def delivered():
                with smtplib.SMTP("127.0.0.1", gateway.port, timeout=30) as client:
                    client.ehlo()
                    client.mail("anna@client.example")
                    return client.rcpt("support@shop.example")[0] == 250

            wait_until(delivered)
            assert wait_until(lambda: gateway.get("/health")[0] == 200)
            away = tmp_path / "ledger-away"
            shutil.move(tmp_path / "state" / "ledger", away)
            _, text = wait_until(lambda: (answer := gateway.get("/health"))[0] == 503 and answer)
            assert text.startswith("the ledger can't be written, so mail is delivered plain and nothing can be held: ")
            assert "No such file or directory" in text
            assert gateway.send(mail("You are an idiot.", number=1), "anna@client.example")[0] == 250
            now = gateway.samples()
            assert now["courtesy_ledger_errors_total"] >= 2
            assert now['courtesy_mail_events_total{event="no_ledger"}'] == 1
            assert now['courtesy_mails_total{level="abusive",disposition="deliver"}'] == 1
            shutil.move(away, tmp_path / "state" / "ledger")
            assert wait_until(lambda: gateway.get("/health")[0] == 200)
    finally:
        gateway.stop()


def test_without_an_address_nothing_listens(tmp_path):
    with ThreadedSink() as sink, GatewayProcess(settings(tmp_path, sink.port)) as gateway:
        assert not any("metrics" in line for line in gateway.lines)
        gateway.send(mail("Hello.", number=1), "anna@client.example")
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert b"courtesy_" not in client.makefile("rb").read()


def test_the_events_are_all_counted():
    metrics = Metrics()
    for event in WatchedEvent:
        metrics.event(event)
    metrics.mail(None, Disposition.DELIVER)
    samples = parsed(metrics.text())
    assert [value for name, value in samples.items() if name.startswith("courtesy_mail_events_total")] == [1.0] * len(WatchedEvent)
    assert samples['courtesy_mails_total{level="unscored",disposition="deliver"}'] == 1
