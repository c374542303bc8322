"""How figures are written: settings that no drawing library is needed for."""

from dataclasses import dataclass, field

from fsens_cli.errors import require, require_one_of

FORMATS = ("png", "pdf", "svg")


@dataclass(kw_only=True)
class PlotConfig:
    """How figures are written.

    Attributes:
        formats: any of ``png``, ``pdf``, ``svg``; a PNG is always written.
        published: a published curve to draw in gray, such as ``cifar10-standard``; ``none``; ``auto`` takes the one for
            the data and training where there is one.
    """

    formats: list[str] = field(default_factory=lambda: ["png"])
    published: str = "auto"

    def __post_init__(self) -> None:
        """Check the formats."""
        for name in self.formats:
            require_one_of("plot.formats", name, FORMATS)
        require(self.published != "", "plot.published needs a name: none, auto or a published curve.")

    def all_formats(self) -> list[str]:
        """Return the formats, PNG always among them."""
        return list(dict.fromkeys(["png", *self.formats]))
