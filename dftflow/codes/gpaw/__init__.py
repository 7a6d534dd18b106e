"""GPAW (https://gpaw.readthedocs.io), the plane-wave engine that installs with pip.

GPAW is licensed under the GPL; dftflow only writes its input and starts it as a process of its own.
"""

from dftflow.codes.gpaw.code import GPAW

__all__ = ["GPAW"]
