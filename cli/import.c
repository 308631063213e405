#include "cli/command.h"
#include "cli/import_opendkim.h"

const struct verb import_verbs[] = {
    {"import", "opendkim", "DIR [--dry-run] [--yes]", "dry-run yes",
     "Takes over the domains and keys that an OpenDKIM installation signs with. DIR is its folder, with opendkim.conf, "
     "KeyTable and SigningTable, or keys/DOMAIN/SELECTOR.private. Their records in DNS stay as they are. It says what "
     "it will import and asks; --yes answers, --dry-run only says. What cannot be taken over is said line by line. "
     "Exit status 1: something was left out.",
     "sendoff import opendkim /etc/opendkim --dry-run\n"
     "sendoff import opendkim /etc/opendkim --yes",
     1, 1, import_opendkim},
    {0}};
