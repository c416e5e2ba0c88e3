"""Cases with the real process, its rules and its command line: heard whatever happens, kept over a crash, closed by a person."""

import email
import email.policy
import json
import signal

import pytest
from gateway_process import GatewayProcess, mail, settings, wait_until
from smtp_sink import ThreadedSink

ANNA = "anna@client.example"
COMPLAINTS = "support+complaints@shop.example"

COMPLAINT = """Dear Sir or Madam,

I want to make a formal complaint about your agent Tim. This is what he wrote to me:

"You are an idiot. You are a stupid cow and a moron, go to hell."

He said that I was a stupid idiot. I expect a written apology and your findings within 14 days.

Anna""".replace("\n", "\r\n")

LAWYERS_LETTER = """Dear Sir or Madam,

I act on behalf of my client. Under Article 15 UK GDPR my client requests a copy of all personal data.
Take notice that we shall issue proceedings within 14 days.

Yours faithfully""".replace("\n", "\r\n")


def to(sink, address, subject=""):
    found = [email.message_from_bytes(m.message, policy=email.policy.default) for m in sink.mails if address in m.recipients]
    return [m for m in found if subject in m["Subject"]]


def rows(gateway, *more):
    return json.loads(gateway.courtesy("case", "list", "--json", *more))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_complaint_full_of_the_agents_insults_and_a_lawyers_letter(tmp_path):
    with ThreadedSink() as sink:
        gateway = GatewayProcess(settings(tmp_path, sink.port, more='[cases]\nacknowledge = true\nowner = "carol@shop.example"\n'))
        gateway.start()
        try:
            complaint = mail(COMPLAINT, number=1, subject="Complaint")
            assert gateway.send(complaint, ANNA)[0] == 250
            assert sink.mails[0].message.endswith(complaint)  # not folded: the insults are the agent's
            assert json.loads(gateway.courtesy("incident", "list", "--json")) == []
            (case,) = rows(gateway)
            assert (case["kind"], case["sender"], case["owner"], case["overdue"]) == ("complaint", ANNA, "carol@shop.example", False)
            assert case["deadline"] == case["due"] is not None
            (alert,) = wait_until(lambda: to(sink, COMPLAINTS))
            assert case["reference"] in alert["Subject"]
            (answer,) = wait_until(lambda: to(sink, ANNA))
            assert case["reference"] in answer.get_body(("plain",)).get_content()

            # a lawyer's letter from a blocked sender, and a request that isn't one
            gateway.courtesy("sender", "block", ANNA)
            assert gateway.send(mail("Where is my order?", number=2), ANNA)[0] == 550
            letter = mail(LAWYERS_LETTER, number=3, subject="Our client")
            assert gateway.send(letter, ANNA)[0] == 250
            wait_until(lambda: any(m.message.endswith(letter) for m in sink.mails))
            assert {row["kind"] for row in rows(gateway)} == {"complaint", "legal"}
            wait_until(lambda: len(to(sink, COMPLAINTS)) == 2)

            # killed in the middle of the day: nothing of it is lost
            gateway.stop(signal.SIGKILL)
            gateway.start()
            legal = next(row for row in rows(gateway, "--sender", ANNA) if row["kind"] == "legal")
            assert f"{legal['reference']} is closed: answered." in gateway.courtesy("case", "close", legal["reference"], "--note", "sent the copy", "--by", "dora")
            shown = json.loads(gateway.courtesy("case", "show", legal["reference"], "--json"))
            assert [note["by"] for note in shown["notes"]] == ["dora", "dora"]
            assert [row["kind"] for row in rows(gateway)] == ["complaint"]
            assert [row["state"] for row in rows(gateway, "--all")].count("closed") == 1
            assert gateway.courtesy("case", "list", "--overdue") == "No cases.\n"
            assert case["reference"] in gateway.courtesy("case", "list")
        finally:
            gateway.stop()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_appeal_over_smtp_from_a_blocked_sender(tmp_path):
    with ThreadedSink() as sink:
        gateway = GatewayProcess(settings(tmp_path, sink.port))
        gateway.start()
        try:
            assert gateway.send(mail("You are an idiot.", number=1), ANNA)[0] == 250
            (warning,) = wait_until(lambda: to(sink, ANNA))
            gateway.courtesy("sender", "block", ANNA, "--by", "carol")
            wait_until(lambda: len(to(sink, ANNA)) == 2)
            address = warning["Reply-To"].addresses[0].addr_spec
            assert gateway.send(mail("I quoted a film. Please look again.", number=2), ANNA, [address])[0] == 250
            assert gateway.send(mail("Hello", number=3), ANNA)[0] == 550
            (case,) = rows(gateway)
            assert (case["kind"], case["against"]) == ("appeal", "block")
            wait_until(lambda: to(sink, "boss@shop.example", case["reference"]))
            refused = gateway.courtesy("case", "close", case["reference"], "--outcome", "granted", "--by", "carol", check=False)
            assert "somebody else decides" in refused
            closed = gateway.courtesy("case", "close", case["reference"], "--outcome", "granted", "--by", "dora")
            assert closed == f"{case['reference']} is closed: granted. The customer is told.\n"
            wait_until(lambda: len(to(sink, ANNA)) == 3)
            assert gateway.send(mail("Thank you.", number=4), ANNA)[0] == 250
            shown = json.loads(gateway.courtesy("sender", "show", ANNA, "--json"))
            assert shown["standing"] == "good"
            assert (case["reference"], "closed", "granted") in [(row["reference"], row["state"], row["outcome"]) for row in shown["cases"]]
            assert f"reference {case['reference']}, kind appeal" in gateway.courtesy("sender", "show", ANNA)

            # without a service the command line opens the ledger itself
            gateway.stop()
            assert [row["outcome"] for row in rows(gateway, "--all")] == ["granted"]
        finally:
            gateway.stop()
