#include "cli/command.h"
#include "cli/import_accounts.h"
#include "cli/import_opendkim.h"

const struct verb import_verbs[] = {
    {"import", "accounts", "FILE|- [--passwords FILE] [--dry-run] [--yes]", "passwords= dry-run yes",
     "Adds the accounts of a CSV file, all of them or none. Its first line names the columns: name, password, and "
     "options "
     "of sendoff account add without dashes (sender, limit, pool, client-ip ...); options that can be repeated take a "
     "list, parted by blanks. A password is the password itself, or a SCRAM-SHA-256 verifier; where there is none, one "
     "is "
     "made, and printed, once, as CSV, or written to FILE of --passwords (mode 0600). Other hashes ({SHA512-CRYPT}, "
     "bcrypt) cannot be taken over. It says what it will add, and asks; --yes answers, --dry-run only says.",
     "sendoff import accounts accounts.csv --dry-run\n"
     "sendoff import accounts accounts.csv --passwords made.csv --yes",
     1, 1, import_accounts},
    {"import", "opendkim", "DIR [--dry-run] [--yes]", "dry-run yes",
     "Takes over the domains and keys that an OpenDKIM installation signs with. DIR is its folder, with opendkim.conf, "
     "KeyTable and SigningTable, or keys/DOMAIN/SELECTOR.private. Their records in DNS stay as they are. It says what "
     "it will import and asks; --yes answers, --dry-run only says. What cannot be taken over is said line by line. "
     "Exit status 1: something was left out.",
     "sendoff import opendkim /etc/opendkim --dry-run\n"
     "sendoff import opendkim /etc/opendkim --yes",
     1, 1, import_opendkim},
    {0}};
