"""The record of `fsens layers`: its words, and what does its work."""

from fsens_cli.commands.verbs.verb import PROBE, Verb

LAYERS = Verb(
    name="layers",
    panel=PROBE,
    help="Show what each block of a network does to spatial frequencies, and to which ones the loss reacts there.",
    question="Which spatial frequencies does each block keep, and which ones does the gradient ask of it?",
    reading="Power of every state of the network on the same radii, high over low in dB per cell: above 0 the state "
    "has more in high frequencies than white noise. Each state's bands are those of its own grid.",
    job="fsens_cli.config.jobs:LayersJob",
    task="fsens_cli.commands.layers:layers_task",
    draw="fsens_cli.runs.layers_files:draw_layers",
    columns=("accuracy", "ratio"),
    settings=[
        ("num_images=512", "at most this many, drawn at random"),
        ("layers=auto", "or all, or a pattern of module names"),
        ("gradient=true", "also the gradient with respect to each state"),
        ("target=loss", "or logit, margin: what is differentiated"),
        ("procedure=default", "or reference: the published log amplitude too"),
        ("layout=auto", "or channels-first, channels-last"),
        ("batch_size=32", "images at a time"),
        ("plot.formats=[png]", "also pdf, svg"),
        ("tag=''", "added to the run folder's name"),
    ],
    examples=[
        "fsens layers",
        "fsens layers --model timm/vit_tiny_patch16_224 --data imagenet data.root=FOLDER",
        "fsens layers 'layers=layer2.*' gradient=false",
    ],
    results="Results: outputs/layers/MODEL-DATA/v001 with layers.png, layer_spectra.png,\n"
    "layers.csv, layer_spectra.csv, energies.npz and results.json.",
)
