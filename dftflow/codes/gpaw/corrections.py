"""Which corrections of band edges the GPAW that is installed here can calculate."""

from __future__ import annotations

from collections.abc import Collection

from dftflow.codes.gpaw.data_sets import elements_without
from dftflow.codes.gpaw.functionals import libxc_is_not_missing, line_that_builds
from dftflow.errors import SpecError
from dftflow.model.correction import OF_THE_GAP, SPIN_ORBIT
from dftflow.model.spec import CalcSpec

__all__ = ["check_corrections"]

SET_OF_GLLB = "GLLBSC"


def check_corrections(spec: CalcSpec, elements: Collection[str]) -> None:
    """Raise `SpecError` for those that need libxc where GPAW has none, and for elements without a data set for them.

    And for crystals with spin or U, of which no correction is calculated.
    """
    if spec.corrections and (spec.spin_polarised or spec.hubbard_u_ev):
        what = "spin polarisation" if spec.spin_polarised else "U"
        raise SpecError(
            f"corrections at band edges are not calculated with {what}",
            fix="leave corrections out of [settings], or these materials to a study of their own",
        )
    need = [name for name in spec.corrections if name != SPIN_ORBIT]
    if need and not libxc_is_not_missing():
        raise SpecError(
            f"the GPAW that is installed here cannot calculate {' and '.join(need)}",
            reason="it was built without libxc",
            fix=f"build it with libxc (in a checkout: make engine-xc): {line_that_builds(with_libxc=True)}",
        )
    lacking = elements_without(sorted(elements), SET_OF_GLLB) if set(need) & set(OF_THE_GAP) else ()
    if lacking:
        raise SpecError(
            f"GPAW has no data set for GLLB-SC for {', '.join(lacking)}", fix='take "GLLB-SC" out of corrections'
        )
