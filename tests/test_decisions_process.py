"""A manager's week with the real process: the digest arrives, he answers it by SMTP, and later a rule is undone for everybody."""

import email
import email.policy
import json

import pytest
import tiny_rules
from gateway_process import GatewayProcess, mail, settings, wait_until
from smtp_sink import ThreadedSink

BOSS = "boss@shop.example"
ABUSE = "You are an idiot."


@pytest.fixture
def sink():
    with ThreadedSink() as server:
        yield server


def mails_to(sink, address):
    return [email.message_from_bytes(m.message, policy=email.policy.default) for m in sink.mails if address in m.recipients]


def test_the_digest_is_answered_and_a_version_of_the_rules_undone(tmp_path, sink):
    with GatewayProcess(settings(tmp_path, sink.port), rules=tiny_rules.write(tmp_path / "rules")) as gateway:
        for number, more in enumerate(("I want my money back today.", "Where is the parcel from Leeds?", "Nobody of you ever reads a thing, do they?")):
            assert gateway.send(mail(f"{ABUSE} {more}", number=number), "anna@client.example")[0] == 250
        assert gateway.send(mail(f"{ABUSE} I am Bela.", sender="bela@client.example", number=9), "bela@client.example")[0] == 250
        (held,) = json.loads(gateway.courtesy("held", "list", "--json"))
        gateway.courtesy("digest", "--send")
        digest = wait_until(lambda: [m for m in mails_to(sink, BOSS) if "digest" in m["Message-ID"]])[0]
        to = digest["Reply-To"].addresses[0].addr_spec
        text = digest.get_body(("plain",)).get_content()
        assert held["id"] in text
        number = 1  # nothing else waits

        # a forged manager first: silence
        assert gateway.send(mail(f"{number} release", sender=BOSS, number=20, verified=False), BOSS, (to,))[0] == 250
        assert [row["id"] for row in json.loads(gateway.courtesy("held", "list", "--json")) if row["id"] == held["id"]]

        quoted = "".join(f"> {line}\r\n" for line in text.splitlines())
        body = f"{number} release\r\n\r\nOn Mon, 23 Nov 2026 at 08:00, Shop Support <courtesy@gw.shop.example> wrote:\r\n{quoted}"
        reply = mail(body, sender=BOSS, subject="Re: Courtesy report", number=21)
        assert gateway.send(reply, BOSS, (to,))[0] == 250
        answer = wait_until(lambda: [m for m in mails_to(sink, BOSS) if m["In-Reply-To"] == "<m21@shop.example>"])[0]
        assert f"{number}: The message was delivered ({held['id']})." in answer.get_body(("plain",)).get_content()
        assert not [row["id"] for row in json.loads(gateway.courtesy("held", "list", "--json")) if row["id"] == held["id"]]
        assert json.loads(gateway.courtesy("incident", "show", held["id"], "--json"))["notes"][-1]["by"] == BOSS

        # H9: the list first, then for everybody
        version = json.loads(gateway.courtesy("incident", "show", held["id"], "--json"))["rules_version"]
        shown = gateway.courtesy("incident", "overturn", "--rules", version)
        assert "4 would be overturned; --yes does it." in shown
        assert json.loads(gateway.courtesy("sender", "show", "bela@client.example", "--json"))["active_strikes"] == 1
        assert "Overturned: 4." in gateway.courtesy("incident", "overturn", "--rules", version, "--yes")
        assert json.loads(gateway.courtesy("sender", "show", "bela@client.example", "--json"))["active_strikes"] == 0

        # another channel, on the same ladder
        calls = tmp_path / "calls.csv"
        calls.write_text(
            "id,at,channel,sender,level,summary,reported_by,measure\n1,2026-01-05 10:00,phone,bela@client.example,abusive,Called us names,Eva,oral_warning\n"
        )
        assert gateway.courtesy("incident", "import", str(calls)) == "Imported: 1. Imported before: 0. Strikes: 1.\n"
        assert gateway.courtesy("incident", "import", str(calls)) == "Imported: 0. Imported before: 1. Strikes: 0.\n"
        calls.write_text(calls.read_text().replace("phone", "fax"))
        assert f"{calls}:2: error: channel: " in gateway.courtesy("incident", "import", str(calls), check=False)
