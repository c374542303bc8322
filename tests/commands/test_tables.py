"""Tables at three widths: nothing is broken inside a number, and nothing is lost in silence."""

import pytest

from fsens_cli.commands.tables import laid_out, table

ROWS = [
    {" filter": " none", "clean": "100.0 % [98.5, 100.0]", "size": "4.59/255 [4.36/255, 5.11/255]", "checks": "4 of 4"},
    {" filter": " blur 1.5", "clean": "9.6 % [7.8, 11.9]", "size": "not found", "checks": "5 of 6, 1 not run"},
]
LINES = ["resnet8 (packaged:standard) on dualband test, 500 images, accuracy 100.0 % [99.2, 100.0]", *table(ROWS)]

AT_120 = """\
resnet8 (packaged:standard) on dualband test, 500 images, accuracy 100.0 % [99.2, 100.0]
 filter    clean                  size                           checks
 none      100.0 % [98.5, 100.0]  4.59/255 [4.36/255, 5.11/255]  4 of 4
 blur 1.5    9.6 % [7.8, 11.9]    not found                      5 of 6, 1 not run"""
AT_80 = """\
resnet8 (packaged:standard) on dualband test, 500 images, accuracy
  100.0 % [99.2, 100.0]
 filter    clean                  size
 none      100.0 % [98.5, 100.0]  4.59/255 [4.36/255, 5.11/255]
 blur 1.5    9.6 % [7.8, 11.9]    not found
 wider terminals also show: checks"""
AT_40 = """\
resnet8 (packaged:standard) on dualband
  test, 500 images, accuracy
  100.0 % [99.2, 100.0]
 filter: none
   clean  100.0 % [98.5, 100.0]
   size   4.59/255 [4.36/255, 5.11/255]
   checks 4 of 4
 filter: blur 1.5
   clean  9.6 % [7.8, 11.9]
   size   not found
   checks 5 of 6, 1 not run"""


@pytest.mark.parametrize(("width", "expected"), [(120, AT_120), (80, AT_80), (40, AT_40)])
def test_a_table_as_wide_as_the_terminal(width: int, expected: str) -> None:
    shown = laid_out(LINES, width)
    assert "\n".join(shown) == expected
    assert max(map(len, shown)) <= width
