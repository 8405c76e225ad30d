"""Pure functions on tensors: the only place of the package that calls scatter and segment primitives."""
