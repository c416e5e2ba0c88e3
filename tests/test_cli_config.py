"""`courtesy config`: every error at once with its line; what is in force with its defaults."""

import json
import re

import pytest
from click.testing import CliRunner
from gateway_process import settings

from gateway.cli.main import main

MINIMAL = """[downstream]
address = "127.0.0.1:1025"
[accept]
recipients = ["support@shop.example"]
[addresses]
support = "Shop Support <support@shop.example>"
managers = ["boss@shop.example"]
"""
LINE = re.compile(r"[^\n:]+(:[1-9]\d*)?: (error|warning): [^\n]+")


def config(*arguments):
    return CliRunner().invoke(main, ["config", *(str(a) for a in arguments)], catch_exceptions=False)


@pytest.fixture
def check(tmp_path):
    file = tmp_path / "courtesy.toml"

    def checked(text: str | bytes):
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = config("check", file)
        assert all(LINE.fullmatch(line) for line in done.stdout.splitlines()), done.stdout
        return done.exit_code, [line.removeprefix(f"{file}:").removeprefix(" ") for line in done.stdout.splitlines()]

    return checked


def test_the_least_that_works(check):
    assert check(MINIMAL) == (0, [])


def test_windows_line_ends_and_a_byte_order_mark(check):
    assert check(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode()) == (0, [])


def test_what_has_no_default_is_asked_for_all_at_once(check):
    code, lines = check('hostname = "gw.shop.example"\n')
    assert code == 1
    assert lines == [f"error: {name} is missing and has no default; add it" for name in ("downstream", "accept", "addresses")]


def test_every_error_at_once(check):
    code, lines = check(
        """mode = "enfroce"
hostname = "gw shop"
language = "it"
time_zone = "Europe/Berln"
modus = 1
[listen]
address = "127.0.0.1"
tls_cert = "cert.pem"
[downstream]
address = "127.0.0.1:99999"
tls = "yes"
connections = 0
timeout_seconds = "60"
[accept]
recipients = ["support@shop.example", "not an address", "@"]
[addresses]
support = "Shop Support"
managers = "boss@shop.example"
policy_url = "shop.example/policy"
[ledger]
url = "postgres://x"
[limits]
size = 1.5
wrokers = 2
"""
    )
    assert code == 1
    told = {line.split(": error: ")[0]: line.split(": error: ")[1] for line in lines}
    assert sorted(int(line) for line in told) == [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 15, 17, 18, 19, 21, 23, 24], lines
    assert told["1"] == "mode must be 'observe', 'enforce' or 'pass', not 'enfroce'"
    assert told["4"].startswith("time_zone is not a time zone")
    assert told["5"] == "modus is not a known key; did you mean mode?"
    assert told["10"].startswith("downstream.address is not HOST:PORT")
    assert told["13"] == "downstream.timeout_seconds must be a whole number, not '60'"
    assert told["18"] == "addresses.managers must be a list in [brackets], not 'boss@shop.example'"
    assert told["24"] == "limits.wrokers is not a known key; did you mean workers?"


@pytest.mark.parametrize(
    ("old", "new", "line", "text"),
    [
        ("[downstream]", "[downstream", 1, "not valid TOML"),
        ('support = "Shop Support <support@shop.example>"', 'support = "Shop"', 6, "addresses.support is not a mail address"),
        ('support = "Shop Support <support@shop.example>"', 'support = "Shop\\nBcc: x <support@shop.example>"', 6, "control character"),
        ('["support@shop.example"]', "[]", 4, "accept.recipients"),
        ('["support@shop.example"]', '["a@b@c"]', 4, "is not a mail address"),
        ('["support@shop.example"]', "[5]", 4, 'must be a text in "quotes"'),
        ('"127.0.0.1:1025"', '":1025"', 2, "is not HOST:PORT"),
        ('"127.0.0.1:1025"', "1025", 2, 'must be a text in "quotes", not 1025'),
        ("[accept]", "[downstream]", 3, "not valid TOML"),
        ("[addresses]", '[addresses]\nappeals = "nobody"', 6, "is not a mail address"),
        ("[accept]", '[outbound]\naddress = "127.0.0.1"\n[accept]', 4, "is not HOST:PORT"),
        ("[accept]", '[outbound]\nusername = "x"\n[accept]', 3, "username and password_file go together"),
        ("[accept]", '[listen]\ntls_key = "x"\n[accept]', 4, "tls_cert and tls_key go together"),
        ("[accept]", '[ledger]\nurl = "tinydb:../../etc"\n[accept]', 4, "ledger.url"),
        ("[accept]", "[limits]\nidle_seconds = -1\n[accept]", 4, "limits.idle_seconds"),
        ("[accept]", "[limits]\nrecipients = true\n[accept]", 4, "must be a whole number, not True"),
        ("[accept]", "[identity]\ntrusted_authserv_ids = [1]\n[accept]", 4, 'must be a text in "quotes"'),
        ("[accept]", "[[accept]]", 3, "accept"),
    ],
)
def test_one_error_and_its_line(check, old, new, line, text):
    assert old in MINIMAL
    code, lines = check(MINIMAL.replace(old, new, 1))
    assert code == 1
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"{line}: error: ")
    assert text in lines[0]


def test_a_folder_of_rules_that_is_not_there(check, tmp_path):
    text = f'rules_dir = "{tmp_path}/rules"\n{MINIMAL}'
    assert check(text) == (1, [f"error: rules_dir: {tmp_path}/rules is not a folder; make it, or name the folder of your rules"])
    (tmp_path / "rules").mkdir()
    assert check(text)[0] == 0


def test_what_is_allowed_and_worth_a_word(check):
    code, lines = check('mode = "enforce"\n' + MINIMAL.replace('managers = ["boss@shop.example"]\n', ""))
    assert code == 0
    assert [line.split(" is empty")[0] for line in lines] == ["warning: addresses.managers", "warning: identity.trusted_authserv_ids"]


def test_a_file_that_cant_be_read(tmp_path):
    file = tmp_path / "courtesy.toml"
    file.write_bytes(b"\xff\xfe")
    done = config("check", file)
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{file}: error: is not UTF-8 text")


@pytest.mark.parametrize("command", ["check", "show"])
def test_a_file_that_isnt_there_is_wrong_usage(tmp_path, command):
    done = config(command, tmp_path / "courtesy.toml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "does not exist" in done.stderr


def test_usage():
    assert config("check").exit_code == 2
    assert config("explode").exit_code == 2


def test_terminal_controls_in_a_file_stay_there(check):
    _, lines = check(MINIMAL.replace("[accept]", '"evil\\u001b[31m" = 1\n[accept]'))
    assert "\x1b" not in "".join(lines)


def test_show_is_a_settings_file_with_every_default(tmp_path):
    file = settings(tmp_path, 1025)
    done = config("show", file)
    assert done.exit_code == 0
    again = tmp_path / "again.toml"
    again.write_text(done.stdout)
    assert config("show", again).stdout == done.stdout
    assert config("check", again).stdout == ""


def test_show_as_json(tmp_path):
    tree = json.loads(config("show", "--json", settings(tmp_path, 1025)).stdout)
    assert tree["mode"] == "enforce"
    assert tree["limits"]["size"] == 50_000_000
    assert tree["addresses"]["appeals"] == "support+appeals@shop.example"


def test_show_refuses_what_check_refuses(tmp_path):
    file = tmp_path / "courtesy.toml"
    file.write_text("mode = 3\n")
    done = config("show", file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count(": error: ") == 4
