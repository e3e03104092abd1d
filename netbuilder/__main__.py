"""`python -m netbuilder` is `netbuilder`."""

from netbuilder.cli import main

raise SystemExit(main())
