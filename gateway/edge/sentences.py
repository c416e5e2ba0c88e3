"""The labelled sentences beside the rules, rules/LANG/sentences/*.txt: what the ear learns from, and the civil sample of `rules check`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gateway.values import Level, Reading, Segment, SegmentKind

_HEADER = re.compile(r"## *([0-3])\b.*")
_MAIL = "Subject: "


@dataclass(frozen=True, slots=True)
class Sentence:
    """One labelled text and where it stands."""

    language: str
    level: Level
    text: str
    file: Path
    line: int

    @property
    def reading(self) -> Reading:
        """As a mail says it; a whole mail begins with its subject."""
        if not self.text.startswith(_MAIL):
            return Reading((Segment(SegmentKind.OWN, self.text),))
        subject, _, body = self.text.removeprefix(_MAIL).partition("\n")
        return Reading((Segment(SegmentKind.SUBJECT, subject), Segment(SegmentKind.OWN, body.strip())), subject=subject)


def labelled(folder: Path, language: str) -> Iterator[Sentence]:
    """The labelled sentences of a language under a rules folder, in order; what has no label before it is left out."""
    for path in sorted((folder / language / "sentences").glob("*.txt")):
        level: Level | None = None
        for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
            text = line.strip()
            if header := _HEADER.fullmatch(text):
                level = Level(int(header[1]))
            elif text and not text.startswith("#") and level is not None:
                yield Sentence(language, level, text.replace("\\n", "\n"), path, number)
