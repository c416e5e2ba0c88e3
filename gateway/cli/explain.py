"""`score --explain`: the mail with its findings marked, and the arithmetic, readable by an agent."""

from rich.console import Console
from rich.text import Text

from gateway.cli.plain import plain
from gateway.values import Assessment, Finding, Reading, Segment, SegmentKind


def explained(name: str, reading: Reading, assessment: Assessment) -> None:
    """Print one mail's explanation."""
    console = Console(highlight=False, soft_wrap=True)
    level = assessment.level.word if assessment.level is not None else f"unscored: {assessment.error}"
    console.print(Text(plain(f"{name}: {level}, {assessment.points} points, language {assessment.language}"), style="bold"))
    for index, segment in enumerate(reading.segments):
        if segment.kind in {SegmentKind.SUBJECT, SegmentKind.OWN, SegmentKind.SIGNATURE}:
            console.print(Text(f"  {segment.kind.value}:", style="dim"))
            console.print(_marked(segment, [f for f in (*assessment.findings, *assessment.uncounted) if f.segment_index == index]))
        else:
            console.print(Text(f"  {segment.kind.value}: {len(segment.text)} characters, not scored", style="dim"))
    for finding in assessment.findings:
        console.print(Text(plain(f"  {finding.points:+d} {_told(finding)}")))
    for finding in assessment.uncounted:
        console.print(Text(plain(f"   0 {_told(finding)}: not counted"), style="dim"))
    for line in assessment.arithmetic:
        console.print(Text(plain(f"  {line}"), style="dim"))
    if assessment.tags:
        console.print(Text(plain(f"  tags: {', '.join(sorted(assessment.tags))}")))


def _told(finding: Finding) -> str:
    why = f" ({', '.join(finding.modifiers)})" if finding.modifiers else ""
    clause = f" [{', '.join(finding.clause)}]" if finding.clause else ""
    return f"{finding.rule} {finding.category.value} at {finding.target.value}: {finding.text!r}{why}{clause}"


def _marked(segment: Segment, findings: list[Finding]) -> Text:
    """The segment's text with the findings in colour; control characters are replaced one for one, so spans still fit."""
    shown = Text("".join(plain(c) or " " for c in segment.text))
    for finding in findings:
        counted = finding.points > 0 and "signal" not in finding.modifiers and "covered" not in finding.modifiers
        shown.stylize("bold red" if counted else "yellow", *finding.span)
    return shown
