"""The second stream of a training towards a similarity: pairs of images, their target, what the network makes of them.

Shape letters: N images, P pairs of a step, K taps, C channels, H, W pixels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from fsens_cli.data.augment import augment
from fsens_cli.data.images import ImageSet, resized, to_unit
from fsens_cli.errors import ConfigError, DataError
from fsens_cli.experiments.random_streams import seeded
from fsens_cli.experiments.train_settings import TrainConfig
from fsens_cli.models.classifier import Classifier, device_of, held_still
from fsens_cli.objectives.fourier_penalty import Penalty
from fsens_cli.objectives.regularizers import RegularizerConfig
from fsens_cli.objectives.similarity import TapSimilarity, default_taps, similarity_penalty
from fsens_cli.objectives.similarity_targets import (
    off_diagonal_shuffled,
    rows_permuted,
    same_class,
    stand_in,
    thresholded,
)
from fsens_cli.statistics.similarity import correlation, cosine_matrix, upper_triangle

# Images on which network and target are compared after each epoch.
NUM_COMPARED = 200
GRAY, COLOURS = 1, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSource:
    """Where the pairs come from, where that is not the training images alone.

    Attributes:
        images: of another data set or of recordings, of any size; None for the training images.
        similarity_NN: of recordings.
        untrained: an untrained network of the same kind.
    """

    images: ImageSet | None = None
    similarity_NN: Tensor | None = None
    untrained: Classifier | None = None


NO_OTHER_IMAGES = PairSource()


@dataclass(frozen=True, slots=True)
class PairBatch:
    """The pairs of one step.

    Attributes:
        left_PCHW, right_PCHW: in [0, 1].
        target_P: how similar they should be.
        similarity: compares them inside the network.
        config: on which scale.
    """

    left_PCHW: Tensor
    right_PCHW: Tensor
    target_P: Tensor
    similarity: TapSimilarity
    config: RegularizerConfig

    def penalty(self, classifier: Classifier) -> Penalty:
        """Return the mean squared gap between the network's similarity and the target's, with a graph."""
        found_P, _ = self.similarity(classifier, self.left_PCHW, self.right_PCHW)
        value = similarity_penalty(found_P, self.target_P.to(found_P), self.config.transform)
        return Penalty(value, torch.zeros((), device=value.device), torch.zeros(0, device=value.device))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSet:
    """All pairs of a training.

    Attributes:
        images_NCHW: uint8, on the training's device.
        target_NN: float32, on the CPU.
        pairs_2M: rows of the M pairs that take part, i < j.
        similarity: compares pairs inside the network.
        config, seed: of the training.
    """

    images_NCHW: Tensor
    target_NN: Tensor
    pairs_2M: Tensor
    similarity: TapSimilarity
    config: RegularizerConfig
    seed: int

    def batch(self, step: int) -> PairBatch:
        """Return the pairs of a step, counted from 0 over the whole training; used up, they are shuffled anew."""
        count = self.config.pair_batch
        round_, place = divmod(step, self.pairs_2M.shape[1] // count)
        order = _order(self.pairs_2M.shape[1], self.seed, round_)
        left, right = self.pairs_2M[:, order[place * count : (place + 1) * count].long()].long()
        device = self.images_NCHW.device
        return PairBatch(
            to_unit(self.images_NCHW[left.to(device)]),
            to_unit(self.images_NCHW[right.to(device)]),
            self.target_NN[left, right].to(device),
            self.similarity,
            self.config,
        )

    def agreement(self, classifier: Classifier) -> dict[str, float]:
        """Return the weight of each tap, its mean similarity, and the correlation of similarities with the target's.

        Over all pairs of the first images, in evaluation mode; a correlation is 0 where the target is constant.
        """
        target = upper_triangle(self.target_NN[:NUM_COMPARED, :NUM_COMPARED])
        with held_still(classifier), torch.no_grad():
            features = self.similarity.features(classifier, to_unit(self.images_NCHW[:NUM_COMPARED]))
            by_tap = [upper_triangle((each @ each.T).cpu()) for each in features]
            weights = self.similarity.weights_K.cpu()
        found = {"target_correlation": correlation(weights @ torch.stack(by_tap).float(), target)}
        for name, weight, similarity in zip(self.similarity.taps, weights.tolist(), by_tap, strict=True):
            found[f"tap_{name}_weight"] = weight
            found[f"tap_{name}_similarity"] = float(similarity.mean())
            found[f"tap_{name}_correlation"] = correlation(similarity, target)
        return found


_ORDERS: dict[tuple[int, int, int], Tensor] = {}


def _order(count: int, seed: int, round_: int) -> Tensor:
    """Return the order of the pairs in one round; the last one asked for is kept."""
    key = (count, seed, round_)
    if key not in _ORDERS:
        _ORDERS.clear()
        _ORDERS[key] = torch.randperm(count, generator=seeded(seed, "pairs", round_), dtype=torch.int32)
    return _ORDERS[key]


def prepare_pairs(classifier: Classifier, fit: ImageSet, config: TrainConfig, source: PairSource) -> PairSet:
    """Return the pairs, their target, and the module that compares them inside the network.

    Raises:
        DataError: too few images or pairs, or an image without a direction.
        ModelError: a tap that the network does not have.
    """
    settings, device = config.regularizer, device_of(classifier)
    images = _images_of(fit, config, source)
    if len(images) < 2:
        raise DataError(f"regularizer.num_images: {len(images)} images make no pairs.")
    unit = to_unit(images.images_NCHW)
    before_NN = _similarity_of(images, unit, settings, source)
    target_NN = thresholded(before_NN, settings.threshold) if settings.towards == "pixel" else before_NN
    generator = seeded(config.seed, "control")
    if settings.control == "permuted":
        target_NN = rows_permuted(target_NN, generator)
    elif settings.control == "shuffled":
        target_NN = off_diagonal_shuffled(target_NN, generator)
    pairs = _pairs_of(before_NN, settings)
    if pairs.shape[1] < settings.pair_batch:
        raise DataError(
            f"regularizer.pairs={settings.pairs}: {pairs.shape[1]} pairs pass regularizer.threshold="
            f"{settings.threshold}, fewer than regularizer.pair_batch={settings.pair_batch}."
        )
    taps = settings.taps or default_taps(classifier.module)
    similarity = TapSimilarity(classifier, taps, unit[:1].to(device), passes=settings.passes, inside="module")
    return PairSet(
        images_NCHW=images.images_NCHW.to(device),
        target_NN=target_NN.float(),
        pairs_2M=pairs,
        similarity=similarity,
        config=settings,
        seed=config.seed,
    )


def _images_of(fit: ImageSet, config: TrainConfig, source: PairSource) -> ImageSet:
    """Return the images of the pairs, of the training images' size and channels."""
    count, shape = config.regularizer.num_images, fit.images_NCHW.shape[1:]
    if source.images is None:
        # As published: varied once, then frozen, with mirrored borders. Black ones would make the similarity of pixels
        # one of borders: of Imagenette's pairs at 32 x 32 pixels .08 % instead of .64 % would pass a threshold of .8.
        chosen = fit.sample(count, config.seed)
        generator = seeded(config.seed, "pair images")
        rows = torch.arange(len(chosen))
        varied = augment(
            chosen.images_NCHW, rows, config.augment, epoch=0, seed=config.seed, generator=generator, border="reflect"
        )
        return chosen.with_pixels(varied)
    images = source.images if source.similarity_NN is not None else source.images.sample(count, config.seed)
    pixels = images.images_NCHW
    if pixels.shape[-2:] != shape[-2:]:
        pixels = resized(pixels, *shape[-2:])
    if pixels.shape[1] != shape[0]:
        if {pixels.shape[1], shape[0]} != {GRAY, COLOURS}:
            raise ConfigError(f"regularizer: pairs of {pixels.shape[1]} channels and images of {shape[0]} do not fit.")
        pixels = pixels.float().mean(dim=1, keepdim=True).round().to(torch.uint8).expand(-1, shape[0], -1, -1)
    return images.with_pixels(pixels.contiguous())


def _similarity_of(images: ImageSet, unit_NCHW: Tensor, settings: RegularizerConfig, source: PairSource) -> Tensor:
    """Return the target before any threshold or control, (N, N)."""
    kind = settings.towards
    if kind.startswith(("pixel", "gabor")):
        return stand_in(unit_NCHW, kind)
    if kind == "class":
        return same_class(images.label_N)
    if kind == "zero":
        return torch.eye(len(images))
    if kind == "untrained":
        assert source.untrained is not None, "whoever starts the training builds it"
        return _features_of(source.untrained, unit_NCHW, settings)
    assert source.similarity_NN is not None, "whoever starts the training reads it"
    return source.similarity_NN


def _features_of(untrained: Classifier, unit_NCHW: Tensor, settings: RegularizerConfig) -> Tensor:
    """Return the similarity of an untrained network's last tap."""
    tap = (settings.taps or default_taps(untrained.module))[-1]
    with held_still(untrained), torch.no_grad():
        device = device_of(untrained)
        reader = TapSimilarity(untrained, [tap], unit_NCHW[:1].to(device), inside="module")
        parts = [reader.features(untrained, part.to(device))[0].cpu() for part in unit_NCHW.split(128)]
    return cosine_matrix(torch.cat(parts))


def _pairs_of(similarity_NN: Tensor, settings: RegularizerConfig) -> Tensor:
    """Return the pairs i < j that take part, (2, M), int32."""
    count, threshold = len(similarity_NN), settings.threshold
    if settings.pairs == "all":
        return torch.triu_indices(count, count, offset=1, dtype=torch.int32)
    passes_NN = {
        "strong": similarity_NN.abs() > threshold,
        "weak": similarity_NN.abs() < threshold,
        "similar": similarity_NN > threshold,
        "opposite": similarity_NN < -threshold,
    }[settings.pairs]
    return passes_NN.triu(1).nonzero().T.to(torch.int32)
