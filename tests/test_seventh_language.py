"""A seventh language without a line of Python: Dutch, from the folders in tests/data/seventh and one line of settings."""

import email
import email.policy
import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from gateway_process import GatewayProcess, mail, settings, wait_until
from smtp_sink import ThreadedSink

from gateway.cli.main import main
from gateway.edge.languages import LANGUAGES
from gateway.edge.languages_check import lacking
from gateway.edge.scorer import load_scorer, rules_folders
from gateway.edge.sentences import labelled
from gateway.edge.settings import Settings, load_settings
from gateway.edge.shipped import folder
from gateway.edge.spoken import load_spoken
from gateway.edge.template_samples import NOTICES
from gateway.edge.templates import Templates
from gateway.errors import BadInput
from gateway.policy.decision_words import vocabulary
from gateway.policy.decisions import understand
from gateway.records import Action, DecisionItem
from gateway.scoring.language import Languages
from gateway.values import NoticeKind

SEVENTH = Path(__file__).with_name("data") / "seventh"
LINES = f'rules_dir = "{SEVENTH / "rules"}"\ntemplates_dir = "{SEVENTH / "templates"}"\nlanguages = ["nl"]\n'
SENTENCES = 120
"""Of each of the six languages, judged with and without the seventh."""

CIVIL = "Goedendag,\r\n\r\nmijn bestelling 40718 is nog niet aangekomen. Kunt u nakijken waar het pakket is?\r\n\r\nMet vriendelijke groet\r\nAnna"
ABUSIVE = "Jullie zijn een stelletje eikels.\r\n\r\nKunt u mij de factuur van maart nog eens sturen?\r\n\r\nGroeten\r\nAnna"
QUOTED = (
    "Dank u voor uw antwoord, maar de factuur van maart zit er nog niet bij.\r\n\r\nMet vriendelijke groet\r\nAnna\r\n\r\n"
    "Op di 24 nov. 2026 om 10:15 schreef Shop Support <support@shop.example>:\r\n\r\n> Jullie zijn een stelletje eikels.\r\n> Ik sla je dood.\r\n"
)
COMPLAINT = "Hierbij dien ik een klacht in over uw monteur. Ik verwacht uw antwoord binnen 14 dagen.\r\n\r\nHoogachtend\r\nAnna"


def config(folder_: Path, port: int, more: str = "") -> Path:
    file = settings(folder_, port, more=more)
    file.write_text(LINES + file.read_text("utf-8"), "utf-8")
    return file


def date_in_dutch() -> str:
    return format_date(datetime.now(ZoneInfo("Europe/Berlin")).date(), "long", locale="nl")


def parsed(sunk):
    return email.message_from_bytes(sunk.message, policy=email.policy.default)


def text_of(message) -> str:
    return message.get_body(("plain",)).get_content()


@pytest.fixture(scope="module")
def sink():
    with ThreadedSink() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(sink, tmp_path_factory):
    with GatewayProcess(config(tmp_path_factory.mktemp("seventh"), sink.port, '[digest]\nlanguage = "nl"\n[cases]\nacknowledge = true\n')) as process:
        yield process


def delivered(sink, number):
    return wait_until(lambda: next((m for m in sink.mails if f"<m{number}@".encode() in m.message and "support@shop.example" in m.recipients), None))


def to_sender(sink, address):
    return parsed(wait_until(lambda: next((m for m in sink.mails if address in m.recipients), None)))


# --- over SMTP --------------------------------------------------------------------------------------------------------


def test_civil_mail_is_read_and_passes(gateway, sink):
    civil = mail(CIVIL, number=1)
    assert gateway.send(civil, "anna@client.example")[0] == 250
    assert delivered(sink, 1).message.endswith(civil)
    assert "clean" in parsed(delivered(sink, 1))["X-Courtesy"]


def test_what_is_quoted_is_not_the_senders(gateway, sink):
    assert gateway.send(mail(QUOTED, number=2, sender="bea@client.example", subject="Antw: Factuur", more="In-Reply-To: <x@shop.example>\r\n"), "bea@client.example")[0] == 250
    assert "clean" in parsed(delivered(sink, 2))["X-Courtesy"]
    assert not [m for m in sink.mails if "bea@client.example" in m.recipients]


def test_abuse_is_found_by_its_rules_and_noticed_in_its_language(gateway, sink):
    assert gateway.send(mail(ABUSIVE, number=3, sender="cor@client.example", subject="Factuur"), "cor@client.example")[0] == 250
    notice = to_sender(sink, "cor@client.example")
    assert notice["Subject"] == "Een verzoek over de toon van uw bericht"
    assert notice["Content-Language"] == "nl"
    said = text_of(notice)
    assert "Goedendag," in said
    assert "beledigingen" in said
    assert f"Uw bericht van {date_in_dutch()} om " in said
    folded = wait_until(lambda: next((m for m in sink.mails if "support@shop.example" in m.recipients and b"Customer message with note" in m.message), None))
    assert "Kunt u mij de factuur van maart nog eens sturen?" in text_of(parsed(folded))
    (incident,) = json.loads(gateway.courtesy("incident", "list", "--sender", "cor@client.example", "--json"))
    shown = json.loads(gateway.courtesy("incident", "show", incident["id"], "--json"))
    assert (shown["language"], shown["categories"], shown["disposition"]) == ("nl", ["insult"], "fold")


def test_a_complaint_has_the_customers_own_deadline(gateway, sink):
    assert gateway.send(mail(COMPLAINT, number=4, sender="dirk@client.example", subject="Klacht"), "dirk@client.example")[0] == 250
    received = to_sender(sink, "dirk@client.example")
    assert received["Subject"] == "Wij hebben uw bericht ontvangen"
    (case,) = json.loads(gateway.courtesy("case", "list", "--sender", "dirk@client.example", "--json"))
    assert case["kind"] == "complaint"
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    assert datetime.fromisoformat(case["deadline"]).astimezone(ZoneInfo("Europe/Berlin")).date() == today + timedelta(days=14)


def test_mail_of_the_six_is_judged_beside_it(gateway, sink):
    assert gateway.send(mail("Sie sind ein Vollidiot.\r\n\r\nBitte schicken Sie mir ein neues Retourenetikett.", number=5, sender="uwe@client.example"), "uwe@client.example")[0] == 250
    assert to_sender(sink, "uwe@client.example")["Content-Language"] == "de"


def test_managers_get_their_report_and_decide_in_it(gateway):
    report = gateway.courtesy("digest")
    assert report.startswith("Bericht over omgangsvormen, week ")
    assert "VOOR U OM TE BESLISSEN" in report
    words = vocabulary(templates_of(load_settings(gateway.config)).decisions)
    items = (DecisionItem(1, "HELD", (Action.RELEASE, Action.DELETE)), DecisionItem(2, "STRIKE", (Action.STRIKE, Action.DISMISS), Action.STRIKE))
    assert [(d.item.number, d.action) for d in understand("1 vrijgeven en 2 afwijzen, graag", items, words).decisions] == [(1, Action.RELEASE), (2, Action.DISMISS)]
    assert [d.action for d in understand("alles bevestigen", items, words).decisions] == [Action.STRIKE]
    assert not understand("1 vrijgeven\ntoch niet", items, words).decisions


# --- the policy page --------------------------------------------------------------------------------------------------


def test_the_policy_page_is_there_in_it(gateway, tmp_path, capsys):
    main(["policy", "--config", str(gateway.config), "--lang", "nl"], standalone_mode=False)
    assert "Wat wij u vragen" in capsys.readouterr().out
    main(["policy", "--config", str(gateway.config), "--out", str(tmp_path)], standalone_mode=False)
    html = (tmp_path / "policy.nl.html").read_text("utf-8")
    assert '<html lang="nl"' in html
    assert "policy.de.html" in html
    assert ">Nederlands<" in (tmp_path / "policy.en.html").read_text("utf-8")


# --- the six as before ------------------------------------------------------------------------------------------------


def test_the_six_are_judged_as_before():
    before, after = load_scorer(rules_folders(), use_ear=False), load_scorer(rules_folders(SEVENTH / "rules"), use_ear=False)
    changed = []
    for language in LANGUAGES:
        every = list(labelled(folder("rules"), language))
        for sentence in every[:: max(1, len(every) // SENTENCES)]:
            one, two = before.assess(sentence.reading), after.assess(sentence.reading)
            if (one.level, one.language, one.tags) != (two.level, two.language, two.tags):
                changed.append((language, sentence.text, one.language, two.language, one.level, two.level))
    assert not changed


# --- what is told when something is missing ---------------------------------------------------------------------------


def checked(tmp_path: Path, lines: str, monkeypatch, capsys) -> str:
    file = settings(tmp_path, 2526)
    file.write_text(lines + file.read_text("utf-8").replace('language = "en"\n', ""), "utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["config", "check", str(file)])
    return capsys.readouterr().out


def copied(tmp_path: Path) -> tuple[Path, str]:
    shutil.copytree(SEVENTH, tmp_path / "site")
    return tmp_path / "site", LINES.replace(str(SEVENTH), str(tmp_path / "site"))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('languages = ["xq"]\n', "'xq' is no language code whose dates can be written"),
        ('languages = ["de"]\n', "de is shipped; only further languages are named here"),
        ('language = "nl"\n', "language is none of en, af, de, fr, hu, ru; another language is added as docs/new-language.md says"),
        ('languages = ["nl"]\n', "is missing, and this language is named in languages; put the folder of its templates there"),
    ],
)
def test_a_wrong_line_is_told(tmp_path, monkeypatch, capsys, lines, said):
    assert said in checked(tmp_path, lines, monkeypatch, capsys)


def test_the_digest_needs_a_known_language(tmp_path, monkeypatch, capsys):
    file = settings(tmp_path, 2526, more='[digest]\nlanguage = "nl"\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["config", "check", str(file)])
    line = file.read_text("utf-8").splitlines().index("[digest]") + 1
    assert f"courtesy.toml:{line}: error: digest language is none of en," in capsys.readouterr().out


def test_what_templates_lack_english_says(tmp_path, monkeypatch, capsys):
    """An upgrade that brings a new sentence stops nobody's mail; `config check` names each."""
    site, lines = copied(tmp_path)
    nl = site / "templates" / "nl"
    (nl / "digest.toml").unlink()
    (nl / "notice" / "warning.j2").unlink()
    words = (nl / "words.toml").read_text("utf-8")
    (nl / "words.toml").write_text(words.replace('insult = "beledigingen"\n', 'isnult = "beledigingen"\n'), "utf-8")
    answers = (nl / "answers.toml").read_text("utf-8")
    (nl / "answers.toml").write_text(answers.replace("Het bericht is bezorgd ({reference})", "Het bericht is bezorgd ({refrence})"), "utf-8")
    file = settings(tmp_path, 2526)
    file.write_text(lines + file.read_text("utf-8"), "utf-8")
    monkeypatch.chdir(tmp_path)
    main(["config", "check", str(file)], standalone_mode=False)
    said = capsys.readouterr().out.replace(f"{nl}/", "")
    assert "words.toml: warning: categories.insult is missing; English stands in for it" in said
    assert "warning: categories.isnult is not a known key; remove it or check its spelling" in said
    assert "digest.toml: warning: is missing; English stands in for it" in said
    assert "notice/warning.j2: warning: is missing; English stands in for it" in said
    assert "answers.toml:4: warning: done.release has a place that nothing fills: refrence" in said
    templates = templates_of(load_settings(file))
    notice = templates.notice(NoticeKind.WARNING, "nl", next(facts for facts in NOTICES if facts.disposition))
    assert notice.subject == "A request about the wording of your message"
    assert "Uw bericht van" in notice.text


def test_a_language_whose_people_cant_take_back_is_refused(tmp_path, monkeypatch, capsys):
    site, lines = copied(tmp_path)
    (site / "templates" / "nl" / "spoken.toml").write_text('[decisions]\nrelaese = ["vrijgeven"]\n', "utf-8")
    said = checked(tmp_path, lines, monkeypatch, capsys)
    assert "spoken.toml:2: error: decisions.relaese is not a known key; did you mean release?" in said
    (site / "templates" / "nl" / "spoken.toml").unlink()
    assert "decisions.takes_back is missing" in checked(tmp_path, lines, monkeypatch, capsys)


def test_what_is_only_heard_less_is_a_warning(tmp_path):
    site, lines = copied(tmp_path)
    spoken = site / "templates" / "nl" / "spoken.toml"
    spoken.write_text('[decisions]\ntakes_back = ["niet"]\n', "utf-8")
    (site / "rules" / "nl" / "forms.toml").unlink()
    file = settings(tmp_path, 2526)
    file.write_text(lines + file.read_text("utf-8"), "utf-8")
    loaded = load_settings(file)
    told = list(lacking(loaded, templates_of(loaded).spoken))
    assert [text.split(",")[0].split("/nl/")[-1] for text in told] == ["forms.toml", "nl/spoken.toml has no [deadlines]", "nl/spoken.toml has no requests"]
    unnamed = loaded.model_copy(update={"languages": ()})
    assert list(lacking(unnamed, {})) == [f"{site}/rules/nl has rules of a language that isn't named in languages, so its mail is answered in en"]


def templates_of(loaded: Settings) -> Templates:
    return Templates(loaded.language, loaded.zone, Path(loaded.templates_dir), loaded.languages)


@pytest.mark.parametrize("entry", ["a ... b ... c", "... b", "a ...", "*", "a*b", "*a*b", "a...b"])
def test_what_would_take_for_ever_is_no_entry(tmp_path, entry):
    (tmp_path / "nl").mkdir()
    (tmp_path / "nl" / "spoken.toml").write_text(f'[decisions]\ntakes_back = ["niet"]\n[deadlines]\ndemand = [{json.dumps(entry)}]\n', "utf-8")
    _, (problem,) = load_spoken(["nl"], [tmp_path])
    assert problem.line == 4
    assert "isn't understood; write words" in problem.text or "has no word in it" in problem.text


# --- which language a mail is in --------------------------------------------------------------------------------------

FREQUENT = {
    "af": frozenset(["die", "ek", "nie", "is", "van", "te", "om", "julle", "het"]),
    "en": frozenset(["the", "is", "you", "not"]),
    "nl": frozenset(["ik", "niet", "is", "van", "te", "om", "jullie", "het", "een", "zijn"]),
}


@pytest.mark.parametrize(
    ("model", "text", "code"),
    [
        ("nl", "jullie zijn te stom om een mail te lezen", "nl"),
        ("nl", "julle is te stom om die brief te lees", "af"),  # the words say otherwise
        ("nl", "huur in wellington per maand", "und"),  # the model alone
        ("af", "jullie zijn te stom om een mail te lezen", "af"),  # the words alone
        ("en", "you are not the one", "en"),
        ("fy", "jullie zijn niet van hier", "und"),  # a neighbour of whom nothing is known
        ("xx", "jullie zijn", "nl"),  # too short for the model
    ],
)
def test_an_added_language_is_told_by_the_model_and_its_words_together(model, text, code):
    languages = Languages(lambda _: model, FREQUENT, frozenset({"af", "en"}))
    assert languages.of(text).code == code


def test_a_sentence_in_an_added_language_needs_both_as_well():
    languages = Languages(lambda text: "nl" if "jullie" in text else "en", FREQUENT, frozenset({"af", "en"}))
    dutch = ["jullie", "zijn", "niet", "van", "hier"]
    assert languages.of_sentence("jullie zijn niet van hier", dutch, "en") == "nl"
    assert languages.of_sentence("hierdie brief is van my en nie van", ["die", "ek", "is", "nie", "niet", "ik", "een", "zijn"], "af") == "af"


def test_a_language_that_mail_cant_be_told_to_be_in_is_an_error_and_no_crash(tmp_path):
    (tmp_path / "xq").mkdir()
    (tmp_path / "xq" / "morphology.toml").write_text('frequent = ["abc"]\n', "utf-8")
    with pytest.raises(BadInput) as caught:
        load_scorer((tmp_path,), use_ear=False)
    assert [problem.file for problem in caught.value.problems] == ["xq/"]
