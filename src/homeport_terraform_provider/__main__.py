"""Run by path, in Python's isolated mode: `python -I -S __main__.py ENVIRONMENT IDENTITY`.

The path holds the standard library only. ENVIRONMENT is the folder of what this program needs; of our own packages, only this one is seen.
"""

import os
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location

_NAME = "homeport_terraform_provider"


def _see_own_package() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    start = f"{here}/__init__.py"
    spec = spec_from_file_location(
        _NAME, start, loader=SourceFileLoader(_NAME, start), submodule_search_locations=[here]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{start} cannot be loaded.")
    module = module_from_spec(spec)
    sys.modules[_NAME] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    _see_own_package()
    from homeport_terraform_provider.catalog import CODER  # lazy: found only now
    from homeport_terraform_provider.serving import serve  # lazy: found only now

    # Not through Python's own end: threads of the server would be waited for.
    status = serve(CODER, sys.argv[2])
    sys.stderr.flush()
    os._exit(status)
