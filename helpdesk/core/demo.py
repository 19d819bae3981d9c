"""The demonstration's people, one for each role. Made by `manage.py demo_data`."""

PASSWORD = "premium-demo"  # noqa: S105 - printed by `make run`, works in the demonstration only

# Role, address. `make run` prints them.
LOGINS = [
    ("Designated super admin", "mina@kestrel.example"),
    ("Super admin, not designated", "tomas@kestrel.example"),
    ("User", "aoife@kestrel.example"),
    ("User without premium support", "piet@vandenberg.example"),
    ("Specialist", "anna@premium.example"),
    ("Team lead", "olu@premium.example"),
    ("Manager", "helen@premium.example"),
    ("Administrator", "admin@premium.example"),
]
