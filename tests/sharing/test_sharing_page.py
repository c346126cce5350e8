"""The commands of docs/sharing.md: a feed is agreed on, pulled, ended and proven, by the page alone."""

import os
import re
import sys
from pathlib import Path

import pytest

from sharing.ledger.entry import Kind
from sharing.ledger.log import Ledger
from tests.conftest import Feed, columns, ended
from warehouse.home import PROJECT, Home


@pytest.mark.slow
def test_the_page_leads_from_a_blank_agreement_to_its_end(tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "sharing.md").read_text(), re.DOTALL)
    first, second = [block for block in blocks if "agreements draft" in block]
    meals = tmp_path / "meals"
    open_ = ", classification: public"
    named = columns(id=f"integer{open_}", school=f"string{open_}", meals=f"integer{open_}")
    contract = Feed(named, agency="school_board", feed="meals", path="meals.csv").write(meals / "contracts")
    (contract.parent / "meals.csv").write_text("id,school,meals\n1,North,120\n2,South,80\n")
    (meals / "contracts" / "grants.yaml").write_text("{}\n")
    model = meals / "models" / "staging" / "school_board" / "stg_school_board__meals.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select id, school, meals\nfrom {{ source('school_board', 'meals') }}\n")
    places = {
        "INTERAGENCY_GRANTS": "", "HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    done = ended("bash", "-euo", "pipefail", "-c", f"{first}\n{second}", **places)
    said = done.stdout
    assert "and it is in force" in said
    assert "was revoked by school-board" in said
    assert "school-meals version 1" in said
    assert re.search(r"school_board\s+meals\s+accepted\s+2\s+2", said)
    assert re.search(r"school_board\s+meals\s+no_agreement", said)
    home = Home(meals / "platform")
    assert home.published.exists(), "readers keep the last night"
    assert re.search(r"North\s+120", said), "the university reads with the ordinary client"
    assert "k is 1 where 5 are agreed: so few records share school" in done.stderr
    assert "agreement meals-study was revoked by university" in done.stderr
    assert "The ledger holds" in said
    kinds = [entry.kind for entry in Ledger(home).entries()]
    assert kinds.count(Kind.RELEASE) == 1
    assert Kind.READ in kinds
