"""What docs/recipients.md tells recipients to run does what it says."""

import os
import re
import shutil
import sys
from pathlib import Path

from joserfc.jwk import OKPKey

from sharing.ledger.note import SIGNS, VerifierKey
from sharing.release.deliver import _files
from tests.conftest import ended
from tests.sharing.office import TABLE, Office
from tests.sharing.serve.counter import Counter, listening
from warehouse.home import PROJECT

PAGE = (PROJECT / "docs" / "recipients.md").read_text()
# `age -d -i KEY -o OUT FILE` by the library that seals: the tool itself comes with no package of Python.
AGE = f"""#!{sys.executable}
import sys, pyrage
_, _, _, key, _, out, file = sys.argv
pyrage.decrypt_file(file, out, [pyrage.x25519.Identity.from_str(open(key).read().strip())])
"""


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def verifier(key: OKPKey) -> str:
    return str(VerifierKey("platform", SIGNS, key.public_key.public_bytes_raw()))


def test_a_sealed_file_is_opened_and_verified(office: Office, tmp_path: Path) -> None:
    office.publish()
    place = tmp_path / "received"
    place.mkdir()
    for source, name in _files(office.made()):
        shutil.copy(source, place / name)
    (place / "office.key").write_text(str(office.identity))
    (place / "platform.key").write_text(verifier(office.key) + "\n")
    tool = tmp_path / "bin" / "age"
    tool.parent.mkdir()
    tool.write_text(AGE)
    tool.chmod(0o700)
    path = os.pathsep.join([str(tool.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    run = ("bash", "-euo", "pipefail", "-c")
    said = ended(*run, block("sh"), cwd=place, PATH=path).stdout
    assert "stays of agreement stay-statistics version 1 for tests-office" in said and "200 rows" in said
    assert "signed by platform" in said and "stays.parquet is the file of this release" in said
    (place / "stays.parquet").write_bytes(b"PAR1")
    done = ended(*run, block("sh").splitlines()[-1], cwd=place, PATH=path, is_good=False)
    assert done.returncode == 1 and "is not the file of this release" in done.stderr


def test_the_lines_for_pandas_read_the_product(counter: Counter, tmp_path: Path) -> None:
    counter.publish(TABLE.replace("range(200)", "range(300)"), "run00002")
    with listening(counter.app) as endpoint:
        shutil.copy(counter.profile(endpoint), tmp_path / "stay-statistics.share")
        show = "print(len(tables), len(stays), len(first), len(few), len(changes))"
        done = ended(sys.executable, "-c", f"{block('python')}\n{show}", cwd=tmp_path)
    assert done.stdout.split() == ["1", "300", "200", "10", "700"]
