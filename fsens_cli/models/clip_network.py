"""Zero-shot classifiers of open_clip, ``clip:OWNER/NAME[@REVISION]``: cosine of an image and of each class's name.

Repositories hold ``open_clip_config.json`` and ``open_clip_model.safetensors``, which are fetched and read by us.
Radford et al., ICML 2021, section 3.1.

Shape letters: N images, L classes, T templates, D numbers of an embedding.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypedDict, cast

import torch
from torch import Tensor, nn

from fsens_cli.cache.hub import HubPlace, commit_of, fetch_from_hub
from fsens_cli.cache.places import Meter, silent
from fsens_cli.errors import CheckpointError, FetchError, ModelError, in_one_line
from fsens_cli.models.clip_names import CLIP_PREFIX, split_clip, words_for
from fsens_cli.models.description import Description, checked_description
from fsens_cli.models.hub_network import read_config, weights_file

if TYPE_CHECKING:
    from fsens_cli.models.sources import Asked

WEIGHTS, SETTINGS = "open_clip_model.safetensors", "open_clip_config.json"
TEMPLATES = {"simple": "SIMPLE_IMAGENET_TEMPLATES", "openai": "OPENAI_IMAGENET_TEMPLATES"}
# Texts go through the text tower so many at a time.
TEXTS_AT_ONCE = 64
# Of open_clip's defaults, where a repository does not say.
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


class Pixels(TypedDict, total=False):
    """What is read of ``preprocess_cfg``; anybody may have written it, and nothing of it is checked yet."""

    mean: list[float]
    std: list[float]
    interpolation: str
    resize_mode: str


class Vision(TypedDict, total=False):
    """What is read of ``vision_cfg``, as little checked."""

    image_size: int | list[int]


class Clip(Protocol):
    """What is used of a network of open_clip."""

    logit_scale: Tensor
    logit_bias: Tensor | None

    def encode_image(self, image: Tensor, normalize: bool = False) -> Tensor:
        """Return embeddings (N, D)."""

    def encode_text(self, text: Tensor, normalize: bool = False) -> Tensor:
        """Return embeddings (N, D)."""


class ZeroShot(nn.Module):
    """exp(s) cos(image, class) + b with the network's own s and b, so that cross-entropy and calibration have meaning.

    Its weights are those of the whole network, by its names; `set_head` embeds the classes once these are loaded.
    """

    def __init__(self, clip: nn.Module, tokens: Tensor, num_classes: int) -> None:
        super().__init__()
        self.clip = clip
        self.num_classes = num_classes
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("head_DL", torch.empty(0), persistent=False)
        self.tokens: Tensor
        self.head_DL: Tensor

    def set_head(self) -> None:
        """Embed every template of every class: mean of unit vectors, of unit length again."""
        clip = cast(Clip, self.clip.eval())
        with torch.no_grad():
            parts = [clip.encode_text(part, normalize=True) for part in self.tokens.split(TEXTS_AT_ONCE)]
        mean_LD = torch.cat(parts).unflatten(0, (self.num_classes, -1)).mean(dim=1)
        self.head_DL = (mean_LD / mean_LD.norm(dim=1, keepdim=True)).T.contiguous()

    def forward(self, images_NCHW: Tensor) -> Tensor:
        """Return logits (N, L)."""
        clip = cast(Clip, self.clip)
        logits = clip.logit_scale.exp() * (clip.encode_image(images_NCHW, normalize=True) @ self.head_DL)
        return logits if clip.logit_bias is None else logits + clip.logit_bias

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:  # type: ignore[override]
        """Return the network's own tensors."""
        return self.clip.state_dict(prefix=prefix, keep_vars=keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True, assign: bool = False) -> object:
        """Load the network's own tensors."""
        return self.clip.load_state_dict(state_dict, strict=strict, assign=assign)


def build(asked: "Asked") -> nn.Module:
    """Build the network that a repository's settings describe, with random weights, for the classes of the data.

    Raises:
        ModelError: open_clip is missing, does not know it, or the classes have no names.
    """
    name = asked.config.name
    try:
        import open_clip
    except ImportError as error:
        raise ModelError(f"model={name} needs open_clip: pip install 'fsens[clip]'.") from error
    _refuse_other_towers(name)
    place = split_clip(name)
    folder = fetch_from_hub(HubPlace(place.repo, place.revision, SETTINGS)).parent
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            clip, _, _ = open_clip.create_model_and_transforms(
                f"local-dir:{folder}", load_weights=False, pretrained_text=False
            )
            tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    except Exception as error:  # its settings may be anything, and are read in many places
        raise ModelError(f"model={name}: open_clip cannot build it ({in_one_line(error)}).") from error
    if any("QuickGELU" in str(warning.message) for warning in said):
        raise ModelError(f"model={name}: its settings and its weights differ in their activation (QuickGELU).")
    kind = str(asked.config.kwargs.get("templates", "simple"))
    if kind not in TEMPLATES or asked.config.kwargs.keys() - {"templates"}:
        raise ModelError(f"model={name} takes model.kwargs.templates={'|'.join(TEMPLATES)} alone.")
    words = words_for(asked.class_names, open_clip.IMAGENET_CLASSNAMES)
    if len(words) != asked.num_classes:
        few = ", ".join(asked.class_names[:3]) or "unknown"
        raise ModelError(
            f"model={name} compares images with the names of their classes, and these ({few}, ...) are no words: name "
            "the class folders in words or by WordNet ids."
        )
    texts = [template(word) for word in words for template in getattr(open_clip, TEMPLATES[kind])]
    return ZeroShot(clip, tokenizer(texts), len(words))


def weights_of(name: str, meter: Meter = silent) -> tuple[Path, Description]:
    """Return the file of the weights, and what the repository says of normalisation and geometry.

    Raises:
        FetchError: it cannot be had.
        CheckpointError: it has no safetensors, or describes itself wrongly.
    """
    place = split_clip(name)
    path = weights_file(place, WEIGHTS, meter)
    same = f"{CLIP_PREFIX}{place.repo}@{commit_of(path) or place.revision}"
    return path, _described(_settings(same), f"{place.repo}/{SETTINGS}")


def _described(settings: Mapping[str, object], source: str) -> Description:
    try:
        pixels = cast(Pixels, settings.get("preprocess_cfg") or {})
        vision = cast(Mapping[str, Vision], settings["model_cfg"])["vision_cfg"]
        size = vision.get("image_size", 224)
        height, width = size if isinstance(size, list) else (size, size)
        shorter = 0 if pixels.get("resize_mode") == "squash" else min(height, width)
        found: Description = {
            "model": {"mean": list(pixels.get("mean", MEAN)), "std": list(pixels.get("std", STD))},
            "geometry": {
                "height": height,
                "width": width,
                "shorter": shorter,
                "interpolation": str(pixels.get("interpolation", "bicubic")),
            },
        }
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise CheckpointError(f"{source} describes itself wrongly ({in_one_line(error)}).") from error
    return checked_description(found, source)


def _refuse_other_towers(name: str) -> None:
    """Raise ModelError where building would fetch something else, or the texts need another library's tokens."""
    model = cast(Mapping[str, object], _settings(name).get("model_cfg") or {})
    for part, keys in (
        ("text_cfg", ("hf_model_name", "hf_tokenizer_name")),
        ("vision_cfg", ("timm_model_pretrained",)),
    ):
        settings = model.get(part)
        found = next((key for key in keys if isinstance(settings, Mapping) and settings.get(key)), "")
        if found:
            raise ModelError(f"model={name}: its {part} has {found}, which would fetch more: that is not supported.")


def _settings(name: str) -> dict[str, object]:
    try:
        return read_config(split_clip(name), file=SETTINGS)
    except FetchError as error:
        raise ModelError(f"model={name}: {error}. A network without {SETTINGS} is not known well enough.") from error
