"""Run by the Python of a peer's own environment, which has nothing of this project: pycanon, acro or anonymeter on Parquet, as JSON."""

import json
import logging
import sys
import time

import pandas as pd

KNOWN, PROTECTED = ["district", "born", "sex"], "illness"


def pycanon(path: str) -> dict[str, object]:
    from pycanon import anonymity

    frame = pd.read_parquet(path)
    began = time.perf_counter()
    figures = [
        anonymity.k_anonymity(frame, KNOWN), anonymity.l_diversity(frame, KNOWN, [PROTECTED]), anonymity.t_closeness(frame, KNOWN, [PROTECTED]),
    ]  # fmt: skip
    return {"seconds": time.perf_counter() - began, "figures": [float(one) for one in figures]}


def acro(path: str) -> dict[str, object]:
    """Cells that fewer than ten people stand in, of a table without margins."""
    from acro import ACRO

    logging.disable(logging.CRITICAL)
    frame, session = pd.read_parquet(path), ACRO(suppress=True)
    began = time.perf_counter()
    table = session.crosstab(frame["district"], frame["born"])
    return {"seconds": time.perf_counter() - began, "hidden": int(table.isna().sum().sum())}


def anonymeter(released: str, original: str, control: str, attempts: str) -> dict[str, object]:
    from anonymeter.evaluators import InferenceEvaluator, LinkabilityEvaluator, SinglingOutEvaluator

    syn, ori, others = (pd.read_parquet(path) for path in (released, original, control))
    given = {"ori": ori, "syn": syn, "control": others, "n_attacks": int(attempts)}
    rest = [name for name in syn.columns if name not in KNOWN]
    evaluators = {
        "singling_out_by_one": SinglingOutEvaluator(**given),
        "linkage": LinkabilityEvaluator(**given, aux_cols=(KNOWN, rest), n_neighbors=1),
        "inference": InferenceEvaluator(**given, aux_cols=KNOWN, secret=PROTECTED),
    }
    began, gains = time.perf_counter(), {}
    for name, evaluator in evaluators.items():
        if name == "singling_out_by_one":
            evaluator.evaluate(mode="univariate")
        else:
            evaluator.evaluate()
        risk = evaluator.risk()
        gains[name] = [float(risk.value), *map(float, risk.ci)]
    return {"seconds": time.perf_counter() - began, "gains": gains}


if __name__ == "__main__":
    sys.stdout.write(
        "\n"
        + json.dumps({"pycanon": pycanon, "acro": acro, "anonymeter": anonymeter}[sys.argv[1]](*sys.argv[2:]))
        + "\n"
    )
