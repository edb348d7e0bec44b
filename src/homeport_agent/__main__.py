"""`python -m homeport_agent`."""

import sys

from homeport_agent.main import main

sys.exit(main())
