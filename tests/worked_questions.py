"""The worked questions of docs/analyst.md on the simulated country: their answers and pictures, and how both are made anew.

python -m simulation.country --people 2000 --nights 3
python -m tests.worked_questions data/country/platform/warehouse/published.duckdb
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import altair as alt
import duckdb
import pandas as pd

from warehouse.home import PROJECT

PAGE = PROJECT / "docs" / "analyst.md"
PICTURES = PROJECT / "docs" / "pictures"
_QUESTION = re.compile(
    r"```sql country\n(?P<sql>.*?)```\n\n(?P<answer>(?:\|[^\n]*\n)+)\n!\[(?P<alt>[^\]]*)\]\(pictures/(?P<picture>[\w-]+)\.svg\)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Question:
    sql: str
    answer: str
    picture: str


def questions() -> list[Question]:
    return [Question(found["sql"], found["answer"], found["picture"]) for found in _QUESTION.finditer(PAGE.read_text())]


def answered(published: Path, sql: str) -> pd.DataFrame:
    with duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute(sql)
        names = [column[0] for column in found.description or []]
        return pd.DataFrame([[str(value) for value in row] for row in found.fetchall()], columns=names)


def as_table(frame: pd.DataFrame) -> str:
    lines = [frame.columns, ["---"] * len(frame.columns), *frame.itertuples(index=False)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def drawn(frame: pd.DataFrame) -> str:
    """Bars of the last column by the first, and by the second where that is no number."""
    label, value = frame.columns[0], frame.columns[-1]
    second = frame.columns[1]
    is_grouped = len(frame.columns) > 2 and not frame[second].str.fullmatch(r"-?[\d.]+").all()
    data = frame.assign(**{label: frame[label] + (", " + frame[second].str.replace("_", " ") if is_grouped else "")})
    data[value] = data[value].replace("None", "0").astype(float)
    x = alt.X(f"{value}:Q", title=value.replace("_", " "))
    y = alt.Y(f"{label}:N", sort=None, title=label.replace("_", " "), axis=alt.Axis(labelLimit=260))
    chart = alt.Chart(data, width=420).mark_bar(color="#2a6f97").encode(x=x, y=y)
    import vl_convert

    return str(vl_convert.vegalite_to_svg(chart.to_dict()))


def main(published: Path) -> None:
    PICTURES.mkdir(exist_ok=True)
    page = PAGE.read_text()
    for question in questions():
        frame = answered(published, question.sql)
        page = page.replace(question.answer, as_table(frame), 1)
        (PICTURES / f"{question.picture}.svg").write_text(drawn(frame) + "\n")
    PAGE.write_text(page)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
