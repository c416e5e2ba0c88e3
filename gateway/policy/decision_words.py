"""The words with which managers decide by mail, in all languages; what the mails print comes on top of these."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gateway.records import Action

_WORDS: Mapping[Action, str] = {
    Action.RELEASE: "release, deliver, freigeben, zustellen, freigabe, remettre, livrer, distribuer, передать, доставить, kézbesít, kézbesítés, vrylaat, lewer",
    Action.DELETE: "delete, löschen, supprimer, удалить, töröl, törlés, skrap, verwyder",
    Action.STRIKE: "strike, count, verwarnen, zählen, avertir, compter, засчитать, beszámít, tel",
    Action.BLOCK: "block, sperren, sperre, sperrung, bloquer, blocage, заблокировать, блокировать, блокировка, letilt, letiltás, blokkeer",
    Action.LIFT: "lift, end, beenden, lever, снять, felold, feloldás, ophef",
    Action.DISMISS: "dismiss, reject, ablehnen, verwerfen, écarter, rejeter, отклонить, elvet, elutasít, afwys, verwerp",
    Action.OVERTURN: "overturn, undo, aufheben, zurücknehmen, annuler, отменить, visszavon, terugdraai",
    Action.PARDON: "pardon, erlassen, verzeihen, effacer, pardonner, простить, elenged, megbocsát, kwytskeld, vergewe",
    Action.GRANT: "grant, granted, stattgeben, accepter, удовлетворить, elfogad, toestaan",
    Action.UPHOLD: "uphold, upheld, reject, beibehalten, ablehnen, maintenir, rejeter, оставить, оставить в силе, отклонить, fenntart, elutasít, handhaaf, afwys",
    Action.ANSWERED: "answered, done, beantwortet, erledigt, répondu, отвечено, megválaszolva, beantwoord",
}
"""A word may stand for two actions when never both can be meant."""

_CONFIRM = "confirm, confirmed, bestätigen, bestätigt, confirmer, подтвердить, подтверждаю, jóváhagy, jóváhagyom, bevestig"
_ALL = "all, everything, alle, alles, tout, tous, все, всё, mind, mindet, összes, almal"
_AND = "and, und, et, и, és, en"
_FILLERS = (
    "please, thanks, thank, you, yes, ok, okay, item, number, nr, the, it, bitte, danke, ja, punkt, nummer, svp, merci, oui, point, numéro, n,"
    "пожалуйста, спасибо, да, пункт, номер, kérem, köszönöm, igen, pont, tétel, asseblief, dankie"
)
_TAKES_BACK = (
    "no, not, never, don't, dont, wait, stop, cancel, except, unless, nein, nicht, nichts, kein, keine, niemals, halt, warten, stopp, außer, ohne,"
    "non, pas, ne, sauf, attendez, нет, не, кроме, стоп, подождите, nem, ne, kivéve, várjon, nie, behalve, wag"
)

_MARKS = re.compile(r"[\u0300-\u036f]")


def plain_word(text: str) -> str:
    """A word as it is compared: without case and accents, with straight apostrophes."""
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold().replace("\u2019", "'")))


def _listed(text: str) -> frozenset[str]:
    return frozenset(" ".join(plain_word(entry).split()) for entry in text.split(",") if entry.strip())


AND, FILLERS, TAKES_BACK = _listed(_AND), _listed(_FILLERS), _listed(_TAKES_BACK)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What can be said.

    Attributes:
        actions: phrase to what it may mean; two only where an item allows one of them.
        confirm: phrases for "do what is proposed".
        everything: phrases for "all items".
    """

    actions: Mapping[str, frozenset[Action]]
    confirm: frozenset[str]
    everything: frozenset[str]


def vocabulary(printed: Iterable[tuple[Mapping[Action, str], tuple[str, str]]] = ()) -> Vocabulary:
    """The words of all languages.

    Args:
        printed: for each language the words that our mails print: of the actions, then for "confirm" and "all"; an admin
            may have changed them.
    """
    actions: dict[str, frozenset[Action]] = {}
    confirm, everything = _listed(_CONFIRM), _listed(_ALL)
    tables: list[Mapping[Action, str]] = [_WORDS]
    for words, (confirms, alls) in printed:
        tables.append(words)
        confirm |= _listed(confirms)
        everything |= _listed(alls)
    for table in tables:
        for action, text in table.items():
            for phrase in _listed(text):
                actions[phrase] = actions.get(phrase, frozenset()) | {action}
    return Vocabulary(actions, confirm, everything)
