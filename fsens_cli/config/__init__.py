"""From what the user typed to typed, checked settings; the only importer of hydra and omegaconf."""
