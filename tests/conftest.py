"""What all tests share: property tests that say the same each time they are run, and on a busy machine too.

``HYPOTHESIS_PROFILE=exploring`` looks for new examples instead.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
