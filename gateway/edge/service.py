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

from gateway.edge.case_desk import CaseDesk
from gateway.edge.control import ControlServer
from gateway.edge.desks import desks_of
from gateway.edge.dkim_signer import load_signer
from gateway.edge.downstream_pool import Pool
from gateway.edge.held import HeldFolder
from gateway.edge.identifier import identifier_of, many_of
from gateway.edge.logs import loop_trouble
from gateway.edge.measured import MeasuredReader, measured
from gateway.edge.metrics import Metrics
from gateway.edge.monitor import Monitor
from gateway.edge.notify import notify, passed_socket, watchdog_seconds
from gateway.edge.office import Office
from gateway.edge.outbox import Outbox
from gateway.edge.own_mailboxes import OwnMail
from gateway.edge.reader import ProcessReader, workers_wanted
from gateway.edge.recent import RecentMail
from gateway.edge.retention import purge_daily
from gateway.edge.rules_live import LiveRules
from gateway.edge.rules_store import RulesStore
from gateway.edge.scorer import rules_folders
from gateway.edge.settings import Settings
from gateway.edge.shadow import Shadow
from gateway.edge.shadow_store import ShadowStore
from gateway.edge.smtp_listener import Listener
from gateway.edge.smtp_recipients import Recipients
from gateway.edge.templates import Templates
from gateway.edge.timers import Timers
from gateway.edge.tinydb_ledger import TinyLedger
from gateway.edge.watch import Watcher
from gateway.edge.weigher import Order
from gateway.edge.writer import MailWriter, load_secret
from gateway.errors import BadInput, LedgerFailed
from gateway.gate import Gate, House
from gateway.mail.message import ReadingLimits

log = logging.getLogger("courtesy.service")

GRACE_SECONDS = 20.0


def utc_now() -> datetime:
    """The clock of the edge."""
    return datetime.now(UTC)


def house_of(settings: Settings) -> House:
    """What the path must know of the site."""
    addresses = settings.addresses
    own = {addresses.own(name) for name in ("complaints", "appeals", "report", "civil", "decisions")}
    own |= {addresses.support_mailbox.addr_spec, *(a for a in settings.accept.recipients if not a.startswith("@"))}
    return House(
        mode=settings.mode,
        hostname=settings.hostname,
        appeals=addresses.own("appeals"),
        own=frozenset(address.lower() for address in own),
        protected_addresses=frozenset({addresses.own("complaints").lower(), addresses.own("appeals").lower()}),
        mark=settings.courtesy_header,
        complaints=addresses.own("complaints").lower(),
    )


def order_of(settings: Settings) -> Order:
    """What the weighers are told."""
    limits = settings.limits
    reading = ReadingLimits(header_bytes=limits.header_bytes, parts=limits.parts, depth=limits.depth, text_characters=limits.text_characters)
    return Order(rules_folders(Path(settings.rules_dir) if settings.rules_dir else None), reading, settings.log)


@dataclass(eq=False)
class Running:
    """A running service: where it listens, and its parts for whoever embeds it."""

    settings: Settings
    ledger: TinyLedger
    held: HeldFolder
    reader: ProcessReader
    rules: LiveRules
    office: Office
    address: tuple[str, int] = ("", 0)
    monitor_address: tuple[str, int] | None = None
    reload_tls: Callable[[], bool] = lambda: False
    metrics: Metrics = field(default_factory=Metrics)
    shadow: Shadow | None = None


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
        BadInput: rules, templates or the DKIM key have errors; nothing is served then.
        LedgerFailed: the ledger can't be opened.
    """
    order = order_of(settings)
    templates = _templates(settings)
    signer = load_signer(settings.dkim)
    prepare_state(settings)
    ledger = await TinyLedger.open(settings.ledger_folder, clock=clock, zone=settings.zone)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(ledger.close)
        metrics = Metrics()
        ledger.observe = metrics.ledger_worked
        held = HeldFolder(settings.state)
        writer = MailWriter(settings, templates, load_secret(settings.state), clock, signer)
        reader = ProcessReader(order, workers_wanted(settings.limits.workers), settings.limits.weighing_seconds)
        stack.push_async_callback(reader.close)
        house = house_of(settings)
        store = RulesStore(settings.state)
        shadow = Shadow(order, store, ShadowStore(settings.state), settings.rules, settings.mode, house.own, reader, metrics, clock)
        rules = LiveRules(order, store, settings.rules.versions, reader, metrics, clock, lambda: shadow.spared)
        await _rules_in_force(rules, shadow, stack, watch=settings.rules.watch)
        timed = MeasuredReader(reader, metrics)
        pool = Pool(settings.downstream, settings.hostname)
        await pool.start()
        stack.push_async_callback(pool.stop)
        many = many_of(settings.identity)
        office = Office(ledger, held, writer, reader.policy, pool.send, settings.hostname, clock, many=many, rules=lambda: reader.scoring, trials=shadow)
        state = Running(settings, ledger, held, reader, rules, office, metrics=metrics, shadow=shadow)
        recent = RecentMail(settings.notices)
        desk = CaseDesk(ledger, writer, house.own, recent)
        identifier = identifier_of(settings.identity)
        gate = Gate(
            house=house,
            policy=reader.policy,
            reader=timed,
            identifier=identifier,
            ledger=ledger,
            held=held,
            writer=writer,
            own=OwnMail(Recipients(settings), held, ledger, writer, timed, clock, secrets.token_bytes, desk, desks_of(office, identifier, timed, secrets.token_bytes)),
            clock=clock,
            random=secrets.token_bytes,
            watch=metrics,
            recent=recent,
            cases=desk,
            onlooker=shadow,
        )
        outbox = Outbox(ledger, settings, clock=clock, observe=metrics.posted, signer=signer)
        sending = asyncio.create_task(outbox.run())
        stack.push_async_callback(_finish, outbox, sending)
        control = ControlServer(settings.state, _Control(state).call)
        await control.start()
        stack.push_async_callback(control.stop)
        purging = asyncio.create_task(purge_daily(lambda: office.call("ledger.purge", {}), metrics.purge_done))
        stack.push_async_callback(_cancelled, purging)
        stack.push_async_callback(_cancelled, asyncio.create_task(Timers(ledger, writer, clock).run()))
        listener = Listener(settings, measured(gate.handle, metrics), pool)
        listener.service.replied = metrics.replied
        watcher = Watcher(metrics, settings.mode.value, listener, pool, reader, ledger, held, clock)
        state.address = await listener.start(inherited)
        state.reload_tls = listener.reload_tls
        stack.push_async_callback(listener.stop, GRACE_SECONDS)
        if settings.metrics.address:
            monitor = Monitor(watcher.text, watcher.health)
            state.monitor_address = await monitor.start(settings.metrics.address)
            stack.push_async_callback(monitor.stop)
        yield state


def _templates(settings: Settings) -> Templates:
    templates = Templates(settings.language, settings.zone, Path(settings.templates_dir) if settings.templates_dir else None, settings.languages)
    for problem in templates.warnings:
        log.warning("%s", problem)
    return templates


async def _rules_in_force(rules: LiveRules, shadow: Shadow, stack: contextlib.AsyncExitStack, *, watch: bool) -> None:
    await shadow.look()  # before versions that nobody needs are removed
    await rules.start()
    if watch:
        stack.push_async_callback(_cancelled, asyncio.create_task(rules.watch()))
    stack.push_async_callback(shadow.close)
    await shadow.resume()


async def _finish(outbox: Outbox, sending: "asyncio.Task[None]") -> None:
    outbox.stop()
    try:
        await asyncio.wait_for(sending, GRACE_SECONDS)
    except TimeoutError:
        log.warning("the outbox was ended in the middle of a mail; it is tried again at the next start")


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


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
            return {"version": await self.state.rules.reload()}
        if name.startswith("rules.shadow.") and self.state.shadow is not None:
            return await self.state.shadow.call(name.removeprefix("rules.shadow."), arguments)
        if name == "service.status":
            return {"version": self.state.reader.version, "mode": self.state.settings.mode.value, "address": list(self.state.address)}
        return await self.state.office.call(name, arguments)


async def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; SIGHUP reloads the rules and the certificate.

    Args:
        settings: all settings in force.
        announce: told "listening on HOST:PORT" when the service is ready.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.set_exception_handler(loop_trouble)
    async with running(settings, inherited=passed_socket()) as state:
        loop.add_signal_handler(signal.SIGHUP, lambda: jobs.append(loop.create_task(_reload(state))))
        jobs: list[asyncio.Task[None]] = []
        host, port = state.address
        ready = f"listening on [{host}]:{port}" if ":" in host else f"listening on {host}:{port}"
        announce(ready)
        if state.monitor_address is not None:
            log.info("metrics and health on %s:%d", *state.monitor_address)
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
        if state.reload_tls():
            log.warning("certificate reloaded")
    except BadInput as error:
        log.error("the certificate was not reloaded, the old one stays in use:\n%s", error)  # noqa: TRY400 - the sentence says it all
    await state.rules.reload_unasked()
