/* Who gives a command: for the log. One thread. */
#ifndef SENDOFF_CLI_MACHINE_OPERATOR_NAME_H
#define SENDOFF_CLI_MACHINE_OPERATOR_NAME_H

#define OPERATOR_NAME 33

/* The user's name, behind sudo that of who used it; of letters, digits and . _ @ + - alone. Returns `out`. */
const char *operator_name(char out[OPERATOR_NAME]);

#endif
