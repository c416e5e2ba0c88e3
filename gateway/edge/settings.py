"""The settings file: one typed tree with its defaults in one place, every error at once with file and line."""

import re
import tomllib
from email.headerregistry import Address
from email.utils import parseaddr
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from gateway.edge.known_keys import nearest
from gateway.edge.languages import LANGUAGES, new_language
from gateway.edge.toml_lines import Lines, explain, toml_problem
from gateway.errors import BadInput, Problem
from gateway.values import Mode

_ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\x00-\x20\x7f]+@[^@\s<>\"(),:;\\\x00-\x20\x7f]+")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError('is not a mail address; write it as "name@domain.example"')
    local, domain = value.rsplit("@", 1)
    return f"{local}@{domain.lower()}"


def _recipient(value: str) -> str:
    return "@" + value[1:].lower() if value.startswith("@") and len(value) > 1 and "@" not in value[1:] else _address(value)


def _many(value: str) -> str:
    return value.lower() if re.fullmatch(r"[^@\s]+@", value) else _recipient(value)


def _named_address(value: str) -> str:
    if any(ord(character) < 32 for character in value):
        raise ValueError("has a control character in it")
    _address(parseaddr(value)[1])
    return value


def _host_port(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError('is not HOST:PORT; write for example "127.0.0.1:2525" or "[::1]:2525"')
    return value


def _loopback(value: str) -> str:
    host, _ = split_host_port(_host_port(value))
    if host not in {"localhost", "::1"} and not host.startswith("127."):
        raise ValueError('must be on loopback, for example "127.0.0.1:9188": there is no log-in; a proxy may carry it further')
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError('is not a time zone; write for example "Europe/Berlin" or "UTC"')
    return value


def _host_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", value):
        raise ValueError('is not a host name; write for example "gw.shop.example"')
    return value


def _web_address(value: str) -> str:
    if value and not re.fullmatch(r"https?://[\x21-\x7e]+", value):
        raise ValueError("must be an http or https address")
    return value


def _with_libraries(value: bool) -> bool:  # noqa: FBT001 - a setting's value
    missing = [name for name in ("dkim", "dns", "publicsuffixlist") if value and find_spec(name) is None]
    if missing:
        raise ValueError(f"needs {' and '.join(missing)}; install courtesy-gateway[border]")
    return value


def _network(value: str) -> str:
    try:
        return str(ip_network(value))
    except ValueError:
        raise ValueError('is not a network; write for example "10.0.0.0/8" or "192.0.2.7"') from None


def _together(value: str, other: str, names: str) -> str:
    if bool(value) != bool(other):
        raise ValueError(f"stands alone: {names} go together; give both or none")
    return value


def _one_of_ours(value: str, info: ValidationInfo, which: str = "") -> str:
    known = (*LANGUAGES, *info.data.get("languages", ()))
    # a wrong list of languages is an error of its own
    if value not in known and "languages" in info.data:
        raise ValueError(f"{which}is none of {', '.join(known)}; another language is added as docs/new-language.md says")
    return value


MailAddress = Annotated[str, AfterValidator(_address)]
MaybeAddress = Annotated[str, AfterValidator(lambda value: _address(value) if value else "")]
MaybeHostPort = Annotated[str, AfterValidator(lambda value: _host_port(value) if value else "")]
Second = Annotated[str, Field(validate_default=True)]
"""The second of two keys that go together; it is looked at even when it isn't given."""
HostPort = Annotated[str, AfterValidator(_host_port)]
MaybeLoopback = Annotated[str, AfterValidator(lambda value: _loopback(value) if value else "")]
_A_LIST = Field(strict=False)
"""TOML has lists where we keep tuples."""

HostName = Annotated[str, AfterValidator(_host_name)]


def split_host_port(value: str) -> tuple[str, int]:
    """Split "HOST:PORT" or "[v6]:PORT" as validated into host and port."""
    host, _, port = value.rpartition(":")
    return host.strip("[]"), int(port)


class _Section(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Listen(_Section):
    """Where clients connect."""

    address: HostPort = "127.0.0.1:2525"
    tls_cert: str = ""
    tls_key: Second = ""
    proxy_protocol: bool = False
    xclient_hosts: Annotated[tuple[str, ...], _A_LIST] = ()

    @field_validator("tls_key")
    @classmethod
    def _pair(cls, value: str, info: ValidationInfo) -> str:
        return _together(value, info.data.get("tls_cert", value), "tls_cert and tls_key")


class Downstream(_Section):
    """The mailbox server behind us."""

    address: HostPort
    tls: Literal["none", "starttls", "implicit"] = "none"
    tls_verify: bool = True
    connections: int = Field(default=20, ge=1, le=1000)
    timeout_seconds: int = Field(default=60, ge=1, le=3600)


class Outbound(_Section):
    """The route of our own mail; an empty address means downstream's."""

    address: MaybeHostPort = ""
    tls: Literal["none", "starttls", "implicit"] = "none"
    tls_verify: bool = True
    username: str = ""
    password_file: Second = ""

    @field_validator("password_file")
    @classmethod
    def _pair(cls, value: str, info: ValidationInfo) -> str:
        return _together(value, info.data.get("username", value), "username and password_file")


class Accept(_Section):
    """For whom we take mail: addresses, or "@domain" for a whole domain. Nothing else is relayed."""

    recipients: Annotated[tuple[Annotated[str, AfterValidator(_recipient)], ...], Field(strict=False, min_length=1)]


class IdentitySettings(_Section):
    """Whose word about the author counts, and what is checked by ourselves where the gateway is the border."""

    trusted_authserv_ids: Annotated[tuple[str, ...], _A_LIST] = ()
    microsoft_border: Annotated[str, AfterValidator(lambda value: _host_name(value) if value else "")] = ""
    arc_sealers: Annotated[tuple[HostName, ...], _A_LIST] = ()
    own_checks: Annotated[bool, AfterValidator(_with_libraries)] = False
    nameservers: Annotated[tuple[Annotated[str, AfterValidator(_host_port)], ...], _A_LIST] = ()
    dns_seconds: float = Field(default=5.0, gt=0, le=60)
    many_people: Annotated[tuple[Annotated[str, AfterValidator(_many)], ...], _A_LIST] = ()


class Addresses(_Section):
    """Who we are and who decides; empty ones default to <local>+name@<domain> of support."""

    support: Annotated[str, AfterValidator(_named_address)]
    managers: Annotated[tuple[MailAddress, ...], _A_LIST] = ()
    complaints: MaybeAddress = ""
    appeals: MaybeAddress = ""
    report: MaybeAddress = ""
    civil: MaybeAddress = ""
    decisions: MaybeAddress = ""
    policy_url: Annotated[str, AfterValidator(_web_address)] = ""

    @property
    def support_mailbox(self) -> Address:
        """Display name and address of the support contact."""
        name, address = parseaddr(self.support)
        return Address(display_name=name, addr_spec=_address(address))

    def own(self, name: Literal["complaints", "appeals", "report", "civil", "decisions"]) -> str:
        """The address of one of the gateway's own mailboxes."""
        configured: str = getattr(self, name)
        if configured:
            return configured
        support = self.support_mailbox
        return f"{support.username}+{name}@{support.domain}"


class LedgerSettings(_Section):
    """Where the ledger lives, under state_dir."""

    url: str = Field(default="tinydb:ledger", pattern=r"^tinydb:[A-Za-z0-9._-]+$")


class MetricsSettings(_Section):
    """Where a monitor on this host asks for metrics and health; nowhere unless an address is given."""

    address: MaybeLoopback = ""


class LogSettings(_Section):
    """What is written to standard error, a line an event."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"
    addresses: Literal["none", "domain", "full"] = "domain"


class RulesSettings(_Section):
    """How rules go live, and how long they are remembered."""

    watch: bool = False
    versions: int = Field(default=50, ge=1)
    shadow: bool = True
    shadow_waiting: int = Field(default=100, ge=1, le=10_000)


class RetentionSettings(_Section):
    """How many days each class of data is kept (policy point R6); 0: until a person removes it."""

    incidents_days: int = Field(default=365, ge=0)
    excerpts_days: int = Field(default=90, ge=0)
    evidence_days: int = Field(default=730, ge=0)
    held_days: int = Field(default=0, ge=0)
    released_days: int = Field(default=30, ge=0)
    mailbox_days: int = Field(default=365, ge=0)
    delivery_keys_days: int = Field(default=7, ge=7)
    sent_days: int = Field(default=30, ge=7, le=30)
    senders_days: int = Field(default=365, ge=0)
    cases_days: int = Field(default=730, ge=0)
    counters_days: int = Field(default=730, ge=0)


class CaseSettings(_Section):
    """How complaints, appeals and legal notices become cases, and by when they are answered."""

    complaint_days: int = Field(default=14, ge=1, le=365)
    appeal_days: int = Field(default=14, ge=1, le=365)
    care_days: int = Field(default=1, ge=1, le=365)
    owner: MaybeAddress = ""
    acknowledge: bool = False


class NoticeSettings(_Section):
    """How much we write by ourselves, so that nothing of ours becomes a nuisance or a loop (RFC 3834 section 2)."""

    per_hour: int = Field(default=200, ge=0)
    per_peer: int = Field(default=4, ge=1)
    same_text_hours: int = Field(default=24, ge=0, le=168)


class DkimSettings(_Section):
    """The key with which our own mail is signed (RFC 6376); without one it isn't."""

    domain: Annotated[str, AfterValidator(lambda value: _host_name(value).lower() if value else "")] = ""
    selector: str = Field(default="", pattern=r"^([A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?)?$")
    key_file: Second = ""

    @field_validator("key_file")
    @classmethod
    def _all(cls, value: str, info: ValidationInfo) -> str:
        if len({bool(value), *(bool(info.data.get(name, value)) for name in ("domain", "selector"))}) > 1:
            raise ValueError("domain, selector and key_file go together; give all three or none")
        return value


class DigestSettings(_Section):
    """The weekly digest to the managers; when it is sent is a matter of the timer."""

    language: str = ""
    decide_days: int = Field(default=5, ge=1, le=60)


class StaffSettings(_Section):
    """Whose reports count: colleagues, by the domain of their verified address."""

    domains: Annotated[tuple[Annotated[str, AfterValidator(lambda value: _host_name(value).lower())], ...], _A_LIST] = ()
    networks: Annotated[tuple[Annotated[str, AfterValidator(_network)], ...], _A_LIST] = ()
    reports: Literal["propose", "count"] = "propose"


class Limits(_Section):
    """What one client or one mail may ask of us."""

    size: int = Field(default=50_000_000, ge=1_000)
    recipients: int = Field(default=100, ge=1)
    connections: int = Field(default=500, ge=1)
    connections_per_address: int = Field(default=100, ge=1)
    commands: int = Field(default=1_000, ge=10)
    errors: int = Field(default=20, ge=1)
    idle_seconds: float = Field(default=300.0, gt=0)
    total_seconds: float = Field(default=1_800.0, gt=0)
    hops: int = Field(default=30, ge=5)
    header_bytes: int = Field(default=262_144, ge=1_000)
    parts: int = Field(default=500, ge=1)
    depth: int = Field(default=30, ge=1)
    text_characters: int = Field(default=400_000, ge=1_000)
    memory: int = Field(default=500_000_000, ge=1_000_000)
    weighing_seconds: float = Field(default=15.0, gt=0)
    workers: int = Field(default=0, ge=0, le=64)


class Settings(_Section):
    """All settings in force."""

    mode: Annotated[Mode, Field(strict=False)] = Mode.OBSERVE
    hostname: HostName = "localhost"
    state_dir: str = "/var/lib/courtesy"
    languages: Annotated[tuple[Annotated[str, AfterValidator(new_language)], ...], _A_LIST] = ()
    language: str = "en"
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    courtesy_header: bool = True
    rules_dir: str = ""
    templates_dir: str = ""
    listen: Listen = Listen()
    downstream: Downstream
    outbound: Outbound = Outbound()
    accept: Accept
    identity: IdentitySettings = IdentitySettings()
    addresses: Addresses
    ledger: LedgerSettings = LedgerSettings()
    limits: Limits = Limits()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()
    rules: RulesSettings = RulesSettings()
    retention: RetentionSettings = RetentionSettings()
    digest: DigestSettings = DigestSettings()
    staff: StaffSettings = StaffSettings()
    notices: NoticeSettings = NoticeSettings()
    dkim: DkimSettings = DkimSettings()
    cases: CaseSettings = CaseSettings()

    @field_validator("language")
    @classmethod
    def _known(cls, value: str, info: ValidationInfo) -> str:
        return _one_of_ours(value, info)

    @field_validator("digest")
    @classmethod
    def _known_to_the_digest(cls, value: DigestSettings, info: ValidationInfo) -> DigestSettings:
        if value.language:
            _one_of_ours(value.language, info, "language ")
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def state(self) -> Path:
        """The folder of everything durable."""
        return Path(self.state_dir)

    @property
    def ledger_folder(self) -> Path:
        """The ledger's folder."""
        return self.state / self.ledger.url.removeprefix("tinydb:")

    @property
    def route_out(self) -> Outbound:
        """The route of our own mail with downstream's address filled in when none is given."""
        if self.outbound.address:
            return self.outbound
        return Outbound(address=self.downstream.address, tls=self.downstream.tls, tls_verify=self.downstream.tls_verify)


def load_settings(path: Path) -> Settings:
    """Read a settings file.

    Args:
        path: a TOML file.

    Returns:
        Settings: checked, with defaults filled in.

    Raises:
        BadInput: with every problem at once, each with its line.
    """
    name = str(path)
    try:
        source = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput((Problem(name, 0, f"can't be read: {error.strerror}; name an existing TOML file"),)) from None
    except UnicodeDecodeError:
        raise BadInput((Problem(name, 0, "is not UTF-8 text; save it as UTF-8"),)) from None
    return parse_settings(source, name)


def parse_settings(source: str, name: str) -> Settings:
    """Read settings from text; see load_settings."""
    try:
        tree = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise BadInput((toml_problem(name, error),)) from None
    lines = Lines(source)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        details = error.errors()
        places = {detail["loc"][:-1] for detail in details}
        # a list whose entries are all bad is not "too short" as well
        told = [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in places]
        problems = sorted((explain(name, lines, detail, nearest(Settings, detail["loc"])) for detail in told), key=lambda problem: problem.line)
        raise BadInput(tuple(problems)) from None
