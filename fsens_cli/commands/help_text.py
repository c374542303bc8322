"""What stands below the flags in each command's help: settings with defaults, examples, where results land."""

from collections.abc import Sequence

Rows = Sequence[tuple[str, str]]


def _settings(rows: Rows) -> str:
    width = max(len(name) for name, _ in rows)
    # A bracket would be read as markup.
    return "\n".join(f"  {name.ljust(width)}  {text}".replace("[", r"\[") for name, text in rows)


def _page(settings: Rows, examples: Sequence[str], results: str) -> str:
    shown = "\n".join(f"  [cyan]{example}[/]" for example in examples)
    head = f"[bold]Settings people change most, with their defaults[/]\n{_settings(settings)}\n\n" if settings else ""
    tail = f"\n\n{results}" if results else ""
    return f"{head}[bold]Examples[/]\n{shown}{tail}"


HELP = {
    "fsens": _page(
        [],
        [
            "fsens measure                    the embedded demonstration, in seconds",
            "fsens measure --model net.py:make --weights net.pt --data cifar10",
            "fsens train regularizer=lsf      a network that listens to low frequencies",
        ],
        "Settings are KEY=VALUE; comma lists with -m make a sweep.\n`fsens VERB --help` names the main ones.",
    ),
    "measure": _page(
        [
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
        [
            "fsens measure",
            "fsens measure --model resnet20 --data cifar10 --weights net.pt",
            "fsens measure -m --model resnet8,resnet20 --weights random seed=0,1",
            "fsens measure -m seed=0,1,2,3 --launcher joblib      side by side",
        ],
        "Results: outputs/measure/MODEL-DATA/v001 with spectrum.png, map.png,\n"
        "spectrum.csv, bands.csv, per_image.csv and results.json.",
    ),
    "train": _page(
        [
            ("epochs=10 batch_size=128", "passes over the images; images a step"),
            ("regularizer=none", "or lsf, msf, hsf, asf, target: what to listen to"),
            ("regularizer.weight=0.5", "lambda; target needs regularizer.file=CSV"),
            ("optim=sgd", "or adamw; optim.lr=0.1"),
            ("optim.schedule=cosine", "or linear, step"),
            ("label_smoothing=0", "in 0..1"),
            ("augment.pad=4 augment.flip=auto", "random crop in pixels, mirror images"),
            ("noise_sd=0", "Gaussian noise on the images, 0..1 scale"),
            ("adversary.norm=none", "or linf, l2: adversarial training, adversary.eps"),
            ("frontend=none", "or blur, frontend.sigma=1.5 pixels"),
            ("tracker=none", "or tensorboard, mlflow: told every epoch's numbers"),
            ("experiment=NAME", "a recipe: dualband_lsf, fast_cifar10_lsf, ..."),
        ],
        [
            "fsens train epochs=3",
            "fsens train --model resnet20 --data cifar10 experiment=fast_cifar10_lsf",
            "fsens train --resume outputs/train/resnet8-dualband/v001",
            "torchrun --nproc-per-node 2 -m fsens_cli train regularizer=lsf",
        ],
        "Results: outputs/train/MODEL-DATA/v001 with training.csv, training.png,\n"
        "checkpoints/ and all that measure writes.",
    ),
    "hybrid-probe": _page(
        [
            ("num_images=1000", "each once as low and once as high image"),
            ("pairings=6", "how often all images are paired anew"),
            ("grid=[0,.07,.12,...,.85,1]", "mixing frequencies, fractions of Nyquist"),
            ("num=0", "or that many equally spaced ones, 0 to 1"),
            ("mask=sharp", "or gaussian, butterworth with order=4"),
            ("clip=true", "false: hybrids may leave [0, 1]"),
            ("pairs=all", "or both_correct: both recognised unmixed"),
            ("split=test", "or train"),
            ("plot.formats=[png]", "also pdf, svg"),
            ("tag=''", "added to the run folder's name"),
        ],
        [
            "fsens hybrid-probe",
            "fsens hybrid-probe --model resnet20 --data cifar10 --weights net.pt",
            "fsens hybrid-probe -m --weights packaged:standard,packaged:lsf",
        ],
        "Results: outputs/hybrid-probe/MODEL-DATA/v001 with curve.png, examples.png,\n"
        "curve.csv, per_pair.csv and results.json; several models, ordered by f_rev:\n"
        "outputs/sweeps/hybrid-probe/v001 with overlay.png and summary.csv.",
    ),
    "blur-defense": _page(
        [
            ("mode=test_time", "or trained: one network a strength"),
            ("sigmas=[0,1,1.5,2,3]", "of the blur, pixels; 0 is none"),
            ("defense=blur", "or high-pass, random-blur, pca"),
            ("components=[]", "of pca: [0,512]"),
            ("runs=[RUN,RUN,...]", "for trained: finished trainings, or"),
            ("train.epochs=0", "train that long, where not done yet"),
            ("num_images=500", "at most this many, drawn at random"),
            ("suite.attack_images=100", "attacked images"),
            ("suite.corruptions=[standard]", "15; all: 19; names"),
            ("checks.images=50", "for the checks of the numbers"),
        ],
        [
            "fsens blur-defense",
            "fsens blur-defense mode=trained runs=[packaged:standard,packaged:blur]",
            "fsens blur-defense mode=trained train.epochs=6 sigmas=[0,1.5]",
            "fsens blur-defense --resume outputs/blur-defense/resnet8-dualband/v001",
        ],
        "Results: outputs/blur-defense/MODEL-DATA/v001 with summary.md, sweep.csv,\n"
        "corruptions.csv, sizes.csv, profiles.csv, checks.csv and five figures.",
    ),
    "evaluate": _page(
        [
            ("suite=quick", "or full: everything, more images"),
            ("num_images=500", "at most this many, drawn at random"),
            ("suite.corruptions=[standard]", "15; all: 19; names; []: none"),
            ("suite.severities=[1,3,5]", "1 (weak) to 5"),
            ("suite.prediction=true", "foretell each from spectra"),
            ("corruption.root=''", "read CIFAR-10-C or ImageNet-C instead"),
            ("suite.attacks=[pgd]", "apgd-ce, square, standard (cascade), ..."),
            ("suite.eps_linf=[.0078,.0314]", "budgets, 0..1 pixel scale"),
            ("suite.minimal=true", "each image's smallest perturbation"),
            ("suite.attack_images=64", "attacked images"),
            ("suite.heat_map=true", "one added frequency after the other"),
            ("attack.steps=10", "0: each attack's own"),
            ("attack.eot=1", "passes averaged, for random models"),
        ],
        [
            "fsens evaluate",
            "fsens evaluate --model resnet20 --data cifar10 --weights net.pt suite=full",
            "fsens evaluate --resume outputs/evaluate/resnet8-dualband/v001",
        ],
        "Results: outputs/evaluate/MODEL-DATA/v001 with summary.md, accuracy.csv,\n"
        "per_image.csv, minimal.csv, prediction.csv, heat_map.csv and five figures.",
    ),
    "compare": _page(
        [],
        [
            "fsens compare outputs/measure/resnet8-dualband/v001 outputs/measure/resnet8-dualband/v002",
            "fsens compare sweep:hybrid-probe",
            "fsens compare 'outputs/evaluate/*/v*' --allow-different",
        ],
        "Differences are from the first run, image by image. Results: outputs/compare/v001 with\n"
        "comparison.csv, comparison.md, comparison.tex and overlay.png.",
    ),
    "report": _page(
        [],
        [
            "fsens report sweep:measure sweep:hybrid-probe sweep:evaluate -o report.html",
            "fsens report 'outputs/*/resnet8-dualband/v*' --title 'Five trainings'",
        ],
        "The page carries all that it needs: no network, works from file://. Needs `pip install 'fsens\\[report]'`.",
    ),
}
