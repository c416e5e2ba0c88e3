"""The words by which a customer sets a deadline, in six languages; case and spacing don't matter when they are compared."""

from collections.abc import Mapping
from dataclasses import dataclass

_WEEKDAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag",
    "ru": "понедельника вторника среды четверга пятницы субботы воскресенья понедельнику вторнику среде четвергу пятнице субботе воскресенью",
    "hu": "hétfő kedd szerda csütörtök péntek szombat vasárnap",
    "af": "maandag dinsdag woensdag donderdag vrydag saterdag sondag",
}


@dataclass(frozen=True, slots=True)
class DeadlineWords:
    """How one language says it; every entry is a regular expression without groups.

    Attributes:
        months: names and abbreviations of each month, January first.
        by: what stands before a date that is the last day; `before` likewise before the day after.
        after: what may stand between that and the date.
        ended: what ends a date instead of `by` standing before it (Hungarian).
        within: what stands before a length of time; `within_end` after it.
        numbers: words for small numbers.
        days, working, weeks, months_long, hours: the units, in all their forms.
        since: after a length of time, these say that it begins at something else than now.
        demand: one of these must stand in the sentence: somebody asks for something, or sets a deadline.
        told: when one of these stands in it, it tells of a deadline of ours, or of terms.
        day_first: 5/12 is the fifth of December.
    """

    months: tuple[str, ...]
    by: str
    within: str
    numbers: Mapping[str, int]
    days: str
    working: str
    weeks: str
    months_long: str
    hours: str
    since: str
    demand: str
    told: str
    before: str = r"(?!)"
    after: str = r"(?!)"
    ended: str = r"(?!)"
    within_end: str = ""
    day_first: bool = True


WORDS: Mapping[str, DeadlineWords] = {
    "en": DeadlineWords(
        months=("jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?", "aug(?:ust)?", "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?"),
        by=r"(?:by|no later than|not later than|on or before|(?:you have|give you) (?:until|till)|deadline is)",
        before=r"before",
        after=rf"(?:the|end of|close of business on|{'|'.join(_WEEKDAYS['en'].split())})",
        within=r"(?:within|within the next|in the next|you have|deadline of)",
        numbers={"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "fourteen": 14, "fifteen": 15, "twenty-one": 21, "thirty": 30},
        days=r"(?:calendar )?days?",
        working=r"(?:working|business) days?",
        weeks=r"weeks?",
        months_long=r"months?",
        hours=r"hours?",
        since=r"(?:of|from|after|since|following)(?! (?:today|now|the date of this|receipt of this|receiving this|this))",
        demand=r"\b(?:please|expect|require|demand|ask|request|insist|want|need|must|reply|respond|answer|refund|deadline|you have|otherwise|failing|give you|look forward|let me know|kindly|confirm|obliged|unless|if\b.{1,200}?\b(?:no|not|nothing|none)\b)",
        told=r"\b(?:promised?|said|told|supposed|terms|policy|warranty|guarantee|according|was to|were to|would be|should have|holiday|away|abroad|valid|expires?|dated)\b",
        day_first=False,
    ),
    "fr": DeadlineWords(
        months=("janv(?:ier)?", "févr(?:ier)?", "mars", "avr(?:il)?", "mai", "juin", "juil(?:let)?", "août", "sept(?:embre)?", "oct(?:obre)?", "nov(?:embre)?", "déc(?:embre)?"),
        by=r"(?:d'ici|d'ici au|avez jusqu'au|au plus tard)",
        before=r"avant",
        after=rf"(?:le|au|fin|{'|'.join(_WEEKDAYS['fr'].split())})",
        within=r"(?:sous|dans les|d'ici|délai de|vous avez)",
        numbers={"un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8, "dix": 10, "quinze": 15, "trente": 30},
        days=r"jours?(?: calendaires)?",
        working=r"jours? (?:ouvrés?|ouvrables?)",
        weeks=r"semaines?",
        months_long=r"mois",
        hours=r"heures?",
        since=r"(?:de|du|d'|à compter|après|suivant|à partir)(?! (?:ce jour|d'aujourd'hui|de ce jour|(?:de )?la réception de (?:la présente|ce courrier|ce message|cette lettre|cet e-mail)|(?:de )?la présente))",
        demand=r"\b(?:veuillez|merci de|exige|demande|attends|souhaite|prie|répondre|réponse|rembours|mets en demeure|mise en demeure|délai|vous avez|à défaut|sinon|sans quoi|faute de|sauf|attendons|exigeons|demandons|dans l'attente|si\b.{1,200}?\b(?:pas|aucune?|rien)\b)",
        told=r"\b(?:promis|disiez|dit|annoncé|prévue?|conditions|garantie|selon|devait|deviez|aurait|vacances|absente?|valable|expire)\b",
    ),
    "de": DeadlineWords(
        months=("jan(?:uar)?|jänner", "feb(?:ruar)?", "märz", "apr(?:il)?", "mai", "juni", "juli", "aug(?:ust)?", "sept?(?:ember)?", "okt(?:ober)?", "nov(?:ember)?", "dez(?:ember)?"),
        by=r"(?:bis|bis zum|bis spätestens|bis spätestens zum|spätestens bis|spätestens bis zum|spätestens am|spätestens zum)",
        before=r"vor dem",
        after=rf"(?:den|dem|zum|ende|einschließlich|{'|'.join(_WEEKDAYS['de'].split())})",
        within=r"(?:innerhalb von|innerhalb|innert|binnen|in den nächsten|innerhalb der nächsten|frist von|haben sie|sie haben)",
        numbers={"einem": 1, "einer": 1, "eines": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "sieben": 7, "acht": 8, "zehn": 10, "vierzehn": 14, "fünfzehn": 15, "dreißig": 30},
        days=r"(?:kalender)?tag(?:e|en|es)?",
        working=r"(?:werk|arbeits)tag(?:e|en)?",
        weeks=r"wochen?",
        months_long=r"monat(?:s|e|en)?",
        hours=r"stunden?",
        since=r"(?:nach|ab|seit|von)(?! (?:heute|erhalt dieses|erhalt dieser|zugang dieses|zugang dieser|datum dieses|diesem))",
        demand=r"\b(?:bitte|erwarte|fordere|verlange|ersuche|setze|frist|antwort|antworten|rückmeldung|erstatt|überweis|haben sie (?:zeit|gelegenheit)|ansonsten|andernfalls|sonst|möchte|brauche|benötige|erwarten|fordern|verlangen|(?:sollte|wenn|falls)\b.{1,200}?\b(?:nicht|keine?n?|nichts)\b)",
        told=r"\b(?:versprochen|zugesagt|sagten|gesagt|hieß|sollte(?! .{1,200}?\b(?:nicht|kein))|hätte|hätten|wollten|agb|garantie|laut|gemäß|angekündigt|urlaub|verreist|abwesend|gültig|läuft)\b",
    ),
    "ru": DeadlineWords(
        months=("января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"),
        by=r"(?:до|не позднее|не позже|к)",
        after=rf"(?:конца дня|конца|{'|'.join(_WEEKDAYS['ru'].split())})",
        within=r"в течение",
        numbers={"одного": 1, "одной": 1, "двух": 2, "трёх": 3, "трех": 3, "четырёх": 4, "пяти": 5, "шести": 6, "семи": 7, "десяти": 10, "четырнадцати": 14, "тридцати": 30},
        days=r"(?:календарн(?:ых|ого) )?(?:дней|дня|суток)",
        working=r"рабоч(?:их|его) (?:дней|дня)",
        weeks=r"(?:недель|недели)",
        months_long=r"(?:месяца|месяцев)",
        hours=r"(?:часов|часа)",
        since=r"(?:со дня|с момента|с даты|после|от)(?! (?:получения (?:этого|настоящего|данного)|сегодня))",
        demand=r"(?<!\w)(?:прошу|просим|требую|требуем|жду|ждём|ждем|ожидаю|пожалуйста|ответ|верните|вернуть|даю вам|срок|иначе|в противном|нужн|должны|если(?!\w).{1,200}?(?<!\w)не(?!\w))",
        told=r"(?<!\w)(?:обещали|обещал|обещала|обещанн\w*|говорили|сказали|сказал|должны были|условиям|правилам|гарантии|согласно|якобы|отпуск\w*|действу\w*|отъезде)(?!\w)",
    ),
    "hu": DeadlineWords(
        months=("jan(?:uár)?", "febr?(?:uár)?", "márc(?:ius)?", "ápr(?:ilis)?", "máj(?:us)?", "jún(?:ius)?", "júl(?:ius)?", "aug(?:usztus)?", "szept(?:ember)?", "okt(?:óber)?", "nov(?:ember)?", "dec(?:ember)?"),
        by=r"legkésőbb",
        after=rf"(?:{'|'.join(_WEEKDAYS['hu'].split())})",
        ended=r"-?(?:j?ig|éig|jéig|áig|jáig|a előtt)",
        within=r"",
        numbers={"egy": 1, "két": 2, "kettő": 2, "három": 3, "négy": 4, "öt": 5, "hat": 6, "hét": 7, "nyolc": 8, "tíz": 10, "tizennégy": 14, "tizenöt": 15, "harminc": 30},
        days=r"(?:naptári )?nap(?:on)?",
        working=r"munkanap(?:on)?",
        weeks=r"héten|hét",
        months_long=r"hónapon|hónap",
        hours=r"órán|óra",
        within_end=r"belül",
        since=r"(?:a|az) \w+(?:tól|től)",
        demand=r"(?<!\w)(?:kérem|kérjük|várom|elvárom|követelem|felszólít\w*|válasz\w*|határidő\w*|fizess\w*|különben|ellenkező|szeretném|szíveskedj\w*|intézk\w*|küldj\w*|térít\w*|várjuk|javíts\w*|(?:ha|amennyiben)(?!\w).{1,200}?(?<!\w)nem(?!\w))",
        told=r"(?<!\w)(?:ígért\w*|megígért\w*|mondt\w*|mondott\w*|kellett volna|szerint|garanci\w*|aszf\w*|feltétel\w*|szabadság\w*|érvényes\w*)",
    ),
    "af": DeadlineWords(
        months=("jan(?:uarie)?", "feb(?:ruarie)?", "maart", "apr(?:il)?", "mei", "junie", "julie", "aug(?:ustus)?", "sept?(?:ember)?", "okt(?:ober)?", "nov(?:ember)?", "des(?:ember)?"),
        by=r"(?:teen|u het tot|voor of op|op of voor|nie later nie as|uiterlik)",
        before=r"voor",
        after=rf"(?:die|op|einde van|{'|'.join(_WEEKDAYS['af'].split())})",
        within=r"(?:binne|binne die volgende|in die volgende)",
        numbers={"'n": 1, "een": 1, "twee": 2, "drie": 3, "vier": 4, "vyf": 5, "ses": 6, "sewe": 7, "agt": 8, "tien": 10, "veertien": 14, "dertig": 30},
        days=r"(?:kalender)?da(?:e|g)",
        working=r"werksda(?:e|g)",
        weeks=r"we(?:ke|ek)",
        months_long=r"maande?",
        hours=r"u(?:re|ur)|uur",
        since=r"(?:van|vanaf|na|sedert)(?! (?:vandag|hierdie|ontvangs van hierdie|die datum van hierdie))",
        demand=r"(?<!\w)(?:asseblief|verwag|eis|vra|versoek|antwoord|terugbetaal|terugbetaling|sperdatum|u het|gee u|anders|indien nie|moet|wil|(?:as|indien|word)(?!\w).{1,200}?(?<!\w)nie(?!\w))",
        told=r"(?<!\w)(?:belowe|beloof|gesê|sou|moes|voorwaardes|waarborg|volgens|beleid|vakansie|weg|geldig)(?!\w)",
    ),
}
