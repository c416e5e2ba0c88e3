"""The ports of the path with a stop-watch: the same reader and the same delivery, and the metrics are told."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.edge.metrics import Metrics
from gateway.edge.smtp_service import Handler
from gateway.ports import Delivery, Reader
from gateway.values import Assessment, Envelope, Reading, Reply


@dataclass(frozen=True, slots=True)
class MeasuredReader:
    """A `gateway.ports.Reader`."""

    reader: Reader
    metrics: Metrics

    async def weigh(self, message: bytes, return_path: str) -> tuple[Reading, Assessment]:
        """Read and weigh."""
        begun = time.monotonic()
        reading, assessment = await self.reader.weigh(message, return_path)
        self.metrics.weighed(assessment, time.monotonic() - begun)
        return reading, assessment


@dataclass(frozen=True, slots=True)
class _MeasuredDelivery:
    delivery: Delivery
    metrics: Metrics

    async def deliver(self, recipients: Sequence[str], message: bytes) -> Reply:
        """Hand a message to the mailbox server."""
        begun = time.monotonic()
        try:
            return await self.delivery.deliver(recipients, message)
        finally:
            self.metrics.downstream_seconds.observe(time.monotonic() - begun)


def measured(handler: Handler, metrics: Metrics) -> Handler:
    """A path whose time is taken.

    Args:
        handler: the path.
        metrics: are told how long each mail took, and its delivery.
    """

    async def handle(envelope: Envelope, message: bytes, delivery: Delivery) -> Reply:
        begun = time.monotonic()
        try:
            return await handler(envelope, message, _MeasuredDelivery(delivery, metrics))
        finally:
            metrics.mail_seconds.observe(time.monotonic() - begun)

    return handle
