"""The record of `fsens train`: its words, and what does its work."""

from fsens_cli.commands.verbs.verb import CHANGE, Verb

TRAIN = Verb(
    name="train",
    panel=CHANGE,
    help="Train a network, then show which spatial frequencies it has learnt to listen to.",
    question="What does a network listen to after this training?",
    reading="As for measure, after the training; accuracy is that of the best epoch by validation images.",
    job="fsens_cli.config.jobs:TrainJob",
    task="fsens_cli.commands.train:train_task",
    draw="fsens_cli.runs.train_files:draw_train",
    columns=("test-accuracy", "share-low", "share-mid", "share-high"),
    settings=[
        ("epochs=10 batch_size=128", "passes over the images; images a step"),
        ("regularizer=none", "or lsf msf hsf asf target jafr gradient-norm similarity"),
        ("regularizer.weight=0.5", "lambda; target needs regularizer.file=CSV"),
        ("optim=sgd", "or adamw; optim.lr=0.1"),
        ("optim.schedule=cosine", "or linear, step"),
        ("label_smoothing=0", "in 0..1"),
        ("augment.pad=4 augment.flip=auto", "random crop in pixels, mirror images"),
        ("augment.policy=none", "or augmix, apr-p, apr-s, apr-sp, afa, patch-gaussian"),
        ("noise_sd=0", "Gaussian noise on the images, 0..1 scale"),
        ("adversary.norm=none", "or linf, l2: adversarial training, adversary.eps"),
        ("adversary.loss=ce", "or trades, adversary.beta=6"),
        ("frontend=none", "or blur, frontend.sigma=1.5 pixels"),
        ("tracker=none", "or tensorboard, mlflow: follow every epoch"),
        ("experiment=NAME", "a recipe: dualband, fast_cifar10, tmlr2022_cifar10, ..."),
    ],
    examples=[
        "fsens train epochs=3",
        "fsens train --model resnet20 --data cifar10 experiment=fast_cifar10 regularizer=lsf",
        "fsens train --resume outputs/train/resnet8-dualband/v001",
        "torchrun --nproc-per-node 2 -m fsens_cli train regularizer=lsf",
    ],
    results="Results: outputs/train/MODEL-DATA/v001 with training.csv, checkpoints/, from two\n"
    "epochs on training.png, and all that measure writes.",
    resume="fsens_cli.commands.train:resume_training",
    shares_processes=True,
)
