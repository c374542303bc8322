"""The claims of *Fourier Sensitivity and Regularization of Computer Vision Models* (TMLR 2022), one by one."""

import math
from collections.abc import Sequence

import pandas as pd
from claims import NOT, NOT_RUN, PARTLY, REPRODUCED, UNTESTABLE, Claim, above_zero, listed, together
from networks import WORDS, Network, accuracy_difference, difference, lost_difference

NYQUIST = 16  # cycles/image at 32 pixels
REGULARIZERS = ("lsf", "msf", "hsf", "asf")


def pairs_with_standard(networks: Sequence[Network], name: str) -> list[tuple[Network, Network]]:
    """Return (standard, network) for each seed that has both."""
    standard = {n.seed: n for n in networks if n.name == "standard"}
    return [(standard[n.seed], n) for n in networks if n.name == name and n.seed in standard]


def claims_of(networks: Sequence[Network]) -> list[Claim]:
    """Return every claim with its verdict."""
    return [
        _training(networks),
        Claim("Sensitivity depends on the data set", "CIFAR-10, SVHN, ImageNet differ", "one data set", UNTESTABLE),
        Claim("Sensitivity depends on the architecture", "ImageNet networks differ", "one architecture", UNTESTABLE),
        _moves(networks, "lsf", "low", "low share .957"),
        _moves(networks, "msf", "mid", "mid share .844"),
        _moves(networks, "hsf", "high", "no curve published"),
        _flat(networks),
        *(_robustness(networks, name) for name in REGULARIZERS),
        _low_bias(networks),
        _adversarial(networks),
    ]


def _training(networks: Sequence[Network]) -> Claim:
    found, verdicts = [], []
    for name in ("pgd", "noise", "lsf"):
        pairs = pairs_with_standard(networks, name)
        differences = [difference(a, b, "centroid") for a, b in pairs]
        # A move in either direction is a dependence.
        moved = [d if d is None or d.value > 0 else type(d)(-d.value, -d.high, -d.low, d.n) for d in differences]
        verdicts.append(above_zero(moved))
        if pairs:
            found.append(f"{WORDS[name]} {listed(differences, digits=2, sign=True)}")
    return Claim(
        "Sensitivity depends on the training method",
        "adversarially trained: far lower frequencies (ImageNet)",
        "centroid less the standard one's (c/image): " + "; ".join(found),
        together(verdicts),
    )


def _moves(networks: Sequence[Network], name: str, band: str, published: str) -> Claim:
    pairs = pairs_with_standard(networks, name)
    shares = [b.numbers[f"share-{band}"] for _, b in pairs]
    found = "; ".join(q.text() for q in shares)
    standard = "; ".join(a.numbers[f"share-{band}"].text() for a, _ in pairs)
    differences = [difference(a, b, f"share-{band}") for a, b in pairs]
    verdict = above_zero(differences)
    low = [q.low for q in shares if q.low is not None]
    why = f"more than standard, paired, seeds: {len(pairs)}" if verdict == REPRODUCED else ""
    if low and min(low) > 0.5:
        why += "; more than in both other bands"
    return Claim(
        f"{name.upper()} moves the sensitivity into the {band} band",
        published,
        f"{band} share {found}; standard {standard}" if pairs else NOT_RUN,
        verdict,
        why,
    )


def _flat(networks: Sequence[Network]) -> Claim:
    """Flat means: no radius has as large a share as one of the standard network's, up to Nyquist and beyond it.

    Beyond Nyquist, r = 16 at 32 pixels, the published spectrum falls: a larger share there than anywhere up to it is
    no even spread, so that the claim is met in part only.
    """
    pairs = pairs_with_standard(networks, "asf")
    found, verdicts = [], []
    for standard, network in pairs:
        tops = [_top(n.spectrum, 1, NYQUIST) for n in (standard, network)]
        beyond = _top(network.spectrum, NYQUIST + 1, math.inf)
        middle = network.spectrum[network.spectrum["radius"].between(4, NYQUIST)]["share_mean"]
        found.append(
            f"largest share {tops[1]['share_mean']:.3f} (standard {tops[0]['share_mean']:.3f}), "
            f"r = 4 to {NYQUIST}: {middle.min():.3f} to {middle.max():.3f}, "
            f"beyond: {beyond['share_mean']:.3f} at r = {beyond['radius']:.0f}"
        )
        verdicts += [
            REPRODUCED if tops[1]["share_ci_high"] < tops[0]["share_ci_low"] else NOT,
            NOT if beyond["share_ci_low"] > tops[1]["share_ci_high"] else REPRODUCED,
        ]
    verdict = together(verdicts)
    why = {REPRODUCED: "flatter than standard", PARTLY: "even up to Nyquist, more beyond it"}
    return Claim(
        "ASF spreads the sensitivity evenly",
        "about .06 at every r from 4 to 16",
        "; ".join(found) or NOT_RUN,
        verdict,
        why.get(verdict, ""),
    )


def _top(spectrum: pd.DataFrame, first: int, last: float) -> pd.Series:
    """Return the row of the radius with the largest share."""
    part = spectrum[spectrum["radius"].between(first, last)]
    return part.iloc[int(part["share_mean"].to_numpy().argmax())]


QUESTIONS = {
    "corruptions": "corruption",
    "band-limited images": "filter",
    "shuffled patches": "shuffle",
    "noise": "noise",
    "PGD": "attack",
}


def _robustness(networks: Sequence[Network], name: str) -> Claim:
    """Robust is who is right more often on changed images. Who only loses less, from a lower start, is so in part."""
    pairs = pairs_with_standard(networks, name)
    if not pairs:
        return Claim(f"{name.upper()} improves robustness", "improves (numbers not readable)", NOT_RUN, UNTESTABLE)
    found, verdicts = [], []
    for question, kind in QUESTIONS.items():
        columns = pairs[0][1].columns(kind=kind)
        gained = [accuracy_difference(a, b, columns) for a, b in pairs]
        spared = [lost_difference(b, a, columns) for a, b in pairs]
        more_often_right, loses_less = above_zero(gained), above_zero(spared)
        verdicts.append(PARTLY if loses_less == REPRODUCED and more_often_right != REPRODUCED else more_often_right)
        numbers = ", ".join(listed(i, scale=100, digits=1, sign=True) for i in (gained, spared))
        found.append(f"{question} {numbers}")
    better, less, worse = (sum(v == verdict for v in verdicts) for verdict in (REPRODUCED, PARTLY, NOT))
    return Claim(
        f"{name.upper()} improves robustness",
        "improves (numbers not readable)",
        "points of accuracy more than standard, then points lost less: " + "; ".join(found),
        together(verdicts),
        f"of {len(verdicts)}: more often right in {better}, only loses less in {less}, less often right in {worse}",
    )


def _low_bias(networks: Sequence[Network]) -> Claim:
    pairs = pairs_with_standard(networks, "lsf")
    spared = {
        group: [lost_difference(b, a, b.columns(kind="corruption", group=group)) for a, b in pairs]
        for group in ("high", "low")
    }
    hurt = [type(i)(-i.value, -i.high, -i.low, i.n) for i in spared["low"]]
    return Claim(
        "A bias to low frequencies helps against high-frequency corruptions and hurts against low-frequency ones "
        "(neighbouring work)",
        "both sides",
        f"LSF loses less than standard by: high group {listed(spared['high'], scale=100, digits=1, sign=True)}, "
        f"low group {listed(spared['low'], scale=100, digits=1, sign=True)}"
        if pairs
        else NOT_RUN,
        together([above_zero(spared["high"]), above_zero(hurt)]),
        f"help: {above_zero(spared['high'])}; harm: {above_zero(hurt)}" if pairs else "",
    )


def _adversarial(networks: Sequence[Network]) -> Claim:
    pairs = pairs_with_standard(networks, "pgd")
    differences = [difference(a, b, "share-low") for a, b in pairs]
    return Claim(
        "Adversarial training moves the sensitivity to low frequencies",
        "ImageNet ResNet-50: r 4-10 beside 65-80",
        f"low share less the standard one's: {listed(differences, sign=True)}" if pairs else NOT_RUN,
        above_zero(differences),
    )
