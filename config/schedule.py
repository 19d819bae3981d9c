"""What beat starts, and how often (seconds). Every task may be lost or run twice without harm."""

SCHEDULE = {
    # A deadline is noticed within about a second. A sweep that waited longer than that in the
    # queue is dropped: the next one does its work.
    "sweep-clocks": {"task": "helpdesk.tasks.sweep_clocks", "schedule": 1.0, "options": {"expires": 5}},
    "say-what-was-sent": {"task": "helpdesk.tasks.say_what_was_sent", "schedule": 1.0, "options": {"expires": 5}},
    "deliver-mail": {"task": "helpdesk.tasks.deliver_mail", "schedule": 5.0, "options": {"expires": 10}},
    "mind-calls": {"task": "helpdesk.tasks.mind_calls", "schedule": 5.0, "options": {"expires": 10}},
    "roll-out": {"task": "helpdesk.tasks.roll_out", "schedule": 10.0, "options": {"expires": 20}},
    "run-dry-runs": {"task": "helpdesk.tasks.run_dry_runs", "schedule": 10.0, "options": {"expires": 20}},
    "clear-dry-runs": {"task": "helpdesk.tasks.clear_old_dry_runs", "schedule": 3600.0, "options": {"expires": 600}},
    "scan-files": {"task": "helpdesk.tasks.scan_files", "schedule": 60.0, "options": {"expires": 50}},
    "clear-files": {"task": "helpdesk.tasks.clear_files", "schedule": 3600.0, "options": {"expires": 600}},
    "make-exports": {"task": "helpdesk.tasks.make_exports", "schedule": 60.0, "options": {"expires": 60}},
    "erase-people": {"task": "helpdesk.tasks.erase_people", "schedule": 900.0, "options": {"expires": 600}},
    "issue-statements": {"task": "helpdesk.tasks.issue_statements", "schedule": 1800.0, "options": {"expires": 1200}},
    "send-reports": {"task": "helpdesk.tasks.send_reports", "schedule": 60.0, "options": {"expires": 50}},
    "look-at-secrets": {"task": "helpdesk.tasks.look_at_secrets", "schedule": 300.0, "options": {"expires": 200}},
    "verify-clocks": {"task": "helpdesk.tasks.verify_clocks", "schedule": 86400.0},
}
