"""`python -m rdtf APP --FLAG=VALUE ...`; see `rdtf.command`."""

import sys

from rdtf import command

sys.exit(command.main())
