"""Where the jobs of a sweep run: one after the other here, or in other processes through joblib, Slurm or ray."""
