"""From a mail in which a rule was wrong to an exception as narrow as that mail."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.policy.incidents import one_line
from gateway.values import Assessment, Finding, Reading

_WORD = re.compile(r"[^\W_]+")
_END = re.compile(r"[.!?…]+(?=\s|$)|\n\s*\n")
_ADDRESS = re.compile(r"\S+@\S+")
_NUMBER = re.compile(r"\d{4,}")
_ANY = "...1"
"""In an exception: any one word, or none."""
_AROUND = (2, 1)
"""So many words on each side of what was found; the narrowest first."""
_LONGEST = 160
_MOST = 9
"""Words of an exception; more fit no second mail."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """An exception, and the sentence that it is for, both in a customer's words."""

    unless: tuple[str, ...]
    misses: tuple[str, ...]


def narrowed(rule: str, reading: Reading, assessment: Assessment, fewest: int) -> Iterator[Narrowed]:
    """Exceptions for all that a rule finds in a mail, the narrowest first.

    Args:
        rule: its id.
        reading: of the mail.
        assessment: of the mail, by the rules as they are.
        fewest: so many words beside what the rule found must be in each; else the exception would be the rule's own words.
    """
    findings = [finding for finding in assessment.findings if finding.rule == rule and finding.points > 0]
    for around in _AROUND if findings else ():
        found = [_around(finding, reading.segments[finding.segment_index].text, around) for finding in findings]
        if all(beside >= fewest and len(words.split()) <= _MOST for words, _, beside in found):
            yield Narrowed(tuple(dict.fromkeys(words for words, _, _ in found)), tuple(dict.fromkeys(sentence for _, sentence, _ in found)))


def _around(finding: Finding, text: str, around: int) -> tuple[str, str, int]:
    """The words of a finding with some on both sides; the sentence; how many of the words stand beside what was found.

    Numbers and addresses are none of our business.
    """
    start, end = finding.span
    begin = max((match.end() for match in _END.finditer(text, 0, start)), default=0)
    after = _END.search(text, end)
    stop = after.end() if after else len(text)
    words = list(_WORD.finditer(text, begin, stop))
    inside = [number for number, match in enumerate(words) if match.start() < end and match.end() > start]
    if not inside:
        return "", "", 0
    chosen = words[max(inside[0] - around, 0) : inside[-1] + 1 + around]
    sentence = one_line(text[begin:stop])
    if len(sentence) > _LONGEST:
        sentence = one_line(text[chosen[0].start() : chosen[-1].end()])
    sentence = _NUMBER.sub("1234", _ADDRESS.sub("somebody@example.org", sentence))
    shown = " ".join(_ANY if _NUMBER.fullmatch(match[0]) else match[0].lower() for match in chosen)
    shown = shown.removeprefix(f"{_ANY} ").removesuffix(f" {_ANY}")
    return shown, sentence, sum(word != _ANY for word in shown.split()) - len(inside)
