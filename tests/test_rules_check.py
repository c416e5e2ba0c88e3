"""`courtesy rules check`: bad rules folders, each with what is said of it; and the folder that nothing is said of."""

import re

import pytest
from click.testing import CliRunner
from tiny_rules import FILES, own, write

from gateway.cli.main import main
from gateway.cli.rules_activate import checked as checked_before_going_live
from gateway.edge.known_keys import nearest
from gateway.edge.rules import load_rules
from gateway.edge.rules_check import check_examples, examples
from gateway.edge.rules_checkup import check_up
from gateway.edge.rules_civil import check_civil
from gateway.edge.rules_lint import lint
from gateway.edge.rules_schema import PolicyFile, RulesFile
from gateway.edge.scorer import build_scorer, rules_folders
from gateway.edge.sentences import labelled
from gateway.errors import BadInput

RULE = """
[[rule]]
id = "en.insult.{name}"
category = "insult"
points = 5
words = ["{word}"]
"""


def rule(name="muppet", word="muppet", more=""):
    return RULE.format(name=name, word=word) + more


@pytest.fixture
def site(tmp_path):
    """Lay a site folder over the tiny rules; what loading says, without the paths."""
    base = write(tmp_path / "base")

    def loaded(files):
        for name, text in files.items():
            path = tmp_path / "site" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        try:
            book, problems = load_rules((base, tmp_path / "site"))
        except BadInput as error:
            book, problems = None, error.problems
        return book, [str(p).replace(f"{tmp_path / 'site'}/", "") for p in problems if "shared word classes" not in p.text]

    return loaded


ERRORS = [
    ("not TOML", {"en/site.toml": "[[rule]\n"}, ["en/site.toml:1: error: not valid TOML: expected ']]' at the end of an array declaration"]),
    ("not UTF-8", {"en/site.toml": b'[[rule]]\nid = "\xff"'}, ["en/site.toml: error: is not UTF-8 text; save it as UTF-8"]),
    (
        "a mistyped key",
        {"en/site.toml": rule(more='unles = ["x"]\n')},
        ["en/site.toml:7: error: rule[1].unles is not a known key; did you mean unless?"],
    ),
    (
        "a key that is like none",
        {"en/site.toml": rule(more="qqq = 1\n")},
        ["en/site.toml:7: error: rule[1].qqq is not a known key; remove it or check its spelling"],
    ),
    ("a mistyped table", {"en/site.toml": "[[rules]]\n"}, ["en/site.toml:1: error: rules is not a known key; did you mean rule?"]),
    (
        "an unknown category",
        {"en/site.toml": rule().replace('"insult"', '"insolence"')},
        [
            (
                "en/site.toml:4: error: rule[1].category must be 'profanity', 'insult', 'degradation', 'harassment', 'threat', 'stalking', "
                "'discrimination', 'sexual', 'shouting', 'pressure', 'provocation' or 'flooding', not 'insolence'"
            )
        ],
    ),
    (
        "an unknown clause",
        {"en/site.toml": rule(more='clause = ["D2", "D77"]\n')},
        ["en/site.toml:7: error: rule[1].clause[2] 'D77' is no policy point; see docs/policy-points.md"],
    ),
    (
        "an id twice",
        {"en/a.toml": rule(), "en/b.toml": "\n" + rule()},
        ["en/b.toml:3: error: the id en.insult.muppet is used already at en/a.toml:2; give it another"],
    ),
    (
        "a class that isn't there",
        {"en/site.toml": rule(more='phrases = ["like an <animol>"]\n')},
        ["en/site.toml:2: error: rule en.insult.muppet uses <animol>, but no class of that name exists in en; did you mean <animal>?"],
    ),
    (
        "a frame with a class that isn't there",
        {"en/context.toml": 'negated = ["<nobody> said <hit>"]\n'},
        ["en/context.toml: error: negated: '<nobody> said <hit>' uses <nobody>, but no class of that name exists in en"],
    ),
    (
        "a change of nothing",
        {"en/site.toml": '[[change]]\nid = "en.insult.fol"\noff = true\n'},
        ["en/site.toml:1: error: there is no rule en.insult.fol in en to change; did you mean en.insult.fool?"],
    ),
    (
        "a drop of what isn't there",
        {"en/site.toml": '[[change]]\nid = "en.insult.fool"\ndrop = ["idot"]\n'},
        [
            (
                "en/site.toml:1: error: 'idot' can't be dropped, for en.insult.fool hasn't got it; "
                "`courtesy rules explain en.insult.fool` shows what it has"
            )
        ],
    ),
    (
        "nothing left",
        {"en/site.toml": '[[change]]\nid = "en.insult.fool"\ndrop = ["idiot", "dumb fool"]\n'},
        ["en/site.toml:1: error: nothing is left of en.insult.fool by which it could hit; write off = true"],
    ),
    (
        "a tag with points",
        {"en/site.toml": '[[change]]\nid = "en.tag.harm"\npoints = 5\nloud = true\n'},
        [
            "en/site.toml:1: error: en.tag.harm is a tag, which has no loud; remove it",
            "en/site.toml:1: error: en.tag.harm is a tag: its points are 2 (enough alone) or 1 (two sentences are needed)",
        ],
    ),
    (
        "numbers for a category that isn't there",
        {"policy.toml": "[category_caps]\ninsullt = 5\n"},
        [
            "policy.toml: error: thresholds is missing and has no default; add it",
            "policy.toml: error: days is missing and has no default; add it",
            (
                "policy.toml:2: error: category_caps.insullt.[key] must be 'profanity', 'insult', 'degradation', 'harassment', 'threat', 'stalking', "
                "'discrimination', 'sexual', 'shouting', 'pressure', 'provocation' or 'flooding', not 'insullt'"
            ),
            "policy.toml: error: level_caps is missing and has no default; add it",
            "policy.toml: error: ladder is missing and has no default; add it",
        ],
    ),
    (
        "a pattern that RE2 can't read",
        {"en/site.toml": rule(more="pattern = '(?<=x)muppet'\n")},
        ["en/site.toml:7: error: rule[1].pattern '(?<=x)muppet' is no regular expression of RE2: invalid perl operator: (?<="],
    ),
]

WARNINGS = [
    (
        "a file in no language's folder",
        {"site.toml": rule()},
        ["site.toml: warning: isn't read: rules lie in the folder of their language, for example de/site.toml"],
    ),
    (
        "a language that isn't there",
        {"eng/site.toml": rule()},
        [
            (
                "eng/site.toml: warning: eng is a language without morphology.toml, so its words have no forms and mail in it isn't known; did you mean en?"
            ),
            "eng/site.toml:2: warning: the id en.insult.muppet begins with en, but the file is of eng; a rule counts in the language of its folder",
        ],
    ),
    (
        "a change that changes nothing",
        {"en/site.toml": '[[change]]\nid = "en.insult.fool"\n'},
        ["en/site.toml:1: warning: says nothing of en.insult.fool that differs"],
    ),
    (
        "a short tail in a class",
        {"en/classes-site.toml": '[animal]\nwords = ["*rat", "*badger"]\n'},
        [
            (
                "en/classes-site.toml:1: warning: class animal: '*rat': every word that ends so is meant, also innocent ones; "
                "give at least 5 letters or whole words"
            )
        ],
    ),
    (
        "a frame that fits everything",
        {"en/context.toml": 'negated = ["(not really)? <hit>"]\n'},
        ["en/context.toml:1: warning: negated: '(not really)? <hit>' fits every finding, for all but <hit> may be missing; make less of it optional"],
    ),
]


@pytest.mark.parametrize(("files", "said"), [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_an_error(site, files, said):
    book, problems = site(files)
    assert book is None
    assert problems == said


@pytest.mark.parametrize(("files", "said"), [case[1:] for case in WARNINGS], ids=[case[0] for case in WARNINGS])
def test_a_warning(site, files, said):
    book, problems = site(files)
    assert book is not None
    assert problems == said


def test_every_error_at_once(site):
    files = {**ERRORS[0][1], "en/two.toml": ERRORS[2][1]["en/site.toml"], "de/three.toml": rule(more="qqq = 1\n")}
    _, problems = site(files)
    assert [p.partition(":")[0] for p in problems] == ["de/three.toml", "en/site.toml", "en/two.toml"]


MANY_FAULTS = """
[[rules]]

[[rule]]
id = "en.insult.loud"
category = "insult"
points = 50
words = ["loudmouth"]

[[change]]
id = "en.insult.loud"
points = 4

[[change]]
id = "en.insult.strnog"
off = true

[[rule]]
id = "en.insult.zoo"
category = "insult"
points = 5
phrases = ["like an <animol>"]

[[rule]]
id = "en.insult.missed"
category = "insult"
points = 5
words = ["flurble"]
hits = ["You are a dimwit of the first water."]
"""


def test_one_kind_of_error_hides_no_other(tmp_path):
    base, site_folder = write(tmp_path / "base"), tmp_path / "site"
    (site_folder / "en").mkdir(parents=True)
    (site_folder / "en" / "site.toml").write_text(MANY_FAULTS)
    book, problems = check_up((base, site_folder))
    said = [f"{problem.line}: {problem.text}" for problem in problems if problem.severity == "error" and problem.file.endswith("site.toml")]
    assert book is None
    assert [line.partition(":")[0] for line in said] == ["2", "7", "14", "18", "24"], said
    for text, expected in zip(said, ("rules is not a known key", "points", "there is no rule en.insult.strnog", "uses <animol>", "should hit"), strict=True):
        assert expected in text


# --- what a site may change ---


def test_a_change_adds_drops_and_sets(site):
    book, problems = site(
        {
            "en/site.toml": (
                '[[change]]\nid = "en.insult.fool"\npoints = 3\nwords = ["numpty"]\nunless = ["idiot proof"]\ndrop = ["dumb fool"]\n'
                '[[change]]\nid = "en.profanity.word"\noff = true\n'
            )
        }
    )
    assert problems == []
    rules = {r.id: r for pack in book.packs for r in pack.rules}
    fool = rules["en.insult.fool"]
    assert (fool.points, fool.words, fool.unless, fool.elsewhere) == (3, ("idiot", "numpty"), ("idiot proof",), 0)
    assert fool.changed.endswith("en/site.toml:1")
    assert rules["en.profanity.word"].off


def test_a_sites_word_forms_join_the_shipped_ones(site):
    """A file with nothing but one innocent word once took all endings of the language away."""
    book, _ = site({"en/morphology.toml": 'innocent = ["idiotic"]\n'})
    pack = next(pack for pack in book.packs if pack.code == "en")
    assert pack.innocent == ("skilled", "idiotic")
    assert "ish" in pack.endings
    assert "the" in pack.frequent


def test_a_rule_of_the_same_id_replaces(site):
    book, problems = site({"en/site.toml": rule("fool", "nitwit")})
    assert problems == []
    assert next(r for pack in book.packs for r in pack.rules if r.id == "en.insult.fool").words == ("nitwit",)


def test_the_version_is_of_what_the_files_say_wherever_they_lie(tmp_path):
    one, two = write(tmp_path / "one"), write(tmp_path / "deep" / "two")
    version = load_rules((one,))[0].version
    assert re.fullmatch("[0-9a-f]{12}", version)
    assert load_rules((two,))[0].version == version
    (two / "ear.npz").write_bytes(b"x")
    assert load_rules((two,))[0].version != version
    (two / "ear.npz").unlink()
    (two / "policy.toml").write_text((two / "policy.toml").read_text() + "# changed\n")
    assert load_rules((two,))[0].version != version


# --- examples ---


def checked(tmp_path, files, layer=0):
    book, _ = load_rules((write(tmp_path, {**FILES, **files}),))
    return [f"{p.severity}: {p.text}" for p in check_examples(book, build_scorer(book, None), ["en"], layer=layer) if "no hits" not in p.text]


def test_a_hit_that_misses_and_a_miss_that_hits(tmp_path):
    more = 'hits = ["You idot!", "You muppet."]\nmisses = ["You utter muppet!", "I like puppets."]\n'
    assert checked(tmp_path, {"en/site.toml": rule(more=more)}) == [
        "error: rule en.insult.muppet should hit 'You idot!' and doesn't",
        "error: rule en.insult.muppet should not hit 'You utter muppet!' and does; narrow it with unless or a frame in context.toml",
    ]


def test_why_a_rule_that_fits_does_not_count(tmp_path):
    said = checked(tmp_path, {"en/site.toml": rule(more='hits = ["I am not saying you are a muppet."]\n')})
    assert said == [
        "error: rule en.insult.muppet should hit 'I am not saying you are a muppet.' and doesn't (it fits, but does not count: negated)"
    ]


TAGS = """
[[tag]]
id = "en.tag.complaint.one"
tag = "complaint"
phrases = ["shouted at me"]
hits = ["He shouted at me.", "She hung up on me."]
misses = ["She hung up on me twice."]

[[tag]]
id = "en.tag.complaint.two"
tag = "complaint"
phrases = ["hung up on me"]
hits = ["She hung up on me."]
misses = ["He shouted at me."]
"""


def test_a_tags_example_is_the_matter_of_the_rule_that_hits(tmp_path):
    """A hit that another rule of the tag makes is none of this one's, and a miss is blamed on the rule that makes it."""
    assert checked(tmp_path, {"en/tags.toml": TAGS}) == [
        (
            "warning: rule en.tag.complaint.one doesn't hit 'She hung up on me.': en.tag.complaint.two does, which gives the same tag; "
            "move the sentence there or widen en.tag.complaint.one"
        ),
        (
            "error: rule en.tag.complaint.one should not hit 'She hung up on me twice.', and doesn't, but en.tag.complaint.two gives it the same tag; "
            "narrow en.tag.complaint.two with unless"
        ),
        (
            "error: rule en.tag.complaint.two should not hit 'He shouted at me.', and doesn't, but en.tag.complaint.one gives it the same tag; "
            "narrow en.tag.complaint.one with unless"
        ),
    ]


def test_an_assessment_names_the_tag_rules_that_fit(tmp_path):
    book, _ = load_rules((write(tmp_path, {**FILES, "en/tags.toml": TAGS}),))
    scorer = build_scorer(book, None)
    assert scorer.assess(own("You hung up on me. He was rude.")).tag_rules == ("en.tag.complaint.two", "en.tag.complaint.weak")
    assert scorer.assess(own("Where is my parcel?")).tag_rules == ()


def test_an_inherited_example_that_a_change_ends_is_a_warning(site):
    book, _ = site(
        {
            "en/site.toml": rule(more='hits = ["You muppet!", "You clown!"]\n').replace("points = 5\n", "points = 5\n")
            + '[[change]]\nid = "en.insult.muppet"\nunless = ["clown"]\nwords = ["wally"]\nhits = ["You wally!", "You berk!"]\n'
        }
    )
    problems = check_examples(book, build_scorer(book, None), ["en"], layer=1)
    assert [(p.severity, p.line, p.text) for p in problems] == [
        ("warning", 8, "rule en.insult.muppet should hit 'You clown!' and doesn't since it is changed here"),
        ("error", 2, "rule en.insult.muppet should hit 'You berk!' and doesn't"),
    ]


def test_only_a_sites_own_rules_are_tried_when_asked(site):
    book, _ = site({"en/site.toml": rule(more='hits = ["You muppet!"]\n')})
    assert [(e.rule.id, e.right) for e in examples(book, build_scorer(book, None), layer=1)] == [("en.insult.muppet", True)]


def test_a_rule_that_another_one_covers_in_all_its_hits(tmp_path):
    heavier = rule("heavy", "muppet").replace("points = 5", "points = 6")
    said = checked(tmp_path, {"en/site.toml": rule(more='hits = ["You muppet!", "You are a muppet."]\n'), "en/two.toml": heavier})
    assert said == [
        (
            "warning: rule en.insult.muppet is shadowed: in each of its hits en.insult.heavy finds the same words and counts more; "
            "join them, or give it a hit of its own"
        )
    ]


# --- what can hardly be meant ---


LINT = [
    (
        "a phrase whose rest may be missing, a frequent word",
        'phrases = ["(you|rubbish) (muppet|clown)?"]\n',
        "the phrase '(you|rubbish) (muppet|clown)?' fits the frequent word 'you' alone, for the rest of it may be missing; write it as several phrases",
    ),
    (
        "a phrase whose rest may be missing, a class",
        'phrases = ["<animal> (face)?"]\n',
        "the phrase '<animal> (face)?' fits any word of <animal> alone, for the rest of it may be missing; write it as several phrases",
    ),
    (
        "an exception that takes back everything",
        'unless = ["the (muppet show)?"]\n',
        "unless 'the (muppet show)?' fits the frequent word 'the' alone, so it takes the rule back in every sentence with it; make less of it optional",
    ),
    ("a short tail", 'words = ["*nit"]\n', "'*nit': every word that ends so is meant, also innocent ones; give at least 5 letters or whole words"),
    (
        "an innocent word",
        'words = ["skilled"]\n',
        "'skilled' can never hit in en, for morphology.toml calls it innocent; take it out here or there",
    ),
    ("a frequent word", 'words = ["=are"]\n', "'=are' is in nearly every mail, for morphology.toml calls it frequent; put more words around it"),
]
FINE = [
    'phrases = ["<animal>"]',
    'phrases = ["<animal> face", "(you|<animal>) muppet"]',
    'phrases = ["(<animal>|guinea pig)"]',
    'phrases = ["^<animal> (face)?$"]',
    'unless = ["please"]',
    'unless = ["(the|please)"]',
    'words = ["*muppet", "=skilful"]',
]


def linted(tmp_path, text):
    head = '[[rule]]\nid = "en.insult.x"\ncategory = "insult"\npoints = 5\n' + ('words = ["muppet"]\n' if not text.startswith("words") else "")
    book, _ = load_rules((write(tmp_path, {**FILES, "en/site.toml": head + text}),))
    return [p for p in lint(book) if p.file.endswith("site.toml")]


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in LINT], ids=[case[0] for case in LINT])
def test_what_can_hardly_be_meant(tmp_path, text, said):
    (problem,) = linted(tmp_path, text)
    assert (problem.severity, problem.line) == ("warning", 1)
    assert problem.text in {f"rule en.insult.x: {said}", f"rule en.insult.x {said}"}


@pytest.mark.parametrize("text", FINE)
def test_what_may_well_be_meant(tmp_path, text):
    assert linted(tmp_path, text) == []


def test_a_rule_whose_words_another_one_has(tmp_path):
    files = {**FILES, "en/a.toml": rule("big", "muppet", 'phrases = ["you lot"]\n'), "en/b.toml": rule("small", "muppet")}
    book, _ = load_rules((write(tmp_path, files),))
    (problem,) = lint(book)
    assert problem.file.endswith("b.toml")
    assert problem.text.startswith("rule en.insult.small is shadowed: en.insult.big (")
    book, _ = load_rules((write(tmp_path, {"en/b.toml": rule("small", "muppet").replace("points = 5", "points = 6")}),))
    assert lint(book) == []


# --- the civil sample ---


SENTENCES = """# civil and not
## 0 company
Your router is a muppet of a machine, but thanks for the help with it and with the app.
Subject: A question\\n\\nWhere is the muppet that I ordered last week from you?
## 2 staff insult
You muppet!
"""


def test_sentences_are_read_with_their_labels(tmp_path):
    path = tmp_path / "en" / "sentences" / "some.txt"
    path.parent.mkdir(parents=True)
    path.write_text("lost\n" + SENTENCES)
    found = list(labelled(tmp_path, "en"))
    assert [(s.level, s.line) for s in found] == [(0, 4), (0, 5), (2, 7)]
    assert found[1].reading.subject == "A question"
    assert found[1].reading.own_text == "Where is the muppet that I ordered last week from you?"


def test_a_rule_that_counts_in_civil_mail_is_too_broad(tmp_path):
    path = tmp_path / "en" / "sentences" / "some.txt"
    path.parent.mkdir(parents=True)
    path.write_text(SENTENCES)
    files = {**FILES, "en/site.toml": rule(more='aimed = "anybody"\n')}
    base, site_folder = write(tmp_path / "base"), tmp_path / "site"
    (site_folder / "en").mkdir(parents=True)
    (site_folder / "en" / "site.toml").write_text(files["en/site.toml"])
    book, _ = load_rules((base, site_folder))
    sample = [s for s in labelled(tmp_path, "en") if not s.level]
    (problem,) = check_civil(book, build_scorer(book, None), sample, layer=1)
    assert problem.severity == "warning"
    assert problem.text == (
        "rule en.insult.muppet counts in 2 of 2 civil sentences of en and makes 2 of them abusive, for example 'muppet' in "
        "'Your router is a muppet of a machine, but thanks for the help with it and with the app.'; narrow it, or lower its points"
    )


@pytest.mark.parametrize(
    ("more", "advice"),
    [
        ("pattern = 'gift'", "narrow the pattern"),
        ('words = ["gift"]', "write it longer, or put it into innocent of af/morphology.toml"),
        ("pattern = 'zzz'\nwords = [\"gift\"]", "write it longer, or put it into innocent of af/morphology.toml"),
    ],
    ids=["pattern", "word", "word of a rule with a pattern"],
)
def test_what_is_an_ordinary_word_elsewhere_is_told_with_what_helps(tmp_path, more, advice):
    path = tmp_path / "af" / "sentences" / "some.txt"
    path.parent.mkdir(parents=True)
    path.write_text("## 0 company\nDie gift is vir my ma en dit is nie hier nie.\n")
    base, site_folder = write(tmp_path / "base"), tmp_path / "site"
    (site_folder / "en").mkdir(parents=True)
    (site_folder / "en" / "site.toml").write_text(f'{BROAD.format(more=more)}aimed = "anybody"\n')
    book, _ = load_rules((base, site_folder))
    (problem,) = check_civil(book, build_scorer(book, None), list(labelled(tmp_path, "af")), layer=1)
    assert problem.text.startswith("rule en.insult.broad: 'gift' is an ordinary word of af: ")
    assert problem.text.endswith(f"; {advice}")


BROAD = """
[[rule]]
id = "en.insult.broad"
category = "insult"
points = 5
{more}
"""


@pytest.mark.parametrize(
    ("more", "civil", "severity"),
    [
        ("pattern = '.'", 60, "error"),
        ("pattern = 'parcel'", 13, "error"),
        ("pattern = 'parcel'", 12, "warning"),
        ('words = ["parcel"]\naimed = "anybody"', 60, "error"),
        ("pattern = '.'", 0, "error"),
    ],
)
def test_what_counts_in_more_than_a_fifth_of_the_civil_sentences_is_an_error(tmp_path, more, civil, severity):
    path = tmp_path / "en" / "sentences" / "some.txt"
    path.parent.mkdir(parents=True)
    lines = [f"Where is the {'parcel' if n < civil else 'bill'} of the order with the number {n}?" for n in range(60)]
    path.write_text("## 0 company\n" + "\n".join(lines) + "\n")
    base, site_folder = write(tmp_path / "base"), tmp_path / "site"
    (site_folder / "en").mkdir(parents=True)
    (site_folder / "en" / "site.toml").write_text(BROAD.format(more=more))
    book, _ = load_rules((base, site_folder))
    (problem,) = check_civil(book, build_scorer(book, None), list(labelled(tmp_path, "en")), layer=1)
    assert problem.severity == severity
    assert problem.text.endswith("a rule that counts in more than a fifth of what is civil isn't put in force") is (severity == "error")


# --- the command ---


def command(*arguments):
    return CliRunner().invoke(main, ["rules", *map(str, arguments)], catch_exceptions=False)


def test_a_rule_for_everything_is_an_error_of_the_command_and_of_no_use(tmp_path, monkeypatch):
    """It reaches nobody's mail: `activate` goes by the same check."""
    base, site_folder = write(tmp_path / "base"), tmp_path / "site"
    (site_folder / "en").mkdir(parents=True)
    (site_folder / "en" / "site.toml").write_text(BROAD.format(more="pattern = '.'"))
    monkeypatch.setattr("gateway.cli.rules.rules_folders", lambda *_: (base, site_folder))
    monkeypatch.setattr("gateway.edge.scorer.rules_folders", lambda *_: (base, site_folder))
    done = command("check", site_folder)
    assert done.exit_code == 1
    assert re.search(r"site\.toml:2: error: rule en\.insult\.broad counts in \d+ of \d+ civil sentences of en", done.stdout)
    with pytest.raises(SystemExit):
        checked_before_going_live(site_folder)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("site.toml",), "has files (site.toml), but none of them is read: rules lie in the folder of their language, for example {site}/en/site.toml"),
        (("en/new/site.toml", "README"), "has files (README), but none of them is read: rules lie in the folder of their language, for example {site}/en/site.toml"),
        (("site.toml", "en/site.toml"), None),
        (("policy.toml",), None),
        ((".git/config", ".keep"), None),
        ((), None),
    ],
)
def test_a_folder_of_which_nothing_is_read_is_an_error(tmp_path, monkeypatch, files, said):
    base, site_folder = write(tmp_path / "base"), tmp_path / "site"
    site_folder.mkdir()
    for name in files:
        (site_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (site_folder / name).write_text((base / name).read_text() if name == "policy.toml" else "")
    monkeypatch.setattr("gateway.cli.rules.rules_folders", lambda *_: (base, site_folder))
    done = command("check", site_folder)
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert errors == ([] if said is None else [f"{site_folder}: error: {said.format(site=site_folder)}"])
    assert done.exit_code == (said is not None)


def test_the_shipped_rules_do_what_their_examples_say():
    """And each that gives points or a tag has at least one sentence that it must find and one that it must not."""
    done = command("test")
    assert (done.exit_code, done.stdout.count("\n")) == (0, 6), done.stdout
    assert all(line.endswith(" 0 wrong") for line in done.stdout.splitlines())
    book, _ = load_rules(rules_folders())
    bare = [rule.id for pack in book.packs for rule in pack.rules if not rule.off and not (rule.hits and rule.misses)]
    assert bare == []


def test_nothing_is_said_of_good_rules(tmp_path):
    base = write(tmp_path, {**FILES, "en/site.toml": rule(word="nincompoopish", more='hits = ["You nincompoopish agent!"]\n')})
    book, problems = check_up((base,), frozenset({"en"}))
    assert book is not None
    assert [p.text for p in problems if "nincompoopish" in p.text or p.severity == "error"] == []


@pytest.mark.parametrize("arguments", [("check", "/no/such/folder"), ("test", "/no/such/folder"), ("check", "--lang", "xx"), ("test", "--lang", "xx")])
def test_what_isnt_there_is_wrong_usage(arguments):
    done = command(*arguments)
    assert done.exit_code == 2
    assert "does not exist" in done.stderr or "there are no rules for xx; there are af, de, en, fr, hu, ru" in done.stderr


def test_the_nearest_key():
    assert nearest(RulesFile, ("rule", 3, "pionts")) == "points"
    assert nearest(RulesFile, ("tga",)) == "tag"
    assert nearest(PolicyFile, ("ladder", "abusive", 0, "stikes")) == "strikes"
    assert nearest(PolicyFile, ("category_caps", "insult", "x", "y")) == ""
