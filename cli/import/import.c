#include "cli/command.h"
#include "cli/import/import_accounts.h"
#include "cli/import/import_opendkim.h"
#include "cli/import/import_postfix.h"

const struct verb import_verbs[] = {
    {"import", "accounts", "FILE|- [--passwords FILE] [--dry-run] [--yes]",
     "Adds the accounts of a CSV file, all of them or none. Its first line names the columns: name, password, and "
     "options of sendoff account add without dashes (sender, limit, pool, client-ip ..., not for); options that can "
     "be repeated take a list, parted by blanks. A password is the password itself, or a SCRAM-SHA-256 verifier; where "
     "there is none, one is made, and printed, once, as CSV, or written to FILE of --passwords (mode 0600). Other "
     "hashes ({SHA512-CRYPT}, bcrypt) cannot be taken over. It says what it will add, and asks; --yes answers, "
     "--dry-run only says.",
     "sendoff import accounts accounts.csv --dry-run\n"
     "sendoff import accounts accounts.csv --passwords made.csv --yes",
     1, 1, import_accounts},
    {"import", "opendkim", "DIR [--dry-run] [--yes]",
     "Takes over the domains and keys that an OpenDKIM installation signs with. DIR is its folder, with opendkim.conf, "
     "KeyTable and SigningTable, or keys/DOMAIN/SELECTOR.private. Their records in DNS stay as they are. It says what "
     "it will import and asks; --yes answers, --dry-run only says. What cannot be taken over is said line by line. "
     "Exit status 1: something was left out.",
     "sendoff import opendkim /etc/opendkim --dry-run\n"
     "sendoff import opendkim /etc/opendkim --yes",
     1, 1, import_opendkim},
    {"import", "postfix", "DIR [--users FILE] [--opendkim DIR] [--passwords FILE] [--all] [--dry-run] [--yes]",
     "Takes over what a Postfix set-up sends with. DIR is its folder, with main.cf and master.cf. Source addresses, "
     "relayhost and transport_maps with their logins, the users of a Dovecot passwd-file (--users names it) with who "
     "may send as whom, mynetworks and rate limits become sources, routes and accounts; domains and keys come from "
     "the folder opendkim, or dkimkeys as Debian has it, beside DIR, or from --opendkim. For sendoff.conf it prints "
     "what to write. Each line that cannot be taken over is said, with the reason; --all shows those that need "
     "nothing, too. It says which commands it will run, and asks; --yes answers, --dry-run only says. Exit status 1: "
     "something was left out.",
     "sendoff import postfix /etc/postfix --dry-run\n"
     "sendoff import postfix /etc/postfix --passwords made.csv --yes",
     1, 1, import_postfix},
    {0}};
