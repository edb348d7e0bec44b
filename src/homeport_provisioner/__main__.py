"""`python -m homeport_provisioner`."""

import sys

from homeport_provisioner.main import main

sys.exit(main())
