"""An assignment, from reference/ to what students get."""
