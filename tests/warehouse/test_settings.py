"""Settings are read when they are asked for, wrong ones are named with what to write, and the handbook lists each."""

import re
from pathlib import Path

import pytest

from sources.contract.load import contract_folders
from warehouse.errors import SettingError
from warehouse.home import PROJECT
from warehouse.settings import SETTINGS_FILE, Settings, settings


def test_a_setting_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERAGENCY_SOURCES", "/one::/other")
    monkeypatch.setenv("INTERAGENCY_THREADS", "")
    assert settings().sources == (Path("/one"), Path("/other"))
    assert settings().threads == 0
    monkeypatch.setenv("INTERAGENCY_THREADS", "3")
    assert settings().threads == 3


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings that a home keeps."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"INTERAGENCY_{name.upper()}", raising=False)
    monkeypatch.setenv("INTERAGENCY_HOME", str(tmp_path))
    file = tmp_path / SETTINGS_FILE
    file.touch(mode=0o600)
    return file


def test_a_home_may_keep_settings_which_the_environment_overrules(said: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said.write_text("INTERAGENCY_SOURCES=/one:/other\nINTERAGENCY_OWN_FEEDS=no\nINTERAGENCY_THREADS=2\n")
    monkeypatch.setenv("INTERAGENCY_THREADS", "3")
    found = settings()
    assert (found.sources, found.own_feeds, found.threads) == ((Path("/one"), Path("/other")), False, 3)
    assert contract_folders() == [Path("/one"), Path("/other")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("INTERAGENCY_KEY=quite secret", "INTERAGENCY_KEY does not belong beside what it protects"),
        ("INTERAGENCY_SORCES=/one", "INTERAGENCY_SORCES is no setting"),
        ("INTERAGENCY_THREADS=many", "write a whole number"),
    ],
)
def test_what_a_home_may_not_keep_is_told(said: Path, line: str, told: str) -> None:
    said.write_text(f"{line}\n")
    with pytest.raises(SettingError) as refused:
        settings()
    assert told in str(refused.value)
    assert "quite secret" not in str(refused.value)


def test_settings_that_others_may_write_are_refused(said: Path) -> None:
    said.chmod(0o620)
    with pytest.raises(SettingError, match="may be written by others"):
        settings()


def test_secrets_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "SMTP", "SMTP_PASSWORD"):
        monkeypatch.setenv(f"INTERAGENCY_{name}", "quite secret")
    assert (settings().key, "secret" in repr(settings())) == ("quite secret", False)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("FIRST_NIGHT", "1.2.2026", "a date as yyyy-mm-dd"),
        ("FEED_TIMEOUT_SECONDS", "inf", "a number of seconds above 0"),
        ("FEED_TIMEOUT_SECONDS", "0", "a number of seconds above 0"),
        ("THREADS", "-1", "a whole number"),
        ("THREADS", "1.5", "a whole number"),
    ],
)
def test_a_wrong_one_is_named(name: str, value: str, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"INTERAGENCY_{name}", value)
    with pytest.raises(SettingError, match=f"^INTERAGENCY_{name} is '{re.escape(value)}'; write {wanted}"):
        settings()


def test_the_handbook_lists_every_setting() -> None:
    text = (PROJECT / "docs" / "engineer.md").read_text(encoding="utf-8")
    table = text.partition("| variable | meaning | default |")[2].partition("\n\n")[0]
    listed = [
        name for line in table.splitlines() if line for name in re.findall(r"INTERAGENCY_(\w+)", line.split("|")[1])
    ]
    # Not the platform's: the contracts of the three agencies name it.
    assert sorted(listed) == sorted([*(name.upper() for name in Settings.model_fields), "INBOX"])
