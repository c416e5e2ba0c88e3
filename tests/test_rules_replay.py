"""Past mail under two sets of rules: what the report says is what a count by other means finds."""

import mailbox
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime

import pytest
from replaying import Count, as_counted, generated, tiny_change
from tiny_rules import write

from gateway.edge.replay import arrived, replay, report
from gateway.edge.rules_json_schema import FOLDER, schemas
from gateway.edge.shipped import folder
from gateway.edge.sources import mails
from gateway.edge.weigher import Order, Weigher
from gateway.mail.message import ReadingLimits
from gateway.policy.replayed import PastMail, in_order_of_dates, walk
from gateway.values import Assessment, Disposition, Identity, Level, NoticeKind

MORE = """
[[rule]]
id = "en.insult.muppet"
category = "insult"
points = 5
words = ["muppet"]

[[change]]
id = "en.insult.fool"
off = true
"""
BODIES = ("Where is my parcel?", "You are a dumb fool.", "You are a muppet.", "You dumb fool, you muppet!", "This is crap.", "I will kill you.")
START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def a_mail(body, sender="anna@client.example", at=None, more=()):
    message = EmailMessage()
    for name, value in more:
        message[name] = value
    message["From"] = sender
    message["To"] = "support@shop.example"
    message["Subject"] = "Order 4711"
    if at:
        message["Date"] = format_datetime(at)
    message.set_content(body)
    return message


@pytest.fixture(scope="module")
def weighers(tmp_path_factory):
    base = write(tmp_path_factory.mktemp("base"))
    site = tmp_path_factory.mktemp("site")
    (site / "en").mkdir()
    (site / "en" / "site.toml").write_text(MORE)
    return Weigher(Order((base,), ReadingLimits())), Weigher(Order((base, site), ReadingLimits()))


@pytest.fixture(scope="module")
def past(tmp_path_factory):
    """Three hundred mails of twelve senders, in no order of dates, in one mbox; and what they say."""
    rng = random.Random(7)
    path = tmp_path_factory.mktemp("past") / "support.mbox"
    box = mailbox.mbox(path)
    rows = []
    for number in range(300):
        row = (f"c{rng.randrange(12)}@client.example", rng.choice(BODIES), START + timedelta(hours=rng.randrange(6_000), minutes=number % 60))
        rows.append(row)
        box.add(a_mail(row[1], row[0], row[2]))
    box.close()
    return path, rows


def old_level(body):
    return Level.SEVERE if "kill" in body else Level.ABUSIVE if "dumb fool" in body else Level.RUDE if "crap" in body else Level.CLEAN


def new_level(body):
    return Level.SEVERE if "kill" in body else Level.ABUSIVE if "muppet" in body else Level.RUDE if "crap" in body else Level.CLEAN


@pytest.fixture(scope="module")
def outcomes(weighers, past):
    return replay(mails([str(past[0])]), *weighers, processes=2)


def test_every_mail_is_judged_by_both(outcomes, past):
    assert [o.mail.source for o in outcomes] == [f"{past[0]}#{n}" for n in range(1, 301)]
    assert [(o.mail.old.level, o.mail.new.level) for o in outcomes] == [(old_level(body), new_level(body)) for _, body, _ in past[1]]
    assert [o.mail.at for o in outcomes] == [at for _, _, at in past[1]]


def test_the_figures_are_those_of_an_independent_count(outcomes, past):
    row = report(outcomes, 5)
    bodies = [body for _, body, _ in past[1]]
    both = Counter((old_level(b).word, new_level(b).word) for b in bodies)
    assert row["mails"] == 300
    assert {name: pair["old"] for name, pair in row["levels"].items() if pair["old"]} == Counter(old_level(b).word for b in bodies)
    assert {name: pair["new"] for name, pair in row["levels"].items() if pair["new"]} == Counter(new_level(b).word for b in bodies)
    assert {(m["old"], m["new"]): m["mails"] for m in row["moves"]} == {pair: n for pair, n in both.items() if pair[0] != pair[1]}
    assert row["harsher"] == bodies.count("You are a muppet.")
    assert row["milder"] == bodies.count("You are a dumb fool.")
    fools, muppets = sum("dumb fool" in b for b in bodies), sum("muppet" in b for b in bodies)
    assert row["rules"] == [
        {"rule": "en.insult.fool", "old": fools, "new": 0, "gained": 0, "lost": fools},
        {"rule": "en.insult.muppet", "old": 0, "new": muppets, "gained": muppets, "lost": 0},
    ]
    assert sum(code["mails"] for code in row["languages"].values()) == 300
    assert sum(pair["old"] for name, pair in row["consequences"].items() if name in set(Disposition)) == 300
    assert len(row["examples"]) == 5
    assert {e["new"]["level"] for e in row["examples"]} <= {"abusive", "clean"}


def test_who_would_have_been_warned_is_counted_in_the_order_of_dates(outcomes, past):
    """A walk of its own: a sender is warned by his first abusive mail in standing `good`; threats tell him nothing."""
    row = report(outcomes, 0)
    for which, level_of in (("old", old_level), ("new", new_level)):
        first = {}
        for _, sender, body in sorted((at, sender, body) for sender, body, at in past[1]):
            level = level_of(body)
            if level >= Level.ABUSIVE:
                first.setdefault(sender, level)
        warned = {sender for sender, level in first.items() if level is Level.ABUSIVE}
        told = {o.mail.identity.address for o in outcomes if getattr(o, which).notice is NoticeKind.WARNING}
        assert warned <= told, which
        assert row["senders"]["warned"][which] == len(told)


def test_one_process_and_many_find_the_same(weighers, past, outcomes):
    assert replay(mails([str(past[0])]), *weighers, processes=1) == outcomes


def test_the_same_rules_change_nothing(weighers, past):
    row = report(replay(mails([str(past[0])]), weighers[0], weighers[0], processes=1), 5)
    assert (row["changed"], row["rules"], row["examples"], row["moves"]) == (0, [], [], [])


def test_what_cant_be_read_is_unscored(weighers, tmp_path):
    (tmp_path / "a.eml").symlink_to("/no/such/file")
    (tmp_path / "b.eml").write_bytes(a_mail(BODIES[1]).as_bytes())
    row = report(replay(mails([str(tmp_path)]), *weighers), 5)
    assert (row["mails"], row["unscored"], row["milder"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("head", "at"),
    [
        (b"Received: from a by b; Tue, 3 Mar 2026 10:00:00 +0200\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n", datetime(2026, 3, 3, 8, tzinfo=UTC)),
        (b"Received: from a by b;\r\n\tTue, 3 Mar 2026 10:00:00 +0000\r\nReceived: x; Mon, 2 Mar 2026 10:00:00 +0000\r\n", datetime(2026, 3, 3, 10, tzinfo=UTC)),
        (b"Received: from a by b\r\nDate: Mon, 2 Mar 2026 10:00:00 -0000\r\n", datetime(2026, 3, 2, 10, tzinfo=UTC)),
        (b"Date: soon\r\n", None),
        (b"Subject: x\r\n\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\n", None),
        (b"Date: Mon, 99 Mar 2026 10:00:00 +0000\r\n", None),
    ],
)
def test_when_a_mail_came(head, at):
    assert arrived(head + b"\r\nbody\r\n") == at


def test_mails_without_a_date_stand_behind_the_one_before():
    early, late = START, START + timedelta(days=1)
    assert [n for n, _ in in_order_of_dates([late, None, early, None])] == [2, 3, 0, 1]
    assert [n for n, _ in in_order_of_dates([None, None])] == [0, 1]


def test_nobody_is_punished_whose_name_is_only_claimed(weighers):
    policy = weighers[0].policy
    abusive = Assessment(Level.ABUSIVE, 5)
    seen = [PastMail(START + timedelta(days=n), Identity("a@x.example", verified=False, by=""), answerable=False, assessment=abusive) for n in range(4)]
    assert {(v.strikes, v.notice) for v in walk(seen, policy)} == {(0, None)}
    seen = [PastMail(mail.at, Identity("a@x.example", verified=True, by=""), answerable=True, assessment=abusive) for mail in seen]
    assert [v.notice for v in walk(seen, policy)][:2] == [NoticeKind.WARNING, NoticeKind.FINAL_WARNING]


# --- schemas ---


def test_the_schemas_are_in_step_with_the_models():
    for name, text in schemas().items():
        path = folder("rules") / FOLDER / name
        assert path.read_text() == text, f"{name} is old; run python -m gateway.edge.rules_json_schema"
    assert {path.name for path in (folder("rules") / FOLDER).iterdir()} == set(schemas())


# --- against a count by other means; benchmarks/replay.py does it with the shipped rules and ten thousand mails ---


def test_generated_mail_is_counted_alike_by_other_means(tmp_path):
    base = write(tmp_path / "base")
    site = tiny_change(tmp_path / "site", (base,))
    (tmp_path / "mails").mkdir()
    sentences = {"en": (["You are an idiot!", "You dumb fool.", "i will kill you", "This is crap."], ["Where is my parcel?", "i called my neighbour"])}
    for name, message in generated(400, {**sentences, "de": (["Sie Idiot!"], ["Ich suche das Paket."])}):
        (tmp_path / "mails" / name).write_bytes(message)
    old, new = Order((base,), ReadingLimits()), Order((base, site), ReadingLimits())
    row = report(replay(mails([str(tmp_path / "mails")]), Weigher(old), Weigher(new), processes=2), 0)
    wanted = Count(old.folders, new.folders).of(mails([str(tmp_path / "mails")]))
    counted = as_counted(row)
    assert counted == {name: wanted[name] for name in counted}
    assert min(row["changed"], row["harsher"], row["milder"], len(row["rules"])) > 0, "nothing would be compared"
    for number, which in enumerate(("old", "new")):
        assert row["senders"]["warned"][which] == len(wanted["warned"][number])
        assert row["consequences"].get("hold", {}).get(which, 0) == wanted["held"][number]
    assert row["senders"]["warned"]["added"] == sorted(set(wanted["warned"][1]) - set(wanted["warned"][0]))
