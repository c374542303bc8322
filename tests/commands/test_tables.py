"""Tables at three widths: nothing is broken inside a number, and nothing is lost in silence."""

import pytest

from fsens_cli.commands.tables import fits, laid_out, table, wrapped

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


def test_a_row_of_one_cell_is_a_heading_over_all_columns() -> None:
    heading = "a number with a long name (c/image)"
    lines = table([{"run": heading}, {"run": "  one", "value": "1.5"}, {"run": "  two", "value": "10"}])
    assert laid_out(lines, 40) == ["run    value", heading, "  one   1.5", "  two  10"]
    units = table([{"run": "a number"}, {"run": "  one", "value": "1.5", "unit": "c/image"}])
    assert laid_out(units, 18) == ["a number", "  one", "   value 1.5", "   unit  c/image"]
    assert fits(lines, 42, columns=2)
    assert not fits(lines, 41, columns=2)


def test_a_command_in_a_sentence_stays_whole() -> None:
    said = "stopped in epoch 2 of 3, step 1; continue with: fsens train --resume outputs/train/resnet8-dualband/v002"
    assert wrapped(said, 60, hanging=0)[-1] == said[said.index("fsens train") :]
    assert wrapped(said, 80, hanging=40)[-1].strip() == said[said.index("fsens train") :]
    assert max(map(len, wrapped(said, 80, hanging=40))) <= 80
    assert wrapped("unknown model 'resnt20'. `fsens models` lists them", 32)[1].startswith("  `fsens models`")
