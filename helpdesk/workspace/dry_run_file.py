"""What would have been different, as CSV."""

import csv
import io

from django.utils.translation import gettext as _

from helpdesk.reports.dryrun.models import DryRun
from helpdesk.reports.export import BOM, harmless
from helpdesk.workspace.dry_run_page import as_changed, promise_words


def as_csv(run: DryRun) -> str:
    """All rows that were kept, in the list's order: times in ISO 8601 with the offset of the run's zone."""
    out = io.StringIO()
    out.write(BOM)
    write = csv.writer(out).writerow
    write(
        [
            _("Ticket"),
            _("Account"),
            _("Hub"),
            _("Metric"),
            _("Promise"),
            _("Promise under the draft"),
            _("Policy"),
            _("Policy under the draft"),
            _("Target"),
            _("Target under the draft"),
            _("Due"),
            _("Due under the draft"),
            _("Answered"),
            _("Outcome"),
            _("Outcome under the draft"),
            _("What changes"),
            _("Promised by an older version"),
        ]
    )
    zone = run.period.zone
    rows = run.rows.select_related("ticket__account", "ticket__hub").order_by("rank", "id")
    for row in rows.iterator(chunk_size=2000):
        said = as_changed(run, row)
        instants = [at.astimezone(zone).isoformat() if at else "" for at in (row.due_at, row.due_then, row.answered_at)]
        values = [
            row.ticket.reference,
            row.ticket.account.name,
            row.ticket.hub.name,
            said.metric,
            promise_words(row.promise),
            promise_words(row.promise_then),
            said.policy,
            said.policy_then,
            said.target,
            said.target_then,
            *instants,
            said.was,
            said.then,
            ", ".join(said.words),
            _("yes") if row.is_older else "",
        ]
        write([harmless(str(value)) for value in values])
    return out.getvalue()
