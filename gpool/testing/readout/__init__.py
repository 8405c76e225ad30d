"""The properties of a readout."""
