"""The labelled sets that the judgement is measured on; each is a list of cases, absent ones are left out."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
LANGUAGES = ("en", "fr", "de", "ru", "hu", "af")


@dataclass(frozen=True)
class Case:
    """One labelled text: a whole mail (with its subject) or a sentence."""

    id: str
    lang: str
    subject: str
    body: str
    level: int
    flags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    fine: str = ""
    target: str = "nobody"
    labelled: bool = False
    """A mail of the sample or of a blind round, written to measure and not to teach."""
    round: int = 0
    """The number of the blind round."""

    @property
    def text(self) -> str:
        return f"{self.subject}\n\n{self.body}" if self.subject else self.body


_HEADER = re.compile(r"## (?P<level>[0-3])\s+(?P<target>\w+)(?P<rest>.*)")


def read_sentences(path: Path, lang: str) -> Iterator[Case]:
    """A sentences file: `## LEVEL TARGET [CATEGORY ...] [+tag ...]`, then a text a line; whole mails begin `Subject: `."""
    level, target, categories, flags = 0, "nobody", (), ()
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if header := _HEADER.match(line):
            rest = header["rest"].replace(",", " ").split()
            level, target = int(header["level"]), header["target"]
            categories = tuple(word for word in rest if not word.startswith("+"))
            flags = tuple(word[1:] for word in rest if word.startswith("+"))
        elif line.strip() and not line.startswith("#"):
            text = line.strip().replace("\\n", "\n")
            subject = ""
            if text.startswith("Subject:"):
                subject, _, text = text.removeprefix("Subject:").partition("\n")
            yield Case(f"{path.name}:{number}", lang, subject.strip(), text.strip("\n"), level, flags, categories, target=target)


def sentences(lang: str) -> list[Case]:
    folder = ROOT / "rules" / lang / "sentences"
    return [case for path in sorted(folder.glob("*.txt")) for case in read_sentences(path, lang)]


def mails(lang: str) -> list[Case]:
    """The sample of forty mails a language, each with the level it deserves."""
    return list(_jsonl_mails(ROOT / "tests" / "data" / "mails" / f"{lang}.jsonl", lang))


ROUNDS = tuple(range(1, 18))
LAST_LEARNED = 16
"""The shipped ear has learned from the rounds up to this one; later ones are kept to measure it."""
UNSEEN_BY_RULES = 6
"""From this round on nobody has written or mended rules with the mails in view, so they say how right rules are about strangers."""


def training(lang: str, until: int = LAST_LEARNED) -> list[Case]:
    """What the ear learns from: the sentences beside the rules, the sample, and the blind rounds up to one; later ones can measure it."""
    return [*sentences(lang), *mails(lang), *(case for number in ROUNDS if number <= until for case in round_mails(lang, number))]


def round_mails(lang: str, number: int) -> list[Case]:
    """The mails of one blind round: written before anybody looked at what the rules do with them."""
    path = ROOT / "tests" / "data" / "rounds" / f"{lang}-{number}.jsonl"
    return list(_jsonl_mails(path, lang, number)) if path.is_file() else []


def _jsonl_mails(path: Path, lang: str, number: int = 0) -> Iterator[Case]:
    for n, line in enumerate(path.read_text("utf-8").splitlines()):
        if line.strip():
            row = json.loads(line)
            yield Case(row.get("id", f"{path.stem}-{n}"), lang, row["subject"], row["body"], row["level"], tuple(row.get("flags", ())), tuple(row.get("categories", ())), labelled=True, round=number)


def corpus(name: str) -> list[Case]:
    path = SHARED / "corpus" / f"{name}.jsonl"
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [Case(f"{name}-{n}", row["lang"], "", row["text"], 2 * row["label"], fine=row["fine"]) for n, row in enumerate(rows)]
