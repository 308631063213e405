"""Python's smtplib: FILE is a program that sends `message`."""

import json
import sys
from email.message import EmailMessage

with open(sys.argv[1]) as file:
    lines = compile(file.read(), sys.argv[1], "exec")
for mail in json.load(sys.stdin):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = mail["from"] or "app@example.com", ", ".join(mail["to"]), mail["subject"]
    message.set_content("Hello.")
    given = {"message": message}
    try:
        exec(lines, given)
        print(json.dumps({"sent": str(given.get("refused", ""))}))
    except Exception as error:
        print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
