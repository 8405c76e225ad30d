"""From YAML and flags to a trainer, a task and data.

Here belongs how the command line reads a configuration and how it explains a mistake in one line. What is
trained belongs to :mod:`gpool.training`, what is run many times to :mod:`gpool.bench`.
"""

from gpool.config.configuration import Configuration, Parser, check
from gpool.config.mistakes import ConfigError

__all__ = ["ConfigError", "Configuration", "Parser", "check"]
