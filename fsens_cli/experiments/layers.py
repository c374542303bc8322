"""What each block of a network does to spatial frequencies: spectra of its states and of the gradient there.

Park and Kim, *How Do Vision Transformers Work?*, ICLR 2022, ask the first; for the gradient: a unitary transform of any
state describes the gradient with respect to it just as it does at the input (Krishnamachari et al., TMLR 2022, sec. 3).
Shape letters: N images, C channels, h, w of a map, K radial bins.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from fsens_cli.data.images import ImageSet
from fsens_cli.errors import DataError
from fsens_cli.experiments.layers_result import LayersResult, LayerTable, image_edges, layer_rows, layer_warnings
from fsens_cli.experiments.layers_settings import LayersConfig
from fsens_cli.experiments.right_answers import right_answers
from fsens_cli.fourier.bins import spectral_share
from fsens_cli.fourier.features import is_constant, map_energy, published_log_amplitude
from fsens_cli.fourier.sensitivity import rescale_each
from fsens_cli.models.classifier import Classifier, as_classifier, device_of, held_still
from fsens_cli.models.taps import Tap, find_taps, reading
from fsens_cli.objectives.input_gradient import target_cotangent
from fsens_cli.statistics.intervals import wilson

Progress = Callable[[int], None]


def layers(
    model: nn.Module,
    images: ImageSet,
    config: LayersConfig | None = None,
    *,
    on_progress: Progress = lambda _: None,
) -> LayersResult:
    """Measure the spectrum of a network's states, one forward pass an image for all of them.

    A state is reduced to its radial spectrum as it arises, and its gradient as that arises, so nothing is kept for
    later beyond what a backward pass keeps anyway.

    Args:
        model: a Classifier, or any module that maps [0, 1] images to logits.
        images: labelled images.
        config: settings.
        on_progress: called with the number of images done.

    The model is left as it was.

    Raises:
        DataError: no images, or labels outside the classes.
        ModelError: no such layer, or a layer that is no map of the image.
        ConfigError: images too small for three bands.
    """
    config = config or LayersConfig()
    classifier = as_classifier(model)
    if not len(images):
        raise DataError("there are no images to look at.")
    channels, height, width = images.images_NCHW.shape[1:]
    edges = image_edges((height, width))
    taps = find_taps(classifier, (channels, height, width), config.layers, layout=config.layout)
    collected = [_Collected(tap, config) for tap in taps]
    correct, num_classes, done = [], 0, 0
    with held_still(classifier):
        for batch, labels in images.batches(config.batch_size, device_of(classifier)):
            logits, right = _one_pass(classifier, batch, labels, collected, config)
            correct.append(right.cpu())
            num_classes = logits.shape[1]
            done += len(labels)
            on_progress(done)
    correct_N = torch.cat(correct)
    rows = layer_rows([c.table() for c in collected], edges)
    return LayersResult(
        config=config,
        rows=rows,
        image_size=(height, width),
        edges=edges,
        index_N=images.index_N,
        label_N=images.label_N,
        correct_N=correct_N,
        num_classes=num_classes,
        accuracy=wilson(int(correct_N.sum()), len(correct_N)),
        warnings=layer_warnings(rows),
    )


class _Collected:
    """What has been gathered of one state so far."""

    def __init__(self, tap: Tap, config: LayersConfig) -> None:
        self.tap = tap
        self._published = config.procedure == "reference"
        self._energy: list[Tensor] = []
        self._gradient: list[Tensor] = []
        self._curves: list[tuple[int, Tensor]] = []
        self._dead_C: Tensor | None = None

    def add(self, state: Tensor) -> None:
        """Reduce a batch of states; where gradients are asked for, see to it that theirs is reduced, too."""
        features = self.tap.features(state.detach())
        self._energy.append(map_energy(features).cpu())
        self._look_for_dead(features)
        if self._published:
            self._curves.append((len(features), published_log_amplitude(features).cpu()))
        if state.requires_grad and torch.is_grad_enabled():
            state.register_hook(self._add_gradient)

    def _look_for_dead(self, features: Tensor) -> None:
        """Note which channels have been constant in every image; the first image leaves few of them to look at."""
        if self._dead_C is None:
            self._dead_C = is_constant(features[:1])[0]
        at = self._dead_C.nonzero().squeeze(1)
        if len(at):
            self._dead_C[at] = is_constant(features[:, at]).all(dim=0)

    def _add_gradient(self, grad: Tensor) -> None:
        scaled, _ = rescale_each(self.tap.features(grad).detach())
        self._gradient.append(spectral_share(map_energy(scaled)).cpu())

    def table(self) -> LayerTable:
        """Return everything, image by image."""
        energy_NK = torch.cat(self._energy)
        count = sum(n for n, _ in self._curves)
        curve = sum((n / count * c for n, c in self._curves), torch.zeros(1, dtype=torch.float64))
        return LayerTable(
            tap=self.tap,
            energy_NK=energy_NK,
            gradient_NK=torch.cat(self._gradient) if self._gradient else energy_NK[:0],
            num_dead=int(self._dead_C.sum()) if self._dead_C is not None else 0,
            published_K=curve - curve[0] if self._curves else energy_NK[0, :0],
        )


def _one_pass(
    classifier: Classifier, batch: Tensor, labels: Tensor, collected: list[_Collected], config: LayersConfig
) -> tuple[Tensor, Tensor]:
    """Return the logits, and where they are right."""
    images = batch.requires_grad_(config.gradient)
    with torch.set_grad_enabled(config.gradient):
        with reading(classifier, [c.tap for c in collected], lambda number, state: collected[number].add(state)):
            logits = classifier(images)
        right = right_answers(logits.detach(), labels, shown="images")
        if config.gradient and logits.requires_grad:
            cotangent, _ = target_cotangent(logits.detach(), labels, config.target)
            torch.autograd.grad(logits, images, cotangent.to(logits.dtype), allow_unused=True)
    return logits.detach(), right
