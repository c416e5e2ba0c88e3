"""Evidence packages (F19, D25): made for a named manager, opened and checked with the programs that everybody has."""

import email
import hashlib
import json
import shutil
import subprocess
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest
import tiny_rules
from gateway_process import GatewayProcess, mail, settings
from ledger_makers import MESSAGE, NOON, Clock, a_mail, an_incident
from smtp_sink import ThreadedSink
from test_cases_ledger import a_case

from gateway.edge.chain_check import check_chain
from gateway.edge.evidence import Order, gather
from gateway.edge.evidence_check import check_package
from gateway.edge.evidence_texts import incident_text, no_mail
from gateway.edge.evidence_zip import publish, write_package
from gateway.edge.held import HeldFolder
from gateway.edge.ledger_files import Changes
from gateway.edge.retention import Purge, clocks_of
from gateway.edge.rules_store import RulesStore
from gateway.edge.settings import RetentionSettings
from gateway.edge.state_backup import take_snapshot
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.errors import GatewayError
from gateway.mail.trace import message_hash
from gateway.numbers import Policy
from gateway.records import CaseKind, HeldMail
from gateway.values import Category, Disposition, Envelope, Level, Mode

SECRET = b"s" * 32
BOSS = "boss@shop.example"
RAW = (
    b"Received: from a.example by mx.shop.example; Tue, 24 Nov 2026 12:00:00 +0000\r\n"
    b"Authentication-Results: mx.shop.example;\r\n\tdmarc=pass header.from=example.net\r\n"
    b"From: Anna <anna@example.net>\r\nSubject: Order\r\nX-Other: not shown\r\n\r\nI will kill you.\r\n"
)
THREAT = {"level": Level.SEVERE, "categories": (Category.THREAT,), "held": True, "message_sha256": message_hash(RAW)}


def a_hold(reference, message=RAW):
    envelope = Envelope("anna@example.net", ("support@shop.example",), client="192.0.2.7", helo="a.example")
    return HeldMail(reference, NOON, envelope, "threat", len(message))


@pytest.fixture
async def state(tmp_path):
    """A threat that is held, an insult that was delivered, somebody else's incident, a case, a sent notice, the rules."""
    state = tmp_path / "state"
    rules = tiny_rules.write(tmp_path / "rules")
    kept, _ = RulesStore(state).keep([rules], NOON)
    facts = {"rules_version": kept.version, "findings": (("en.threat.kill", 10),)}
    held = HeldFolder(state)
    async with await TinyLedger.open(state / "ledger", clock=Clock()) as ledger:
        await ledger.record(an_incident("T1", **THREAT, **facts, reason="threat of harm"), None)
        await held.hold(a_hold("T1"), RAW)
        later = NOON + timedelta(hours=1)
        await ledger.record(an_incident("I2", at=later, rules_version="gone", message_sha256=message_hash(MESSAGE)), None, (a_mail("warning.I2"),))
        await ledger.sent(a_mail("warning.I2"), later)
        await ledger.record(an_incident("B1", sender="bela@example.org"), None)
        await ledger.update_incident("T1", note=(later, BOSS, "held mail looked at"))
        await ledger.open_case(replace(a_case("C1", "anna@example.net", opened=later), kind=CaseKind.APPEAL, incident="I2", held="C1"))
        await held.hold(a_hold("C1", b"Subject: appeal\r\n\r\nI meant the parcel.\r\n"), b"Subject: appeal\r\n\r\nI meant the parcel.\r\n")
    return state


async def package(state, out, *references, sender="", supplied=None):
    """Make a package as the command does, without the service."""
    async with await TinyLedger.open(state / "ledger", clock=Clock()) as ledger:
        name = await take_snapshot(ledger, state, state / "ledger")
    try:
        order = Order(references, sender, BOSS, "gw.shop.example", supplied)
        made = await gather(state / name, order, SECRET, NOON)
    finally:
        shutil.rmtree(state / name)
    temporary, digest = write_package(made, out, NOON)
    publish(temporary, out)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == digest
    return made


def unzipped(file, folder):
    return subprocess.run(["unzip", "-q", str(file), "-d", str(folder)], capture_output=True, text=True, check=False)


def sums(folder):
    return subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=False)


async def test_everything_about_an_incident_is_in_it(state, tmp_path):
    made = await package(state, tmp_path / "e.zip", "T1")
    assert made.missing == ()
    assert unzipped(tmp_path / "e.zip", tmp_path / "e").returncode == 0
    assert sums(tmp_path / "e").returncode == 0
    names = {path.relative_to(tmp_path / "e").as_posix() for path in (tmp_path / "e").rglob("*") if path.is_file()}
    assert names == set(made.files)
    folder = tmp_path / "e" / "T1"
    assert (folder / "mail.eml").read_bytes() == RAW
    text = (folder / "incident.txt").read_text()
    for said in ("T1", "2026-11-24 12:00:00 UTC", "anna@example.net", "severe", "threat", "en.threat.kill (10)", "as it was received", "imbécile"):
        assert said in text, said
    envelope = (folder / "envelope.txt").read_text()
    assert envelope.startswith("MAIL FROM:<anna@example.net>\nRCPT TO:<support@shop.example>\n")
    assert "192.0.2.7" in envelope
    authentication = (folder / "authentication.txt").read_text()
    assert "Authentication-Results: mx.shop.example;\n\tdmarc=pass header.from=example.net\n" in authentication
    assert "X-Other" not in authentication
    assert "held mail looked at" in (tmp_path / "e" / "timeline.txt").read_text()
    rules = [name for name in names if name.startswith("rules/")]
    assert sorted(name.split("/", 3)[3] for name in rules) == ["en/rules.toml", "policy.toml"]
    readme = (tmp_path / "e" / "README.txt").read_text()
    assert "for boss@shop.example" in readme
    assert "Nothing that the gateway keeps about these incidents was left out." in readme
    assert not [name for name in names if "B1" in name or "bela" in (tmp_path / "e" / name).read_text(errors="replace")]


async def test_the_record_is_the_one_in_the_hash_chain(state, tmp_path):
    await package(state, tmp_path / "e.zip", "T1")
    unzipped(tmp_path / "e.zip", tmp_path / "e")
    lines = (tmp_path / "e" / "T1" / "chain.txt").read_text().splitlines()
    assert len(lines) == 4, "a link and a line each: recorded, noted"
    for before, line in zip(lines[::2], lines[1::2], strict=True):
        body, _, link = line.rpartition(" ")
        assert hashlib.sha256(f"{before} {body}".encode()).hexdigest() == link
    last = json.loads(lines[-1].rpartition(" ")[0])["incidents"]
    assert last[0][0] == "T1"
    assert last[0][2] == hashlib.sha256((tmp_path / "e" / "T1" / "record.json").read_bytes()).hexdigest()
    report = check_chain(state / "ledger")
    assert json.loads((tmp_path / "e" / "MANIFEST.json").read_text())["chain_head"] == f"{report.lines}:{report.head}"


async def test_all_of_a_sender_with_cases_notices_and_what_is_missing(state, tmp_path):
    made = await package(state, tmp_path / "e.zip", sender="anna@example.net")
    assert made.references == ("T1", "I2")
    assert made.missing == (
        "I2: its mail isn't kept here, it was delivered; --mail adds it from a mailbox.",
        "The rules of version gone aren't kept any more; their ids and points are in incident.txt.",
    )
    assert made.files["cases/C1.eml"].endswith(b"I meant the parcel.\r\n")
    assert [row["reference"] for row in json.loads(made.files["cases.json"])] == ["C1"]
    assert [row["id"] for row in json.loads(made.files["sent.json"])] == ["warning.I2"]
    timeline = made.files["timeline.txt"].decode().splitlines()
    assert timeline == sorted(timeline, key=lambda line: line[:23])
    assert [line.split("  ")[1] for line in timeline] == ["incident T1", "incident T1", "incident I2", "case C1", "our mail warning.I2"]
    for sentence in made.missing:
        assert sentence in made.files["README.txt"].decode()


@pytest.mark.parametrize(
    ("more", "mail", "done"),
    [
        ({}, "it was delivered", "delivered folded"),
        ({"mode": Mode.OBSERVE}, "it was delivered", "delivered as it was"),
        ({"disposition": Disposition.REFUSE}, "its mail was refused", "refused while it was being sent"),
        ({"notes": ((NOON, BOSS, "held mail deleted"),), "disposition": Disposition.HOLD}, "was held and then deleted", "held back"),
        ({"notes": ((NOON, BOSS, "imported"),)}, "it happened on another channel", "nothing: it didn't come by mail"),
    ],
)
def test_the_texts_say_what_really_happened(more, mail, done):
    incident = an_incident(**more)
    assert mail in no_mail(incident)
    lines = dict(line.split(":", 1) for line in incident_text(incident, no_mail(incident)).splitlines())
    assert lines["What was done"].strip().startswith(done)
    observed = incident.mode is Mode.OBSERVE
    assert lines["Strikes"].strip() == ("none: the gateway only observed; otherwise 1" if observed else "1")
    assert lines["Notice to the sender"].strip() == ("none: the gateway only observed; otherwise warning" if observed else "warning")


@pytest.mark.parametrize("found", [MESSAGE, MESSAGE.replace(b"\r\n", b"\n"), b"Return-Path: <anna@example.net>\r\nReceived: by imap\r\n" + MESSAGE])
async def test_the_mail_from_a_mailbox_is_known_by_its_hash(state, tmp_path, found):
    made = await package(state, tmp_path / "e.zip", "I2", supplied=found)
    assert made.files["I2/mail.eml"].endswith(MESSAGE)
    assert b"by its hash it is the mail that was judged" in made.files["I2/incident.txt"]


async def test_another_mail_is_refused(state, tmp_path):
    with pytest.raises(GatewayError, match="isn't the mail of I2 as it was received"):
        await package(state, tmp_path / "e.zip", "I2", supplied=MESSAGE.replace(b"Hello", b"Howdy"))


async def test_a_held_mail_that_was_changed_is_called_so(state, tmp_path):
    (state / "held" / "T1.eml").write_bytes(RAW.replace(b"kill", b"call"))
    made = await package(state, tmp_path / "e.zip", "T1")
    assert b"IT ISN'T THE MAIL THAT WAS JUDGED" in made.files["T1/incident.txt"]


async def test_what_is_not_there_is_refused(state, tmp_path):
    with pytest.raises(GatewayError, match="there is no incident NONE"):
        await package(state, tmp_path / "e.zip", "NONE")
    with pytest.raises(GatewayError, match=r"no incident of carl@example\.net is kept"):
        await package(state, tmp_path / "e.zip", sender="carl@example.net")
    assert not list(tmp_path.glob("*.zip"))
    (tmp_path / "e.zip").write_bytes(b"other")
    with pytest.raises(GatewayError, match="File exists"):
        await package(state, tmp_path / "e.zip", "T1")
    assert (tmp_path / "e.zip").read_bytes() == b"other"


# --- a changed byte ------------------------------------------------------------------------------------------------------


async def test_a_whole_package_is_good_and_only_here(state, tmp_path):
    await package(state, tmp_path / "e.zip", "T1")
    manifest, wrong = check_package(tmp_path / "e.zip", SECRET)
    assert (wrong, manifest["by"], manifest["incidents"]) == ([], BOSS, ["T1"])
    assert check_package(tmp_path / "e.zip", b"t" * 32)[1] == [
        "the seal doesn't fit: MANIFEST.json or MANIFEST.seal was changed, or another gateway made the package"
    ]


async def test_a_changed_byte_of_the_file_is_found_by_unzip_and_by_the_command(state, tmp_path):
    await package(state, tmp_path / "e.zip", "T1")
    content = (tmp_path / "e.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "e.zip") as archive:
        entry = archive.getinfo("T1/mail.eml")
    position = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2
    (tmp_path / "bad.zip").write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
    assert unzipped(tmp_path / "bad.zip", tmp_path / "bad").returncode != 0
    _, wrong = check_package(tmp_path / "bad.zip", SECRET)
    assert any("T1/mail.eml is damaged" in sentence for sentence in wrong)


async def test_a_changed_byte_of_any_file_is_found_by_sha256sum_and_by_the_command(state, tmp_path):
    made = await package(state, tmp_path / "e.zip", "T1")
    for number, (name, content) in enumerate(made.files.items()):
        middle = len(content) // 2
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        folder, bad = tmp_path / f"f{number}", tmp_path / f"f{number}.zip"
        with zipfile.ZipFile(bad, "w") as archive:  # as somebody packs it again, with good check sums of the zip itself
            for each, whole in made.files.items():
                archive.writestr(each, changed if each == name else whole)
        assert unzipped(bad, folder).returncode == 0
        assert sums(folder).returncode != 0, name
        try:
            assert check_package(bad, SECRET)[1], name
        except GatewayError:
            assert name == "MANIFEST.json"


async def test_what_is_added_removed_or_made_to_fit_is_found(state, tmp_path):
    made = await package(state, tmp_path / "e.zip", "T1")

    def wrong(files):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return check_package(tmp_path / "x.zip", SECRET)[1]

    assert wrong(made.files) == []
    assert wrong({**made.files, "T1/more.eml": b"x"}) == ["T1/more.eml was added"]
    assert wrong({name: content for name, content in made.files.items() if name != "T1/mail.eml"}) == ["T1/mail.eml is missing"]
    old, new = (hashlib.sha256(content).hexdigest().encode() for content in (made.files["T1/mail.eml"], b"forged"))
    forged = {name: content.replace(old, new) for name, content in made.files.items()} | {"T1/mail.eml": b"forged"}
    assert "the seal doesn't fit" in wrong(forged)[0], "whoever makes all sums fit has no key for the seal"


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_package_is_refused_with_a_sentence(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(GatewayError, match=r"can't be read as a zip file|is no evidence package of ours"):
        check_package(tmp_path / "x.zip", SECRET)


# --- legal hold ----------------------------------------------------------------------------------------------------------


async def test_the_mail_of_an_appeal_stays_while_its_incident_is_under_legal_hold(state):
    held = HeldFolder(state)
    clocks = clocks_of(RetentionSettings(held_days=10))
    policy = Policy(1, 4, 8, (), (), decay_days=90, rude_window_days=30, reminder_days=30, notice_repeat_days=7, ladder=())
    async with await TinyLedger.open(state / "ledger", clock=Clock()) as ledger:
        incident = await ledger.incident("I2")
        for hold in (True, False):
            await ledger.apply(Changes(incidents=(replace(incident, legal_hold=hold),)))
            await Purge(ledger, held, clocks, policy, NOON + timedelta(days=300)).run()
            assert (await held.show("C1") is not None) is hold


# --- the command, with the service -----------------------------------------------------------------------------------------


def test_the_command_and_the_service(tmp_path):
    with ThreadedSink() as sink, GatewayProcess(settings(tmp_path, sink.port), rules=tiny_rules.write(tmp_path / "rules")) as gateway:
        assert gateway.send(mail("You idiot.", number=1), "anna@client.example")[0] == 250
        assert gateway.send(mail("I will kill you.", number=2), "anna@client.example")[0] == 250
        rows = json.loads(gateway.courtesy("incident", "list", "--json"))
        held = next(row["id"] for row in rows if row["held"])
        folded = next(row["id"] for row in rows if not row["held"])
        out = tmp_path / "evidence.zip"

        make = ("incident", "evidence", held, "--out", str(out))
        assert "--by names the manager" in gateway.courtesy(*make, check=False)
        assert "carl@shop.example isn't one of addresses.managers" in gateway.courtesy(*make, "--by", "carl@shop.example", check=False)
        assert not out.exists()
        said = gateway.courtesy(*make, "--by", "Boss@shop.example")
        digest = hashlib.sha256(out.read_bytes()).hexdigest()
        assert f"SHA-256 {digest}, which is noted on the incident." in said
        assert out.stat().st_mode & 0o777 == 0o600
        note = json.loads(gateway.courtesy("incident", "show", held, "--json"))["notes"][-1]
        assert (note["by"], note["what"]) == (BOSS, f"evidence package made, SHA-256 {digest}")
        assert "is there already" in gateway.courtesy(*make, "--by", BOSS, check=False)
        assert not list((tmp_path / "state").glob(".snapshot*"))
        assert not list(tmp_path.glob(".evidence*"))

        assert unzipped(out, tmp_path / "e").returncode == 0
        assert sums(tmp_path / "e").returncode == 0
        assert b"I will kill you." in (tmp_path / "e" / held / "mail.eml").read_bytes()
        assert f"Made by this gateway on {json.loads((tmp_path / 'e' / 'MANIFEST.json').read_text())['made']} for {BOSS}, and unchanged since." in (
            gateway.courtesy("incident", "evidence", "--verify", str(out))
        )
        (tmp_path / "e" / held / "mail.eml").write_bytes(b"other\r\n")
        assert sums(tmp_path / "e").returncode != 0
        subprocess.run(["zip", "-q", "-r", "../bad.zip", "."], cwd=tmp_path / "e", check=True)
        assert f"wrong: {held}/mail.eml was changed" in gateway.courtesy("incident", "evidence", "--verify", str(tmp_path / "bad.zip"), check=False)

        # the mail of a folded one comes from the mailbox: the attached original, saved as it is
        delivered = email.message_from_bytes(next(each.message for each in sink.mails if b"You idiot." in each.message))
        (original,) = [part for part in delivered.walk() if part.get_content_type() == "message/rfc822"]
        (tmp_path / "saved.eml").write_bytes(original.get_payload(0).as_bytes())
        second = ("incident", "evidence", folded, "--by", BOSS, "--out", str(tmp_path / "two.zip"), "--mail", str(tmp_path / "saved.eml"))
        assert json.loads(gateway.courtesy(*second, "--json"))["missing"] == []

        said = gateway.courtesy("incident", "verify")
        head = said.strip().splitlines()[-1]
        assert "All of it is as it was written down." in said
        gateway.courtesy("incident", "keep", held, "--by", BOSS)
        assert "is under legal hold" in gateway.courtesy("held", "delete", held, check=False)
        assert json.loads(gateway.courtesy("held", "list", "--json"))[0]["id"] == held
        assert f"Under legal hold, so kept: {held}." in gateway.courtesy("sender", "forget", "anna@client.example", "--yes")
        row = json.loads(gateway.courtesy("incident", "verify", "--head", head, "--json"))
        assert (row["faults"], row["incidents"], row["erased"], row["undone"]) == ([], 1, 1, 0)

        number, _, link = head.partition(":")
        for other, text in ((f"{number}:{'0' * 64}", "was another one when its hash was noted"), (f"99999:{link}", "the chain ends at line")):
            said = gateway.courtesy("incident", "verify", "--head", other, check=False)
            assert f"wrong: line {other.partition(':')[0]}: " in said
            assert text in said

        path = next(path for path in (tmp_path / "state" / "ledger" / "senders").glob("*.json") if held in path.read_text())
        path.write_text(path.read_text().replace('"level":"severe"', '"level":"rude"'))
        done = gateway.courtesy("incident", "verify", check=False)
        assert f"incident {held}: isn't what this line says" in done
        assert "Not all is as it was written down." in done
