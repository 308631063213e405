/* sendmail: what programs on this machine expect at /usr/sbin/sendmail. Takes a message and gives it to the gateway's
 * local socket, which knows by the user for whom. It keeps nothing: what the gateway does not take, the caller hears of
 * at once, by exit status and on standard error (docs/local.md). No setuid: it may do what its caller may. */
#include "base/directory/config.h"
#include "sendmail/caller.h"
#include "sendmail/pass.h"
#include "sendmail/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#ifndef SENDOFF_PROGRAM
#define SENDOFF_PROGRAM "/usr/sbin/sendoff"
#endif

/* Of tests, and of more gateways than one. */
static const char *path_of(const char *variable, const char *otherwise) {
  const char *named = getenv(variable);
  return named && *named ? named : otherwise;
}

static int complain(int status, const char *text) {
  fprintf(stderr, "sendmail: %s\n", text);
  return status;
}

static int status_of(int rc) {
  return rc == E_SYNTAX ? EX_USAGE : rc == E_TOO_BIG ? EX_UNAVAILABLE : EX_TEMPFAIL;
}

/* --- a message --- */

struct sending {
  struct options options;
  struct spool spool;
  struct message message;
  struct aliases names;
  struct recipients to;
  struct link link;
  char author[ADDRESS_MAX + 1], reverse_path[ADDRESS_MAX + 1];
};

/* "www-data@example.com": whoever runs us. */
static bool own_address(struct sending *s, char out[ADDRESS_MAX + 1]) {
  const struct passwd *p = getpwuid(getuid());
  int n = p ? snprintf(out, ADDRESS_MAX + 1, "%s@%s", p->pw_name, s->names.domain)
            : snprintf(out, ADDRESS_MAX + 1, "%u@%s", (unsigned)getuid(), s->names.domain);
  return n > 0 && n <= ADDRESS_MAX;
}

/* One address, or "" or "<>" for the null reverse-path. */
static int read_sender(struct sending *s, const char *typed, struct reason *why) {
  struct recipients one = {0};
  struct aliases none = {0}; /* a sender is no recipient: no alias counts */
  if (!*typed || strcmp(typed, "<>") == 0) return OK;
  strcpy(none.domain, s->names.domain);
  int rc = recipients_add(&one, bytes_of(typed), &none, why);
  if (rc == OK && (one.count != 1 || !bytes_copy(bytes_of(one.all[0].address), s->reverse_path, ADDRESS_MAX + 1)))
    rc = fail(why, E_SYNTAX, "one address is wanted");
  recipients_free(&one);
  if (rc == E_SYNTAX) {
    struct reason inner = *why;
    fail(why, rc, "-f %.100s: %s", typed, inner.text);
  }
  return rc;
}

/* Without -f it is From's author, whom the account may send as; that is where a bounce is read, too. */
static int find_sender(struct sending *s, struct reason *why) {
  const char *domain = s->names.domain;
  if (!message_author(&s->message, domain, s->author) && !own_address(s, s->author))
    return fail(why, E_SYNTAX, "the address of this user is too long");
  if (s->options.sender) return read_sender(s, s->options.sender, why);
  strcpy(s->reverse_path, s->author);
  return OK;
}

static int find_recipients(struct sending *s, struct reason *why) {
  const struct options *o = &s->options;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < o->recipient_count; i++)
    rc = recipients_add(&s->to, bytes_of(o->recipients[i]), &s->names, why);
  if (rc == OK && o->recipients_in_header) rc = recipients_add_header(&s->to, s->message.fields, &s->names, why);
  if (rc != OK) return rc;
  recipients_unite(&s->to);
  return s->to.count ? OK : fail(why, E_SYNTAX, "no recipients: To, Cc and Bcc have none");
}

/* A From that we make: with -f, that address, and else the user's own. */
static const char *from_address(const struct sending *s) {
  return *s->reverse_path ? s->reverse_path : s->author;
}

static int compose(struct sending *s, struct reason *why) {
  if (!*s->names.domain && domain_normalize(bytes_of(s->link.host), s->names.domain) != OK)
    strcpy(s->names.domain, "localhost.invalid");
  int rc = find_sender(s, why);
  if (rc == OK) rc = find_recipients(s, why);
  if (rc == OK)
    rc = message_make_header(&s->message, s->names.domain, from_address(s), s->options.full_name,
                             s->options.recipients_in_header, why);
  return rc;
}

/* The whole message is read before the gateway hears of it: a slow producer must not hold a session. */
static int read_message(struct sending *s, struct reason *why) {
  int rc = spool_read(&s->spool, STDIN_FILENO, !s->options.dot_is_text, why);
  return rc == OK ? message_find_header(&s->message, &s->spool, why) : rc;
}

static int send_message(struct sending *s) {
  struct reason why;
  const struct smtp_reply *reply;
  const char *path = path_of("SENDOFF_SOCKET", CONFIG_LOCAL_SOCKET);
  int rc = read_message(s, &why);
  if (rc != OK) return complain(status_of(rc), why.text);
  aliases_read(&s->names, path_of("SENDOFF_ALIASES", "/etc/aliases"), path_of("SENDOFF_MAILNAME", "/etc/mailname"));
  rc = link_open(&s->link, path, s->options.verbose, &reply, &why);
  if (rc != OK) return complain(reply->code ? submit_status(reply) : EX_TEMPFAIL, why.text);
  rc = compose(s, &why);
  if (rc != OK) return complain(status_of(rc), why.text);
  struct submission_task task = {.link = &s->link,
                                 .path = path,
                                 .options = &s->options,
                                 .spool = &s->spool,
                                 .message = &s->message,
                                 .to = &s->to,
                                 .reverse_path = s->reverse_path};
  return submit(&task);
}

static void end(struct sending *s) {
  link_close(&s->link);
  recipients_free(&s->to);
  aliases_free(&s->names);
  message_free(&s->message);
  spool_free(&s->spool);
}

/* --- the queue --- */

/* The queue is in the store, which is root's and the gateway's. */
static int show_queue(void) {
  if (geteuid() != 0) return complain(EX_NOPERM, "the queue is for root to see: sudo sendoff queue list");
  const char *program = path_of("SENDOFF_PROGRAM", SENDOFF_PROGRAM);
  execl(program, "sendoff", "queue", "list", (char *)NULL);
  fprintf(stderr, "sendmail: %s: %s\n", program, strerror(errno));
  return EX_UNAVAILABLE;
}

/* --- */

/* A closed one would be the socket's number next, and what is printed would be SMTP. */
static void open_standard_files(void) {
  for (int fd = open("/dev/null", O_RDWR); fd >= 0 && fd <= STDERR_FILENO;) fd = open("/dev/null", O_RDWR);
}

static int run(struct sending *s, int argc, char *argv[]) {
  struct reason why;
  if (options_read(argc, argv, &s->options, &why) != OK) return complain(EX_USAGE, why.text);
  switch (s->options.mode) {
  case MODE_SMTP: return pass_smtp(path_of("SENDOFF_SOCKET", CONFIG_LOCAL_SOCKET));
  case MODE_QUEUE: return show_queue();
  case MODE_NONE: return EX_OK;
  default: return send_message(s);
  }
}

int main(int argc, char *argv[]) {
  static struct sending s = {.spool.fd = -1, .link.fd = -1};
  open_standard_files();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error as a full disk is */
  int status = run(&s, argc, argv);
  end(&s);
  return caller_status(status);
}
