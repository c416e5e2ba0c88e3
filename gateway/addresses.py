"""Spellings of mail addresses: the one that standings are kept under, and what else tells of whose address it may be. Pure."""

import re
from contextlib import suppress
from encodings import idna

_DEVIATIONS = re.compile("([ßς\u200c\u200d]+)")
"""Letters that IDNA 2008 keeps and IDNA 2003 turned into others: straße.example isn't strasse.example (RFC 5894 section 7.2)."""


def a_labels(domain: str) -> str:
    """A domain in lower case, without its last dot and with IDN labels in their ASCII form (RFC 5890 section 2.3.2.1)."""
    domain = domain.lower().rstrip(".")
    if domain.isascii():
        return domain
    with suppress(UnicodeError):
        return ".".join(_a_label(label) for label in re.split("[.\u3002\uff0e\uff61]", domain))
    return domain


def _a_label(label: str) -> str:
    if not _DEVIATIONS.search(label):
        return idna.ToASCII(label).decode("ascii")
    pieces = _DEVIATIONS.split(label)
    prepared = "".join(piece if number % 2 else idna.nameprep(piece) for number, piece in enumerate(pieces))
    encoded = "xn--" + prepared.encode("punycode").decode("ascii")
    if len(encoded) > 63:
        raise UnicodeError("label too long")
    return encoded


def normal_address(address: str) -> str:
    """The form that standings are kept under: the whole address in lower case, an IDN domain as A-labels.

    RFC 5321 section 2.4 leaves the case of a local part to its host; no host in use tells persons apart by it, and a
    block that capitals get round is no block.
    """
    local, at, domain = address.strip().rpartition("@")
    return f"{local.lower()}@{a_labels(domain)}" if at else address.strip().lower()


# --- other spellings of the same mailbox ----------------------------------------------------------------------------

_SAME_HOST = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "protonmail.com": "proton.me",
    "protonmail.ch": "proton.me",
    "pm.me": "proton.me",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
    "yandex.by": "yandex.ru",
    "yandex.kz": "yandex.ru",
}
_DETAILS = frozenset({"gmail.com", "icloud.com", "proton.me", "yandex.ru", "outlook.com", "hotmail.com", "live.com", "fastmail.com"})
"""Hosts that deliver name+detail to name (RFC 5233)."""
_IGNORED = {"gmail.com": ("", "."), "proton.me": ("", ".-_"), "yandex.ru": ("-.", "")}
"""What a host sees as the same: of two letters the first as the second, and what it doesn't look at."""


def linked_spelling(address: str) -> str:
    """One spelling for all that a well-known host delivers to the same mailbox.

    It serves to show people what may belong together, never to judge by: what a local part means is its host's own
    matter (RFC 5321 section 2.3.11), and hosts change their mind.

    Args:
        address: in whatever spelling.

    Returns:
        str: two addresses with the same one are linked; for hosts that aren't known the normal form itself.
    """
    local, at, domain = normal_address(address).rpartition("@")
    host = _SAME_HOST.get(domain, domain)
    if not at or host not in _DETAILS:
        return f"{local}{at}{domain}"
    same, ignored = _IGNORED.get(host, ("", ""))
    plain = local.partition("+")[0].translate(str.maketrans(same[:1], same[1:], ignored))
    return f"{plain or local}@{host}"


# --- more people than one -------------------------------------------------------------------------------------------

SHARED_MAILBOX = "shared mailbox"
LARGE_ORGANISATION = "large organisation"

_ROLES = frozenset(  # words of roles in six languages
    """
    account accounting accounts accountspayable accountsreceivable admin administration administrator all ap ar bestellings
    bestellung bestellungen beszerzes beszerzés billing boekhouding bookkeeping buchhaltung buero buh buhgalteria buhgalteriya
    bukhgalteria bukhgalteriya bureau büro callcenter care commande commandes compta comptabilite comptabilité contact contacts
    customercare customerservice customersupport dept direction dispatch einkauf empfang enquiries enquiry ertekesites everyone
    facturation facture factures finance finances finansy frontdesk hallo hello help helpdesk hi hr info information infos inkoop
    inquiries inquiry invoice invoices iroda it job jobs kadry kantoor kanzlei kapcsolat kasse kontakt kontaktus konyveles
    kundendienst kundenservice könyvelés legal logistics logistik logisztika magazin mailbox management manager marketing
    mitarbeiter munkaugy navrae newsletter no-reply noreply office officeadmin ontvangs order orders otdel payables payments
    payroll penzugy personal personnel post postmaster praxis press presse priemnaya prodazhi purchase purchasing pénzügy recepcio
    recepció reception rechnung rechnungen rechnungswesen recruiting rekeninge rekeningen rendeles rendelés reservations rh sales
    secretariat secretary secrétariat sekretar sekretariat service serviceclient sklad snab staff studio support szamla szamlazas
    szerviz számla számlázás team tech technik titkarsag titkárság ugyfelszolgalat ventes verkauf verkoop verkope versand vertrieb
    verwaltung webmaster zakaz zakupki zayavka zentrale értékesítés ügyfélszolgálat ügyvezetés бухгалтерия заказ заказы закупки
    инфо кадры контакт магазин менеджер отдел офис поддержка почта приемная приёмная продажи секретарь склад снабжение
    """.split()  # noqa: SIM905 - a table of words is read as words
)
_SEPARATORS = re.compile(r"[._\-]+|\d+")
_PUBLIC_BODIES = re.compile(
    r"(?:^|\.)(?:gov|mil|edu|int|(?:gov|govt|gouv|mil|edu|ac)\.[a-z]{2}|bund\.de|europa\.eu|admin\.ch|gv\.at)$"
)


def many_people(address: str, more: frozenset[str] = frozenset()) -> str:
    """Why more people than one may stand behind an address, or be hit when it is blocked.

    Args:
        address: in whatever spelling.
        more: what the site knows: addresses, "name@" for a role at any domain, and "@domain" for an organisation with all its
            subdomains, in normal form.

    Returns:
        str: SHARED_MAILBOX, LARGE_ORGANISATION or "".
    """
    address = normal_address(address)
    local, _, domain = address.rpartition("@")
    roles = _ROLES | {entry.removesuffix("@") for entry in more if entry.endswith("@")}
    if address in more or _is_role(local.partition("+")[0], roles):
        return SHARED_MAILBOX
    labels = domain.split(".")
    parents = {"@" + ".".join(labels[number:]) for number in range(len(labels))}
    return LARGE_ORGANISATION if parents & more or _PUBLIC_BODIES.search(domain) else ""


def _is_role(local: str, roles: frozenset[str]) -> bool:
    """info, info2, info-de, accounts.payable; not info.smith, who may be a person."""
    if local in roles or local.translate(str.maketrans("", "", "._-")) in roles:
        return True
    first, *rest = [piece for piece in _SEPARATORS.split(local) if piece] or [""]
    return first in roles and all(len(piece) <= 2 or piece in roles for piece in rest)
