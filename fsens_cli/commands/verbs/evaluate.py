"""The record of `fsens evaluate`: its words, and what does its work."""

from fsens_cli.commands.verbs.verb import PROBE, Verb

EVALUATE = Verb(
    name="evaluate",
    panel=PROBE,
    help="Show how robust a model is: to corruptions, missing frequencies, noise and attacks.",
    question="How well does the model withstand corruptions, missing frequencies, noise and attacks?",
    reading="Corruptions are grouped by where their power lies, after Li et al. 2023. Sizes of smallest "
    "perturbations are upper bounds: attacks can only fail to find smaller ones. f_0.5 is the radius "
    "below which half of their power lies.",
    job="fsens_cli.config.jobs:EvaluateJob",
    task="fsens_cli.commands.evaluate:evaluate_task",
    draw="fsens_cli.runs.evaluate_figures:draw_evaluate",
    columns=("accuracy", "corruptions-all", "median-linf", "median-l2"),
    settings=[
        ("suite=quick", "or full: everything, more images"),
        ("num_images=320", "at most this many, drawn at random"),
        ("suite.corruptions=[standard]", "15; all: 19; names; FILE.py:FUNCTION"),
        ("suite.severities=[1,3,5]", "1 (weak) to 5"),
        ("suite.prediction=true", "predict each from spectra"),
        ("corruption.root=''", "read CIFAR-10-C or ImageNet-C instead"),
        ("suite.attacks=[pgd]", "apgd-ce, square, cascade, autoattack, ..."),
        ("suite.eps_linf=[.0078,.0314]", "budgets, 0..1 pixel scale"),
        ("suite.minimal=true", "each image's smallest perturbation"),
        ("suite.attack_images=64", "attacked images"),
        ("suite.heat_map=true", "one added frequency after the other"),
        ("suite.bands=false", "Shapley importance of bands"),
        ("attack.steps=10", "0: each attack's own"),
        ("attack.eot=1", "passes averaged, for random models"),
    ],
    examples=[
        "fsens evaluate",
        "fsens evaluate --model resnet20 --data cifar10 --weights net.pt suite=full",
        "fsens evaluate --resume outputs/evaluate/resnet8-dualband/v001",
    ],
    results="Results: outputs/evaluate/MODEL-DATA/v001 with summary.md, accuracy.csv,\n"
    "per_image.csv, minimal.csv, prediction.csv, heat_map.csv and figures.",
    resume="fsens_cli.commands.evaluate:resume_evaluation",
)
