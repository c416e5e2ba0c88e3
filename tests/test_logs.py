"""No log line has a word of any mail, in either format, whatever goes wrong; and every event is one line."""

import io
import json
import logging
import re
import warnings

import pytest
from gateway_process import GatewayProcess, mail, settings, wait_until
from smtp_sink import ThreadedSink

from gateway.edge.logs import FIELDS, loop_trouble, set_up
from gateway.edge.settings import LogSettings
from gateway.edge.transmit import without_words


@pytest.fixture(autouse=True)
def untouched():
    """Logging is global: what a test sets up is taken away again."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, warnings.showwarning
    logging.captureWarnings(capture=False)  # a test before may have set up logging in this process and left it so
    warnings.showwarning = before[2]
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level, warnings.showwarning = before


def lines(log, **fields):
    """The lines that some logging leaves."""
    stream = io.StringIO()
    set_up(LogSettings(**fields), stream)
    log()
    return stream.getvalue().splitlines()


def stumble(text):
    try:
        int(text)
    except ValueError:
        logging.getLogger("courtesy.weigher").exception("weighing failed")


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exceptions_own_text_is_never_written(form):
    (line,) = lines(lambda: stumble("you idiot\nSubject: x"), format=form)
    assert "idiot" not in line
    assert "ValueError" in line
    assert re.search(r"tests/test_logs\.py:\d+ stumble", line)


def test_text_lines():
    def log():
        ours = logging.getLogger("courtesy.x")
        ours.info("%s: fold", "ABC", extra={"event": "incident"})
        ours.warning("several\nlines\r\n\x1b[31m and\u202e tricks")
        ours.debug("not at this level")

    assert lines(log) == ["INFO courtesy.x ABC: fold", "WARNING courtesy.x several | lines  |  [31m and  tricks"]


def test_json_lines_have_stable_keys():
    def log():
        ours = logging.getLogger("gateway.edge.x")
        ours.info("%s: fold", "ABC", extra={"event": "incident", "reference": "ABC", "code": 250, "subject": "idiot"})
        ours.warning('quotes " and\nlines')
        stumble("x")

    first, second, third = [json.loads(line) for line in lines(log, format="json")]
    assert list(first) == ["time", "severity", "logger", "message", "event", "reference", "code"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", first["time"])
    assert (first["severity"], first["logger"], first["message"], first["code"]) == ("info", "gateway.edge.x", "ABC: fold", 250)
    assert list(second) == ["time", "severity", "logger", "message"]
    assert second["message"] == 'quotes " and | lines'
    assert list(third) == ["time", "severity", "logger", "message", "error", "at"]
    assert third["error"] == "ValueError"


def test_the_documents_keys_are_the_code_s():
    from pathlib import Path

    text = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text(encoding="utf-8")
    shown = json.loads(re.search(r"```json\n(.*?)\n```", text, re.DOTALL)[1])
    assert list(shown) == ["time", "severity", "logger", "message", *FIELDS]
    for key in (*shown, "error", "at"):
        assert f"`{key}`" in text


ADDRESSES = [
    ("550 <anna.b+c@client.example>: unknown", "550 <***@client.example>: unknown", "550 <***@***>: unknown"),
    ("to=дура@пример.example;", "to=***@пример.example;", "to=***@***;"),
    ('"john doe"@x.example no', "***@x.example no", "***@*** no"),
    ("joe@[192.0.2.1] and 192.0.2.7", "***@[192.0.2.1] and 192.0.2.7", "***@*** and 192.0.2.7"),
    ("nothing here @ all", "nothing here @ all", "nothing here @ all"),
]


@pytest.mark.parametrize(("text", "domain", "none"), ADDRESSES)
def test_addresses_as_the_site_wants_them(text, domain, none):
    def log():
        logging.getLogger("courtesy.x").info("%s", text)

    for allowed, expected in (("full", text), ("domain", domain), ("none", none)):
        assert lines(log, addresses=allowed) == [f"INFO courtesy.x {expected}"]
        assert json.loads(lines(log, addresses=allowed, format="json")[0])["message"] == expected


def test_of_a_servers_reply_to_a_mail_only_codes_are_written():
    def log():
        ours = logging.getLogger("courtesy.x")
        ours.warning("%s", "temporary failure: the server says 421 4.7.0 idiot in your mail")
        ours.warning("%s", "downstream: the server says 421 idiot")

    assert lines(log) == ["WARNING courtesy.x temporary failure: the server says 421 4.7.0", "WARNING courtesy.x downstream: the server says 421"]
    said = "550 5.7.1 idiot in your mail; 451-idiot"
    assert without_words(said) == "550 5.7.1; 451"
    assert without_words("127.0.0.1:25: Connection refused") == "127.0.0.1:25: Connection refused"


@pytest.mark.filterwarnings("always")
def test_other_libraries_lines_are_written_without_what_was_filled_in():
    def log():
        other = logging.getLogger("somebody.elses")
        other.warning("Email content %r not handled", "you idiot")
        other.warning("decoding failed for you idiot")
        logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <Task exception=ValueError('you idiot')>")
        warnings.warn("you idiot", stacklevel=1)

    written = lines(log)
    assert len(written) == 4
    assert not any("idiot" in line for line in written)
    assert written[0] == "WARNING somebody.elses Email content %r not handled"
    assert re.fullmatch(r"WARNING somebody.elses a message from test_logs.py line \d+", written[1])


def test_what_nobody_caught_is_written_without_its_text():
    (line,) = lines(lambda: loop_trouble(None, {"message": "Task exception was never retrieved", "exception": ValueError("you idiot"), "future": "you idiot"}))
    assert line.startswith("ERROR courtesy.loop Task exception was never retrieved (ValueError")
    assert "idiot" not in line


def test_a_line_that_can_not_be_written_says_nothing_of_its_content():
    (line,) = lines(lambda: logging.getLogger("courtesy.x").info("%d idiots", "many idiots"))
    assert re.fullmatch(r"ERROR courtesy.x a log line couldn't be written \(line \d+ of test_logs.py\)", line)


WORDS = ("zonkidiot", "idiot", "kill", "Kraftausdruck", "blefuscu", "Querulant", "anna", "bela", "m7719")
"""Of body, subject, display name, local parts and message id of what is sent below."""


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_word_of_abusive_mail_is_in_any_line_of_the_service(tmp_path, form):
    more = f'[log]\nformat = "{form}"\nlevel = "debug"\n[metrics]\naddress = "127.0.0.1:0"'
    with ThreadedSink() as sink:
        gateway = GatewayProcess(settings(tmp_path, sink.port, more=more))
        gateway.start()
        try:
            def say(body, number, sender="anna@client.example", **more):
                message = mail(body, sender=sender, subject=f"Kraftausdruck {number}, you idiot", number=7719 + number, **more)
                return gateway.send(message.replace(b"From: Anna", b"From: Querulant"), sender)[0]

            assert say("You zonkidiot, you are an idiot.", 0) == 250
            assert say("You are an idiot again, blefuscu.", 1) == 250
            assert say("I will kill you, idiot.", 2, "bela@client.example") == 250
            assert say("You idiot.", 3, verified=False) == 250
            # a mail that can't be read, one that is refused by the mailbox server, and a notice that is
            assert say("idiot", 4, more='Content-Type: multipart/mixed; boundary="idiot"\r\n') == 250
            sink.replies["message"] = "550 5.7.1 idiot in your mail from <anna@client.example>"
            assert say("You are an idiot of an idiot.", 5, "carl@client.example") == 550
            sink.replies.clear()
            sink.close_at = "message"
            assert say("You are an idiot, closing.", 6, "dora@client.example") == 451
            sink.close_at = None
            sink.recipients["emil@client.example"] = "550 5.1.1 <emil@client.example> is an idiot"
            assert say("You are an idiot, Sir.", 7, "emil@client.example") == 250
            wait_until(lambda: [line for line in gateway.lines if "given up" in line])
            incident = json.loads(gateway.courtesy("incident", "list", "--json", "--limit", "1"))[0]["id"]
            gateway.courtesy("incident", "show", incident)
        finally:
            gateway.stop()
    written = [line for line in gateway.lines if not line.startswith("listening on")]
    assert len([line for line in written if "incident" in line or "enforce" in line]) >= 5, "incidents are logged"
    for line in written:
        for word in WORDS:
            assert word.lower() not in line.lower(), (word, line)
    if form == "json":
        assert all({"time", "severity", "logger", "message"} <= json.loads(line).keys() for line in written)
