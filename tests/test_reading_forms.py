"""rules/LANG/forms.toml: every error with file and line; patterns are matched in linear time; a new language needs no Python."""

import time
import tomllib

import pytest
from reading_mails import FORMS, mail, of_kind

from gateway.edge.forms import load_forms
from gateway.edge.shipped import folder
from gateway.errors import BadInput
from gateway.mail.forms import Pattern, folded
from gateway.mail.message import read


def test_all_six_languages_ship_with_every_table():
    assert [table.language for table in FORMS.languages] == ["af", "de", "en", "fr", "hu", "ru"]
    for table in FORMS.languages:
        assert all([table.attributions, table.originals, table.forwards, table.mobile, table.closings, table.disclaimers, table.reader])
        assert all([table.common, table.agents, table.me, table.replies, table.forwarded, table.automatic])
        assert all([table.labels.author, table.labels.sent, table.labels.to, table.labels.subject])


@pytest.mark.parametrize(
    "line",
    [
        "On Mon, 3 Mar 2025 at 10:12, Support <support@example.com> wrote:",
        "On Monday, March 3rd, 2025 at 10:12 AM, Support <s@x.example> wrote:",
        "On Thursday, Nov 20, 2025 at 3:34 PM, Support <s@x.example (mailto:s@x.example)> wrote:",
        "Am Mo., 3. März 2025 um 10:12 Uhr schrieb Support <s@x.example>:",
        "Am 3.3.2025 hat Support <s@x.example> geschrieben:",
        "Support <s@x.example> schrieb am Mo., 3. März 2025, 10:12:",
        "Le lun. 3 mars 2025 à 10:12, Support <s@x.example> a écrit :",
        "Le lun. 3 mars 2025 à 10:12, Support <s@x.example> a écrit\xa0:",
        "Le 03/03/2025 à 10:12, Support a écrit :",
        "пн, 3 мар. 2025 г. в 10:12, Support <s@x.example>:",
        "Понедельник, 3 марта 2025, 10:12 +03:00 от Support <s@x.example>:",
        '03.03.2025, 10:12, "Support" <s@x.example>:',
        "03.03.2025 10:12, Support пишет:",
        "3 марта 2025 г., в 10:12, Support <s@x.example> написал(а):",
        "Support <s@x.example> ezt írta (időpont: 2025. márc. 3., H, 10:12):",
        "Support <s@x.example> ezt írta 2025. márc. 3.-án 10:12-kor:",
        "2025. 03. 03. 10:12 keltezéssel, Support írta:",
        "2025.03.03. 10:12 időpontban Support írta:",
        "Op Ma. 3 Mrt. 2025 om 10:12 het Support <s@x.example> geskryf:",
        "Op 2025/03/03 om 10:12 het Support geskryf:",
        "*On 3 Mar 2025, at 10:12, Support <s@x.example> wrote:*",
    ],
)
def test_attribution_lines(line):
    assert FORMS.attribution(line)


@pytest.mark.parametrize(
    "line",
    ["They wrote:", "On Monday your agent wrote:", "On 3 March your agent wrote:", "wrote:", "Am Montag schrieb er:", "On 3 March I wrote to you", "Order 4711:", "Me at 10:12:", "x" * 5000 + " 1 wrote:",
     "Le 3 mars j'ai reçu ceci :", "пишет:", "írta:", "It cost 5 euros:"],
)  # fmt: skip
def test_lines_that_introduce_nothing(line):
    assert not FORMS.attribution(line)


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("On <when> <who> wrote:", "On 3 March 2025 Bob wrote:", True),
        ("On <when> <who> wrote:", "On 3 March Bob wrote:", False),
        ("On <when> <who> wrote:", "On 10:12 wrote:", True),
        ("<address>:", "a@b:", True),
        ("<address>:", "ab:", False),
        ("Sent from my ...", "Sent from my phone", True),
        ("Sent from my ...", "sent FROM  my", True),
        ("Sent from my ...", "sent from myself", False),
        ("a ... b ... c", "a x b y c", True),
        ("a ... b ... c", "a x c y b", False),
        ("a ... b", "a b", False),
        ("plain", "Plain", True),
        ("plain", "plain x", False),
        ("<when> x <who> x", "123 x 2 x 3 x", True),
        ("<when>, <address>:", "3.3.2025, Bob <b@x.example>:", True),
        ("<when>, <address>:", "On 3.3.2025, I wrote to b@x.example and got this:", False),
    ],
)
def test_patterns(pattern, text, matches):
    assert Pattern.of(pattern).matches(folded(text)) == matches


def test_patterns_are_linear():
    begun = time.process_time()
    text = "a" * 100_000
    assert not Pattern.of("a ... a ... a ... a ... b").within(text)
    assert not Pattern.of("a ...a... a...a...a ...").matches(text + "c ")
    assert time.process_time() - begun < 1


def write(path, text, language="xx"):
    (path / language).mkdir()
    (path / language / "forms.toml").write_text(text, encoding="utf-8")
    return path


def test_a_seventh_language_needs_no_python(tmp_path):
    tables = 'attributions = ["El <when>, <who> escribió:"]\nreader = ["usted"]\n[labels]\nauthor = ["De"]\n'
    forms = load_forms([folder("rules"), write(tmp_path, tables, "es")])
    body = "Ya no quiero esperar más.\n\nEl lun, 3 mar 2025 a las 10:12, Soporte <s@x.example> escribió:\n\nEstimado cliente\n"
    assert of_kind(read(mail(body), forms), "quoted").endswith("Estimado cliente")
    assert read(mail(body), FORMS).own_text.endswith("Estimado cliente")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("\nattributions = [a]", 2, "not valid TOML"),
        ('\nattribution = ["a"]', 2, "not a known key"),
        ('replies = ["re"]\nattributions = "On"', 2, "list"),
        ('replies = ["re"]\nattributions = ["... <who>:"]', 2, "no word"),
        ('replies = ["re"]\nattributions = ["On <date> wrote:"]', 2, "unknown gap"),
        ('[labels]\nfrom = ["From"]', 2, "not a known key"),
        ("reader = [1]", 1, "text"),
    ],
)
def test_errors_say_file_and_line(tmp_path, text, line, words):
    with pytest.raises(BadInput) as caught:
        load_forms([write(tmp_path, text)])
    problem = caught.value.problems[0]
    assert problem.file.endswith("forms.toml")
    assert problem.line == line
    assert words in problem.text


def test_all_errors_of_all_files_at_once(tmp_path):
    write(tmp_path, "bad = 1\nworse = 2", "aa")
    with pytest.raises(BadInput) as caught:
        load_forms([write(tmp_path, "[", "bb")])
    assert len(caught.value.problems) == 3


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "forms.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="UTF-8"):
        load_forms([tmp_path])


def test_the_shipped_files_explain_themselves():
    for path in sorted(folder("rules").glob("*/forms.toml")):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# ")
        assert "<when>" in text.split("\n\n")[0]
        tomllib.loads(text)


def test_a_common_word_of_another_language_speaks_to_nobody():
    assert FORMS.speaks_to_reader("du bist gemeint")
    assert FORMS.speaks_to_reader("du Idiot")
    assert not FORMS.speaks_to_reader("art. 433-5 du Code pénal et de la loi")
    assert FORMS.speaks_to_reader("le chef du bureau de vous tous")
