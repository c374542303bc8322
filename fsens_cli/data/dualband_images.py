"""The pictures of the embedded data set, in which the class is written twice, once in low and once in high frequencies.

Every image is a 1/f background plus two gratings of random phase. The class decides both gratings: a low one
(radius 2.5 or 4.5 cycles per image, five orientations) and a high one (radius 12.5 or 15, the same five). Each cue
alone is enough, so which one a network uses is its own choice, and the truth is known. It is a demonstration and a test
bench and says nothing about natural images.

Shape letters: N images, C channels, H, W pixels.
"""

import math

import torch
from torch import Tensor

from fsens_cli.cache.places import Meter, silent
from fsens_cli.data.dualband import NUM_ORIENTATIONS, SIZE, DualbandConfig
from fsens_cli.data.images import ImageSet
from fsens_cli.memory import require_memory

LOW_RADII = (2.5, 4.5)


HIGH_RADII = (12.5, 15.0)


LOW_AMPLITUDE = (0.06, 0.14)


HIGH_AMPLITUDE = (0.036, 0.084)


BACKGROUND_SD = 0.12


# While images are made: a few copies in float32 and complex64.
BYTES_A_VALUE = 16


def load_dualband(config: DualbandConfig, split: str, meter: Meter = silent) -> ImageSet:
    """Generate the ``train`` or ``test`` images; equal configurations give equal bytes."""
    del meter
    num_images = config.train_size if split == "train" else config.test_size
    require_memory(
        num_images * 3 * SIZE * SIZE * BYTES_A_VALUE,
        f"{num_images:,} generated images",
        f"give a smaller data.{'train' if split == 'train' else 'test'}_size",
    )
    generator = torch.Generator().manual_seed(2 * config.seed + (split == "test"))
    label_N = torch.arange(num_images) % (2 * NUM_ORIENTATIONS)
    label_N = label_N[torch.randperm(num_images, generator=generator)]
    images = 0.5 + _background(num_images, generator)
    for radii, amplitudes, factor in (
        (LOW_RADII, LOW_AMPLITUDE, config.low_cue),
        (HIGH_RADII, HIGH_AMPLITUDE, config.high_cue),
    ):
        images += factor * _grating(label_N, radii, amplitudes, generator)
    return ImageSet(
        images_NCHW=images.clamp_(0, 1).mul_(255).round_().to(torch.uint8),
        label_N=label_N,
        index_N=torch.arange(num_images),
        class_names=tuple(f"class{i}" for i in range(2 * NUM_ORIENTATIONS)),
        title=_title(config),
        split=split,
    )


def _title(config: DualbandConfig) -> str:
    changed = [f"{cue} cue x {v:g}" for cue, v in (("low", config.low_cue), ("high", config.high_cue)) if v != 1.0]
    return ", ".join([config.title, *changed])


def _background(num_images: int, generator: torch.Generator) -> Tensor:
    """Return coloured noise with amplitude spectrum 1/f (power 1/f^2), mean 0, equal contrast, (N, 3, H, W)."""
    f_y = torch.fft.fftfreq(SIZE)[:, None]
    f_x = torch.fft.rfftfreq(SIZE)[None, :]
    radius = torch.sqrt(f_y**2 + f_x**2)
    amplitude = torch.where(radius > 0, 1.0 / radius.clamp_min(1e-6), torch.zeros(()))
    # Channels of natural pictures mostly share their luminance: two thirds common, one third own.
    common = torch.randn(num_images, 1, SIZE, SIZE, generator=generator)
    own = torch.randn(num_images, 3, SIZE, SIZE, generator=generator)
    white = math.sqrt(2 / 3) * common + math.sqrt(1 / 3) * own
    noise = torch.fft.irfft2(torch.fft.rfft2(white) * amplitude, s=(SIZE, SIZE))
    return noise * (BACKGROUND_SD / noise.std(dim=(1, 2, 3), keepdim=True))


def _grating(
    label_N: Tensor, radii: tuple[float, float], amplitudes: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """Return the gray grating of each label with random phase and amplitude, (N, 1, H, W)."""
    angle = (label_N % NUM_ORIENTATIONS) * (math.pi / NUM_ORIENTATIONS)
    radius = torch.tensor(radii)[label_N // NUM_ORIENTATIONS]
    phase, strength = torch.rand(2, len(label_N), generator=generator)
    amplitude = amplitudes[0] + (amplitudes[1] - amplitudes[0]) * strength
    position = torch.arange(SIZE) / SIZE
    across = (radius * torch.cos(angle))[:, None, None] * position[None, None, :]
    down = (radius * torch.sin(angle))[:, None, None] * position[None, :, None]
    wave = torch.cos(2 * math.pi * (across + down + phase[:, None, None]))
    return (amplitude[:, None, None] * wave)[:, None]
