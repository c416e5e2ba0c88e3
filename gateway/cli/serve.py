"""`courtesy serve`: run the gateway."""

import asyncio
import errno
import sys
from pathlib import Path

import click

from gateway.cli.plain import fail
from gateway.edge.settings import load_settings
from gateway.errors import GatewayError


@click.command()
@click.option("--config", required=True, envvar="COURTESY_CONFIG", type=click.Path(path_type=Path), help="The settings file.")
def serve(config: Path) -> None:
    """Run the gateway until it is told to stop."""
    from gateway.edge.logs import set_up
    from gateway.edge.service import serve as run

    try:
        settings = load_settings(config)
        set_up(settings.log)
        runner = asyncio.Runner(loop_factory=_loop_factory())
        with runner:
            runner.run(run(settings, lambda line: print(line, file=sys.stderr, flush=True)))
    except GatewayError as error:
        fail(str(error))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fail(f"can't listen on {settings.listen.address}: another program listens there; stop it or change listen.address")
        fail(f"can't listen or reach what is needed: {error.strerror or error}")


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    loop: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return loop
