"""The service put together: sockets, pool, weighers, ledger, outbox and control socket around the path."""

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.edge.control import ControlServer
from gateway.edge.downstream_pool import Pool
from gateway.edge.held import HeldFolder
from gateway.edge.identifier import HeaderIdentifier
from gateway.edge.notify import notify, watchdog_seconds
from gateway.edge.office import Office
from gateway.edge.outbox import Outbox
from gateway.edge.own_mailboxes import OwnMail
from gateway.edge.reader import ProcessReader, workers_wanted
from gateway.edge.rules import load_rules
from gateway.edge.scorer import rules_folders
from gateway.edge.settings import Settings
from gateway.edge.smtp_listener import Listener
from gateway.edge.smtp_recipients import Recipients
from gateway.edge.templates import Templates
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.weigher import Order
from gateway.edge.writer import MailWriter, load_secret
from gateway.errors import BadInput, GatewayError, LedgerFailed, Problem
from gateway.gate import Gate, House
from gateway.mail.message import ReadingLimits
from gateway.values import Policy

log = logging.getLogger("courtesy.service")

GRACE_SECONDS = 20.0


def utc_now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)


def house_of(settings: Settings, domain: str) -> House:
    """What the path must know of the site."""
    addresses = settings.addresses
    own = {addresses.own(name) for name in ("complaints", "appeals", "report", "civil", "decisions")}
    own |= {addresses.support_mailbox.addr_spec, *(a for a in settings.accept.recipients if not a.startswith("@"))}
    return House(
        mode=settings.mode,
        hostname=settings.hostname,
        domain=domain,
        appeals=addresses.own("appeals"),
        own=frozenset(address.lower() for address in own),
        protected_addresses=frozenset({addresses.own("complaints").lower(), addresses.own("appeals").lower()}),
        mark=settings.courtesy_header,
    )


def order_of(settings: Settings) -> Order:
    """What the weighers are told."""
    limits = settings.limits
    reading = ReadingLimits(header_bytes=limits.header_bytes, parts=limits.parts, depth=limits.depth, text_characters=limits.text_characters)
    return Order(rules_folders(Path(settings.rules_dir) if settings.rules_dir else None), reading)


@dataclass(eq=False)
class Running:
    """A running service: where it listens, and its parts for whoever embeds it."""

    settings: Settings
    ledger: TinyLedger
    held: HeldFolder
    reader: ProcessReader
    office: Office
    address: tuple[str, int] = ("", 0)
    _policy: Policy | None = None
    problems: list[Problem] = field(default_factory=list)

    def policy(self) -> Policy:
        """The policy in force."""
        assert self._policy is not None  # noqa: S101 - set before anything is served
        return self._policy


@asynccontextmanager
async def running(
    settings: Settings, *, clock: Callable[[], datetime] = utc_now, inherited: socket.socket | None = None
) -> AsyncIterator[Running]:
    """Run a service for the length of a block.

    Args:
        settings: all settings in force.
        clock: aware time; tests bring their own.
        inherited: a listening socket that systemd opened.

    Raises:
        BadInput: rules or templates have errors; nothing is served then.
        LedgerFailed: the ledger can't be opened.
    """
    order = order_of(settings)
    book, _ = await asyncio.to_thread(load_rules, order.folders)
    templates = Templates(settings.language, settings.zone, Path(settings.templates_dir) if settings.templates_dir else None)
    prepare_state(settings)
    ledger = await TinyLedger.open(settings.ledger_folder, clock=clock, zone=settings.zone)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(ledger.close)
        held = HeldFolder(settings.state)
        writer = MailWriter(settings, templates, load_secret(settings.state), clock)
        reader = ProcessReader(order, workers_wanted(settings.limits.workers), settings.limits.weighing_seconds)
        stack.push_async_callback(reader.close)
        await reader.start()
        pool = Pool(settings.downstream, settings.hostname)
        await pool.start()
        stack.push_async_callback(pool.stop)
        office = Office(ledger, held, writer, lambda: state.policy(), pool.send, settings.hostname, clock)  # noqa: PLW0108 - state comes later
        state = Running(settings, ledger, held, reader, office, _policy=book.policy)
        gate = Gate(
            house=house_of(settings, writer.domain),
            policy=state.policy,
            reader=reader,
            identifier=HeaderIdentifier(frozenset(name.lower() for name in settings.identity.trusted_authserv_ids)),
            ledger=ledger,
            held=held,
            writer=writer,
            own=OwnMail(Recipients(settings), held, ledger, writer, reader, clock, secrets.token_bytes),
            clock=clock,
            random=secrets.token_bytes,
        )
        outbox = Outbox(ledger, settings, clock=clock)
        sending = asyncio.create_task(outbox.run())
        stack.push_async_callback(_finish, outbox, sending)
        control = ControlServer(settings.state, _Control(state).call)
        await control.start()
        stack.push_async_callback(control.stop)
        listener = Listener(settings, gate.handle, pool)
        state.address = await listener.start(inherited)
        stack.push_async_callback(listener.stop, GRACE_SECONDS)
        yield state


async def _finish(outbox: Outbox, sending: "asyncio.Task[None]") -> None:
    outbox.stop()
    try:
        await asyncio.wait_for(sending, GRACE_SECONDS)
    except TimeoutError:
        log.warning("the outbox was ended in the middle of a mail; it is tried again at the next start")


def prepare_state(settings: Settings) -> None:
    """Make the state folder, readable by us alone.

    Raises:
        LedgerFailed: it can't be made.
    """
    try:
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LedgerFailed(f"the state folder {settings.state} can't be made: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class _Control:
    """What may be asked over the control socket: the office's operations and the service's own."""

    state: Running

    async def call(self, name: str, arguments: dict[str, Any]) -> Any:
        if name == "rules.reload":
            return {"version": await reload_rules(self.state)}
        if name == "service.status":
            return {"version": self.state.reader.version, "mode": self.state.settings.mode.value, "address": list(self.state.address)}
        return await self.state.office.call(name, arguments)


async def reload_rules(state: Running) -> str:
    """Check the rules in full and put them in force; on any error the old ones stay.

    Raises:
        BadInput: with every error.
    """
    order = order_of(state.settings)
    book, _ = await asyncio.to_thread(load_rules, order.folders)
    version = await state.reader.reload(order)
    state._policy = book.policy  # noqa: SLF001 - the one place where the policy changes
    return version


async def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reloads the rules.

    Args:
        settings: all settings in force.
        announce: told "listening on HOST:PORT" when the service is ready.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running(settings) as state:
        loop.add_signal_handler(signal.SIGHUP, lambda: jobs.append(loop.create_task(_reload(state))))
        jobs: list[asyncio.Task[None]] = []
        host, port = state.address
        ready = f"listening on [{host}]:{port}" if ":" in host else f"listening on {host}:{port}"
        announce(ready)
        notify("READY=1", f"STATUS={ready}")
        if seconds := watchdog_seconds():
            jobs.append(loop.create_task(_alive(seconds)))
        await stop.wait()
        notify("STOPPING=1")
        for job in jobs:
            job.cancel()


async def _alive(seconds: float) -> None:
    """Tell systemd from the loop itself that it turns: a stalled one is restarted."""
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(seconds)


async def _reload(state: Running) -> None:
    try:
        log.warning("rules reloaded, version %s", await reload_rules(state))
    except BadInput as error:
        log.error("the rules were not reloaded, the old ones stay in force:\n%s", error)  # noqa: TRY400 - the sentence says it all
    except GatewayError as error:
        log.error("the rules were not reloaded: %s", error)  # noqa: TRY400 - the sentence says it all
