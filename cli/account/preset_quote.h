/* Values as the files that they are pasted into have them. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_PRESET_QUOTE_H
#define SENDOFF_CLI_ACCOUNT_PRESET_QUOTE_H

#include <stdio.h>

void quote_php(FILE *out, const char *text);  /* 'text', with \ before ' and \ */
void quote_url(FILE *out, const char *text);  /* a part of a URL's user and password: RFC 3986 2.3 as it is, else %XX */
void quote_exim(FILE *out, const char *text); /* in a client_send: expanded, a list with ":", ^ for NUL */

#endif
