"""What stands below the flags in each command's help: settings with defaults, examples, where results land."""

HELP = {
    "fsens": """[bold]Examples[/]

[cyan]fsens measure[/]  the embedded demonstration, in seconds

[cyan]fsens measure --model net.py:make --weights net.pt --data folder data.root=pictures[/]

[cyan]fsens train regularizer=lsf[/]  train a network to listen to low frequencies

Settings are key=value; comma lists with -m sweep. [cyan]fsens VERB --help[/] names the ones people change.""",
    "measure": """[bold]Settings, with their defaults[/]

num_images=1000  at most this many images, drawn at random from the seed

convention=pixel  or reference: the published one (gradient at the normalised input)

target=loss  or logit, margin: what is differentiated

channels=mean  or power: power per channel, then summed

basis=fourier  or dct, haar

bands=[]  last radius of low and mid in cycles/image, e.g. [5,10]; empty is N/6 and N/3

split=test  or train

model.mean=[] model.std=[]  per channel on the 0..1 scale; empty takes those stored with the weights

plot.formats=[png]  also pdf, svg

tag=''  added to the run folder's name

[bold]Examples[/]

[cyan]fsens measure[/]

[cyan]fsens measure --model resnet20 --data cifar10 --weights net.pt num_images=10000[/]

[cyan]fsens measure -m --model resnet8,resnet20 --weights random seed=0,1[/]

Results land in outputs/measure/MODEL-DATA/v001: spectrum.png, map.png, spectrum.csv, per_image.csv, results.json.""",
    "train": """[bold]Settings, with their defaults[/]

epochs=10 batch_size=128 seed=0

regularizer=none  or lsf, msf, hsf, asf, target: which frequencies to listen to

regularizer.weight=0.5  lambda; regularizer.file=SPECTRUM.csv for target

optim=sgd  or adamw; optim.lr=0.1, optim.schedule=cosine|linear|step

label_smoothing=0 augment.pad=4 augment.flip=auto noise_sd=0

adversary.norm=none  or linf, l2 with adversary.eps=0.0314 (0..1 scale): adversarial training

frontend=none  or blur with frontend.sigma=1.5 (pixels), part of the model

val_fraction=0.05  of the training images, to choose the best epoch

experiment=NAME  a whole recipe: dualband_lsf, fast_cifar10_lsf, tmlr2022_cifar10_lsf, ...

data.train_size=8000 data.test_size=1000  images of dualband

[bold]Examples[/]

[cyan]fsens train epochs=3[/]

[cyan]fsens train --model resnet20 --data cifar10 experiment=fast_cifar10_lsf[/]

[cyan]fsens train --resume outputs/train/resnet8-dualband/v001[/]

Results land in outputs/train/MODEL-DATA/v001: training.csv, training.png, checkpoints/ and measure's own files.""",
}
