"""`python -m homeport_agent`, or this very file with `python -I`: then nothing in the folder it starts in becomes part of it."""

import sys
from pathlib import Path

if not __package__:
    # Last, so that what lies beside the package replaces nothing.
    sys.path.append(str(Path(__file__).resolve().parent.parent))

from homeport_agent.main import main

sys.exit(main())
