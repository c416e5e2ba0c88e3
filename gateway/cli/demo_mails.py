"""The mails of the demo: civil and abusive ones in six languages, a forger among them."""

from dataclasses import dataclass

BORDER = "mx.shop.example"


@dataclass(frozen=True, slots=True)
class DemoMail:
    """One mail of the demo; `verified` mails bear the border's word for their author."""

    language: str
    sender: str
    subject: str
    body: str
    verified: bool = True

    def message(self, number: int) -> bytes:
        """The complete message, CRLF lines."""
        domain = self.sender.rpartition("@")[2]
        lines = [
            *([f"Authentication-Results: {BORDER}; dmarc=pass header.from={domain}"] if self.verified else []),
            f"From: {self.sender}",
            "To: support@shop.example",
            f"Subject: {self.subject}",
            f"Message-ID: <demo.{number}@{domain}>",
            "Date: Mon, 23 Nov 2026 10:00:00 +0100",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            *self.body.split("\n"),
            "",
        ]
        return "\r\n".join(lines).encode()


MAILS = (
    DemoMail("en", "anna@client.example", "Order 40718", "Hello,\n\nonly one of two boxes arrived. Where is the other one?\n\nThank you\nAnna"),
    DemoMail("fr", "luc@client.example", "Ma commande", "Bonjour,\n\nje suis vraiment en colère, cela fait trois semaines que j'attends.\n\nCordialement\nLuc"),
    DemoMail("de", "jan@kunde.example", "Rechnung", "Guten Tag,\n\ndie Rechnung ist falsch. Bitte korrigieren Sie sie bis Freitag.\n\nJan"),
    DemoMail("ru", "olga@client.example", "Zakaz", "Здравствуйте,\n\nзаказ не пришёл. Если не ответите до пятницы, обращусь в Роспотребнадзор.\n\nОльга"),
    DemoMail("hu", "bela@client.example", "Szamla", "Tisztelt Ügyfélszolgálat!\n\nA számlám hibás, kérem a javítását.\n\nKöszönettel\nBéla"),
    DemoMail("af", "piet@client.example", "Bestelling", "Hallo,\n\nmy pakkie het nog nie aangekom nie. Kan julle asseblief kyk?\n\nDankie\nPiet"),
    DemoMail("en", "rob@client.example", "My parcel", "You are a bunch of idiots.\n\nPlease send the parcel to my new address in Leeds.\n\nRob"),
    DemoMail("fr", "guy@client.example", "Facture", "Vous êtes une bande d'abrutis.\n\nPouvez-vous me renvoyer la facture de mars ?"),
    DemoMail("de", "uwe@kunde.example", "Retoure", "Sie sind ein Vollidiot.\n\nBitte schicken Sie mir ein neues Retourenetikett."),
    DemoMail("ru", "igor@client.example", "Vozvrat", "Вы идиоты.\n\nПожалуйста, верните деньги за заказ 5512."),
    DemoMail("hu", "geza@client.example", "Reklamacio", "Maguk mind idióták.\n\nKérem, küldjék el az új készüléket."),
    DemoMail("af", "kobus@client.example", "Terugbetaling", "Julle is 'n klomp idiote.\n\nStuur asseblief my geld terug."),
    DemoMail("de", "uwe@kunde.example", "Retoure", "Immer noch nichts, Sie Idiot!\n\nWo bleibt das Etikett?"),
    DemoMail("de", "uwe@kunde.example", "Retoure", "Was sind Sie für ein Idiot?\n\nIch warte."),
    DemoMail("en", "anna@client.example", "forged", "You are idiots, all of you.\n\nSend me the money.", verified=False),
)
"""Enough for every rung but the block, which a person decides."""

AFTER_BLOCK = DemoMail("de", "uwe@kunde.example", "Retoure", "Guten Tag, ich frage noch einmal nach dem Etikett.\n\nUwe")
