"""Faults and hostile files, tried on fsens from a clone: ``python scripts/campaign.py``. Parts: scripts/campaign/."""

import os
import sys
from pathlib import Path

os.environ |= {"OMP_NUM_THREADS": "1", "FSENS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg"}
sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).with_suffix(""))]

from parts import main  # noqa: E402 its folder has just been named

if __name__ == "__main__":
    main()
