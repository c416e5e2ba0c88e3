"""`courtesy demo`: a gateway and an inbox on loopback, and what becomes of some mails; nothing of it is staged."""

import asyncio
import email
import email.policy
import logging
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.plain import fail, plain
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.cli.demo_mails import DemoMail
    from gateway.edge.inbox import Arrived, Inbox
    from gateway.edge.service import Running

_PATIENCE = 20.0


@click.command()
@click.option("--keep", is_flag=True, help="Keep the folder with settings, ledger, held mail and all mails that arrived.")
def demo(*, keep: bool) -> None:
    """Play some mails of all six languages through a real gateway and show what happens to each."""
    logging.basicConfig(level=logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="courtesy-demo-"))
    try:
        asyncio.run(_play(folder, keep=keep))
    except GatewayError as error:
        fail(str(error))
    finally:
        if keep:
            click.echo(f"\nEverything is kept in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def settings_text(folder: Path, inbox_port: int) -> str:
    """The demo's settings file."""
    return f"""mode = "enforce"
hostname = "gw.shop.example"
state_dir = "{folder / "state"}"
time_zone = "Europe/Berlin"
[listen]
address = "127.0.0.1:0"
[downstream]
address = "127.0.0.1:{inbox_port}"
[accept]
recipients = ["support@shop.example"]
[identity]
trusted_authserv_ids = ["mx.shop.example"]
[addresses]
support = "Shop Support <support@shop.example>"
managers = ["boss@shop.example"]
"""


async def _play(folder: Path, *, keep: bool) -> None:
    from gateway.cli.demo_mails import AFTER_BLOCK, MAILS
    from gateway.edge.inbox import Inbox
    from gateway.edge.service import running
    from gateway.edge.settings import load_settings

    inbox = Inbox()
    await inbox.start()
    file = folder / "courtesy.toml"
    file.write_text(settings_text(folder, inbox.port), encoding="utf-8")
    click.echo("Starting a gateway before an inbox ...")
    try:
        async with running(load_settings(file)) as state:
            click.echo(f"gateway on 127.0.0.1:{state.address[1]}, inbox on 127.0.0.1:{inbox.port}; {len(MAILS) + 1} mails by SMTP:\n")
            for number, mail in enumerate(MAILS, 1):
                await _one(state, inbox, number, mail)
            await state.office.sender_block(AFTER_BLOCK.sender, "the demo's manager")
            click.echo(f"    -- a manager blocks {AFTER_BLOCK.sender} (courtesy sender block) --")
            await _one(state, inbox, len(MAILS) + 1, AFTER_BLOCK)
            await _outbox_empty(state)
            _show_own_mail([mail for mail in inbox.mails if mail.sender == ""])
            if keep:
                _keep(folder / "inbox", inbox)
    finally:
        await inbox.stop()


async def _one(state: "Running", inbox: "Inbox", number: int, mail: "DemoMail") -> None:
    """Send one mail by SMTP and say what became of it, by what the client, the inbox and the held folder say."""
    import aiosmtplib

    message = mail.message(number)
    before = {id(arrived) for arrived in inbox.mails}
    held_before = {held.id for held in await state.held.held()}
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=state.address[1], local_hostname="client.example", use_tls=False, start_tls=False)
    async with client:
        try:
            await client.sendmail(mail.sender, ["support@shop.example"], message)
            reply = "250"
        except aiosmtplib.SMTPResponseException as error:
            reply = f"{error.code} {error.message}"
    arrived = [new for new in inbox.mails if id(new) not in before and "support@shop.example" in new.recipients]
    held = [new for new in await state.held.held() if new.id not in held_before]
    if held:
        fate = f"held       as {held[0].id}"
    elif not arrived:
        fate = f"refused    {reply}"
    elif arrived[0].message.replace(b"\r\n", b"\n").endswith(message.replace(b"\r\n", b"\n")):
        fate = "delivered  untouched"
    else:
        parsed = email.message_from_bytes(arrived[0].message, policy=email.policy.default)
        fate = f"folded     {parsed['Subject']}"
    click.echo(plain(f"{number:3} {mail.language}  {mail.subject:18} {mail.sender:22} {fate}"))


async def _outbox_empty(state: "Running") -> None:
    async with asyncio.timeout(_PATIENCE):
        while await state.ledger.waiting():  # noqa: ASYNC110 - the ledger tells nobody when it is empty
            await asyncio.sleep(0.05)


def _show_own_mail(mails: "list[Arrived]") -> None:
    click.echo(f"\nThe gateway wrote {len(mails)} mails:")
    for mail in mails:
        parsed = email.message_from_bytes(mail.message, policy=email.policy.default)
        click.echo(plain(f"\n--- to {', '.join(mail.recipients)}: {parsed['Subject']}"))
        body = parsed.get_body(("plain",))
        if body is not None:
            click.echo(plain("\n".join(f"    {line}".rstrip() for line in str(body.get_content()).strip().splitlines())))


def _keep(folder: Path, inbox: "Inbox") -> None:
    folder.mkdir()
    for number, mail in enumerate(inbox.mails, 1):
        (folder / f"{number:02}.eml").write_bytes(mail.message)
