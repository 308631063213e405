#include "sendmail/submit.h"

#include "relay/smtp/dot_stuffing.h"
#include "relay/smtp/xtext.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define TRIES 3         /* links that are lost before anything was taken for sure */
#define BATCH_LEAST 100 /* RFC 5321 4.5.3.1.8: as many are taken always */

/* How a transaction ended. */
enum end {
  END_DONE,   /* each of its recipients is sent to, or refused; others may be left */
  END_AGAIN,  /* the link was lost, or the gateway stops, before the end of the content: nothing was sent */
  END_UNSURE, /* it was lost behind the end of the content */
};

int submit_status(const struct smtp_reply *r) {
  if (r->code < 500) return EX_TEMPFAIL;
  if (strncmp(r->enhanced, "5.1.", 4) == 0) return EX_NOUSER;
  return strncmp(r->enhanced, "5.7.", 4) == 0 ? EX_NOPERM : EX_UNAVAILABLE;
}

/* What is permanent counts more than what may pass, and the first of each. */
static void add_status(int *status, int more) {
  if (*status == EX_OK || (*status == EX_TEMPFAIL && more != EX_OK)) *status = more;
}

static void report(const char *who, const struct smtp_reply *r) {
  bool said = *r->enhanced && strncmp(r->text, r->enhanced, strlen(r->enhanced)) != 0;
  fprintf(stderr, "sendmail: %s%s%d %s%s%s\n", who, *who ? ": " : "", r->code, said ? r->enhanced : "", said ? " " : "",
          r->text);
}

static void end_all(struct recipients *to, enum recipient_fate from, enum recipient_fate fate) {
  for (size_t i = 0; i < to->count; i++)
    if (to->all[i].fate == from) to->all[i].fate = fate;
}

static bool any_pending(const struct recipients *to) {
  for (size_t i = 0; i < to->count; i++)
    if (to->all[i].fate == FATE_PENDING) return true;
  return false;
}

/* --- the envelope --- */

static bool is_ascii(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text >= 0x80) return false;
  return true;
}

static bool needs_utf8(const struct submission_task *t) {
  bool ascii = is_ascii(t->reverse_path);
  for (size_t i = 0; ascii && i < t->to->count; i++) ascii = is_ascii(t->to->all[i].address);
  return !ascii;
}

static int say_mail(const struct submission_task *t, const struct smtp_reply **reply) {
  const struct options *o = t->options;
  const struct ehlo *e = &t->link->offers;
  struct buffer p;
  buffer_init(&p, 2048);
  int rc = OK;
  if (e->size) rc = buffer_addf(&p, " SIZE=%" PRIu64, message_size(t->message, t->spool));
  if (rc == OK && e->eightbit && t->spool->eight_bit && !o->seven_bit) rc = buffer_addf(&p, " BODY=8BITMIME");
  if (rc == OK && e->utf8 && needs_utf8(t)) rc = buffer_addf(&p, " SMTPUTF8");
  if (rc == OK && e->dsn && o->ret) rc = buffer_addf(&p, " RET=%s", o->ret);
  if (rc == OK && e->dsn && o->envid) rc = buffer_addf(&p, " ENVID=");
  if (rc == OK && e->dsn && o->envid) rc = xtext_encode(bytes_of(o->envid), &p);
  if (rc == OK) rc = link_say(t->link, reply, "MAIL FROM:<%s>%.*s", t->reverse_path, (int)p.len, p.len ? p.at : "");
  buffer_free(&p);
  return rc;
}

static int say_rcpt(const struct submission_task *t, const char *address, const struct smtp_reply **reply) {
  const char *notify = t->link->offers.dsn ? t->options->notify : "";
  return link_say(t->link, reply, "RCPT TO:<%s>%s%s", address, *notify ? " NOTIFY=" : "", notify);
}

static bool is_stopping(const struct smtp_reply *r) {
  return r->code == 421;
}

/* RFC 5321 4.5.3.1.10: the rest go in another transaction. */
static bool is_full(const struct smtp_reply *r) {
  return r->code == 452 && strcmp(r->enhanced, "4.5.3") == 0;
}

/* False: the link is lost, or will be. *taken: so many may be sent to. */
static bool say_recipients(struct submission_task *t, size_t *taken, int *status) {
  const struct smtp_reply *r;
  uint64_t most = t->link->offers.recipient_max;
  *taken = 0;
  if (!most) most = BATCH_LEAST;
  for (size_t i = 0; i < t->to->count && *taken < most; i++) {
    struct to *to = &t->to->all[i];
    if (to->fate != FATE_PENDING) continue;
    if (say_rcpt(t, to->address, &r) != OK || is_stopping(r)) return false;
    if (r->code / 100 == 2) {
      to->fate = FATE_TAKEN;
      ++*taken;
    } else if (is_full(r) && *taken) {
      return true;
    } else {
      to->fate = FATE_DONE;
      report(to->address, r);
      add_status(status, submit_status(r));
    }
  }
  return true;
}

/* --- the content --- */

struct content {
  struct link *link;
  struct dot_stuffing dots;
  bool after_cr; /* of the body */
};

static int send_piece(void *arg, struct bytes piece) {
  struct content *c = arg;
  struct buffer out;
  buffer_init(&out, 2 * piece.len + 16);
  int rc = dot_stuffing_add(&c->dots, piece, &out);
  if (rc == OK) rc = link_send(c->link, buffer_bytes(&out));
  buffer_free(&out);
  return rc;
}

/* In the body a CR alone ends a line: progress bars in the output of cron's jobs have it, and the gateway would refuse
 * the whole. In the header it could begin another field, so there it stays, to be refused. */
static int send_body(void *arg, struct bytes piece) {
  struct content *c = arg;
  struct buffer out;
  size_t from = 0;
  int rc = OK;
  buffer_init(&out, 2 * piece.len);
  for (size_t i = 0; rc == OK && i < piece.len; i++) {
    if (c->after_cr && piece.at[i] != '\n') {
      rc = buffer_add(&out, piece.at + from, i - from);
      if (rc == OK) rc = buffer_add(&out, "\n", 1);
      from = i;
    }
    c->after_cr = piece.at[i] == '\r';
  }
  if (rc == OK) rc = buffer_add_bytes(&out, bytes_from(piece, from));
  if (rc == OK) rc = send_piece(c, buffer_bytes(&out));
  buffer_free(&out);
  return rc;
}

static int send_end(struct content *c) {
  struct buffer out;
  buffer_init(&out, 16);
  int rc = dot_stuffing_end(&c->dots, &out);
  if (rc == OK) rc = link_send(c->link, buffer_bytes(&out));
  buffer_free(&out);
  return rc;
}

/* OK once all but the end has left. */
static int send_content(struct submission_task *t, struct content *c) {
  *c = (struct content){.link = t->link};
  dot_stuffing_init(&c->dots);
  int rc = send_piece(c, buffer_bytes(&t->message->header));
  return rc == OK ? spool_each(t->spool, t->message->body_at, send_body, c) : rc;
}

/* --- a transaction --- */

static void list(const struct recipients *to, enum recipient_fate fate, const char *what) {
  for (size_t i = 0; i < to->count; i++)
    if (to->all[i].fate == fate) fprintf(stderr, "sendmail: %s: %s\n", to->all[i].address, what);
}

/* Of some recipients something else has become, or will. */
static bool is_part(const struct recipients *to) {
  for (size_t i = 0; i < to->count; i++)
    if (to->all[i].fate != FATE_TAKEN) return true;
  return false;
}

static void settle(struct submission_task *t, const struct smtp_reply *r, int *status) {
  if (r->code / 100 != 2) {
    report("", r);
    if (is_part(t->to)) list(t->to, FATE_TAKEN, "not sent");
    add_status(status, submit_status(r));
  }
  end_all(t->to, FATE_TAKEN, FATE_DONE);
}

static enum end refuse_all(struct submission_task *t, const struct smtp_reply *r, int *status) {
  end_all(t->to, FATE_PENDING, FATE_TAKEN);
  settle(t, r, status);
  return END_DONE;
}

static enum end run_transaction(struct submission_task *t, int *status) {
  const struct smtp_reply *r;
  struct content c;
  size_t taken;
  if (say_mail(t, &r) != OK || is_stopping(r)) return END_AGAIN;
  if (r->code / 100 != 2) return refuse_all(t, r, status);
  if (!say_recipients(t, &taken, status)) return END_AGAIN;
  if (!taken) return link_say(t->link, &r, "RSET") == OK ? END_DONE : END_AGAIN;
  if (link_say(t->link, &r, "DATA") != OK || is_stopping(r)) return END_AGAIN;
  if (r->code != 354) {
    settle(t, r, status);
    return link_say(t->link, &r, "RSET") == OK ? END_DONE : END_AGAIN; /* the transaction is still open */
  }
  if (send_content(t, &c) != OK) return END_AGAIN;
  if (send_end(&c) != OK || link_reply(t->link, LINK_FINAL_MS, &r) != OK) return END_UNSURE;
  if (is_stopping(r)) return END_AGAIN; /* RFC 5321 4.2.1: a reply, so it was not taken */
  settle(t, r, status);
  return END_DONE;
}

/* Another link, unless it has failed too often. False: it has, and that is said. */
static bool open_again(struct submission_task *t, unsigned *tries) {
  const struct smtp_reply *r;
  struct reason why = {"the gateway ended the connection again and again"};
  link_close(t->link);
  end_all(t->to, FATE_TAKEN, FATE_PENDING);
  if (++*tries < TRIES && link_open(t->link, t->path, t->options->verbose, &r, &why) == OK) return true;
  fprintf(stderr, "sendmail: %s\n", why.text);
  return false;
}

int submit(struct submission_task *t) {
  const struct smtp_reply *r;
  int status = EX_OK;
  unsigned tries = 0;
  while (any_pending(t->to)) {
    enum end end = run_transaction(t, &status);
    if (end == END_DONE || (end == END_AGAIN && open_again(t, &tries))) continue;
    if (end == END_UNSURE) list(t->to, FATE_TAKEN, "the gateway ended before it answered: sent, or not");
    list(t->to, FATE_PENDING, "not sent");
    add_status(&status, EX_TEMPFAIL);
    return status;
  }
  link_say(t->link, &r, "QUIT");
  return status;
}
