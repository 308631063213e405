"""Trying to send what may be refused, what the refusal must look like, and what is kept of either."""

import re

from .client import dialogue
from .letters import letter
from .processes import wait_until

# Every refusal of policy names a reference that `sendoff why` takes.
REFERENCE = re.compile(r"sendoff why ([0-9A-Z]{6,})")


def attempt(talk, sender, recipients, content=None):
    """One transaction; the first reply that is a refusal, or else the final one. The session is reset afterwards."""
    content = content or letter(sender, recipients[0])
    try:
        for line in [f"MAIL FROM:<{sender}>", *(f"RCPT TO:<{r}>" for r in recipients)]:
            answer = talk.say(line)
            if not answer.startswith("250"):
                return answer
        answer = talk.say("DATA")
        if not answer.startswith("354"):
            return answer
        talk.send(content + b".\r\n")
        return talk.reply()
    finally:
        talk.say("RSET")


def attempt_as(gateway, account, sender, recipients, content=None):
    """The same in a session of its own."""
    with dialogue(gateway, account) as talk:
        return attempt(talk, sender, recipients, content)


def logged_reference(gateway, answer):
    """The reference that a refusal names, once the log has it: the reply does not wait for that."""
    found = REFERENCE.search(answer)
    assert found, f"no reference in {answer!r}"
    wait_until(lambda: gateway.sendoff.run("why", found.group(1)).status == 0, "the log has it")
    return found.group(1)


def explained(gateway, answer):
    """The explanation of a refusal, asked for with the reference that its reply names."""
    text = gateway.sendoff("why", logged_reference(gateway, answer))
    assert text.strip(), "an empty explanation"
    return text


def refusal_event(gateway, answer):
    """The refusal's event, by the reference that its reply names."""
    (event,) = gateway.sendoff.json("why", logged_reference(gateway, answer))
    return event


def accepted_event(gateway, answer):
    """The `accepted` event of a message, by the id in its reply."""
    assert answer.startswith("250 2.0.0 accepted as "), answer
    events = gateway.sendoff.json("log", "show", re.match(r"250 2\.0\.0 accepted as (\w+)", answer)[1])
    return next(event for event in events if event["event"] == "accepted")
