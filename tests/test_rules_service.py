"""The commands about rules against a running service: reload, an error that changes nothing, going live, history by version."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from gateway_inside import gateway_inside
from gateway_process import mail
from rules_house import configured, courtesy, site, tiny_house

from gateway.cli.main import main
from gateway.edge.settings import load_settings
from gateway.policy.weeks import Week


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    return tiny_house(tmp_path, monkeypatch)


@pytest.mark.timeout(300)
async def test_what_is_asked_at_the_command_line_is_logged(tiny, caplog):
    async with gateway_inside(tiny) as house:
        config = tiny / "courtesy.toml"
        config.write_text(f'rules_dir = "{tiny / "live"}"\n{config.read_text()}')
        caplog.clear()
        (tiny / "live" / "en" / "broken.toml").write_text("[[rule]\n")
        assert (await courtesy(config, "rules", "reload")).exit_code == 1
        (tiny / "live" / "en" / "broken.toml").unlink()
        assert (await courtesy(config, "rules", "activate", tiny / "next")).exit_code == 0
        told = [(record.levelname, record.message) for record in caplog.records if record.name == "courtesy.rules"]
        assert [level for level, _ in told] == ["ERROR", "WARNING"]
        assert f"{tiny / 'live'}/en/broken.toml:1: error: not valid TOML" in told[0][1]
        assert told[1][1] == f"rules reloaded, version {house.running.reader.version}"


async def test_diff_tells_the_sites_errors_only(tiny):
    (tiny / "base" / "astray.toml").write_text("")
    (tiny / "live" / "en" / "site.toml").write_text("[[rule]\n")
    done = await courtesy(configured(tiny), "rules", "diff")
    assert done.exit_code == 1
    assert f"{tiny / 'live'}/en/site.toml:1: error: not valid TOML" in done.stderr
    assert f"{tiny / 'base'}/" not in done.stderr


@pytest.mark.timeout(300)
async def test_rules_of_a_running_service(tiny):
    live, following = tiny / "live", tiny / "next"
    async with gateway_inside(tiny) as house:
        config = tiny / "courtesy.toml"
        config.write_text(f'rules_dir = "{live}"\n{config.read_text()}')
        assert load_settings(config).rules_dir == str(live)
        reply = await house.send(mail("You are a zorgleblat!", number=1), "anna@client.example")
        assert reply.startswith("250")
        (first,) = json.loads((await courtesy(config, "incident", "list", "--json")).stdout)
        version = house.running.reader.version
        assert json.loads((await courtesy(config, "incident", "show", first["id"], "--json")).stdout)["rules_version"] == version

        (live / "en" / "broken.toml").write_text("[[rule]\n")
        done = await courtesy(config, "rules", "reload")
        assert done.exit_code == 1
        assert "the rules were not reloaded, the old ones stay in force" in done.stderr
        assert f"{live}/en/broken.toml:1: error: not valid TOML" in done.stderr
        (live / "en" / "broken.toml").unlink()
        done = await courtesy(config, "rules", "reload")
        assert done.stdout == f"The rules in force are version {version}.\n"

        done = await courtesy(config, "rules", "activate", "--json", following)
        assert done.exit_code == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["version"] == house.running.reader.version != version
        assert (await house.send(mail("You are a zorgleblat!", number=2), "anna@client.example")).startswith("250")
        assert (await house.send(mail("You are a quimblefex!", number=3, sender="bob@client.example"), "bob@client.example")).startswith("250")
        rows = json.loads((await courtesy(config, "incident", "list", "--json")).stdout)
        assert sorted((row["sender"], row["level"]) for row in rows if row["level"] != "clean") == [
            ("anna@client.example", "abusive"),
            ("bob@client.example", "abusive"),
        ]

        # the same once more is no change: no second copy of the earlier ones, no event
        beside = sorted(path.name for path in tiny.iterdir())
        done = await courtesy(config, "rules", "activate", following)
        assert done.stdout == (
            f"Nothing differs: {live} has the same rules as {following}, and nothing was changed; version {answer['version']} is in force.\n"
        )
        again = json.loads((await courtesy(config, "rules", "activate", "--json", following)).stdout)
        assert (again["same"], again["version"], again["before"], answer["same"]) == (True, answer["version"], None, False)
        assert sorted(path.name for path in tiny.iterdir()) == beside

        row = json.loads((await courtesy(config, "rules", "explain", "en.insult.ours", "--json")).stdout)
        assert (row["words"], row["history"]["incidents"], row["history"]["overturned"]) == (["quimblefex"], 2, 0)
        await courtesy(config, "incident", "overturn", first["id"])
        row = json.loads((await courtesy(config, "rules", "explain", "en.insult.ours", "--version", version, "--json")).stdout)
        assert (row["words"], row["history"]["overturned"]) == (["zorgleblat"], 1)
        assert row["file"] == f"{live}/en/site.toml"
        assert [event.what for event in house.running.rules.store.events()] == ["loaded", "failed", "loaded"]
        week = Week.of(datetime.now(UTC), house.running.settings.zone).name
        text = " ".join((await house.running.office.call("digest.show", {"week": week}))["text"].split())
        assert "Changes of the rules that went live: 1; refused because of an error: 1." in text


@pytest.mark.timeout(300)
async def test_what_the_service_does_not_take_is_put_back(tiny, monkeypatch):
    """The check at the command line and the service may differ, as when the service can't read the new files."""
    monkeypatch.setattr("gateway.cli.rules_activate.checked", lambda _: None)
    (tiny / "next" / "en" / "broken.toml").write_text("[[rule]\n")
    async with gateway_inside(tiny) as house:
        config = tiny / "courtesy.toml"
        config.write_text(f'rules_dir = "{tiny / "live"}"\n{config.read_text()}')
        before = house.running.reader.version
        done = await courtesy(config, "rules", "activate", tiny / "next")
        assert done.exit_code == 1
        assert "nothing was changed: the service didn't take the rules" in done.stderr
        assert house.running.reader.version == before
        assert "zorgleblat" in (tiny / "live" / "en" / "site.toml").read_text()
        assert sorted(path.name for path in tiny.iterdir() if path.is_dir()) == ["base", "live", "next", "state"]


async def test_a_folder_with_an_error_isnt_activated(tiny):
    (tiny / "next" / "en" / "site.toml").write_text("[[rule]\n")
    done = await courtesy(configured(tiny), "rules", "activate", tiny / "next")
    assert done.exit_code == 1
    assert "site.toml:1: error: not valid TOML" in done.stderr
    assert "nothing was changed: the rules have errors" in done.stderr
    assert "zorgleblat" in (tiny / "live" / "en" / "site.toml").read_text()


async def test_the_same_rules_once_more_change_nothing(tiny):
    site(tiny / "next", "ours", "zorgleblat")
    (tiny / "next" / "notes.txt").write_text("no rule")
    before = (tiny / "live").stat().st_ino
    done = await courtesy(configured(tiny), "rules", "activate", tiny / "next")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Nothing differs: {tiny / 'live'} has the same rules as {tiny / 'next'}, and nothing was changed; no service is running")
    assert ((tiny / "live").stat().st_ino, list(tiny.glob("live.*"))) == (before, [])


async def test_wrong_usage(tiny):
    config, past = configured(tiny), tiny / "past"
    past.mkdir()
    assert (await courtesy(config, "rules", "replay", past)).exit_code == 2
    assert (await courtesy(config, "rules", "replay", "--new", "shipped", tiny / "nothing")).exit_code == 2
    assert (await courtesy(config, "rules", "activate", tiny / "nothing")).exit_code == 2
    done = await courtesy(config, "rules", "replay", "--new", "0123456789ab", past)
    assert (done.exit_code, done.stderr) == (2, "no version 0123456789ab of the rules is kept; the latest are none\n")
    done = await courtesy(config, "rules", "replay", "--new", "shipped", past)
    assert (done.exit_code, done.stderr) == (1, "no mail was found there\n")
    assert "is the folder in force already" in (await courtesy(config, "rules", "activate", tiny / "live")).stderr
    assert "no service is running there" in (await courtesy(config, "rules", "reload")).stderr


async def test_what_a_site_added_to_a_long_rule_isnt_hidden_under_more(tiny):
    shipped = [f"word{letter}" for letter in "abcdefghijklmnop"]
    path = tiny / "base" / "en" / "rules.toml"
    path.write_text(path.read_text().replace('words = ["idiot", "dumb fool"]', f"words = {json.dumps(shipped)}"))
    (tiny / "live" / "en" / "site.toml").write_text('[[change]]\nid = "en.insult.fool"\nwords = ["zorgleblat"]\nunless = ["word such as"]\n')
    config = configured(tiny)
    shown = (await courtesy(config, "rules", "explain", "en.insult.fool", "--rules", tiny / "live")).stdout.splitlines()
    words = shown.index("  words (17):")
    assert shown[words + 1] == "    zorgleblat  (of this site)"
    assert shown[words + 2 : words + 13] == [f"    {word}" for word in shipped[:11]]
    assert shown[words + 13] == "    and 5 more; --json shows all"
    assert "    word such as  (of this site)" in shown
    row = json.loads((await courtesy(config, "rules", "explain", "en.insult.fool", "--rules", tiny / "live", "--json")).stdout)
    assert row["of_this_site"] == {"words": ["zorgleblat"], "unless": ["word such as"]}
    assert row["words"] == [*shipped, "zorgleblat"]


async def test_diff_and_explain(tiny):
    config = configured(tiny)
    (tiny / "live" / "en" / "site.toml").write_text('[[change]]\nid = "en.insult.fool"\npoints = 4\nwords = ["zorgleblat"]\n')
    done = await courtesy(config, "rules", "diff")
    assert done.stdout == f"rule changed: en.insult.fool ({tiny / 'live'}/en/site.toml:1)\n  points: 5 -> 4\n  + words: zorgleblat\n"
    done = await courtesy(config, "rules", "explain", "en.insult.fool", "--rules", tiny / "live")
    assert done.stdout.splitlines()[:4] == [
        f"en.insult.fool, {tiny / 'base'}/en/rules.toml:2, changed at {tiny / 'live'}/en/site.toml:1",
        "  insult: 4 points at our staff: alone it makes a mail rude, never more than abusive.",
        "  At our company, our product or nobody it counts 0; at the writer or a third party nothing.",
        "  When nothing in the sentence tells who is meant, it is taken to be our staff.",
    ]
    assert "  In the ledger: counted in 0 incidents; 0 of them were overturned." in done.stdout.splitlines()
    lines = done.stdout.splitlines()
    assert lines[lines.index("  words (3):") + 1 :][:3] == ["    zorgleblat  (of this site)", "    idiot", "    dumb fool"]
    done = await courtesy(config, "rules", "explain", "en.insult.fol")
    assert (done.exit_code, done.stderr) == (1, "there is no rule en.insult.fol; did you mean en.insult.fool?\n")


async def test_activate_replays_and_refuses_above_the_limit(tiny):
    past = tiny / "past"
    past.mkdir()
    for number, body in enumerate(("You are a zorgleblat!", "You are a quimblefex!", "Where is my order?")):
        (past / f"{number}.eml").write_bytes(mail(body, number=number))
    config = configured(tiny)
    row = json.loads((await courtesy(config, "rules", "replay", "--new", tiny / "next", "--json", past)).stdout)
    assert (row["mails"], row["changed"], row["harsher"], row["milder"]) == (3, 2, 1, 1)
    assert row["rules"] == [{"rule": "en.insult.ours", "old": 1, "new": 1, "gained": 1, "lost": 1}]
    done = await courtesy(config, "rules", "activate", "--mail", past, tiny / "next")
    assert done.exit_code == 1
    assert "nothing was changed: 2 of 3 mails (66.7 %) would be treated differently, more than 1 %" in done.stderr
    assert "zorgleblat" in (tiny / "live" / "en" / "site.toml").read_text()
    done = await courtesy(config, "rules", "activate", "--mail", past, "--anyway", tiny / "next")
    assert done.exit_code == 0, done.stderr
    assert "no service is running; it takes them when it starts" in done.stdout
    assert "quimblefex" in (tiny / "live" / "en" / "site.toml").read_text()
    (kept,) = tiny.glob("live.replaced-*")
    assert "zorgleblat" in (kept / "en" / "site.toml").read_text()
    done = await courtesy(config, "rules", "diff")
    assert done.stdout == f"rule added: en.insult.ours ({tiny / 'live'}/en/site.toml:1)\n"
    done = await asyncio.to_thread(lambda: CliRunner().invoke(main, ["rules", "test", str(tiny / "live")], catch_exceptions=False))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1] == "en: 10 rules, 1 hits, 0 misses, 0 wrong"
