/* libspf2, and the only file that includes it. These things are done for it:
 *
 * - Every DNS question goes through the caller's source, never to the system's resolver. libspf2 trusts the answers, so
 *   they are checked first (rdata.h), and bounded in number over the whole check (spf_questions.h): libspf2 counts anew
 *   in each include, so that a stranger's records could send it around the DNS for hours.
 * - Records are read by the grammar (spf_syntax.h) before it sees anything of them: libspf2 1.2.10 takes many malformed
 *   terms for something else.
 * - They are compiled one term at a time (spf_terms.h): libspf2 drops without a word what goes beyond 511 octets of its
 *   own form, which made long lists fail that should pass; it obeys redirect= where it stands; and its bounds can wrap
 *   around in long terms (CVE-2023-42118). Explanations (exp=) are never fetched.
 * - A term is rewritten to what libspf2 gets right (spf_rewrite.h): prefix lengths of 0, and macros (spf_expand.h). */
#include "policy/spf/spf.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "policy/spf/spf_explain.h"
#include "policy/spf/spf_rewrite.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spf2/spf.h>
#include <spf2/spf_dns.h>
#include <spf2/spf_record.h>

#define ADDRESSES_MAX 4096 /* of one name: as many as a DNS message can hold */
#define PATH_MAX_TEXT (ADDRESS_MAX + DOMAIN_MAX + 1)
#define TTL_MIN 5
#define TTL_MAX 86400

/* What one check has seen. */
struct view {
  struct spf_questions questions;
  const char *source;
  struct sockaddr_storage address; /* the same */
  struct spf_values values;        /* but for the domain, which is another in each record */
  bool local_part;
  unsigned records;
  char record[80]; /* of the first domain, for the sentence; cut */
};

static bool is_ip6(const struct view *v) {
  return v->address.ss_family == AF_INET6;
}

/* --- answers --- */

static bool put(SPF_dns_rr_t *rr, const void *data, size_t len) {
  if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, len) != SPF_E_SUCCESS) return false;
  memcpy(rr->rr[rr->num_rr++], data, len);
  return true;
}

static bool put_name(SPF_dns_rr_t *rr, struct view *v, bool any, struct bytes rdata) {
  char name[NAME_MAX_TEXT + 2] = {SPF_ANY_ADDRESS}, *at = name + any;
  if (!rdata_name(rdata, at)) return true; /* no host: as if it were not there */
  spf_expect(&v->questions, at);
  return put(rr, name, strlen(name) + 1);
}

static bool put_address(SPF_dns_rr_t *rr, struct view *v, bool any, int type, struct bytes rdata) {
  SPF_dns_rr_data_t d = {0};
  if (rdata.len != (type == ns_t_a ? sizeof d.a : sizeof d.aaaa)) return true;
  if (type == ns_t_a)
    memcpy(&d.a, any ? (const void *)&((struct sockaddr_in *)&v->address)->sin_addr : rdata.at, sizeof d.a);
  else
    memcpy(&d.aaaa, any ? (const void *)&((struct sockaddr_in6 *)&v->address)->sin6_addr : rdata.at, sizeof d.aaaa);
  return put(rr, &d, sizeof d);
}

static bool put_record(SPF_dns_rr_t *rr, struct view *v, bool any, int type, struct bytes rdata) {
  switch (type) {
  case ns_t_a:
  case ns_t_aaaa: return put_address(rr, v, any, type, rdata);
  case ns_t_mx: return put_name(rr, v, any, bytes_from(rdata, 2));
  default: return put_name(rr, v, any, rdata);
  }
}

/* More names of an address than SPF_NAMES_MAX are not looked at, more mail exchangers are an error (RFC 7208 4.6.4),
 * which libspf2 finds. */
static size_t most(int type) {
  return type == ns_t_ptr ? SPF_NAMES_MAX : type == ns_t_mx ? SPF_NAMES_MAX + 1 : ADDRESSES_MAX;
}

static SPF_dns_stat_t status_of(const struct dns_answer *answer) {
  return answer->status == DNS_FOUND ? NETDB_SUCCESS : answer->status == DNS_NXDOMAIN ? HOST_NOT_FOUND : NO_DATA;
}

static SPF_dns_rr_t *lookup(SPF_dns_server_t *server, const char *name, ns_type type, int should_cache) {
  struct view *v = server->hook;
  struct dns_answer answer;
  bool any = *name == SPF_ANY_ADDRESS;
  (void)should_cache;
  if (type != ns_t_a && type != ns_t_aaaa && type != ns_t_mx && type != ns_t_ptr) /* records come from get_record */
    return SPF_dns_rr_new_init(server, name, type, 0, NO_DATA);
  bool usable = spf_ask_term(&v->questions, name + any, (int)type, &answer);
  SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, name, type, 0, usable ? status_of(&answer) : TRY_AGAIN);
  bool room = rr != NULL;
  for (size_t i = 0; room && usable && i < answer.count && (size_t)rr->num_rr < most((int)type); i++)
    room = put_record(rr, v, any, (int)type, answer.records[i].data);
  if (rr && !room) rr->herrno = TRY_AGAIN; /* without memory it is not known who is listed */
  if (rr && room && rr->herrno == NETDB_SUCCESS && rr->num_rr == 0) rr->herrno = NO_DATA;
  if (!room) v->questions.failed = true;
  spf_answer_release(&v->questions, &answer);
  return rr;
}

/* --- records --- */

static void breaks(struct view *v, const char *domain, const char *why) {
  if (v->records > 1)
    fail(&v->questions.broken, E_SYNTAX, "%.60s, to which it refers: %s", domain, why);
  else
    fail(&v->questions.broken, E_SYNTAX, "%s", why);
}

/* Compiles the text of one term and puts it behind those that `to` has. */
static int add_text(SPF_server_t *server, SPF_record_t *to, const char *text, struct reason *why) {
  SPF_record_t *one = NULL;
  SPF_response_t *response = SPF_response_new(NULL);
  if (!response) return E_MEMORY;
  SPF_errcode_t code = SPF_record_compile(server, response, &one, text);
  int rc = code == SPF_E_NO_MEMORY ? E_MEMORY : OK;
  if (rc == OK && (code != SPF_E_SUCCESS || one->num_mech != 1 || one->num_mod != 0))
    rc = fail(why, E_SYNTAX, "a term of it: %s", code != SPF_E_SUCCESS ? SPF_strerror(code) : "not a term");
  if (rc == OK) {
    SPF_mech_t *grown = realloc(to->mech_first, to->mech_len + one->mech_len);
    if (grown) {
      memcpy((char *)grown + to->mech_len, one->mech_first, one->mech_len);
      to->mech_first = grown;
      to->mech_size = to->mech_len += one->mech_len;
      to->num_mech++;
    }
    rc = grown ? OK : E_MEMORY;
  }
  if (one) SPF_record_free(one);
  SPF_response_free(response);
  return rc;
}

static int add_term(const struct view *v, const char *domain, SPF_server_t *server, SPF_record_t *to,
                    const struct spf_term *term, struct reason *why) {
  char text[SPF_REWRITTEN_MAX + 1];
  struct spf_values values = v->values;
  values.domain = domain;
  int rc = spf_rewrite(term, &values, v->source, text, why);
  return rc == OK ? add_text(server, to, text, why) : rc;
}

static int compile(struct view *v, SPF_server_t *server, const char *domain, struct bytes text, SPF_record_t **out,
                   struct reason *why) {
  struct spf_terms terms;
  int rc = spf_terms_read(text, &terms, why);
  if (rc != OK) return rc;
  v->local_part |= terms.local_part;
  *out = SPF_record_new(server, NULL);
  if (!*out) return E_MEMORY;
  (*out)->version = 1;
  for (size_t i = 0; rc == OK && i < terms.count; i++) rc = add_term(v, domain, server, *out, &terms.mechanism[i], why);
  if (rc == OK && terms.redirect.domain.len) rc = add_term(v, domain, server, *out, &terms.redirect, why);
  return rc;
}

/* libspf2 calls this for each include and redirect, and evaluate() for the first domain. */
static SPF_errcode_t get_record(SPF_server_t *server, SPF_request_t *request, SPF_response_t *response,
                                SPF_record_t **out) {
  struct view *v = server->resolver->hook;
  char text[SPF_RECORD_MAX];
  struct bytes record = {text, 0};
  struct reason why = {""};
  (void)response;
  *out = NULL;
  if (v->records++ && !spf_count_lookup(&v->questions)) return SPF_E_BIG_DNS;
  int rc = spf_find_record(&v->questions, request->cur_dom, text, &record, &why);
  if (v->records == 1 && !bytes_copy(record, v->record, sizeof v->record))
    memcpy(v->record + sizeof v->record - 4, "...", 4);
  if (rc == E_NOT_FOUND) {
    if (v->records > 1) breaks(v, request->cur_dom, "there is none");
    return SPF_E_NOT_SPF;
  }
  if (rc == OK) rc = compile(v, server, request->cur_dom, record, out, &why);
  if (rc == OK) return SPF_E_SUCCESS;
  if (rc == E_SYNTAX || rc == E_TOO_BIG) breaks(v, request->cur_dom, why.text);
  if (*out) SPF_record_free(*out);
  *out = NULL;
  if (rc == E_MEMORY) v->questions.failed = true;
  return rc == E_MEMORY || rc == E_TEMPORARY ? SPF_E_DNS_ERROR : SPF_E_SYNTAX;
}

/* --- the check --- */

static enum spf_result translate(SPF_result_t r) {
  switch (r) {
  case SPF_RESULT_PASS: return SPF_PASS;
  case SPF_RESULT_FAIL: return SPF_FAIL;
  case SPF_RESULT_SOFTFAIL: return SPF_SOFTFAIL;
  case SPF_RESULT_NEUTRAL: return SPF_NEUTRAL;
  case SPF_RESULT_TEMPERROR: return SPF_TEMPERROR;
  default: return SPF_PERMERROR;
  }
}

/* libspf2 goes on after some failed lookups; a DNS failure must stay one, because it refuses nothing. So a fail is none
 * either when a name of the address that was passed over could have made it a pass, although RFC 7208 5.5 leaves it. */
static enum spf_result settle(const struct spf_questions *q, enum spf_result result) {
  if (q->failed && result != SPF_PASS) return SPF_TEMPERROR;
  if (q->lookups > SPF_LOOKUPS_MAX || q->voids > SPF_VOIDS_MAX) return SPF_PERMERROR;
  return q->names_failed && result == SPF_FAIL ? SPF_TEMPERROR : result;
}

/* What SPF_request_query_mailfrom does, but for one thing: that lets every loopback address pass without a look at the
 * record. Whether the record lists an address is just what is asked here. */
static enum spf_result evaluate(struct view *v, SPF_server_t *server, SPF_request_t *request) {
  SPF_record_t *record = NULL;
  SPF_response_t *response = SPF_response_new(request);
  if (!response) return SPF_TEMPERROR;
  request->cur_dom = request->env_from_dp;
  enum spf_result result = SPF_NONE;
  SPF_errcode_t rc = get_record(server, request, response, &record);
  if (rc == SPF_E_SUCCESS) {
    response->spf_record_exp = record; /* libspf2 aborts without it */
    SPF_record_interpret(record, request, response, 0);
    result = translate(SPF_response_result(response));
    if (result == SPF_PERMERROR && !v->questions.broken.text[0])
      fail(&v->questions.broken, E_SYNTAX, "%s", SPF_strerror(SPF_response_errcode(response)));
    response->spf_record_exp = NULL;
    SPF_record_free(record);
  } else if (rc != SPF_E_NOT_SPF) {
    result = rc == SPF_E_DNS_ERROR ? SPF_TEMPERROR : SPF_PERMERROR;
  }
  SPF_response_free(response);
  return settle(&v->questions, result);
}

/* The default explanation expands the sender's address; it is for nobody here. */
static bool no_explanation(SPF_server_t *server) {
  SPF_response_t *response = NULL;
  SPF_errcode_t rc = SPF_server_set_explanation(server, "none", &response);
  if (response) SPF_response_free(response);
  return rc == SPF_E_SUCCESS;
}

/* 7.3: the address as %{i} has it, an IPv6 address in nibbles. */
static void write_ip(const struct view *v, char out[64]) {
  if (!is_ip6(v)) {
    bytes_copy(bytes_of(v->source), out, 64);
    return;
  }
  const unsigned char *octets = ((const struct sockaddr_in6 *)&v->address)->sin6_addr.s6_addr;
  for (size_t i = 0; i < 16; i++) {
    out[4 * i] = "0123456789abcdef"[octets[i] >> 4];
    out[4 * i + 2] = "0123456789abcdef"[octets[i] & 15];
    out[4 * i + 1] = out[4 * i + 3] = '.';
  }
  out[63] = '\0';
}

static enum spf_result run(struct view *v, const char *path, const char *helo) {
  char ip[64], local[PATH_MAX_TEXT + 1];
  const char *at = strrchr(path, '@');
  write_ip(v, ip);
  bytes_copy((struct bytes){path, (size_t)(at - path)}, local, sizeof local);
  v->values = (struct spf_values){path, local, at + 1, NULL, ip, is_ip6(v) ? "ip6" : "in-addr", helo};
  SPF_dns_server_t layer = {
      .lookup = lookup, .get_spf = get_record, .name = "sendoff", .hook = v}; /* no destroy: it is ours */
  enum spf_result result = SPF_TEMPERROR;
  SPF_server_t *server = SPF_server_new_dns(&layer, 0);
  SPF_request_t *request = server ? SPF_request_new(server) : NULL;
  if (request && no_explanation(server) && SPF_server_set_rec_dom(server, helo) == SPF_E_SUCCESS &&
      (is_ip6(v) ? SPF_request_set_ipv6_str(request, v->source) : SPF_request_set_ipv4_str(request, v->source)) ==
          SPF_E_SUCCESS &&
      SPF_request_set_helo_dom(request, helo) == SPF_E_SUCCESS && SPF_request_set_env_from(request, path) == 0)
    result = evaluate(v, server, request);
  if (request) SPF_request_free(request);
  if (server) SPF_server_free(server);
  return result;
}

static void no_controls(char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 32 || *text == 127) *text = '?';
}

/* The domain whose record is asked for, normalised, and the whole path with it. */
static bool read_path(const char *reverse_path, const char *helo, char domain[DOMAIN_MAX + 1], char *path,
                      size_t size) {
  const char *at = strrchr(reverse_path, '@');
  bool local = at && at > reverse_path; /* RFC 7208 4.3: without a local part it is postmaster's */
  struct bytes typed = bytes_of(at ? at + 1 : helo);
  if (domain_normalize(typed, domain) != OK) {
    bytes_copy(typed, domain, DOMAIN_MAX + 1);
    return false;
  }
  int len = local ? snprintf(path, size, "%.*s@%s", (int)(at - reverse_path), reverse_path, domain)
                  : snprintf(path, size, "postmaster@%s", domain);
  no_controls(path);
  return (size_t)len < size;
}

void spf_check_until(const struct dns_source *dns, const char *source_ip, const char *reverse_path, const char *helo,
                     uint64_t deadline_ms, struct spf_verdict *out) {
  struct view v = {.questions = {.dns = dns, .ttl = TTL_MAX, .deadline_ms = deadline_ms}, .source = out->source};
  char path[PATH_MAX_TEXT + 1], said[DOMAIN_MAX + 1];
  memset(out, 0, sizeof *out);
  bytes_copy(bytes_of(source_ip), out->source, sizeof out->source);
  bytes_copy(bytes_of(helo), said, sizeof said);
  no_controls(said);
  if (ip_parse(source_ip, 0, &v.address) == OK) { /* RFC 7208 5: a mapped IPv4 address is one */
    ip_format((const struct sockaddr *)&v.address, out->source);
    ip_parse(out->source, 0, &v.address);
  }
  /* RFC 7208 4.3: what is no name of several labels publishes nothing. */
  out->result = SPF_NONE;
  if (read_path(reverse_path, helo, out->domain, path, sizeof path) && strchr(out->domain, '.'))
    out->result = run(&v, path, said);
  spf_explain(out, &v.questions, v.record);
  bool brief = out->result == SPF_TEMPERROR || v.questions.names_failed || v.questions.ttl < TTL_MIN;
  out->ttl = brief ? TTL_MIN : v.questions.ttl;
  out->depends_on_local_part = v.local_part;
}

void spf_check(const struct dns_source *dns, const char *source_ip, const char *reverse_path, const char *helo,
               struct spf_verdict *out) {
  spf_check_until(dns, source_ip, reverse_path, helo, clock_monotonic_ms() + SPF_CHECK_MS, out);
}
