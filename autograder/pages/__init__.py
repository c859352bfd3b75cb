"""What people read: feedback, Formgrader, the report, tables."""
