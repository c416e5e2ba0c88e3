"""Measures the judgement: per language and set, for rules alone, the ear alone and both.

    python benchmarks/judgement.py [--lang de ...] [--set mails|rounds|sentences|corpus ...] [--with rules ear both] [--errors N]
"""

import argparse
import sys
import time
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import sets

from gateway.edge.forms import load_forms
from gateway.edge.scorer import load_scorer, rules_folders
from gateway.mail.message import read
from gateway.scoring.weigh import Scorer
from gateway.values import Assessment, Reading, Segment, SegmentKind, Tag

ABUSIVE, SEVERE = 2, 3
TAGS = {"complaint": Tag.COMPLAINT, "self_harm": Tag.SELF_HARM, "legal_notice": Tag.LEGAL_NOTICE}


def as_mail(case: sets.Case) -> bytes:
    message = EmailMessage()
    message["From"] = "Customer <customer@client.example>"
    message["To"] = "support@shop.example"
    message["Subject"] = case.subject.replace("\n", " ")
    message["Message-ID"] = "<case@client.example>"
    message.set_content(case.body)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def assess(case: sets.Case, scorer: Scorer, forms) -> Assessment:
    if case.subject:
        return scorer.assess(read(as_mail(case), forms))
    return scorer.assess(Reading((Segment(SegmentKind.OWN, case.body),)))


def line(name: str, cases: list[sets.Case], results: list[Assessment]) -> str:
    pairs = list(zip(cases, results, strict=True))
    bad = [r for c, r in pairs if c.level >= ABUSIVE]
    severe = [r for c, r in pairs if c.level == SEVERE]
    civil = [r for c, r in pairs if c.level == 0]
    rude = [r for c, r in pairs if c.level == 1]

    def share(some, test):
        return f"{sum(map(test, some))}/{len(some)}" + (f" {100 * sum(map(test, some)) / len(some):.0f}%" if some else "")

    parts = [
        f"{name:28}",
        f"found {share(bad, lambda r: r.level >= ABUSIVE):14}",
        f"severe {share(severe, lambda r: r.level == SEVERE):12}",
        f"civil accused {share(civil, lambda r: r.level >= ABUSIVE):12}",
        f"civil marked {share(civil, lambda r: r.level > 0):12}",
        f"rude struck {share(rude, lambda r: r.level >= ABUSIVE):10}",
    ]
    for flag, tag in TAGS.items():
        have = [r for c, r in pairs if flag in c.flags]
        others = [r for c, r in pairs if flag not in c.flags]
        if have:
            parts.append(f"{flag} {sum(tag in r.tags for r in have)}/{len(have)} wrongly {sum(tag in r.tags for r in others)}/{len(others)}")
    return " | ".join(parts)


def errors(cases: list[sets.Case], results: list[Assessment], most: int) -> None:
    shown: Counter[str] = Counter()
    for case, result in zip(cases, results, strict=True):
        kind = (
            "ACCUSED" if case.level == 0 and result.level >= ABUSIVE
            else "MISSED" if case.level >= ABUSIVE > result.level
            else "NOT SEVERE" if case.level == SEVERE != result.level
            else "RUDE STRUCK" if case.level == 1 and result.level >= ABUSIVE
            else "MARKED" if case.level == 0 < result.level
            else ""
        )  # fmt: skip
        for flag, tag in TAGS.items():
            if (flag in case.flags) != (tag in result.tags):
                kind = f"{kind} {'NO' if flag in case.flags else 'WRONG'} {flag.upper()}".strip()
        if kind and shown[kind] < most:
            shown[kind] += 1
            found = ", ".join(f"{f.rule}{f.points:+d} {f.text!r} {f.target.value} {'/'.join(f.modifiers)}" for f in result.findings)
            print(f"\n{kind} [{case.level}] {case.id} {case.subject} :: {case.body[:600]!r}\n    -> {result.level!r} {found or '-'}"
                  + (f"\n    uncounted: {', '.join(f'{f.rule} {f.text!r} {f.modifiers}' for f in result.uncounted)}" if result.uncounted else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lang", nargs="*", default=sets.LANGUAGES)
    parser.add_argument("--set", nargs="*", default=["mails", "rounds"], choices=["mails", "rounds", *(f"round{n}" for n in sets.ROUNDS), "sentences", "corpus"])
    parser.add_argument("--with", dest="using", nargs="*", default=["both"], choices=["rules", "ear", "both"])
    parser.add_argument("--errors", type=int, default=0)
    parser.add_argument("--only-file", default="", help="of the sentences only this file")
    options = parser.parse_args()
    forms = load_forms(rules_folders())
    for using in options.using:
        scorer = load_scorer(rules_folders(), use_ear=using != "rules", use_rules=using != "ear", languages=frozenset(options.lang) if len(options.lang) < len(sets.LANGUAGES) else None)
        print(f"=== {using}, rules {scorer.version}")
        everything: dict[str, tuple[list, list]] = {}
        for name, lang, cases in chosen(options):
            started = time.perf_counter()
            results = [assess(case, scorer, forms) for case in cases]
            took = time.perf_counter() - started
            print(line(f"{lang} {name}", cases, results), f"| {1000 * took / len(cases):.1f} ms")
            total = everything.setdefault(name, ([], []))
            total[0].extend(cases)
            total[1].extend(results)
            if options.errors:
                errors(cases, results, options.errors)
        if "corpus" in options.set:
            for name in CORPORA:
                if name[-2:] in options.lang:
                    for text in corpus_lines(scorer, name, options.errors):
                        print(text, flush=True)
        for name, (cases, results) in everything.items():
            print(line(f"ALL {name}", cases, results))


CORPORA = ("convabuse_en", "hatecheck_en", "mhc_de", "banking77_en", "ham_mail_en", "film_reviews_hu", "government_af", "germeval18_de", "paradetox_en")
SILENT = ("negate_neg_nh", "counter_quote_nh", "counter_ref_nh", "slur_homonym_nh", "profanity_nh")
FOUND = ("threat_dir_h", "spell_char_swap_h", "spell_char_del_h", "spell_space_del_h", "spell_space_add_h", "spell_leet_h", "target_indiv_nh")


def corpus_lines(scorer: Scorer, name: str, most: int):
    """Figures of one public set; the rows of shared/corpus, read-only."""
    cases = sets.corpus(name)
    if not cases:
        return
    results = [scorer.assess(Reading((Segment(SegmentKind.OWN, case.body),))) for case in cases]
    pairs = list(zip(cases, results, strict=True))

    def share(group, test):
        return f"{sum(map(test, group))}/{len(group)} {100 * sum(map(test, group)) / max(1, len(group)):.1f}%"

    def marked(pair):
        return pair[1].level > 0

    def accused(pair):
        return pair[1].level >= ABUSIVE

    if name == "convabuse_en":
        pairs = [pair for pair in pairs if Tag.SELF_HARM not in pair[1].tags]
    bad, good = [p for p in pairs if p[0].level], [p for p in pairs if not p[0].level]
    yield f"{name}: abusive marked {share(bad, marked)}, accused {share(bad, accused)}; others marked {share(good, marked)}, accused {share(good, accused)}"
    if name.startswith(("hatecheck", "mhc")):
        for title, functions in (("to stay unaccused (<= 10 %)", SILENT), ("to be found (>= 60 %)", FOUND)):
            parts = [f"{function} {share(group, accused)}" for function in functions if (group := [p for p in pairs if p[0].fine == function])]
            yield f"    {title}: {', '.join(parts)}"
    if most:
        wrong = [p for p in good if accused(p)] or [p for p in good if marked(p)]
        for case, result in wrong[:most]:
            yield f"    {case.id} {case.fine} {result.level!r} {case.body[:160]!r} {[(f.rule, f.text[:40], f.points) for f in result.findings]}"


def chosen(options):
    for name in options.set:
        if name == "corpus":
            continue
        for lang in options.lang:
            if name == "mails":
                cases = sets.mails(lang)
            elif name == "sentences":
                cases = [c for c in sets.sentences(lang) if options.only_file in c.id]
            else:
                cases = [case for n in sets.ROUNDS if name in ("rounds", f"round{n}") for case in sets.round_mails(lang, n)]
            if cases:
                yield name, lang, cases


if __name__ == "__main__":
    main()
