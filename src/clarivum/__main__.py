"""`python -m clarivum`: what the `./clarivum` wrapper hands over to."""

from clarivum.cli import main

main()
