#include "cli/explain/explain_parts.h"
#include "cli/input/named.h"

#include <stdlib.h>
#include <string.h>

static enum exit_status read_question(struct cli *c, struct explain_question *q) {
  enum mail_stream stream;
  const char *text = cli_option(c, "stream");
  *q = (struct explain_question){.account = cli_option(c, "account"),
                                 .from = cli_option(c, "from"),
                                 .header_from = cli_option(c, "header-from"),
                                 .to = cli_option(c, "to"),
                                 .stream = -1,
                                 .require_tls = cli_switch(c, "requiretls")};
  if (!q->account || !q->from || !q->to)
    return cli_fail(EXIT_USAGE, "say who sends what to whom: --account NAME --from ADDRESS --to ADDRESS");
  if (text && stream_parse(text, &stream) != OK) return cli_fail(EXIT_USAGE, "--stream is transactional or bulk");
  if (text) q->stream = (int)stream;
  return cli_config(c);
}

static enum exit_status explain(struct cli *c) {
  struct explain_question q;
  struct finding found[POLICY_CHECKS_MAX];
  struct explained *e = calloc(1, sizeof *e);
  struct explain_history *h = calloc(1, sizeof *h);
  struct expected x = {0};
  json_t *warmups = NULL;
  enum exit_status s = e && h ? read_question(c, &q) : cli_fail(EXIT_NO, "out of memory");
  if (s == EXIT_DONE) s = named_check(c, NAMED_ACCOUNT, q.account);
  if (s == EXIT_DONE) s = explain_gather(c, &q, e);
  if (s == EXIT_DONE) s = explain_read_history(c, e->recipient_domain, h);
  if (s == EXIT_DONE) s = expected_read(c, e, &x);
  if (s == EXIT_DONE) s = explain_warmup_read(c, e, &x, &warmups);
  if (s == EXIT_DONE) {
    policy_find_all(&e->facts, found);
    if (c->json)
      explain_print_json(e, found, h, &x, warmups);
    else
      explain_print(e, found, h, &x, warmups);
    s = explain_cause(found) ? EXIT_NO : EXIT_DONE;
  }
  if (e) explained_clear(e);
  expected_clear(&x);
  json_decref(warmups);
  free(e);
  free(h);
  return s;
}

const struct verb explain_verbs[] = {
    {"explain", NULL,
     "--account NAME --from ADDRESS [--header-from ADDRESS] --to ADDRESS [--stream transactional|bulk] "
     "[--requiretls]",
     "A dry run: would this mail be taken now, and why? Every check with its numbers, the source, the signatures, what "
     "SPF, DKIM and DMARC will say, when it leaves, how far its sources have warmed up, the next hop with the TLS that "
     "it must have, and how mail went there lately. --requiretls: as if the message asked for it (RFC 8689). Exit "
     "status 1: it would be refused.",
     "sendoff explain --account blog --from shop@example.com --to user@example.net\n"
     "sendoff explain --account blog --from bounces@example.com --header-from news@example.com --to user@example.net "
     "--stream bulk\n"
     "sendoff explain --account blog --from shop@example.com --to user@example.net --requiretls",
     0, 0, explain},
    {0}};
