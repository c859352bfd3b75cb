"""Print what the kit depends on, with the extras that are named, as pip reads it.

The image installs this before the kit itself, so that a changed kit costs one small layer.
"""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
print(*project["dependencies"], *(line for name in sys.argv[1:] for line in extras[name]), sep="\n")
