"""`courtesy score`: what the gateway thinks of a mail, without a configuration, a ledger, a network or a clock."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.plain import fail, plain
from gateway.edge.settings import load_settings
from gateway.edge.sources import Source, mails, one_of_many
from gateway.errors import BadInput
from gateway.values import Assessment, Reading

if TYPE_CHECKING:
    from gateway.cli.explanation import Explanation
    from gateway.cli.this_sender import ThisSender
    from gateway.edge.weigher import Weigher


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON a mail.")
@click.option("--explain", is_flag=True, help="The mail with its findings marked, the sum, and what was not counted.")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="With --explain: write it to FILE, one page to attach to a ticket.")
@click.option("--rules", "rules_dir", type=click.Path(path_type=Path), help="Lay a site folder over the shipped rules.")
@click.option("--only-rules", type=click.Path(path_type=Path), help="Use this rules folder instead of the shipped one.")
@click.option("--config", type=click.Path(path_type=Path), help="Take the site's rules and limits from its settings.")
@click.option("--sender", metavar="ADDRESS", help="With --explain and --config: what would follow for this sender, as he stands in the ledger.")
@click.pass_context
def score(
    context: click.Context,
    paths: tuple[str, ...],
    *,
    as_json: bool,
    explain: bool,
    html: Path | None,
    rules_dir: Path | None,
    only_rules: Path | None,
    config: Path | None,
    sender: str | None,
) -> None:
    """Score mails: .eml files, folders, mbox or one of its mails as PATH#n, Maildir, or - for standard input."""
    from gateway.edge.weigher import Mail, unscored

    _sensible(paths, explain=explain, html=html, rules_dir=rules_dir, only_rules=only_rules)
    if sender is not None and (config is None or not explain):
        raise click.UsageError("--sender goes with --explain and --config")
    weigher = _weigher(config, rules_dir, only_rules)
    whom = _whom(config, sender)
    failed = False
    count = 0
    told: list[Explanation] = []
    for source in mails(list(paths)):
        if source.error:
            reading, assessment = Reading(()), unscored(source.error, weigher.version)
        else:
            reading, assessment = weigher.weigh(Mail(source.message, "unknown@invalid"))
        failed |= assessment.level is None
        count += 1
        if as_json:
            click.echo(json.dumps(_row(source, reading, assessment), ensure_ascii=False))
        elif explain:
            told.append(_explained(source, reading, assessment, weigher, whom, shown=html is None))
        else:
            click.echo(_line(source, reading, assessment))
    if html is not None:
        _write(html, told)
    if not count:
        click.echo("no mail was found there", err=True)
    if failed:
        context.exit(1)


def _sensible(paths: tuple[str, ...], *, explain: bool, html: Path | None, rules_dir: Path | None, only_rules: Path | None) -> None:
    if rules_dir is not None and only_rules is not None:
        raise click.UsageError("--rules and --only-rules exclude each other")
    if html is not None and not explain:
        raise click.UsageError("--html goes with --explain")
    missing = [name for name in paths if name != "-" and not Path(name).exists() and not one_of_many(name)]
    if missing:
        raise click.UsageError(f"there is no {missing[0]}")


def _whom(config: Path | None, sender: str | None) -> "ThisSender | None":
    """The sender as he stands now: of all that `score` does, only this needs a ledger and a clock."""
    from gateway.cli.this_sender import this_sender

    return this_sender(config, sender, datetime.now(UTC)) if config is not None and sender is not None else None


def _explained(
    source: Source, reading: Reading, assessment: Assessment, weigher: "Weigher", whom: "ThisSender | None", *, shown: bool
) -> "Explanation":
    from gateway.cli.explain import show
    from gateway.cli.explanation import explanation

    told = explanation(source.name, reading, assessment, weigher.policy, whom)
    if shown:
        show(told)
    return told


def _write(html: Path, told: "list[Explanation]") -> None:
    from gateway.cli.explain_html import page

    try:
        html.write_text(page(told), encoding="utf-8")
    except OSError as error:
        fail(f"{html} can't be written: {error.strerror}")
    click.echo(f"{len(told)} mail{'s' if len(told) != 1 else ''} explained in {html}.")


def _weigher(config: Path | None, rules_dir: Path | None, only_rules: Path | None) -> "Weigher":
    from gateway.edge.scorer import rules_folders
    from gateway.edge.service import order_of
    from gateway.edge.weigher import Order, Weigher
    from gateway.mail.message import ReadingLimits

    try:
        order = order_of(load_settings(config)) if config else Order(rules_folders(), ReadingLimits())
        if rules_dir is not None or only_rules is not None:
            order = Order(rules_folders(rules_dir, only_rules), order.limits)
        return Weigher(order)
    except BadInput as error:
        fail(str(error), 2)


def _row(source: Source, reading: Reading, assessment: Assessment) -> dict[str, Any]:
    return {
        "source": source.name,
        "level": assessment.level.word if assessment.level is not None else None,
        "points": assessment.points,
        "language": assessment.language,
        "categories": [category.value for category in assessment.categories],
        "tags": sorted(tag.value for tag in assessment.tags),
        "basis": assessment.basis.value,
        "findings": [
            {
                "rule": finding.rule,
                "category": finding.category.value,
                "points": finding.points,
                "text": finding.text,
                "segment": finding.segment.value,
                "span": list(finding.span),
                "target": finding.target.value,
                "clause": list(finding.clause),
            }
            for finding in assessment.findings
        ],
        "own_text": reading.own_text,
        "subject": reading.subject,
        "rules_version": assessment.rules_version,
        "error": assessment.error,
    }


def _line(source: Source, reading: Reading, assessment: Assessment) -> str:
    level = assessment.level.word if assessment.level is not None else f"unscored ({assessment.error})"
    rules = ", ".join(dict.fromkeys(finding.rule for finding in assessment.findings))
    tags = ", ".join(sorted(tag.value for tag in assessment.tags))
    return plain(f"{source.name}: {level} ({assessment.points} points, {assessment.language}) {reading.subject!r} {rules}{f' [{tags}]' if tags else ''}")
