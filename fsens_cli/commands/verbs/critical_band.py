"""The record of `fsens critical-band`: its words, and what does its work."""

from fsens_cli.commands.verbs.verb import PROBE, Verb

CRITICAL_BAND = Verb(
    name="critical-band",
    panel=PROBE,
    help="Find how much noise in each band of frequencies costs a model its accuracy: its frequency channel.",
    question="How much noise in each band of frequencies costs the model half of what it knows?",
    reading="Noise of the same strength in every band (Solomon and Pelli 1994; for networks Subramanian et al., "
    "NeurIPS 2023). Sensitivity is 1 over the strength at the threshold. People have a channel of about one octave. "
    "Width and centre are those of the octaves in which sensitivity is at least half its peak.",
    job="fsens_cli.config.jobs:CriticalBandJob",
    task="fsens_cli.commands.critical_band:critical_band_task",
    draw="fsens_cli.runs.critical_band_files:draw_critical_band",
    columns=("accuracy", "width", "centre", "peak"),
    settings=[
        ("num_images=500", "at most this many, drawn at random"),
        ("procedure=default", "or reference: the published procedure"),
        ("spacing=auto", "octave or half-octave bands"),
        ("criterion=half", "half way to chance; or absolute: 50 % right"),
        ("preprocess=none", "or gray, published (gray, low contrast)"),
        ("contrast=1", "published: 0.2"),
        ("clip=none", "or clamp, published"),
        ("lowest=0.005 levels=9", "strengths, each twice the one before"),
        ("plot.formats=[png]", "also pdf, svg"),
        ("tag=''", "added to the run folder's name"),
    ],
    examples=[
        "fsens critical-band",
        "fsens critical-band --model timm/vit_tiny_patch16_224 --data imagenet data.root=FOLDER",
        "fsens critical-band -m --model resnet8 --weights packaged:lsf,packaged:hsf",
        "fsens critical-band procedure=reference 'data.size=[224,224]'",
    ],
    results="Results: outputs/critical-band/MODEL-DATA/v001 with critical_band.png,\n"
    "critical_band.csv, cells.csv, gradient.csv, answers.npz and results.json.",
)
