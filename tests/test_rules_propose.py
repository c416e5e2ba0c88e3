"""Learning without drift: people's corrections become changes that somebody may make; nothing changes by itself (issue 6)."""

import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import tiny_rules
from gateway_process import GatewayProcess, mail, settings
from ledger_makers import NOON, Clock, an_incident
from smtp_sink import ThreadedSink

from gateway.edge.held import HeldFolder
from gateway.edge.proposing import propose
from gateway.edge.rules_checkup import check_up
from gateway.edge.snippets import Snippet, put, snippet_text
from gateway.edge.state_backup import take_snapshot
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.weigher import Order
from gateway.mail.message import ReadingLimits
from gateway.policy.corrections import Fared, Remedy, common_words, fared, milder, remedy, was_wrong
from gateway.records import HeldMail, IncidentState
from gateway.values import AlertKind, Category, Envelope, Level

FOOL, KILL = "en.insult.fool", "en.threat.kill"
BOSS = "boss@shop.example"


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """The tiny rules, with an example by which a change can be seen to break something."""
    files = dict(tiny_rules.FILES)
    files["en/rules.toml"] = files["en/rules.toml"].replace('words = ["idiot", "dumb fool"]', 'words = ["idiot", "dumb fool", "plonker"]\nhits = ["You idiot."]')
    return tiny_rules.write(tmp_path_factory.mktemp("rules"), files)


def incidents(rule, right, wrong, *, points=5, level=Level.ABUSIVE, words="idiot", **more):
    """Incidents of one rule, each of another sender; the wrong ones are overturned."""
    for number in range(right + wrong):
        state = IncidentState.OVERTURNED if number >= right else IncidentState.DONE
        yield an_incident(
            f"{rule[-1].upper()}{number}", sender=f"c{number}@example.net", at=NOON + timedelta(minutes=number), state=state,
            findings=((rule, points),), points=points, level=level, language="en", excerpt=words if number >= right else "something else", **more,
        )  # fmt: skip


async def proposed(tmp_path, rules, found, held=(), **more):
    state = tmp_path / "state"
    async with await TinyLedger.open(state / "ledger", clock=Clock()) as ledger:
        for incident in found:
            await ledger.record(incident, None)
        for reference, message in held:
            envelope = Envelope("anna@example.net", ("support@shop.example",))
            await HeldFolder(state).hold(HeldMail(reference, NOON, envelope, "held", len(message)), message)
        name = await take_snapshot(ledger, state, state / "ledger")
    order = Order((rules,), ReadingLimits())
    return await propose(state / name, order, more.get("since"), more.get("most", 20))


def passes(rules, tmp_path, found):
    """Whether the changes pass `rules check` where a site puts them."""
    site = tmp_path / "site"
    site.mkdir()
    for each in found.proposed:
        file = site / each.file
        file.parent.mkdir(exist_ok=True)
        file.write_text((file.read_text() if file.exists() else "") + each.text)
    _, problems = check_up((rules, site))
    return [str(problem) for problem in problems if problem.severity == "error" or "changed here" in problem.text]


# --- what is counted -------------------------------------------------------------------------------------------------------


def test_right_wrong_and_confirmed():
    confirmed = an_incident("C", findings=((FOOL, 5),), notes=((NOON, BOSS, "confirmed: insult aimed at staff"),))
    dismissed = an_incident("D", findings=((FOOL, 5),), notes=((NOON, BOSS, "dismissed: strike"),))
    blocked = an_incident("E", findings=((FOOL, 5), ("en.other", 0)), notes=((NOON, BOSS, "dismissed: block"),))
    overturned = an_incident("F", findings=((FOOL, 5),), state=IncidentState.OVERTURNED)
    nothing = (
        an_incident("G", findings=((FOOL, 5),), state=IncidentState.OPEN),
        an_incident("H", findings=((FOOL, 5),), state=IncidentState.WOULD_BE),
        an_incident("I", findings=((FOOL, 2),), level=Level.RUDE),
        an_incident("J", findings=((FOOL, 5),), alerts=(AlertKind.REPORT,), state=IncidentState.OVERTURNED),
    )
    (one,) = fared((confirmed, dismissed, blocked, overturned, *nothing)).values()
    assert one.rule == FOOL
    assert [incident.id for incident in one.right] == ["C", "E"]
    assert one.confirmed == 1
    assert [incident.id for incident in one.wrong] == ["D", "F"]
    assert not was_wrong(blocked), "a block that isn't confirmed says nothing of the rule"


@pytest.mark.parametrize(
    ("right", "wrong", "points", "category", "expected"),
    [
        (0, 2, 5, Category.INSULT, None),
        (3, 3, 5, Category.INSULT, None),
        (2, 3, 5, Category.INSULT, (Remedy.WEIGHT, 4)),
        (2, 3, 10, Category.DISCRIMINATION, (Remedy.WEIGHT, 9)),
        (2, 3, 2, Category.PROFANITY, (Remedy.WEIGHT, 1)),
        (2, 3, 1, Category.PROFANITY, (Remedy.OFF, 0)),
        (0, 5, 5, Category.INSULT, (Remedy.OFF, 0)),
        (0, 9, 10, Category.THREAT, (Remedy.SIGNAL, 10)),
        (0, 9, 10, Category.STALKING, (Remedy.SIGNAL, 10)),
    ],
)
def test_a_rule_as_a_whole(rules, right, wrong, points, category, expected):
    from gateway.edge.rules import load_rules

    found = list(incidents(FOOL, right, wrong))
    how = Fared(FOOL, tuple(found[:right]), 0, tuple(found[right:]))
    assert remedy(how, points, category, load_rules((rules,))[0].policy) == expected


def test_words_that_err_again_and_again():
    def how(right, wrong):
        return Fared(FOOL, tuple(right), 0, tuple(wrong))

    two = [an_incident(f"W{n}", sender=f"c{n}@example.net", findings=((FOOL, 5),), excerpt="Fat Bastard") for n in range(2)]
    assert common_words(how((), two)) == ("fat bastard",)
    assert common_words(how((), [replace(each, sender="one@example.net") for each in two])) == (), "one sender is no pattern"
    assert common_words(how((replace(two[0], excerpt="you fat bastard"),), two)) == (), "it was right about these words elsewhere"
    assert common_words(how((), [replace(each, findings=((FOOL, 5), ("en.x", 1))) for each in two])) == (), "nobody knows whose words they are"
    assert common_words(how((), [replace(each, excerpt="") for each in two])) == ()


def test_what_is_kept_tells_how_many_would_be_milder(rules):
    from gateway.edge.rules import load_rules

    policy = load_rules((rules,))[0].policy
    alone = an_incident("A", findings=((FOOL, 5),), points=5)
    heavy = an_incident("B", findings=((FOOL, 5), ("en.other", 6)), points=11, level=Level.ABUSIVE)
    assert milder((alone, heavy), FOOL, 4, policy) == 1
    assert milder((alone, heavy), FOOL, 5, policy) == 0
    assert milder((alone, heavy), FOOL, 0, policy) == 1


# --- what is proposed ------------------------------------------------------------------------------------------------------


async def test_a_rule_that_errs_gets_a_lower_weight(rules, tmp_path):
    found = await proposed(tmp_path, rules, incidents(FOOL, 1, 4))
    (one,) = found.proposed
    assert one.text == '[[change]]\nid = "en.insult.fool"\npoints = 4\n'
    assert (one.file, one.words) == ("en/proposed.toml", False)
    assert (one.effect.kept, one.effect.kept_milder, one.effect.held) == (5, 5, 0)
    assert passes(rules, tmp_path, found) == []


async def test_a_rule_that_is_never_right_may_go(rules, tmp_path):
    found = await proposed(tmp_path, rules, incidents(FOOL, 0, 6))
    assert [each.text for each in found.proposed] == ['[[change]]\nid = "en.insult.fool"\noff = true\n']
    assert passes(rules, tmp_path, found) == []


async def test_a_rule_that_warns_of_danger_is_never_turned_down(rules, tmp_path):
    found = await proposed(tmp_path, rules, incidents(KILL, 0, 9, points=10, level=Level.SEVERE, words="i will kill you"))
    assert [each.text for each in found.proposed] == ['[[change]]\nid = "en.threat.kill"\nsignal = true\n']
    assert passes(rules, tmp_path, found) == []


async def test_words_that_err_become_an_exception_unless_the_rule_needs_them(rules, tmp_path):
    found = await proposed(tmp_path, rules, incidents(FOOL, 3, 2, words="Plonker"))
    (one,) = found.proposed
    assert tomllib.loads(one.text) == {"change": [{"id": FOOL, "unless": ["plonker"]}]}
    assert one.words
    assert passes(rules, tmp_path, found) == []
    # its own example is "You idiot.", so this word is what it is for
    again = await proposed(tmp_path / "again", rules, incidents(FOOL, 3, 2, words="idiot"))
    assert again.proposed == ()
    assert again.remarks == ("en.insult.fool was wrong in 2 and right in 3: too little to change it as a whole, and no mail is held that shows an exception.",)


def raw(text):
    return f"From: Anna <anna@example.net>\r\nSubject: Order\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n".encode()


async def test_a_mail_that_is_still_held_becomes_an_exception_and_a_miss(rules, tmp_path):
    found = list(incidents(FOOL, 3, 1))
    text = "Hello. Your Complete Idiot Guide 4711007 came torn, write to anna.b@example.net please. You idiot."
    held = [(found[-1].id, raw(text.replace(" You idiot.", ""))), (found[0].id, raw("You idiot."))]
    got = await proposed(tmp_path, rules, found, held)
    (one,) = got.proposed
    change = tomllib.loads(one.text)["change"][0]
    assert change == {
        "id": FOOL,
        "unless": ["your complete idiot guide"],
        "misses": ["Your Complete Idiot Guide 1234 came torn, write to somebody@example.org please."],
    }
    assert one.words
    assert one.effect.held == 2
    assert one.effect.held_changed == (found[-1].id,), "the insult stays one"
    assert one.effect.kept_milder is None
    assert passes(rules, tmp_path, got) == []


@pytest.mark.parametrize(
    ("text", "unless"),
    [
        ("I will kill you.", None),
        ("Sorry, I will kill you.", None),
        ("I will kill you with kindness, promised.", ["i will kill you with kindness"]),
    ],
)
async def test_an_exception_of_a_threat_says_what_makes_it_none(rules, tmp_path, text, unless):
    found = list(incidents(KILL, 3, 1, points=10, level=Level.SEVERE))
    got = await proposed(tmp_path, rules, found, [(found[-1].id, raw(text))])
    assert [tomllib.loads(each.text)["change"][0]["unless"] for each in got.proposed] == ([unless] if unless else [])
    assert passes(rules, tmp_path, got) == []


async def test_a_disguised_word_that_no_exception_reaches_proposes_none(rules, tmp_path):
    found = list(incidents(FOOL, 3, 1))
    got = await proposed(tmp_path, rules, found, [(found[-1].id, raw("Your complete i d i o t guide came."))])
    assert all("i d i o t" not in each.text for each in got.proposed)
    assert passes(rules, tmp_path, got) == []


async def test_what_no_rule_can_change_is_said(rules, tmp_path):
    found = await proposed(tmp_path, rules, [*incidents("ear.en", 1, 2), *incidents("en.gone.rule", 0, 7)])
    assert found.proposed == ()
    assert [remark.split(";")[0] for remark in found.remarks] == [
        "The ear alone (ear.en) was wrong in 2 and right in 1",
        "en.gone.rule isn't in force any more",
    ]


async def test_only_what_was_asked_for(rules, tmp_path):
    late = NOON + timedelta(hours=1)
    assert (await proposed(tmp_path, rules, incidents(FOOL, 0, 6), since=late)).proposed == ()
    assert (await proposed(tmp_path / "none", rules, incidents(FOOL, 4, 0))).proposed == ()


def test_snippets_are_toml_whatever_stands_in_them(tmp_path):
    odd = 'He said "\\ no" – Où?\t\N{ZERO WIDTH SPACE}'
    snippet = Snippet("en", FOOL, points=3, signal=True, off=False, unless=(odd,), misses=("a", odd))
    text = snippet_text(snippet)
    assert tomllib.loads(text) == {"change": [{"id": FOOL, "points": 3, "signal": True, "off": False, "unless": [odd], "misses": ["a", odd]}]}
    put(tmp_path, [snippet, replace(snippet, language="de")])
    assert {path.parent.name for path in tmp_path.rglob("*.toml")} == {"en", "de"}


# --- the command -----------------------------------------------------------------------------------------------------------


def test_the_command_changes_nothing_and_its_output_is_a_rules_file(rules, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    config = tmp_path / "courtesy.toml"
    with ThreadedSink() as sink:
        config = settings(tmp_path, sink.port)
        config.write_text(config.read_text().replace("time_zone", f'rules_dir = "{site}"\ntime_zone', 1))
        with GatewayProcess(config, rules=rules) as gateway:
            for number in range(6):
                sender = f"c{number}@client.example"
                assert gateway.send(mail("You dumb fool.", sender=sender, number=number), sender)[0] == 250
            refs = [row["id"] for row in json.loads(gateway.courtesy("incident", "list", "--json"))]
            assert len(refs) == 6

            def run(*more):
                command = [sys.executable, str(Path(__file__).with_name("tiny_gateway.py")), str(rules), "rules", "propose", "--config", str(config), *more]
                done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
                assert done.returncode == 0, done.stderr
                return done

            assert run().stderr == "Nothing to propose.\n"
            for reference in refs[:5]:
                gateway.courtesy("incident", "overturn", reference, "--by", BOSS)
            done = run()
            assert "Nothing was changed." in done.stderr
            assert f"# {FOOL}: right once; wrong 5 times (" in done.stdout
            assert "# Incidents in which it counted: 6; with a lower level then: 6." in done.stdout
            assert tomllib.loads(done.stdout) == {"change": [{"id": FOOL, "points": 4}]}
            row = json.loads(run("--json").stdout)["proposed"][0]
            assert (row["file"], row["right"], sorted(row["wrong"])) == ("en/proposed.toml", 1, sorted(refs[:5]))
            assert json.loads(run("--json", "--since", "2099-01-01").stdout) == {"proposed": [], "remarks": []}
            assert list(site.iterdir()) == []
            assert not list((tmp_path / "state").glob(".snapshot*"))
    (site / "en").mkdir()
    (site / row["file"]).write_text(done.stdout, encoding="utf-8")
    _, problems = check_up((rules, site))
    assert not [problem for problem in problems if problem.severity == "error"]
