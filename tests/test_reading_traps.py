"""The trap mails: what a sender hides must be seen, what no reader sees must not count."""

import json
import unicodedata

import pytest
from reading_mails import DATA, of_kind, reading

TRAPS = [json.loads(line) for line in (DATA / "trap-mail" / "index.jsonl").read_text(encoding="utf-8").splitlines()]

IN_THE_WORD = {
    "073-bidi_override.eml": "you \u202etoidi\u202c",  # gateway.scoring.fold reads it in visual order
    "077-cyrillic_homoglyph.eml": "you іdіоt",  # and knows letters that look alike
}
"""Tricks inside a word that folding, not reading, takes off: the decoded text is kept as it was sent, it is the evidence."""


def seen(name):
    result = reading((DATA / "trap-mail" / name).read_bytes())
    text = unicodedata.normalize("NFKC", f"{result.subject}\n{result.own_text}")
    return "".join(character for character in text if unicodedata.category(character) != "Cf").casefold()


@pytest.mark.parametrize("trap", [t for t in TRAPS if t["want"] == "must_see"], ids=lambda t: t["name"])
def test_the_senders_words_are_seen(trap):
    if trap["file"] in IN_THE_WORD:
        assert IN_THE_WORD[trap["file"]] in reading((DATA / "trap-mail" / trap["file"]).read_bytes()).own_text
    else:
        assert trap["see"] in seen(trap["file"])


@pytest.mark.parametrize("trap", [t for t in TRAPS if t["want"] == "must_not_see"], ids=lambda t: t["name"])
def test_what_no_reader_sees_does_not_count(trap):
    assert trap["not_see"] not in seen(trap["file"])


@pytest.mark.parametrize("trap", TRAPS, ids=lambda t: t["name"])
def test_no_trap_breaks_the_reader(trap):
    message = (DATA / "trap-mail" / trap["file"]).read_bytes()
    assert reading(message) == reading(message)


def trap(name):
    return reading((DATA / "trap-mail" / name).read_bytes())


# Decisions on the rows whose `want` is "policy":


def test_a_display_name_is_a_name_and_never_scores():
    result = trap("022-from_display_abuse.eml")
    assert "idiot" not in result.own_text
    assert result.authors[0].display == "You fucking idiots"


def test_a_file_pasted_as_uuencode_is_a_file():
    assert of_kind(trap("035-uuencode_in_body.eml"), "code").startswith("begin 644")


def test_preamble_and_epilogue_are_shown_by_no_program_and_not_read():
    assert trap("039-preamble.eml").own_text == "hello"


def test_a_bare_cr_never_makes_a_header_field():
    result = trap("042-bare_cr_header_split.eml")
    assert result.subject == "nice Bcc: x@y.z"  # the gateway refuses such a mail before it is read; `score` may meet it
    assert result.own_text == "body"


def test_a_mail_that_is_an_attached_mail_is_evidence():
    result = trap("055-crash_nested_rfc822.eml")
    assert result.own_text == ""
    assert of_kind(result, "forwarded") == "abuse"


def test_a_forwarded_mail_is_evidence():
    result = trap("092-forward_of_abuse_policy.eml")
    assert result.own_text == "FYI please help, I got this:"
    assert "you idiot" in of_kind(result, "forwarded")


def test_what_an_invitation_says_is_the_senders():
    assert trap("105-calendar_invite.eml").own_text == "you idiot"
