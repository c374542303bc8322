"""Write the page of one paper: tables, figures and verdicts of the networks that are there.

usage: page.py tmlr2022|ploscb2023 OUT DOCS
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import claims_ploscb2023
import claims_tmlr2022
import pandas as pd
from claims import claims_table, read_claims, write_claims
from figures import blur_figure, lost_figure, prediction_figure, scatter_figure, spectra_figure
from networks import Network, load_networks, same_images
from prediction import Comparison, comparisons, extra_loss
from tables import (
    bands_table,
    interval_columns,
    preference_table,
    robustness_table,
    sensitivity_table,
    shown,
    times_table,
    write_networks,
    write_spectra,
)

from fsens_cli.runs.evaluate_summary import markdown_table


def main(paper: str, out: Path, docs: Path) -> None:
    """Write everything about ``paper`` into ``docs``."""
    networks = load_networks(out)
    if not any(n.name == "standard" for n in networks):
        raise SystemExit(f"error: {out} holds no finished standard network: run scripts/reproduce_{paper}.sh first.")
    if not same_images(networks):
        raise SystemExit(f"error: the networks below {out} saw different images: they cannot be compared.")
    docs.mkdir(parents=True, exist_ok=True)
    write_networks(networks, docs / "networks.csv")
    write_spectra(networks, docs / "spectra.csv")
    claims = (claims_tmlr2022 if paper == "tmlr2022" else claims_ploscb2023).claims_of(networks)
    elsewhere = ("claims_data_and_architecture.csv", "claims_interventions.csv")
    decided = {claim.text: claim for name in elsewhere for claim in read_claims(docs / name)}
    claims = [decided.get(claim.text, claim) for claim in claims]
    write_claims(claims, docs / f"claims_{paper}.csv")
    compared = comparisons(networks)
    _write_prediction(networks, compared, docs)
    blocks = ["## Claims", claims_table(claims)]
    if paper == "tmlr2022":
        spectra_figure(networks, docs)
        lost_figure(networks, docs)
        blocks += ["## Sensitivity", sensitivity_table(networks), "![](spectra.png)"]
        blocks += ["## Robustness", robustness_table(networks), bands_table(networks), "![](corruptions_lost.png)"]
    else:
        scatter_figure(networks, docs)
        blur_figure(networks, docs)
        blocks += [
            "## Preference and robustness",
            preference_table(networks),
            "![](scatter.png)",
            "![](blur_sweep.png)",
        ]
    blocks += ["## Which corruptions cost more than in the standard network, predicted", _prediction_table(compared)]
    blocks += ["![](prediction.png)", "## Wall-clock time", times_table(networks)]
    (docs / f"{paper}.md").write_text("\n\n".join(blocks) + "\n")
    print(docs / f"{paper}.md")


def _write_prediction(networks: Sequence[Network], compared: Sequence[Comparison], docs: Path) -> None:
    standard = {n.seed: n for n in networks if n.name == "standard"}
    if not compared:
        return
    rows = [
        {"training": c.network.name, "seed": c.network.seed}
        | interval_columns("spearman_spectra", c.spectra)
        | interval_columns("spearman_sizes", c.sizes)
        | interval_columns("advantage", c.advantage)
        for c in compared
    ]
    pd.DataFrame(rows).to_csv(docs / "prediction_correlations.csv", index=False, float_format="%.6g")
    tables = [
        extra_loss(c.network, standard[c.network.seed]).assign(training=c.network.name, seed=c.network.seed)
        for c in compared
    ]
    pd.concat(tables).to_csv(docs / "prediction_points.csv", index=False, float_format="%.6g")
    prediction_figure(compared, standard, docs)


def _prediction_table(compared: Sequence[Comparison]) -> str:
    rows = [
        [c.network.label, str(c.network.seed), *(shown(i, digits=2) for i in (c.spectra, c.sizes, c.advantage))]
        for c in compared
    ]
    return markdown_table(["training", "seed", "from spectra", "from sizes", "difference"], rows)


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("tmlr2022", "ploscb2023"):
        raise SystemExit(__doc__)
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
