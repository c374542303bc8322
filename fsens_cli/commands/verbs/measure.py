"""The record of `fsens measure`: its words, and what does its work."""

from fsens_cli.commands.verbs.verb import CHANGE, Verb

MEASURE = Verb(
    name="measure",
    panel=CHANGE,
    help="Show which spatial frequencies a model listens to: the spectrum of its input gradient.",
    question="Which spatial frequencies does the model listen to, by the spectrum of its input gradient?",
    reading="Shares of the input gradient's power by spatial frequency, each image counting the same "
    "(Krishnamachari et al., TMLR 2022). They add up to 1; a white gradient would have most of it in "
    "the high band, which has most cells.",
    job="fsens_cli.config.jobs:MeasureJob",
    task="fsens_cli.commands.measure:measure_task",
    draw="fsens_cli.runs.measure_files:draw_measure",
    columns=("accuracy", "centroid", "share-low", "share-high", "share-mid"),
    settings=[
        ("num_images=1000", "at most this many, drawn at random"),
        ("convention=pixel", "or reference: the published one"),
        ("target=loss", "or logit, margin: what is differentiated"),
        ("channels=mean", "or power: no cancelling between channels"),
        ("basis=fourier", "or dct, haar"),
        ("bands=[]", "or [LAST_LOW,LAST_MID] in cycles/image"),
        ("split=test", "or train"),
        ("model.mean=[] model.std=[]", "per channel, 0..1; empty: stored with weights"),
        ("plot.formats=[png]", "also pdf, svg"),
        ("tag=''", "added to the run folder's name"),
    ],
    examples=[
        "fsens measure",
        "fsens measure --model resnet20 --data cifar10 --weights net.pt",
        "fsens measure -m --model resnet8,resnet20 --weights random seed=0,1",
        "fsens measure -m seed=0,1,2,3 --launcher joblib      side by side",
    ],
    results="Results: outputs/measure/MODEL-DATA/v001 with spectrum.png, map.png,\n"
    "spectrum.csv, bands.csv, per_image.csv and results.json.",
)
