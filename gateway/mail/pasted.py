"""What a sender pastes into his mail: logs, traces, code and tables are CODE; an agent's lines of a chat are QUOTED."""

import re
from collections import Counter
from collections.abc import Sequence

from gateway.mail.forms import Forms, words
from gateway.mail.quotes import Frame
from gateway.values import SegmentKind

_CLOCK = r"\d{1,2}[:.]\d{2}(?:[:.]\d{2})?(?:[.,]\d+)?(?:\s?[AaPp]\.?[Mm]\.?)?"
_SURE = re.compile(
    r"\s*(?:"
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d"  # ISO time stamp of a log
    r"|\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d"  # of an HTTP server
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S"  # of syslog
    r"|\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? +\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL)\b"
    r"|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|PANIC)\]?(?: {2,}|\t|: |\] )\S"
    r"|Traceback \(most recent call last\):\s*$"
    r"|File \"[^\"]{1,300}\", line \d+"
    r"|at [\w$.<>/]{1,300}\("  # Java, JavaScript, .NET
    r"|Caused by: [\w.$]+"
    r"|Exception in thread "
    r"|[\w.$]+(?:Error|Exception|Warning): "
    r"|#\d+ +0x[0-9a-f]+"
    r"|(?:[\w.-]+@[\w.-]+[: ][^\s$#]{0,100})[$#] \S"  # shell prompt
    r"|\$ (?:sudo|cd|ls|cat|grep|git|curl|wget|kill|pkill|apt|docker|kubectl|python3?|pip|npm|ssh|ping|systemctl|make|rm|cp|mv)\b"
    r"|PS [A-Z]:\\"
    r"|[A-Z]:\\[^\s>]{0,200}>"
    r"|</?[a-zA-Z][\w:-]{0,40}(?: [\w:-]+=\"[^\"]{0,300}\")*/?>\s*(?:</?[a-zA-Z]|$)"
    r"|[\w.-]{1,60}\s?=\s?[\w./:\"'-]{1,200};?\s*$"
    r"|\"[\w.-]{1,60}\"\s?: ?[\[{\"\d]"
    r")"
)
_SYMBOLS = re.compile(r"[{}\[\]();=\\|/<>&_]|\d")
_STRICT_SYMBOLS = re.compile(r"[{}\[\];=\\|<>&]|\(\)|::|->|=>")
_TABLE = re.compile(r"(?:[^\t|;]*[\t|;]){2,}")
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")
_UUENCODED = re.compile(r"begin [0-7]{3} \S")
_STAMPED = re.compile(
    rf"\s*(?:\[\s*(?:\d[\d./-]{{3,10}},?\s+)?{_CLOCK}\s*\]|\(?(?:\d[\d./-]{{3,10}},?\s+)?{_CLOCK}\)?(?:\s?[-–—|]\s?|\s+))"
    r"\s*(?P<speaker>[^:\n]{1,40}?)\s?:(?:\s|$)"
)
_SPOKEN = re.compile(r"\s*(?P<speaker>[^\s:][^:\n]{0,39}?)\s?:\s")


def mark(lines: Sequence[str], kinds: list[SegmentKind], forms: Forms, frame: Frame) -> None:
    """Turn own lines that are pasted into CODE or QUOTED, in place.

    Args:
        lines: the text of a mail.
        kinds: what is known of each line so far; changed.
        forms: the tables of all languages.
        frame: what the header says.
    """
    own = [number for number, kind in enumerate(kinds) if kind is SegmentKind.OWN]
    _code(lines, kinds, own, forms)
    _chat(lines, kinds, [number for number in own if kinds[number] is SegmentKind.OWN], forms, frame)


# --- code ---------------------------------------------------------------------------------------------------------


def _code(lines: Sequence[str], kinds: list[SegmentKind], own: Sequence[int], forms: Forms) -> None:
    fences = [number for number in own if _FENCE.match(lines[number])]
    fenced = {number for start, end in zip(fences[::2], fences[1::2], strict=False) for number in range(start, end + 1)}
    encoded = False
    previous = -2
    for number in own:
        line = lines[number][:2000]
        encoded = _UUENCODED.match(line) is not None or (encoded and _uu_line(line))
        table = _TABLE.match(line) is not None and not forms.speaks_to_reader(line)
        if table and previous == number - 1:
            kinds[number] = kinds[previous] = SegmentKind.CODE
        previous = number if table else -2
        if encoded or _is_code(line, number in fenced, forms):
            kinds[number] = SegmentKind.CODE


def _uu_line(line: str) -> bool:
    """Whether a line is one of an encoded file: its first character says how long it is."""
    if line.strip() in {"end", "`", ""}:
        return True
    return line[0] <= "`" and len(line) - 1 == ((ord(line[0]) - 32 & 63) + 2) // 3 * 4


def _is_code(line: str, fenced: bool, forms: Forms) -> bool:  # noqa: FBT001 - a property of the line
    """Whether a line is a program's; one that speaks to the reader needs a sure sign, so that a fence hides nothing."""
    if not line.strip():
        return False
    spoken = forms.speaks_to_reader(line)
    if _SURE.match(line):
        return not spoken or bool(_SYMBOLS.search(line))
    if spoken:
        return False
    if fenced:
        return True
    strict = len(_STRICT_SYMBOLS.findall(line))
    return strict >= 3 and strict * 10 >= len(line.strip())


# --- chats --------------------------------------------------------------------------------------------------------


def _chat(lines: Sequence[str], kinds: list[SegmentKind], own: Sequence[int], forms: Forms, frame: Frame) -> None:
    stamped = {number: found["speaker"].strip() for number in own if (found := _STAMPED.match(lines[number][:300]))}
    spoken = {} if len(stamped) > 1 else _spoken(lines, own, forms, frame)
    speakers = stamped if len(stamped) > 1 else spoken
    for number, speaker in speakers.items():
        if not _himself(speaker, forms, frame):
            kinds[number] = SegmentKind.QUOTED


def _spoken(lines: Sequence[str], own: Sequence[int], forms: Forms, frame: Frame) -> dict[int, str]:
    """Lines "Name: text" without a time: believed when the sender announces them, or when both sides are named."""
    found = {number: match["speaker"].strip() for number in own if (match := _SPOKEN.match(lines[number][:300]))}
    counts = Counter(found.values())
    named = {speaker for speaker in counts if forms.agent(speaker) or _himself(speaker, forms, frame)}
    both = any(forms.agent(s) for s in named) and any(_himself(s, forms, frame) for s in named)
    result: dict[int, str] = {}
    introduced = False
    for number in own:
        line = lines[number].strip()
        speaker = found.get(number)
        if speaker is None:
            introduced = line.endswith(":") if line else introduced
            continue
        if (both and speaker in named) or (introduced and counts[speaker] > 1 and not forms.speaks_to_reader(speaker)):
            result[number] = speaker
    return result


def _himself(speaker: str, forms: Forms, frame: Frame) -> bool:
    return forms.me(speaker) or not frame.names.isdisjoint(words(speaker))
