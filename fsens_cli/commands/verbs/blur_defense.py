"""The record of `fsens blur-defense`: its words, and what does its work."""

from fsens_cli.commands.verbs.verb import PROBE, Verb

BLUR_DEFENSE = Verb(
    name="blur-defense",
    panel=PROBE,
    help="Show whether blurring the input defends a model, with the checks that such a claim needs.",
    question="Does a filter in front of the network defend it, and can those numbers be believed?",
    reading="At test time only, the filter is a control: it says what the filter takes away from a network "
    "that never saw it. Numbers marked unreliable failed a check against masked gradients.",
    job="fsens_cli.config.jobs:DefenseJob",
    task="fsens_cli.commands.blur_defense:defense_task",
    draw="fsens_cli.runs.defense_figures:draw_defense",
    columns=("accuracy", "median-linf"),
    settings=[
        ("mode=auto", "packaged pair; test_time: one; trained: own"),
        ("suite=defense", "or defense-full: as in the paper"),
        ("sigmas=[]", "of the blur, pixels: [0,.4,.5]; 0 is none"),
        ("controls=[]", "trained: also these at test time"),
        ("defense=blur", "or high-pass, random-blur, pca"),
        ("components=[]", "of pca: [0,512]"),
        ("runs=[RUN,RUN,...]", "for trained: finished trainings, or"),
        ("train.epochs=0", "train that long, where not done yet"),
        ("num_images=200", "at most this many, drawn at random"),
        ("suite.attack_images=40", "attacked images"),
        ("suite.corruptions=[standard]", "15; all: 19; names"),
        ("checks.images=25", "for the checks of the numbers"),
    ],
    examples=[
        "fsens blur-defense",
        "fsens blur-defense mode=trained 'runs=[packaged:standard,packaged:blur]'",
        "fsens blur-defense mode=trained train.epochs=6 'sigmas=[0,1.5]'",
        "fsens blur-defense --resume outputs/blur-defense/resnet8-dualband/v001",
    ],
    results="Results: outputs/blur-defense/MODEL-DATA/v001 with summary.md, sweep.csv,\n"
    "corruptions.csv, sizes.csv, profiles.csv, checks.csv and five figures.",
    resume="fsens_cli.commands.blur_defense:resume_defense",
)
