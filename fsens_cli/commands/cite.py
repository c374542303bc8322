"""``fsens cite``: how fsens and the two papers behind its methods are cited, as BibTeX."""

import typer

from fsens_cli import __version__

# CITATION.cff says the same; a test holds both to it.
BIBTEX = f"""\
@misc{{fsens,
  title = {{fsens: the frequency-robustness laboratory for vision models}},
  author = {{{{The fsens authors}}}},
  note = {{Software, version {__version__}}},
}}

% Fourier sensitivity and its regularization: measure, train, FourierPenalty
@article{{krishnamachari2022fourier,
  title = {{Fourier Sensitivity and Regularization of Computer Vision Models}},
  author = {{Krishnamachari, Kiran and Ng, See-Kiong and Foo, Chuan-Sheng}},
  journal = {{Transactions on Machine Learning Research}},
  year = {{2022}},
  url = {{https://arxiv.org/abs/2301.13514}},
}}

% hybrid images, minimal perturbations by frequency, blur as a defence: hybrid-probe, evaluate, blur-defense
@article{{li2023robust,
  title = {{Robust deep learning object recognition models rely on low frequency information in natural images}},
  author = {{Li, Zhe and Ortega Caro, Josue and Rusak, Evgenia and Brendel, Wieland and Bethge, Matthias and
            Anselmi, Fabio and Patel, Ankit B. and Tolias, Andreas S. and Pitkow, Xaq}},
  journal = {{PLoS Computational Biology}},
  volume = {{19}},
  number = {{3}},
  pages = {{e1010932}},
  year = {{2023}},
  doi = {{10.1371/journal.pcbi.1010932}},
}}"""


def print_citation() -> None:
    """Print the BibTeX entries."""
    typer.echo(BIBTEX)
