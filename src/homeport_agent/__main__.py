"""`python -m homeport_agent`, or this very file with `python -I`: then nothing in the folder it starts in becomes part of it."""

import sys
from pathlib import Path

if not __package__:
    # Isolated mode knows neither the folder of this file nor a user's own site-packages, where all this may be installed.
    # It comes after what Python brings and before what others have installed, as it does without isolated mode.
    here = str(Path(__file__).resolve().parent.parent)
    if here not in sys.path:
        others = [number for number, path in enumerate(sys.path) if path.endswith("-packages")]
        sys.path.insert(others[0] if others else len(sys.path), here)

from homeport_agent.main import main

sys.exit(main())
