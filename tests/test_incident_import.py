"""Incidents of phone, chat, reviews and the counter on the same ladder: checked with file and line, all or nothing, each once."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from gate_house import abusive, gate_house
from gateway_process import mail

from gateway.edge.import_file import read_rows
from gateway.errors import BadInput
from gateway.records import IncidentState

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Berlin")
HEAD = "id,at,channel,sender,level,summary,reported_by,parties,categories,measure\n"
ONE = "T-1,2026-11-20 10:30,phone,Anna@Client.example,abusive,Called Mia names,Eva Berg,Mia|Tom,insult|degradation,oral_warning\n"
TWO = "T-2,2026-11-21T09:00:00Z,counter,anna@client.example,abusive,Threw a box,Eva Berg,,,none\n"


def read(text):
    return read_rows(text, "calls.csv", ZONE, NOW)


def problems(text):
    with pytest.raises(BadInput) as caught:
        read(text)
    return [(problem.line, problem.text) for problem in caught.value.problems]


def test_a_csv_file_is_read_with_the_sites_time():
    one, two = read(HEAD + ONE + TWO)
    assert (one.id, one.at, one.channel, one.sender) == ("T-1", datetime(2026, 11, 20, 9, 30, tzinfo=UTC), "phone", "anna@client.example")
    assert (one.parties, [c.value for c in one.categories], one.measure) == (("Mia", "Tom"), ["insult", "degradation"], "oral_warning")
    assert (two.at, two.parties, two.categories) == (datetime(2026, 11, 21, 9, 0, tzinfo=UTC), (), ())


def test_semicolons_a_byte_order_mark_and_lines_within_cells_are_fine():
    text = "\ufeff" + (HEAD + ONE).replace(",", ";").replace("Called Mia names", '"Called Mia\nnames; twice"')
    assert read(text)[0].summary == "Called Mia\nnames; twice"
    assert problems(text + "T-2;never;phone;a@b.example;abusive;x;y\n".replace("\n", ";;;\n"))[0][0] == 4


@pytest.mark.parametrize("lines", [False, True], ids=["list", "object a line"])
def test_json_is_read(lines):
    row = {
        "id": "R1",
        "at": "2026-11-20T10:30:00+01:00",
        "channel": "review",
        "sender": "anna@client.example",
        "level": "rude",
        "summary": "s",
        "reported_by": "Eva",
        "parties": ["Mia"],
    }
    rows = [row, {**row, "id": "R2"}]
    text = "\n".join(json.dumps(one) for one in rows) if lines else json.dumps(rows, indent=1)
    assert [one.id for one in read(text)] == ["R1", "R2"]
    assert read(text)[0].parties == ("Mia",)


def test_every_error_is_told_with_its_line():
    text = (
        HEAD
        + ONE
        + "T-3,2026-11-20,fax,anna@client.example,abusive,x,y,,,\n"
        + "T-4,2026-11-20,phone,anna,mild,,y,,slander,\n"
        + "T-5,2027-01-01,phone,a@b.example,abusive,x,y,,,\n"
        + ONE
    )
    found = problems(text)
    assert [line for line, _ in found] == [3, 4, 4, 4, 4, 5, 6]
    told = " | ".join(text for _, text in found)
    assert "channel: Input should be 'phone', 'chat'" in told
    assert 'sender: is not a mail address; write it as "name@domain.example"' in told
    assert "summary is missing" in told
    assert "at is in the future" in told
    assert "id T-1 stands in line 2 already" in told


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[{"id": 1},\n {"id": "x"\n]', 3, "is no JSON"),
        ('[{"id": "x"}', 1, "is no JSON"),
        ('[{"id": "x"}] tail', 1, "is no JSON"),
        ("id,at\nx\n", 1, "line 2 has not as many cells"),
        (HEAD.replace("measure", "mesure") + ONE, 2, "mesure is not a known name; there are id, at"),
    ],
)
def test_a_broken_file_is_told_as_such(text, line, said):
    assert (problems(text)[0][0], said in problems(text)[0][1]) == (line, True)


@pytest.fixture
async def house(tmp_path):
    async with gate_house(tmp_path) as house:
        house.clock.now = NOW
        yield house


async def imported(house, text, **more):
    return await house.office.call("incident.import", {"text": text, "name": "calls.csv", "by": "admin", **more})


async def test_an_import_is_on_the_same_ladder_and_counts_once(house):
    assert await imported(house, HEAD + ONE, commit=False) == {**(await imported(house, HEAD + ONE, commit=False)), "imported": 1}
    assert await house.ledger.incidents() == ()
    row = await imported(house, HEAD + ONE + TWO)
    assert (row["imported"], row["known"], row["strikes"]) == (2, 0, 2)
    strikes = (await house.ledger.standing("anna@client.example")).strikes
    assert [(strike.at.day, strike.told) for strike in strikes] == [(20, True), (21, False)]
    again = await imported(house, HEAD + ONE + TWO)
    assert (again["imported"], again["known"]) == (0, 2)
    assert await house.strikes() == 2
    assert await house.ledger.waiting() == ()
    incident = (await house.ledger.incidents(limit=2))[1]
    assert (incident.recipients, incident.excerpt) == (("Eva Berg", "Mia", "Tom"), "Called Mia names")
    assert [what for _, _, what in incident.notes] == ["reported: Called Mia names", "oral warning", "imported"]
    # the next mail goes on from the oral warning
    house.reader.thinks = abusive()
    await house.send(mail("Words.", number=1))
    assert ("final_warning", "anna@client.example") in await house.outgoing()


async def test_all_or_nothing(house):
    with pytest.raises(BadInput):
        await imported(house, HEAD + ONE + TWO.replace("counter", "fax"))
    assert await house.ledger.incidents() == ()
    assert await house.strikes() == 0


async def test_what_lies_before_a_pardon_stays_pardoned(house):
    house.reader.thinks = abusive()
    await house.send(mail("Words.", number=1))
    await house.office.call("sender.pardon", {"address": "anna@client.example", "by": "boss"})
    row = await imported(house, HEAD + ONE)
    assert (row["imported"], row["strikes"]) == (1, 0)
    assert await house.strikes() == 0


async def test_an_imported_incident_can_be_overturned_without_a_word_to_anybody(house):
    reference = (await imported(house, HEAD + ONE))["ids"][0]
    await house.office.call("incident.overturn", {"reference": reference, "by": "boss"})
    assert await house.strikes() == 0
    assert await house.ledger.waiting() == ()


async def test_while_it_observes_nothing_counts(tmp_path):
    async with gate_house(tmp_path, mode="observe") as house:
        house.clock.now = NOW + timedelta(days=1)
        assert (await imported(house, HEAD + ONE))["strikes"] == 0
        assert (await house.ledger.incidents())[0].state is IncidentState.WOULD_BE
