"""dftflow: from one study file to a defended band alignment."""

__version__ = "0.1.0"
