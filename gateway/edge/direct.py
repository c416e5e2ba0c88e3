"""The office without a service: opens the ledger itself, for the length of one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.edge.downstream_pool import Pool
from gateway.edge.held import HeldFolder
from gateway.edge.identifier import many_of
from gateway.edge.office import Office
from gateway.edge.rules import load_rules
from gateway.edge.scorer import rules_folders
from gateway.edge.service import prepare_state, utc_now
from gateway.edge.settings import Settings
from gateway.edge.shadow_store import ShadowBook, ShadowStore
from gateway.edge.templates import Templates
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.writer import MailWriter, load_secret
from gateway.values import Envelope, Reply


@asynccontextmanager
async def direct_office(settings: Settings) -> AsyncIterator[Office]:
    """Open the office; its own mail waits in the outbox until a service runs.

    Raises:
        LedgerLocked: a service holds the ledger.
        LedgerFailed: the state folder or the ledger can't be opened.
        BadInput: rules or templates have errors.
    """
    folders = rules_folders(Path(settings.rules_dir) if settings.rules_dir else None)
    book, _ = load_rules(folders)
    templates = Templates(settings.language, settings.zone, Path(settings.templates_dir) if settings.templates_dir else None, settings.languages)
    prepare_state(settings)
    async with await TinyLedger.open(settings.ledger_folder, zone=settings.zone) as ledger:
        writer = MailWriter(settings, templates, load_secret(settings.state), utc_now)

        async def send(envelope: Envelope, message: bytes) -> Reply:
            pool = Pool(settings.downstream, settings.hostname)
            await pool.start()
            try:
                return await pool.send(envelope, message)
            finally:
                await pool.stop()

        yield Office(ledger, HeldFolder(settings.state), writer, lambda: book.policy, send, settings.hostname, utc_now, many=many_of(settings.identity), rules=lambda: book.scoring, trials=ShadowBook(ShadowStore(settings.state), utc_now))
