"""`python -m lib_embeddings` is the command line."""

import sys

from lib_embeddings.cli import main

sys.exit(main())
