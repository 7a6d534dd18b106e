"""What of dftflow's environment an engine gets: what programs of this field need to run, and no key to anything.

An allow-list, because nobody can list all names under which people keep their keys. ``DFTFLOW_ENGINE_ENV`` names more
variables that are passed on (``A,B``), of which a person then knows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache

__all__ = ["ONE_THREAD", "engine_environment"]

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ONE_THREAD = dict.fromkeys(THREADS, "1")
MORE = "DFTFLOW_ENGINE_ENV"
# fmt: off
NAMES = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP",
    "SCRATCH", "HOSTNAME", "PYTHONPATH", "PYTHONHOME", "PYTHONUNBUFFERED",
    "PYTHONNOUSERSITE", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH",
    "LIBRARY_PATH", "PSPOT_DIR", "LM_LICENSE_FILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR", "LOADEDMODULES", "MODULEPATH", "SINGULARITY_CONTAINER", "APPTAINER_CONTAINER",
))
FAMILIES = (
    "LC_", "OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "BLIS_", "FLEXIBLAS", "NUMEXPR_", "GPAW_", "ASE_",
    "CASTEP_", "ESPRESSO_", "VASP_", "DFTFLOW_", "MPI", "OMPI_", "PRTE_", "PMI", "HYDRA_", "I_MPI_", "FI_", "UCX_",
    "UCC_", "PSM", "HCOLL_", "IBV_", "SLURM_", "SBATCH_", "SRUN_", "PBS_", "LSB_", "SGE_", "PE_", "CRAY_", "PALS_",
    "FLUX_", "CUDA_", "NVIDIA_", "NCCL_", "HIP_", "ROCR_", "ROCM_", "HSA_", "ZE_", "SYCL_", "KOKKOS_", "MALLOC_",
)
# fmt: on
_KEY = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|JWT|COOKIE", re.I)


def engine_environment(given: Mapping[str, str] = os.environ, *, threads: int = 1) -> dict[str, str]:
    """The variables of `given` that an engine gets, and so many threads a process.

    Examples
    --------
    >>> sorted(engine_environment({"PATH": "/bin", "MP_API_KEY": "x", "SLURM_JWT": "x", "SLURM_JOB_ID": "7"}))
    ['MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH', 'SLURM_JOB_ID']
    """
    more = {name.strip() for name in given.get(MORE, "").split(",")}
    kept = {name: value for name, value in given.items() if name in more or _is_needed(name)}
    return {**kept, **dict.fromkeys(THREADS, str(threads))}


@cache
def _is_needed(name: str) -> bool:
    return (name in NAMES or name.startswith(FAMILIES)) and not _KEY.search(name)
