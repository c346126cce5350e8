"""The commands of docs/rights.md, as whoever answers people's requests runs them, on a copy of the town."""

import os
import re
import sys
from pathlib import Path

import pytest

from tests.conftest import ended
from tests.sharing.rights.town import NUMBER, WORDS, Town
from warehouse.home import PROJECT

pytestmark = pytest.mark.slow


def test_the_page_answers_a_person(town: Town, tmp_path: Path) -> None:
    (commands,) = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "rights.md").read_text(), re.DOTALL)
    other = town.copy(tmp_path / "town")
    (tmp_path / "right.txt").write_text("Another Street 5")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    places = {**other.environment, "NUMBER": NUMBER, "PATH": path}
    done = ended("bash", "-euo", "pipefail", "-c", commands, cwd=tmp_path, **places)
    said = done.stdout
    assert "is in no release and shown to no role" in said
    assert "11 rows" in said
    assert "benefits/payment stays: Benefits Act, section 12" in said
    assert "0 things would go" in said
    assert not [word for word in WORDS if word in said]
    kept = list((other.home.landing / "benefits" / "payment").glob("[0-9]*/original/*"))
    assert len(kept) == 3
    assert not list((other.home.landing / "registry" / "person").glob("[0-9]*/original/*"))
