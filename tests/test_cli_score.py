"""The contract of `courtesy score`: sources, keys, spans, exit codes; without settings, ledger, network or clock."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from gateway.cli.main import main

KEYS = {
    "source", "level", "points", "language", "categories", "tags", "basis", "findings", "own_text", "subject", "rules_version", "error",
}  # fmt: skip
FINDING_KEYS = {"rule", "category", "points", "text", "segment", "span", "target", "clause"}
POLICY = """[thresholds]
rude = 2
abusive = 5
severe = 10
[category_caps]
[level_caps]
insult = "abusive"
[days]
decay = 90
rude_window = 30
reminder = 30
notice_repeat = 7
[ladder]
abusive = [{ disposition = "fold", strikes = 1 }]
severe = [{ disposition = "fold", strikes = 2 }]
threat = [{ disposition = "hold", strikes = 2 }]
"""
RULE = """[[rule]]
id = "en.insult.zibble"
category = "insult"
points = 6
clause = ["D2", "F2"]
words = ["zibblehead"]
hits = ["You zibblehead!"]
"""
RUDE = "Zibblehead, that is what you are, you zibblehead."


@pytest.fixture(scope="module")
def rules(tmp_path_factory):
    """A rules folder of our own, so that these tests don't hang on what the shipped rules find."""
    folder = tmp_path_factory.mktemp("rules")
    (folder / "en").mkdir()
    (folder / "policy.toml").write_text(POLICY)
    (folder / "en" / "insults.toml").write_text(RULE)
    return folder


def score(*arguments, stdin=None):
    return CliRunner().invoke(main, ["score", *(str(a) for a in arguments)], input=stdin, catch_exceptions=False)


def rows(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def mail(body="Hello, where is my order?", subject="Order", **fields):
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return f"From: Anna <anna@client.example>\nTo: support@shop.example\nSubject: {subject}\n{more}\n{body}\n".encode()


@pytest.fixture
def eml(tmp_path):
    file = tmp_path / "a.eml"
    file.write_bytes(mail(RUDE, Content_Type="text/plain; charset=utf-8"))
    return file


def test_a_line_of_json_a_mail(rules, eml):
    done = score("--json", "--only-rules", rules, eml, eml)
    assert done.exit_code == 0
    first, second = rows(done)
    assert first == second
    assert set(first) == KEYS
    assert first["source"] == str(eml)
    assert (first["subject"], first["own_text"].strip()) == ("Order", RUDE)
    assert (first["level"], first["language"], first["basis"]) == ("abusive", "en", first["basis"])
    assert isinstance(first["points"], int)
    assert first["points"] >= 6
    assert first["categories"] == ["insult"]
    assert first["error"] is None
    assert first["rules_version"]
    finding = next(f for f in first["findings"] if f["rule"] == "en.insult.zibble")
    assert set(finding) == FINDING_KEYS
    assert (finding["category"], finding["segment"], finding["target"], finding["clause"]) == ("insult", "own", "staff", ["D2", "F2"])


def test_with_the_shipped_rules(eml):
    eml.write_bytes(mail("You are an idiot."))
    (row,) = rows(score("--json", eml))
    assert (row["level"], row["language"]) == ("abusive", "en")
    assert all(f["rule"].startswith(("en.", "ear.en")) for f in row["findings"])


@pytest.mark.parametrize("before", ["", "🙁🙁 ", "e\u0301té \u200e", "Ǆ ß ﬁ İ ", "\u200b\u00ad", "ﷺ "])
def test_spans_are_code_points_of_the_decoded_text(rules, tmp_path, before):
    """Neither bytes nor UTF-16 units, and before folding, which makes some letters two and drops others."""
    file = tmp_path / "a.eml"
    file.write_bytes(mail(f"{before}You ZIBBLEHEAD!", Content_Type="text/plain; charset=utf-8", Content_Transfer_Encoding="8bit"))
    (row,) = rows(score("--json", "--only-rules", rules, file))
    finding = next(f for f in row["findings"] if f["rule"] == "en.insult.zibble")
    start, end = finding["span"]
    assert row["own_text"][start:end] == finding["text"] == "ZIBBLEHEAD"


def test_spans_in_the_subject_count_from_its_own_start(rules, tmp_path):
    file = tmp_path / "a.eml"
    file.write_bytes(mail("Hello.", subject="=?utf-8?Q?=C3=89t=C3=A9=3A_you_zibblehead?="))
    (row,) = rows(score("--json", "--only-rules", rules, file))
    finding = next(f for f in row["findings"] if f["rule"] == "en.insult.zibble")
    start, end = finding["span"]
    assert finding["segment"] == "subject"
    assert row["subject"][start:end] == finding["text"] == "zibblehead"


def test_quoted_words_are_neither_own_text_nor_findings(rules, tmp_path):
    file = tmp_path / "a.eml"
    file.write_bytes(mail("Thank you.\n\nOn Monday, Bob <bob@client.example> wrote:\n> You zibblehead!\n> Bye\n", "Re: Order", In_Reply_To="<1@shop.example>"))
    (row,) = rows(score("--json", "--only-rules", rules, file))
    assert (row["level"], row["findings"]) == ("clean", [])
    assert "zibble" not in row["own_text"]


def test_line_ends_dont_matter(rules, tmp_path):
    data = mail(RUDE)
    (tmp_path / "lf.eml").write_bytes(data)
    (tmp_path / "crlf.eml").write_bytes(data.replace(b"\n", b"\r\n"))
    (tmp_path / "cr.eml").write_bytes(data.replace(b"\n", b"\r"))
    first, *others = ({k: v for k, v in row.items() if k != "source"} for row in rows(score("--json", "--only-rules", rules, tmp_path)))
    assert first["level"] == "abusive"
    assert others == [first, first]


# --- where mails come from ------------------------------------------------------------------------------------------


def test_standard_input(rules):
    (row,) = rows(score("--json", "--only-rules", rules, "-", stdin=mail(RUDE)))
    assert (row["source"], row["level"]) == ("-", "abusive")


def test_a_folder_is_read_recursively_and_sorted(rules, tmp_path):
    for name in ("b/2.eml", "b/1.eml", "a.eml", "c.eml", "b/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(mail())
    sources = [row["source"] for row in rows(score("--json", "--only-rules", rules, tmp_path))]
    assert sources == [str(tmp_path / name) for name in ("a.eml", "b/1.eml", "b/2.eml", "c.eml")]


def test_an_mbox_counts_from_one(rules, tmp_path):
    box = tmp_path / "archive"
    one = b"From anna@client.example Tue Nov 24 10:00:00 2026\n" + mail("Hello.\n\n>From here on it is fine.")
    two = b"From bob@client.example Tue Nov 24 10:00:00 2026\n" + mail(RUDE)
    box.write_bytes(one + b"\n" + two)
    assert [(row["source"], row["level"]) for row in rows(score("--json", "--only-rules", rules, box))] == [(f"{box}#1", "clean"), (f"{box}#2", "abusive")]


def test_one_mail_of_an_mbox(rules, tmp_path):
    box = tmp_path / "archive"
    box.write_bytes(b"".join(b"From x@y.example Tue Nov 24 10:00:00 2026\n" + mail(body) + b"\n" for body in ("Hello.", RUDE)))
    done = score("--json", "--only-rules", rules, f"{box}#2")
    assert [(row["source"], row["level"]) for row in rows(done)] == [(f"{box}#2", "abusive")]
    done = score("--json", "--only-rules", rules, f"{box}#3")
    assert (done.exit_code, rows(done)[0]["error"]) == (1, f"{box} has no mail 3")


def test_a_maildir(rules, tmp_path):
    for part in ("cur", "new", "tmp"):
        (tmp_path / part).mkdir()
    (tmp_path / "cur" / "1.host:2,S").write_bytes(mail())
    (tmp_path / "new" / "2.host").write_bytes(mail(RUDE))
    (tmp_path / "tmp" / "3.host").write_bytes(mail(RUDE))
    assert [row["level"] for row in rows(score("--json", "--only-rules", rules, tmp_path))] == ["clean", "abusive"]


# --- exit codes -----------------------------------------------------------------------------------------------------


def test_a_file_that_cant_be_read_is_unscored_and_the_others_go_on(rules, tmp_path):
    (tmp_path / "a.eml").symlink_to("a.eml")
    (tmp_path / "b.eml").symlink_to("nowhere")
    (tmp_path / "c.eml").write_bytes(mail())
    (tmp_path / "d").symlink_to(".")
    os.mkfifo(tmp_path / "e")
    done = score("--json", "--only-rules", rules, tmp_path)
    assert done.exit_code == 1
    assert [(row["source"][-5:], row["level"], row["tags"]) for row in rows(done)] == [
        ("a.eml", None, ["unscored"]),
        ("b.eml", None, ["unscored"]),
        ("c.eml", "clean", []),
    ]
    assert rows(done)[1]["error"] == "can't be read: No such file or directory"


@pytest.mark.parametrize("arguments", [[], ["nowhere.eml"], ["--explode", "-"], ["--rules", "a", "--only-rules", "b", "-"], ["--config", "nowhere.toml", "-"]])
def test_usage(arguments):
    assert score(*arguments).exit_code == 2


def test_bad_rules_are_a_usage_error_with_their_lines(rules, tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "bad.toml").write_text('[[rule]]\nid = "en.x.y"\ncategory = "insult"\npoints = 99\nwords = ["zibblehead"]\n')
    done = score("--json", "--rules", tmp_path, "-", stdin=mail())
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{tmp_path / 'en' / 'bad.toml'}:4: error: " in done.stderr


def test_a_site_folder_is_laid_over_the_shipped_rules(rules, tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "mine.toml").write_text(RULE)
    (row,) = rows(score("--json", "--rules", tmp_path, "-", stdin=mail("You zibblehead! You are an idiot.")))
    found = {f["rule"] for f in row["findings"]}
    assert "en.insult.zibble" in found
    assert len(found) > 1


def test_without_json_people_can_read_it(rules, eml):
    done = score("--only-rules", rules, eml)
    assert f"{eml}: abusive (" in done.stdout
    explained = score("--only-rules", rules, "--explain", eml)
    assert explained.exit_code == 0
    assert "en.insult.zibble" in explained.stdout


def test_terminal_controls_of_a_mail_stay_in_it(rules, tmp_path):
    file = tmp_path / "a.eml"
    file.write_bytes(mail("You \x1b[31mzibblehead", subject="=?utf-8?Q?=1B=5D0=3Bowned=07?="))
    for option in ("--explain", "--json"):
        assert "\x1b" not in score(option, "--only-rules", rules, file).stdout
    assert "\x1b" not in score("--only-rules", rules, file).stdout


def test_it_needs_nothing_around_it(rules, eml, tmp_path):
    """As a process in an empty folder, with no home, no settings and no time zone."""
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [sys.executable, "-m", "gateway.cli", "score", "--json", "--only-rules", str(rules), str(eml)]
    path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
    done = subprocess.run(command, cwd=empty, env={"PATH": "/usr/bin:/bin", **path}, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["level"] == "abusive"
    assert list(empty.iterdir()) == []
