"""All verbs by name, in the order in which help lists them: adding one is an entry here and the files it names."""

from fsens_cli.commands.verbs.blur_defense import BLUR_DEFENSE
from fsens_cli.commands.verbs.critical_band import CRITICAL_BAND
from fsens_cli.commands.verbs.evaluate import EVALUATE
from fsens_cli.commands.verbs.hybrid_probe import HYBRID_PROBE
from fsens_cli.commands.verbs.layers import LAYERS
from fsens_cli.commands.verbs.measure import MEASURE
from fsens_cli.commands.verbs.train import TRAIN
from fsens_cli.commands.verbs.verb import Verb

VERBS: dict[str, Verb] = {
    verb.name: verb for verb in (MEASURE, TRAIN, HYBRID_PROBE, BLUR_DEFENSE, EVALUATE, CRITICAL_BAND, LAYERS)
}
