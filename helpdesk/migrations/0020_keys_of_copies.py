"""Keys of mails to people in copy name an address by its digest: a key stays when the address is erased."""

from django.db import migrations

DIGEST = r"""
UPDATE helpdesk_outboxmail
SET key = 'copied/' || split_part(key, '/', 2) || '/'
    || encode(sha256(convert_to(lower(regexp_replace(key, '^copied/[0-9]+/', '')), 'UTF8')), 'hex')
WHERE key LIKE 'copied/%@%';
"""


class Migration(migrations.Migration):
    dependencies = [("helpdesk", "0019_sign_in")]
    operations = [migrations.RunSQL(DIGEST, migrations.RunSQL.noop)]
