"""Spellings of addresses: what is one address, what is only linked, and behind which many people stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import LARGE_ORGANISATION, SHARED_MAILBOX, a_labels, linked_spelling, many_people, normal_address


@pytest.mark.parametrize(
    ("domain", "labels"),
    [
        ("Client.Example.", "client.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("почта.рф", "xn--80a1acny.xn--p1ai"),
        ("straße.example", "xn--strae-oqa.example"),  # IDNA 2008: another domain than strasse.example
        ("STRASSE.example", "strasse.example"),
        ("fußball。example", "xn--fuball-cta.example"),
        ("a..ü", "a..ü"),
        ("ß" * 70 + ".example", "ß" * 70 + ".example"),
        ("", ""),
    ],
)
def test_a_labels(domain, labels):
    assert a_labels(domain) == labels
    assert a_labels(labels) == labels


def test_two_domains_that_were_one_by_older_rules():
    assert normal_address("anna@straße.example") != normal_address("anna@strasse.example")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna.smith@gmail.com", "annasmith@gmail.com"),
        ("anna.smith@gmail.com", "Anna.S.mith+shop@googlemail.com"),
        ("anna@icloud.com", "anna+x@me.com"),
        ("anna@outlook.com", "anna+x@outlook.com"),
        ("anna.smith@proton.me", "anna_smith@protonmail.com"),
        ("anna-smith@yandex.ru", "anna.smith@ya.ru"),
    ],
)
def test_spellings_that_are_linked_but_never_one(one, other):
    assert linked_spelling(one) == linked_spelling(other)
    assert normal_address(one) != normal_address(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("anna.smith@client.example", "annasmith@client.example"),
        ("anna@client.example", "anna+shop@client.example"),  # what + means is the host's own matter
        ("anna.smith@outlook.com", "annasmith@outlook.com"),
        ("anna@outlook.com", "anna@hotmail.com"),
        ("anna@gmail.com", "anne@gmail.com"),
        ("anna-smith@gmail.com", "annasmith@gmail.com"),
    ],
)
def test_spellings_that_are_not_linked(one, other):
    assert linked_spelling(one) != linked_spelling(other)


@given(st.text(max_size=60))
def test_any_text_has_its_spellings(text):
    assert normal_address(normal_address(text)) == normal_address(text)
    assert linked_spelling(linked_spelling(text)) == linked_spelling(text)
    many_people(text)


@pytest.mark.parametrize(
    "local",
    [
        *["info", "Info", "INFO2", "info-de", "info.hu", "accounts", "accounts.payable", "office", "no-reply", "sales+eu", "customer.service"],
        *["buchhaltung", "rechnung", "verwaltung", "zentrale", "kontakt", "comptabilite", "secretariat", "facturation", "commandes"],
        *["buhgalteria", "zakaz", "бухгалтерия", "iroda", "konyveles", "titkarsag", "könyvelés", "navrae", "boekhouding", "rekeninge"],
    ],
)
def test_shared_mailboxes_in_six_languages(local):
    assert many_people(f"{local}@client.example") == SHARED_MAILBOX


@pytest.mark.parametrize("local", ["anna", "anna.info", "info.smith", "infobert", "a.b", "annainfo", "team-anna", "officer", "bosch", "salesman", "123", "it.smith", ""])
def test_people(local):
    assert many_people(f"{local}@client.example") == ""


@pytest.mark.parametrize("domain", ["nhs.gov.uk", "mairie.gouv.fr", "bamf.bund.de", "elte.edu", "ox.ac.uk", "ec.europa.eu", "city.gov.za", "navy.mil"])
def test_public_bodies(domain):
    assert many_people(f"anna@{domain}") == LARGE_ORGANISATION


@pytest.mark.parametrize("domain", ["governor.example", "education.example", "mygov.uk", "ac.example", "gov.client.example"])
def test_no_public_bodies(domain):
    assert many_people(f"anna@{domain}") == ""


def test_what_the_site_knows():
    more = frozenset({"kiosk@client.example", "@big.example"})
    assert many_people("Kiosk@client.example", more) == SHARED_MAILBOX
    assert many_people("anna@big.example", more) == LARGE_ORGANISATION
    assert many_people("anna@hr.big.example", more) == LARGE_ORGANISATION
    assert many_people("anna@notbig.example", more) == ""


def test_a_site_names_roles_of_another_language():
    more = frozenset({"klantenservice@"})
    assert many_people("klantenservice@client.example", more) == SHARED_MAILBOX
    assert many_people("Klantenservice-2@client.example", more) == SHARED_MAILBOX
    assert many_people("anna.klantenservice@client.example", more) == ""
    assert many_people("klantenservice@client.example") == ""
    assert many_people("anna@client.example", more) == ""
