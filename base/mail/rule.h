/* The rules that refuse, defer or bounce mail, by stable identifiers: what the delivery log keeps as the cause, what
 * `sendoff why` gives advice by, and what scripts may rely on. An identifier that was released keeps its meaning. */
#ifndef SENDOFF_BASE_RULE_H
#define SENDOFF_BASE_RULE_H

/* --- at submission --- */
#define RULE_PARAMETER "parameter"               /* a parameter of MAIL or RCPT */
#define RULE_SYNTAX "syntax"                     /* a command that cannot be read, or is not offered */
#define RULE_SEQUENCE "sequence"                 /* a command that may not come now (RFC 5321 4.1.4) */
#define RULE_AUTHENTICATION "authentication"     /* mail without a login, or a login without TLS */
#define RULE_LOCAL_USER "local-user"             /* no account has this user of the machine */
#define RULE_USER_DATABASE "user-database"       /* the machine did not say in time who that user is */
#define RULE_TLS_HANDSHAKE "tls-handshake"       /* the client's TLS handshake failed */
#define RULE_SESSIONS "sessions"                 /* too many sessions, of all or of this address */
#define RULE_BANNED "banned"                     /* too many failed logins from this address */
#define RULE_RECIPIENTS "recipients"             /* more recipients than max_recipients */
#define RULE_ACCOUNT_GONE "account-gone"         /* the account was removed while the session lasted */
#define RULE_LOGIN_ENDED "login-ended"           /* what the session logged in with was changed meanwhile */
#define RULE_SUSPENDED "suspended"               /* the account is suspended */
#define RULE_LOGIN "login"                       /* a login failed */
#define RULE_LOGIN_RESTRICTED "login-restricted" /* too many failed logins: only known addresses may still try */
#define RULE_SENDER "sender"                     /* the reverse-path is not the account's */
#define RULE_HEADER_FROM "header-from"           /* an address in From is not the account's */
#define RULE_HEADER_SENDER "header-sender"       /* the address in Sender is not the account's */
#define RULE_RECIPIENT "recipient"               /* the account may not write to that recipient */
#define RULE_SIMULATOR "simulator"               /* the simulator has no such address */
#define RULE_SPF "spf"                           /* the sending domain's SPF record would fail the mail */
#define RULE_DMARC "dmarc"                       /* receivers would reject or quarantine it by From's DMARC policy */
#define RULE_BULK "bulk-rules"                   /* bulk mail lacks what the large receivers ask of it */
#define RULE_LIMIT "limit"                       /* a limit for a window of time is used up */
#define RULE_MESSAGE_LIMIT "message-limit"       /* more in this message than a limit allows */
#define RULE_SMOOTH_LIMIT "smooth-limit"         /* too much waits behind a smoothed limit */
#define RULE_SIZE "size"                         /* over max_message_size */
#define RULE_HEADER "header"                     /* the header is not well-formed */
#define RULE_HEADER_SIZE "header-size"           /* the header is too large */
#define RULE_HEADER_8BIT "header-8bit"           /* raw 8-bit octets in the header */
#define RULE_FROM_SYNTAX "from-syntax"           /* the From field cannot be read */
#define RULE_MAIL_LOOP "mail-loop"       /* too many Received fields; at delivery: the exchanger is this gateway */
#define RULE_BARE_NEWLINE "bare-newline" /* a bare CR or LF in the content */
#define RULE_NUL "nul"                   /* a NUL octet in the content */
#define RULE_LINE_LENGTH "line-length"   /* a line of the content is too long */
#define RULE_8BIT "8bit"                 /* 8-bit content that was not announced */
#define RULE_CONVERSION "conversion"     /* BINARYMIME content that cannot be converted */
#define RULE_SIGNING "signing"           /* the message could not be signed */
#define RULE_DISK "disk"                 /* the disk is full, or almost */
#define RULE_MEMORY "memory"             /* out of memory */
#define RULE_STORE "store"               /* the store could not keep the message */

/* --- in the queue and at delivery --- */
#define RULE_BRAKE "brake"               /* the account behaves as one whose login was stolen */
#define RULE_SUPPRESSION "suppression"   /* its recipient is on the suppression list */
#define RULE_COMMAND "command"           /* an operator's command */
#define RULE_SANDBOX "sandbox"           /* of a sandbox account: played, not sent */
#define RULE_REMOTE_REPLY "remote-reply" /* the next hop replied so; its enhanced status code says more */
#define RULE_NETWORK "network"
#define RULE_CLOSED "closed" /* the next hop closed the connection */
#define RULE_TIMEOUT "timeout"
#define RULE_PROTOCOL "protocol" /* the next hop does not speak SMTP */
#define RULE_TLS "tls"
#define RULE_LOCAL "local" /* this gateway's memory, disk or store */
#define RULE_STOPPING "stopping"
#define RULE_SOURCE "source" /* no source address fits, or it is not on this machine */
#define RULE_TOO_LARGE "too-large"
#define RULE_NO_8BITMIME "no-8bitmime"
#define RULE_NO_SMTPUTF8 "no-smtputf8"
#define RULE_NO_DELIVERBY "no-deliverby"
#define RULE_DEADLINE "deadline" /* the sender's own deadline (RFC 2852) has passed */
#define RULE_NO_TLS "no-tls"
#define RULE_NO_REQUIRETLS "no-requiretls"
#define RULE_NULL_MX "null-mx"
#define RULE_NO_DOMAIN "no-domain"
#define RULE_NO_ADDRESS "no-address"
#define RULE_DNS "dns"
#define RULE_PACE "pace"                 /* the site is paused, or takes no more mail from this source for now */
#define RULE_WARMUP "warm-up"            /* its source is warming up, and today's amount is used */
#define RULE_ROUTE "route"               /* a route by command leads nowhere */
#define RULE_TLS_ENFORCED "tls-enforced" /* the next hop did not offer the TLS that its route requires */
#define RULE_PACE "pace"                 /* the site is paused, or takes no more mail from this source for now */
#define RULE_PROBE "probe"               /* no host of the site takes a connection; one probe at a time asks again */
#define RULE_ROUTE "route"               /* a route by command leads nowhere */
#define RULE_TLS_ENFORCED "tls-enforced" /* the next hop did not offer the TLS that its route requires */
#define RULE_NEXT_HOP_LOGIN "next-hop-login" /* the next hop refused the login of its route */
#define RULE_DANE "dane"                     /* the host has not the TLS that its TLSA records require (RFC 7672) */
#define RULE_STS "mta-sts"                   /* the host is not as the domain's MTA-STS policy requires (RFC 8461) */

#endif
