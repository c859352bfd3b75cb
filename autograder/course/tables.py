"""The gradebook's tables: what stands beside nbgrader's own, and what is read of them.

Triggers keep the late penalty a share of the current marks, whoever sets them: this program,
formgrader or nbgrader's commands.
"""

from __future__ import annotations

PENALTY = """
    UPDATE submitted_notebook SET late_submission_penalty = (
        SELECT CASE WHEN r.late > 0 THEN r.late * MAX(0.0, (
            SELECT TOTAL(COALESCE(g.manual_score, g.auto_score) + COALESCE(g.extra_credit, 0.0))
            FROM grade g WHERE g.notebook_id = r.notebook_id)) END
        FROM chainrule_recording r WHERE r.notebook_id = NEW.notebook_id)
    WHERE id = NEW.notebook_id;
"""
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS chainrule_recording (
    notebook_id VARCHAR(32) PRIMARY KEY, late FLOAT NOT NULL, answers TEXT NOT NULL,
    verdict TEXT NOT NULL, key TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chainrule_lateness (
    notebook_id VARCHAR(32) PRIMARY KEY, late BOOLEAN NOT NULL);
CREATE TRIGGER IF NOT EXISTS chainrule_marked
    AFTER UPDATE OF auto_score, manual_score, extra_credit ON grade
    WHEN EXISTS (SELECT 1 FROM chainrule_recording
                 WHERE notebook_id = NEW.notebook_id AND late > 0)
    BEGIN {PENALTY} END;
CREATE TRIGGER IF NOT EXISTS chainrule_recorded
    AFTER INSERT ON chainrule_recording BEGIN {PENALTY} END;
CREATE TRIGGER IF NOT EXISTS chainrule_late
    AFTER UPDATE OF late ON chainrule_recording BEGIN {PENALTY} END;
CREATE TRIGGER IF NOT EXISTS chainrule_removed
    AFTER DELETE ON submitted_notebook
    BEGIN DELETE FROM chainrule_recording WHERE notebook_id = OLD.id; END;
CREATE TRIGGER IF NOT EXISTS chainrule_forgotten
    AFTER DELETE ON submitted_notebook
    BEGIN DELETE FROM chainrule_lateness WHERE notebook_id = OLD.id; END;
"""
#: The recorded submissions of some assignment and student, "*" for any.
SUBMITTED = """FROM chainrule_recording r
    JOIN submitted_notebook n ON n.id = r.notebook_id
    JOIN submitted_assignment s ON s.id = n.assignment_id
    JOIN assignment a ON a.id = s.assignment_id
        AND :assignment IN (a.name, '*') AND :student IN (s.student_id, '*')"""
CELLS = f"""{SUBMITTED}
    JOIN grade g ON g.notebook_id = n.id
    JOIN base_cell b ON b.id = g.cell_id
    JOIN grade_cells c ON c.id = g.cell_id ORDER BY b.rowid"""
COMMENTED = f"""{SUBMITTED}
    JOIN comment k ON k.notebook_id = n.id JOIN base_cell b ON b.id = k.cell_id
    WHERE COALESCE(k.manual_comment, k.auto_comment) IS NOT NULL ORDER BY b.rowid"""
SUBMISSION = (
    "n.id, s.student_id, a.name, s.timestamp, r.late, "
    "COALESCE(n.late_submission_penalty, 0.0), r.verdict, "
    "(SELECT l.late FROM chainrule_lateness l WHERE l.notebook_id = n.id)"
)
MARK = (
    "n.id, s.student_id, a.name, b.name, c.cell_type = 'markdown', c.max_score, "
    "g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade"
)
COMMENT = "n.id, b.name, COALESCE(k.manual_comment, k.auto_comment)"
