"""The incidents in a copy of a ledger, read from its files without opening it."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from gateway.edge.codec import CodecError, decode
from gateway.edge.durable import Disk
from gateway.edge.ledger_store import SENDERS
from gateway.edge.shard import Shard
from gateway.errors import GatewayError
from gateway.records import Incident


def kept_incidents(folder: Path, since: datetime | None = None) -> Iterator[Incident]:
    """All incidents, in no order.

    Args:
        folder: of the copy.
        since: only those judged then or later.

    Raises:
        GatewayError: a file can't be understood.
    """
    for path in sorted((folder / SENDERS).glob("[0-9a-f]*.json")):
        try:
            for row in Shard(path, Disk()).rows("incidents"):
                incident = decode(Incident, row)
                if since is None or incident.at >= since:
                    yield incident
        except (CodecError, KeyError) as error:
            raise GatewayError(f"{path.name} of the ledger can't be understood: {error}") from error
