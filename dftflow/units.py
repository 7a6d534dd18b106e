"""Physical constants and conversions: the only place in dftflow that holds any.

Inside dftflow every quantity is in eV, Å, K, s and e; names carry the unit. Values are CODATA 2022
(https://physics.nist.gov/cuu/Constants/). CASTEP runs made with an older CODATA set differ by about 1e-8.
"""

from __future__ import annotations

from typing import Final

HARTREE_EV: Final = 27.211386245981
LIGHT_SPEED_AU: Final = 137.035999177
BOHR_ANG: Final = 0.529177210544
HBAR2_2M_EV_ANG2: Final = HARTREE_EV * BOHR_ANG**2 / 2
"""ħ²/2m_e."""
RYDBERG_EV: Final = HARTREE_EV / 2
EV_PER_ANG3_GPA: Final = 160.2176634
KBAR_GPA: Final = 0.1
EV_KJ_PER_MOL: Final = 96.48533212331
ATOMIC_TIME_S: Final = 2.4188843265864e-17
BOLTZMANN_EV_PER_K: Final = 8.617333262e-5
EV_NM: Final = 1239.8419843320026
"""h c in eV nm, exact in the SI of 2019."""
