"""The record of `fsens hybrid-probe`: its words, and what does its work."""

from fsens_cli.commands.verbs.verb import PROBE, Verb

HYBRID_PROBE = Verb(
    name="hybrid-probe",
    panel=PROBE,
    help="Mix the low frequencies of one image with the high ones of another, and see whom the model believes.",
    question="Which frequencies decide: the low ones of one image, or the high ones of another?",
    reading="Hybrids have the low frequencies of one image and the high ones of another. f_rev is the mixing "
    "frequency from which on the model believes the low image (Li et al., PLoS Comput Biol 2023): "
    "the lower, the lower the frequencies that it relies on. It asks the labels, not the gradient.",
    job="fsens_cli.config.jobs:HybridJob",
    task="fsens_cli.commands.hybrid_probe:hybrid_task",
    draw="fsens_cli.runs.hybrid_files:draw_hybrid",
    columns=("accuracy", "f_rev"),
    settings=[
        ("probe=quick", "or published: 1000 images, 6 pairings"),
        ("num_images=500", "each once as low and once as high image"),
        ("pairings=2", "how often all images are paired anew"),
        ("grid=[0,.07,.12,...,.85,1]", "mixing frequencies, fractions of Nyquist"),
        ("num=0", "or that many equally spaced ones, 0 to 1"),
        ("mask=sharp", "or gaussian, butterworth with order=4"),
        ("clip=true", "false: hybrids may leave [0, 1]"),
        ("pairs=all", "or both_correct: both recognised unmixed"),
        ("split=test", "or train"),
        ("plot.formats=[png]", "also pdf, svg"),
        ("tag=''", "added to the run folder's name"),
    ],
    examples=[
        "fsens hybrid-probe",
        "fsens hybrid-probe --model resnet20 --data cifar10 --weights net.pt",
        "fsens hybrid-probe -m --weights packaged:standard,packaged:lsf",
    ],
    results="Results: outputs/hybrid-probe/MODEL-DATA/v001 with curve.png, examples.png,\n"
    "curve.csv, per_pair.csv and results.json; several models, ordered by f_rev:\n"
    "outputs/sweeps/hybrid-probe/v001 with overlay.png and summary.csv.",
    order="f_rev",
)
