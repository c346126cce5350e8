"""Files of a drop folder: what an agency puts there in place of a file is told at once, and leads nowhere else."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from sources.connectors import probe
from sources.contract.load import load
from sources.contract.model import Contract
from sources.errors import ExtractError
from sources.landing.land_extract import land_extract
from tests.conftest import NIGHT, Feed
from tests.sources.landed import ID, read_back


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("id\nsecret\n")
    return folder


def contract_of(drop: Path, **options: str) -> Contract:
    return load(Feed([ID], path=str(drop / "x.csv"), options={"nullValues": "[NA]", **options}).write(drop.parent))


def refusal(drop: Path, **options: str) -> str:
    contract = contract_of(drop, **options)
    with pytest.raises(ExtractError) as found:
        probe(contract, NIGHT)
    into = Path(tempfile.mkdtemp(dir=drop.parent))
    with pytest.raises(ExtractError) as caught:
        land_extract(contract, into)
    assert str(found.value) == str(caught.value)
    assert not (into / "rows.parquet").exists()
    return str(caught.value)


@pytest.mark.parametrize("target", ["../secret.csv", "/etc/passwd", "way/secret.csv", "deep/../../secret.csv"])
def test_a_link_out_of_the_folder_is_refused(drop: Path, target: str) -> None:
    (drop / "way").symlink_to(drop.parent)
    (drop / "deep").mkdir()
    (drop / "x.csv").symlink_to(target)
    assert "x.csv is a link that leads out of its folder; ask Agency of Tests to put the file itself there" in refusal(
        drop
    )


def test_a_control_file_may_not_be_a_link_out_of_the_folder(drop: Path) -> None:
    (drop / "x.csv").write_text("id\n1\n")
    (drop / "x.ctl").symlink_to("../secret.csv")
    control = f'{{path: "{drop / "x.ctl"}", count: n}}'
    assert "x.ctl is a link that leads out of its folder" in refusal(drop, control=control)


def test_links_within_the_folder_and_the_folder_as_a_link_are_followed(drop: Path) -> None:
    (drop / "nights").mkdir()
    (drop / "nights" / "today.csv").write_text("id\n1\n")
    (drop / "x.csv").symlink_to("nights/today.csv")
    (drop.parent / "mounted").symlink_to(drop)
    for number, folder in enumerate((drop, drop.parent / "mounted")):
        land_extract(contract_of(folder), drop.parent / str(number))
        assert len(read_back(drop.parent / str(number)).rows) == 1


def test_links_that_lead_round_or_nowhere_are_told(drop: Path) -> None:
    (drop / "x.csv").symlink_to("x.csv")
    assert ";" in refusal(drop)
    (drop / "x.csv").unlink()
    (drop / "x.csv").symlink_to("gone.csv")
    assert "x.csv is not there" in refusal(drop)


@pytest.mark.parametrize("kind", ["fifo", "socket", "folder", "device"])
def test_what_is_no_file_is_refused_at_once(drop: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(drop)
    if kind == "fifo":
        os.mkfifo("x.csv")
    elif kind == "socket":
        # The name in full is longer than a socket's may be.
        socket.socket(socket.AF_UNIX).bind("x.csv")
    elif kind == "folder":
        Path("x.csv").mkdir()
    else:
        contract = load(Feed([ID], path="/dev/zero").write(drop.parent))
        with pytest.raises(ExtractError, match="a file outside the folders of tests"):
            land_extract(contract, drop.parent / "landed")
        return
    assert "x.csv is not a file; name one file in" in refusal(drop)
