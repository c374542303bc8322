"""Settings are read by Hydra's parser, and where it is gone by a plainer one that reads the same of what it takes."""

import pytest

from fsens_cli.config import grammar
from fsens_cli.config.grammar import read_settings
from fsens_cli.errors import ConfigError

BOTH_READ = ("seed=1", "seed=1,2", "model=a,b", "tag='a,b=c'", "bands=[3,7]", "bands=[3,7],[2,5]", "++x.y=3")


def test_hydra_s_parser_is_where_it_was() -> None:
    assert grammar.HAS_PARSER, "hydra.core.override_parser is gone: settings are read without ranges and patterns"


def test_ranges_choices_and_patterns() -> None:
    ranged, chosen, pattern = read_settings(["seed=range(1,4)", "seed=choice(a,b)", "model=glob(resnet*,exclude=*5*)"])
    assert ranged.written == ("seed=1", "seed=2", "seed=3")
    assert chosen.values == ("a", "b")
    assert pattern.matching(["resnet8", "resnet50", "vit"]) == ["resnet8"]
    assert (pattern.is_sweep, pattern.written) == (True, None)


@pytest.mark.parametrize("text", BOTH_READ)
def test_the_plain_parser_reads_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (by_hydra,) = read_settings([text])
    monkeypatch.setattr(grammar, "HAS_PARSER", False)
    (plain,) = read_settings([text])
    assert (plain.key, plain.is_sweep) == (by_hydra.key, by_hydra.is_sweep)
    assert plain.written == by_hydra.written
    if "[" not in text:
        assert plain.values == by_hydra.values


@pytest.mark.parametrize("text", ["seed=range(1,4)", "tag=[a", "tag='a"])
def test_what_the_plain_parser_does_not_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grammar, "HAS_PARSER", False)
    with pytest.raises(ConfigError, match="cannot be read as key=value: give single values, or several with commas"):
        read_settings([text])
