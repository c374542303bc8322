"""What stands below the flags in each command's help: settings with defaults, examples, where results land."""

from collections.abc import Sequence

from fsens_cli.commands.verbs.verb import Rows, Verb


def _settings(rows: Rows) -> str:
    width = max(len(name) for name, _ in rows)
    # A bracket would be read as markup.
    return "\n".join(f"  {name.ljust(width)}  {text}".replace("[", r"\[") for name, text in rows)


def _page(settings: Rows, examples: Sequence[str], results: str) -> str:
    # Brackets are part of the example, not markup.
    shown = "\n".join(f"  [cyan]{example.replace('[', chr(92) + '[')}[/]" for example in examples)
    head = f"[bold]Settings people change most, with their defaults[/]\n{_settings(settings)}\n\n" if settings else ""
    tail = f"\n\n{results}" if results else ""
    return f"{head}[bold]Examples[/]\n{shown}{tail}"


def help_of(verb: Verb) -> str:
    """Return what stands below the flags in a verb's help."""
    return _page(verb.settings, verb.examples, verb.results)


HELP = {
    "fsens": _page(
        [],
        [
            "fsens measure                    the embedded demonstration, in seconds",
            "fsens measure --model net.py:make --weights net.pt --data cifar10",
            "fsens train regularizer=lsf      a network that listens to low frequencies",
        ],
        "Settings are KEY=VALUE; comma lists with -m make a sweep.\n`fsens VERB --help` names the main ones.",
    ),
    "compare": _page(
        [],
        [
            "fsens compare outputs/measure/resnet8-dualband/v001 outputs/measure/resnet8-dualband/v002",
            "fsens compare sweep:hybrid-probe",
            "fsens compare 'outputs/evaluate/*/v*' --allow-different",
        ],
        "Differences are from the first run, image by image. Results: outputs/compare/v001 with\n"
        "comparison.csv, comparison.md, comparison.tex and overlay.png.",
    ),
    "export": _page(
        [],
        [
            "fsens export latest --to model-card -o README.md",
            "fsens export latest --to robustbench      after fsens evaluate suite=robustbench-linf",
            "fsens export 'outputs/*/resnet8-dualband/v*' --to csv",
        ],
        "What a run cannot know, such as a paper's number, is left empty.",
    ),
    "report": _page(
        [],
        [
            "fsens report sweep:measure sweep:hybrid-probe sweep:evaluate -o report.html",
            "fsens report 'outputs/*/resnet8-dualband/v*' --title 'Five trainings'",
        ],
        "The page carries all that it needs: no network, works from file://. Needs `pip install 'fsens\\[report]'`.",
    ),
}
