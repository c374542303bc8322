"""Where else a training's numbers go, beside its run folder: one file a tracker, none by default."""
