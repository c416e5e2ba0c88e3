"""Which set of rules somebody means: the one in force, the shipped one, a site folder, or a kept version."""

from dataclasses import replace
from pathlib import Path

from gateway.edge.rules_store import kept_rules
from gateway.edge.scorer import rules_folders
from gateway.edge.settings import Settings
from gateway.edge.weigher import Order
from gateway.errors import GatewayError
from gateway.mail.message import ReadingLimits

SHIPPED = "shipped"


def chosen(name: str | None, settings: Settings | None, in_force: Order | None) -> Order:
    """The order for a weigher of some set.

    Args:
        name: "shipped", a site folder, a version, or None for the rules in force.
        settings: of the site, None without a configuration.
        in_force: what the site's weighers are told; None without a configuration.

    Raises:
        GatewayError: there is no such set; the text says what to write.
    """
    order = in_force or Order(rules_folders(), ReadingLimits())
    if name is None:
        return order
    if name == SHIPPED:
        return replace(order, folders=rules_folders())
    if Path(name).is_dir():
        return replace(order, folders=rules_folders(Path(name)))
    if "/" in name or settings is None:
        hint = "" if "/" in name else "; to name a kept version, give --config"
        raise GatewayError(f"there is no folder {name}{hint}")
    kept = kept_rules(settings.state, name)
    return replace(order, folders=kept.folders, shown=kept.shown)
