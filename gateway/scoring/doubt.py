"""What rules found beside what the ear hears: doubted where it hears too little, confirmed where it agrees with a mere signal."""

from dataclasses import replace

from gateway.scoring.ear import Heard
from gateway.scoring.whole import LOUD, NOBODY_NAMED, SEVERE, SIGNAL
from gateway.values import Category, Finding, Target

HEARD_FROM = 0.6
"""The probability of abuse from which a rule's finding counts. The ear knows what rules found; in mails of strangers
those for which it stayed below were wrong more often than right."""
NAMED_FROM = 0.5
"""The same for an insult or an oath that names somebody: it is seldom a phrase of trade."""
CERTAIN = "certain"
"""What counts whatever the ear hears: it learned from veiled threats, and may not know a plain one."""
PATTERN = "pattern"
"""An admin's own regular expression found it: he knows what he looks for."""
OF_THE_SITE = "rule of this site"
"""Written or changed by the site's admin, of whose words the ear has learned nothing."""
_NEVER_DOUBTED = frozenset({Category.SHOUTING, Category.PRESSURE, Category.PROVOCATION, Category.FLOODING})
"""What is rude at most: the ear listens for abuse and knows nothing of it."""
UNHEARD = "the ear hears nothing"
"""Why a doubted finding doesn't count."""
_UNDIRECTED = 2


def doubted(finding: Finding, abuse: float) -> Finding:
    """A finding as it counts beside what the ear hears.

    An ugly word may be a bastard file, a bitch's litter, a neighbour or the writer's own folly, and a phrase that sounds
    like contempt or a threat one of trade: where nothing else in the mail is abusive, it is.

    Args:
        finding: of a rule.
        abuse: how likely abuse is, by the ear.
    """
    named = finding.category in {Category.INSULT, Category.PROFANITY} and NOBODY_NAMED not in finding.modifiers
    if abuse >= (NAMED_FROM if named else HEARD_FROM) or finding.category in _NEVER_DOUBTED or {PATTERN, CERTAIN, OF_THE_SITE} & {*finding.modifiers}:
        return finding
    points = min(finding.points, _UNDIRECTED) if finding.category is Category.PROFANITY else 0
    return replace(finding, points=points, target=Target.NOBODY, modifiers=(*finding.modifiers, UNHEARD))


def agrees(heard: Heard, signal: Finding) -> bool:
    """Whether the ear hears what a signal hints at: abuse at least faintly, and for the severe kinds something severe."""
    return (heard.loud if LOUD in signal.modifiers else heard.faint) and (heard.severe or signal.category not in SEVERE)


def confirmed(signal: Finding) -> Finding:
    """A signal that counts as any other finding."""
    return replace(signal, modifiers=(*(m for m in signal.modifiers if m != SIGNAL), "confirmed by the ear"))
