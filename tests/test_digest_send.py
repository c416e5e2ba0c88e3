"""One digest a week and one for each missed week, whoever asks for it and however often; and the command."""

import asyncio
import email
import email.policy
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from gateway_process import GatewayProcess, mail, settings, wait_until
from ledger_makers import an_incident
from simulated_company import FIRST, MANAGERS, Company, QuickDisk
from smtp_sink import ThreadedSink

from gateway.cli.main import main
from gateway.edge.ledger_files import Changes
from gateway.edge.rows import Refused
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import LedgerFailed
from gateway.policy.tokens import TokenState, check_token
from gateway.policy.weeks import Week
from gateway.records import Action, DecisionItem, DecisionList, HeldMail, IncidentState
from gateway.values import Envelope

MONDAY = datetime(2026, 9, 7, 5, tzinfo=UTC)  # 7:00 in Berlin, after FIRST


@pytest.fixture
async def company(tmp_path):
    company = await Company.open(tmp_path)
    company.clock.now = MONDAY
    yield company
    await company.ledger.close()


async def send(company, week=None):
    return (await company.office.call("digest.send", {"week": week}))["sent"]


async def waiting(company):
    return sorted(mail.id for mail in await company.ledger.waiting())


# --- once ----------------------------------------------------------------------------------------------------------------------


async def test_the_first_digest_is_that_of_the_last_full_week(company):
    assert await send(company) == ["2026-W36"]
    (mail_,) = await company.ledger.waiting()
    assert (mail_.id, mail_.kind, mail_.sender, mail_.recipients) == ("digest.2026-W36", "digest", "", MANAGERS)
    message = email.message_from_bytes(mail_.message, policy=email.policy.default)
    assert message["Auto-Submitted"] == "auto-generated"
    assert [address.addr_spec for address in message["To"].addresses] == list(MANAGERS)
    assert message["Content-Language"] == "en"
    assert message["Subject"] == "Courtesy report, week 36 (31 Aug – 6 Sept 2026)"
    assert message.get_body(("plain",)).get_content().startswith("Week 36, 31 Aug – 6 Sept 2026")
    assert message.get_body(("html",)).get_content().startswith("<!DOCTYPE html>")
    assert mail_.message.isascii()


async def test_a_week_is_sent_once(company):
    assert await send(company) == ["2026-W36"]
    assert await send(company) == []
    assert await company.office.call("digest.send", {"week": "2026-W36"}) == {"sent": [], "sent_before": ["2026-W36"]}
    await company.post()
    assert await send(company) == []
    assert await waiting(company) == []


async def test_two_who_ask_at_once_make_one_mail(company):
    answers = await asyncio.gather(*(send(company) for _ in range(5)))
    assert sorted(map(len, answers)) == [0, 0, 0, 0, 1]
    assert await waiting(company) == ["digest.2026-W36"]


async def test_missed_weeks_are_made_up_for_oldest_first(company):
    await send(company)
    company.clock.forward(days=21)
    assert await send(company) == ["2026-W37", "2026-W38", "2026-W39"]
    assert await send(company) == []
    company.clock.forward(days=7)
    assert await send(company) == ["2026-W40"]


async def test_it_is_remembered_over_a_restart_for_longer_than_sent_mail(company):
    await send(company)
    await company.post()
    await company.ledger.forget_posted(MONDAY + timedelta(days=400))
    await company.ledger.close()
    reopened = await TinyLedger.open(company.settings.ledger_folder, clock=company.clock, zone=company.settings.zone, disk=QuickDisk())
    try:
        assert (await reopened.decision_list("2026-W36")).at == MONDAY
        assert not await reopened.ask(DecisionList("2026-W36", MONDAY))
    finally:
        await reopened.close()


async def test_the_week_ends_at_midnight_by_the_clocks_of_the_zone_also_when_they_change(company):
    border = Week.named("2026-W43").end(company.settings.zone)
    assert border == datetime(2026, 10, 25, 23, tzinfo=UTC)  # the clocks went back that morning
    company.clock.now = border - timedelta(seconds=1)
    assert await send(company) == ["2026-W42"]
    company.clock.now = border
    assert await send(company) == ["2026-W43"]
    spring = Week.named("2027-W12").end(company.settings.zone)
    assert spring == datetime(2027, 3, 28, 22, tzinfo=UTC)
    company.clock.now = spring - timedelta(seconds=1)
    assert (await send(company))[-1] == "2027-W11"
    company.clock.now = spring
    assert await send(company) == ["2027-W12"]


@pytest.mark.parametrize(("week", "says"), [("2026-W37", "is not over yet"), ("2027-W05", "is not over yet"), ("47", "is no week; write for example 2026-W47")])
async def test_what_cant_be_sent_is_a_sentence(company, week, says):
    with pytest.raises(Refused, match=says):
        await send(company, week)
    assert await waiting(company) == []


async def test_without_managers_nothing_is_sent(company):
    addresses = company.settings.addresses.model_copy(update={"managers": ()})
    object.__setattr__(company.office.writer, "settings", company.settings.model_copy(update={"addresses": addresses}))
    with pytest.raises(Refused, match=r"nobody is named in addresses\.managers"):
        await send(company)


async def test_a_disk_that_fails_leaves_the_week_to_be_sent(company, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(QuickDisk, "save_all", full)
        with pytest.raises(LedgerFailed):
            await send(company)
    assert await waiting(company) == []
    assert await company.ledger.decision_list("2026-W36") is None
    assert await send(company) == ["2026-W36"]


# --- what can be answered ---------------------------------------------------------------------------------------------------------


async def test_the_items_are_kept_under_the_token_of_the_answer_address(company):
    incident = an_incident("S1", at=MONDAY - timedelta(days=2), proposal="strike", state=IncidentState.OPEN, categories=())
    await company.ledger.apply(Changes(incidents=(incident,)))
    old = HeldMail("H1", MONDAY - timedelta(days=9), Envelope("x@example.net", ("support@shop.example",)), "abusive", 5)
    await company.office.held.hold(old, b"Hi\r\n\r")
    await send(company)
    (mail_,) = await company.ledger.waiting()
    message = email.message_from_bytes(mail_.message, policy=email.policy.default)
    local, _, domain = message["Reply-To"].addresses[0].addr_spec.rpartition("@")
    own, _, token = local.partition(".")
    assert (own, domain) == ("support+decisions", "shop.example")
    proof = check_token("decision", token, MONDAY + timedelta(days=59), company.office.writer.secret)
    assert (proof.state, proof.reference) == (TokenState.VALID, "2026-w36")
    assert check_token("appeal", token, MONDAY, company.office.writer.secret).state is TokenState.FORGED
    asked = await company.ledger.decision_list(proof.reference.upper())
    assert asked == DecisionList(
        "2026-W36",
        MONDAY,
        (
            DecisionItem(1, "H1", (Action.RELEASE, Action.DELETE)),
            DecisionItem(2, "S1", (Action.STRIKE, Action.DISMISS, Action.OVERTURN), Action.STRIKE),
        ),
    )
    text = message.get_body(("plain",)).get_content()
    assert "1. Held mail" in text
    assert "2. Count this mail?" in text


async def test_lists_of_other_mails_keep_apart(company):
    item = DecisionItem(1, "A1", (Action.LIFT,), Action.LIFT)
    assert await company.ledger.ask(DecisionList("A1", MONDAY, (item,)))
    assert not await company.ledger.ask(DecisionList("A1", MONDAY))
    assert (await company.ledger.decision_list("A1")).items == (item,)
    assert await company.ledger.decision_list("A2") is None


# --- what is shown ---------------------------------------------------------------------------------------------------------------


async def test_it_is_shown_as_it_would_be_sent_and_nothing_is_kept(company):
    row = await company.office.call("digest.show", {})
    assert row["week"] == "2026-W36"
    assert row["text"].startswith("Week 36")
    assert await company.ledger.decision_list("2026-W36") is None
    unfinished = await company.office.call("digest.show", {"week": "2026-W37"})
    assert "This week is not over yet; the figures go up to 7 September 2026, 07:00 (UTC+2)." in " ".join(unfinished["text"].split())
    with pytest.raises(Refused, match="has not begun"):
        await company.office.call("digest.show", {"week": "2026-W38"})


async def test_the_language_is_that_of_the_managers(company):
    digest = company.settings.digest.model_copy(update={"language": "hu"})
    object.__setattr__(company.office.writer, "settings", company.settings.model_copy(update={"digest": digest}))
    assert (await company.office.call("digest.show", {}))["subject"].startswith("Jelentés a hangnemről, 36. hét")


# --- the command ------------------------------------------------------------------------------------------------------------------


def run(*words, config):
    return CliRunner().invoke(main, ["digest", *words, "--config", str(config)])


def test_without_a_service_it_waits_in_the_outbox(tmp_path):
    config = settings(tmp_path, 1, more='[digest]\nlanguage = "de"\n')
    sent = run("--send", "--week", FIRST.plus(-10).name, config=config)
    assert sent.output == "2026-W26: on its way to the managers.\n"


def test_what_excludes_another(tmp_path):
    result = run("--send", "--text", config=settings(tmp_path, 1))
    assert result.exit_code == 2
    assert "exclude one another" in result.output


def test_over_the_control_socket_while_the_service_runs(tmp_path):
    """The timer's command, thrice at once: the managers get one mail. Then what else the command does."""
    with ThreadedSink() as sink, GatewayProcess(settings(tmp_path, sink.port, more='[digest]\nlanguage = "de"\n')) as gateway:
        assert gateway.send(mail("Hello.", number=1), "anna@client.example")[0] == 250
        command = [sys.executable, "-m", "gateway.cli", "digest", "--send", "--config", str(gateway.config)]
        timers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) for _ in range(3)]
        said = [timer.communicate(timeout=100)[0] for timer in timers]
        assert sum("on its way to the managers." in words for words in said) == 1
        digests = wait_until(lambda: [m for m in sink.mails if "boss@shop.example" in m.recipients])
        message = email.message_from_bytes(digests[0].message, policy=email.policy.default)
        assert message["Auto-Submitted"] == "auto-generated"
        assert digests[0].sender == ""

        shown = run(config=gateway.config)
        assert shown.output.startswith("Bericht zum Umgangston, Woche ")
        assert shown.output == run("--text", config=gateway.config).output
        now = Week.of(datetime.now(UTC), ZoneInfo("Europe/Berlin")).name
        assert "Gelesene E-Mails: 1. Keine davon war beleidigend." in run("--week", now, config=gateway.config).output
        page = tmp_path / "digest.html"
        assert run("--html", str(page), "--week", "2026-W10", config=gateway.config).output == f"2026-W10: written to {page}.\n"
        assert page.read_text(encoding="utf-8").startswith('<!DOCTYPE html>\n<html lang="de"')
        assert run("--send", config=gateway.config).output == "Every full week was sent before.\n"
        for words, says in (
            (("--week", "soon"), "'soon' is no week; write for example 2026-W47\n"),
            (("--html", "/nowhere/x.html"), "/nowhere/x.html can't be written: No such file or directory\n"),
            (("--send", "--week", now), f"{now} is not over yet; without --send its digest is shown as far as it goes\n"),
        ):
            result = run(*words, config=gateway.config)
            assert (result.exit_code, result.output) == (1, says)
    assert len([m for m in sink.mails if "boss@shop.example" in m.recipients]) == 1
