"""Django: FILE is the site's settings. Debian's Python, which has it."""

import json
import os
import sys

import django
from django.conf import settings
from django.core.mail import EmailMessage

lines = {"os": os}
with open(sys.argv[1]) as file:
    exec(file.read(), lines)
settings.configure(**{name: value for name, value in lines.items() if name.isupper()})
django.setup()
for mail in json.load(sys.stdin):
    try:
        count = EmailMessage(mail["subject"], "Hello.", mail["from"] or None, mail["to"]).send()
        print(json.dumps({"sent": str(count)}))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
