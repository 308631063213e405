/* libspf2, and the only file that includes it. Three things are done for it here:
 *
 * - Every DNS question goes through the caller's source, never to the system's resolver. libspf2 trusts the answers, so
 *   they are checked first (rdata.h), and bounded in number.
 * - Records are taken apart and compiled one term at a time (spf_terms.h): libspf2 1.2.10 drops without a word what
 * goes beyond 511 octets of its own form, which made long lists fail that should pass; it obeys redirect= where it
 * stands; and its string bounds can wrap around in long terms (CVE-2023-42118). Explanations (exp=) are never fetched.
 * - Lookups are counted over the whole check (RFC 7208 4.6.4). libspf2 counts anew in each include, so that a
 * stranger's records could send it around the DNS for hours. */
#include "policy/spf/spf.h"

#include "base/address.h"
#include "base/clock.h"
#include "policy/spf/rdata.h"
#include "policy/spf/spf_terms.h"

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
#define NAMES_MAX 10       /* RFC 7208 4.6.4: mail exchangers, and names of an address */
#define LOOKUPS_MAX 10     /* RFC 7208 4.6.4: terms that ask DNS */
#define TTL_MIN 5
#define TTL_MAX 86400

/* What one check has seen. */
struct view {
  const struct dns_source *dns;
  uint64_t deadline_ms;
  uint32_t ttl;
  bool local_part;
  unsigned records, lookups;
  bool failed; /* DNS did not answer, for `failed_name` */
  char failed_name[NAME_MAX_TEXT + 1];
  char record[80];                             /* of the first domain, for the sentence; cut */
  struct reason broken;                        /* why a record cannot be used */
  char expected[NAMES_MAX][NAME_MAX_TEXT + 1]; /* hosts of the mx or ptr term at hand: asking for them is part of it */
  size_t expected_at, expected_count;
};

/* --- questions --- */

static void ask(struct view *v, const char *name, int type, struct dns_answer *out) {
  char question[NAME_MAX_TEXT + 1];
  memset(out, 0, sizeof *out);
  out->status = DNS_NXDOMAIN;
  out->ttl = TTL_MAX;
  if (!question_name(name, question)) return; /* RFC 7208 4.3, 4.8: nothing can be there */
  out->status = DNS_FAILED;
  if (clock_monotonic_ms() < v->deadline_ms) v->dns->lookup(v->dns->arg, question, type, out);
  if (out->status == DNS_FAILED) {
    v->failed = true;
    memcpy(v->failed_name, question, sizeof question);
  } else if (out->ttl < v->ttl) {
    v->ttl = out->ttl;
  }
}

static void done(struct view *v, struct dns_answer *answer) {
  if (answer->records || answer->owner) v->dns->release(v->dns->arg, answer);
}

/* One more term that asks DNS. */
static bool count_lookup(struct view *v) {
  if (++v->lookups <= LOOKUPS_MAX) return true;
  fail(&v->broken, E_LIMIT, "it takes more than %d DNS lookups (RFC 7208 4.6.4)", LOOKUPS_MAX);
  return false;
}

/* libspf2 asks for the hosts of an mx or ptr term in the order in which it got them. */
static bool is_expected(struct view *v, const char *name) {
  if (v->expected_at < v->expected_count && strcmp(v->expected[v->expected_at], name) == 0) {
    v->expected_at++;
    return true;
  }
  v->expected_at = v->expected_count = 0;
  return false;
}

static bool put(SPF_dns_rr_t *rr, const void *data, size_t len) {
  if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, len) != SPF_E_SUCCESS) return false;
  memcpy(rr->rr[rr->num_rr++], data, len);
  return true;
}

static bool put_name(SPF_dns_rr_t *rr, struct view *v, struct bytes rdata) {
  char name[NAME_MAX_TEXT + 1];
  if (!rdata_name(rdata, name)) return true; /* no host: as if it were not there */
  if (v->expected_count < NAMES_MAX) memcpy(v->expected[v->expected_count++], name, sizeof name);
  return put(rr, name, strlen(name) + 1);
}

static bool put_record(SPF_dns_rr_t *rr, struct view *v, int type, struct bytes rdata) {
  SPF_dns_rr_data_t d = {0};
  switch (type) {
  case ns_t_a:
    if (rdata.len == 4) memcpy(&d.a, rdata.at, 4);
    return rdata.len == 4 ? put(rr, &d, sizeof d) : true;
  case ns_t_aaaa:
    if (rdata.len == 16) memcpy(&d.aaaa, rdata.at, 16);
    return rdata.len == 16 ? put(rr, &d, sizeof d) : true;
  case ns_t_mx: return put_name(rr, v, bytes_from(rdata, 2));
  default: return put_name(rr, v, rdata);
  }
}

/* More names of an address than NAMES_MAX are not looked at, more mail exchangers are an error (RFC 7208 4.6.4), which
 * libspf2 finds. */
static size_t most(int type) {
  return type == ns_t_ptr ? NAMES_MAX : type == ns_t_mx ? NAMES_MAX + 1 : ADDRESSES_MAX;
}

static SPF_dns_stat_t status_of(const struct dns_answer *answer) {
  return answer->status == DNS_FOUND      ? NETDB_SUCCESS
         : answer->status == DNS_NXDOMAIN ? HOST_NOT_FOUND
         : answer->status == DNS_NODATA   ? NO_DATA
                                          : TRY_AGAIN;
}

static SPF_dns_rr_t *lookup(SPF_dns_server_t *server, const char *name, ns_type type, int should_cache) {
  struct view *v = server->hook;
  struct dns_answer answer;
  (void)should_cache;
  if (type != ns_t_a && type != ns_t_aaaa && type != ns_t_mx && type != ns_t_ptr) /* records come from get_record */
    return SPF_dns_rr_new_init(server, name, type, 0, NO_DATA);
  if (!is_expected(v, name) && !count_lookup(v)) return SPF_dns_rr_new_init(server, name, type, 0, TRY_AGAIN);
  ask(v, name, (int)type, &answer);
  SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, name, type, 0, status_of(&answer));
  bool room = rr != NULL;
  for (size_t i = 0; room && i < answer.count && (size_t)rr->num_rr < most((int)type); i++)
    room = put_record(rr, v, (int)type, answer.records[i].data);
  if (rr && !room) rr->herrno = TRY_AGAIN; /* without memory it is not known who is listed */
  if (rr && room && answer.status == DNS_FOUND && rr->num_rr == 0) rr->herrno = NO_DATA;
  if (!room) v->failed = true;
  done(v, &answer);
  return rr;
}

/* --- records --- */

static int breaks(struct view *v, const char *domain, const char *why) {
  if (v->records > 1) return fail(&v->broken, E_SYNTAX, "%.60s, to which it refers: %s", domain, why);
  return fail(&v->broken, E_SYNTAX, "%s", why);
}

/* The one record of a domain. OK, E_NOT_FOUND, E_TEMPORARY, E_SYNTAX. */
static int find_record(struct view *v, const char *domain, char text[SPF_RECORD_MAX], struct bytes *out) {
  struct dns_answer answer;
  char room[SPF_RECORD_MAX];
  unsigned found = 0;
  int rc = OK;
  ask(v, domain, ns_t_txt, &answer);
  for (size_t i = 0; i < answer.count; i++) {
    struct bytes one;
    int read = rdata_text(answer.records[i].data, room, sizeof room, &one);
    if (!spf_is_record(one) || found++) continue;
    memcpy(text, one.at, one.len);
    *out = (struct bytes){text, one.len};
    if (read != OK) rc = read;
  }
  enum dns_status status = answer.status;
  done(v, &answer);
  if (status == DNS_FAILED) return E_TEMPORARY;
  if (!found) return E_NOT_FOUND;
  if (found > 1) return breaks(v, domain, "there is more than one record (RFC 7208 4.5)");
  if (rc == E_TOO_BIG) return breaks(v, domain, "it is longer than anybody reads");
  return rc == OK ? OK : breaks(v, domain, "the TXT record is not well-formed");
}

/* Compiles one term and puts it behind those that `to` has. */
static int add_mechanism(SPF_server_t *server, SPF_record_t *to, const char *prefix, struct bytes term,
                         struct reason *why) {
  char text[SPF_TERM_MAX + 32];
  SPF_record_t *one = NULL;
  SPF_response_t *response = SPF_response_new(NULL);
  if (!response) return E_MEMORY;
  snprintf(text, sizeof text, "v=spf1 %s%.*s", prefix, (int)term.len, term.at);
  SPF_errcode_t code = SPF_record_compile(server, response, &one, text);
  int rc = code == SPF_E_NO_MEMORY ? E_MEMORY : OK;
  if (rc == OK && (code != SPF_E_SUCCESS || one->num_mech != 1 || one->num_mod != 0))
    rc = fail(why, E_SYNTAX, "\"%s%.*s\": %s", prefix, (int)(term.len < 40 ? term.len : 40), term.at,
              code != SPF_E_SUCCESS ? SPF_strerror(code) : "not a term");
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

static int compile(struct view *v, SPF_server_t *server, struct bytes text, SPF_record_t **out, struct reason *why) {
  struct spf_terms terms;
  int rc = spf_terms_read(text, &terms, why);
  if (rc != OK) return rc;
  v->local_part |= terms.local_part;
  *out = SPF_record_new(server, NULL);
  if (!*out) return E_MEMORY;
  (*out)->version = 1;
  for (size_t i = 0; rc == OK && i < terms.count; i++) rc = add_mechanism(server, *out, "", terms.mechanism[i], why);
  if (rc == OK && terms.redirect.len) rc = add_mechanism(server, *out, "redirect=", terms.redirect, why);
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
  if (v->records++ && !count_lookup(v)) return SPF_E_BIG_DNS;
  int rc = find_record(v, request->cur_dom, text, &record);
  if (v->records == 1 && !bytes_copy(record, v->record, sizeof v->record))
    memcpy(v->record + sizeof v->record - 4, "...", 4);
  if (rc == E_NOT_FOUND) {
    if (v->records > 1) breaks(v, request->cur_dom, "there is none");
    return SPF_E_NOT_SPF;
  }
  if (rc == OK) {
    rc = compile(v, server, record, out, &why);
    if (rc == E_SYNTAX || rc == E_TOO_BIG) breaks(v, request->cur_dom, why.text);
  }
  if (rc == OK) return SPF_E_SUCCESS;
  if (*out) SPF_record_free(*out);
  *out = NULL;
  if (rc == E_MEMORY) v->failed = true;
  return rc == E_MEMORY || rc == E_TEMPORARY ? SPF_E_DNS_ERROR : SPF_E_SYNTAX;
}

/* --- the check --- */

const char *spf_result_name(enum spf_result r) {
  static const char *const names[] = {"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"};
  return names[r];
}

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
    if (result == SPF_PERMERROR && !v->broken.text[0])
      fail(&v->broken, E_SYNTAX, "%s", SPF_strerror(SPF_response_errcode(response)));
    response->spf_record_exp = NULL;
    SPF_record_free(record);
  } else if (rc != SPF_E_NOT_SPF) {
    result = rc == SPF_E_DNS_ERROR ? SPF_TEMPERROR : SPF_PERMERROR;
  }
  SPF_response_free(response);
  /* libspf2 goes on after some failed lookups; a DNS failure must stay one, because it refuses nothing. */
  if (v->failed && result != SPF_PASS) return SPF_TEMPERROR;
  return v->lookups > LOOKUPS_MAX ? SPF_PERMERROR : result;
}

/* The default explanation expands the sender's address; it is for nobody here. */
static bool no_explanation(SPF_server_t *server) {
  SPF_response_t *response = NULL;
  SPF_errcode_t rc = SPF_server_set_explanation(server, "none", &response);
  if (response) SPF_response_free(response);
  return rc == SPF_E_SUCCESS;
}

static enum spf_result run(struct view *v, const char *source, const char *path, const char *helo) {
  SPF_dns_server_t layer = {
      .lookup = lookup, .get_spf = get_record, .name = "sendoff", .hook = v}; /* no destroy: it is ours */
  enum spf_result result = SPF_TEMPERROR;
  SPF_server_t *server = SPF_server_new_dns(&layer, 0);
  SPF_request_t *request = server ? SPF_request_new(server) : NULL;
  if (request && no_explanation(server) && SPF_server_set_rec_dom(server, helo) == SPF_E_SUCCESS &&
      (strchr(source, ':') ? SPF_request_set_ipv6_str(request, source) : SPF_request_set_ipv4_str(request, source)) ==
          SPF_E_SUCCESS &&
      SPF_request_set_helo_dom(request, helo) == SPF_E_SUCCESS && SPF_request_set_env_from(request, path) == 0)
    result = evaluate(v, server, request);
  if (request) SPF_request_free(request);
  if (server) SPF_server_free(server);
  return result;
}

static void explain(struct spf_verdict *out, const struct view *v) {
  const char *d = out->domain, *ip = out->source;
  char *why = out->why;
  size_t size = sizeof out->why;
  switch (out->result) {
  case SPF_PASS: snprintf(why, size, "%.80s lists %s (%s)", d, ip, v->record); break;
  case SPF_FAIL: snprintf(why, size, "%.80s does not list %s (%s)", d, ip, v->record); break;
  case SPF_SOFTFAIL: snprintf(why, size, "%.80s does not list %s, as a softfail (%s)", d, ip, v->record); break;
  case SPF_NEUTRAL: snprintf(why, size, "%.80s says nothing about %s (%s)", d, ip, v->record); break;
  case SPF_NONE: snprintf(why, size, "%.80s publishes no SPF record that could list %s", d, ip); break;
  case SPF_TEMPERROR:
    snprintf(why, size, "DNS did not answer for %.60s: whether %.60s lists %s is not known",
             v->failed_name[0] ? v->failed_name : d, d, ip);
    break;
  case SPF_PERMERROR:
    snprintf(why, size, "the SPF record of %.60s cannot be used for %s: %.90s", d, ip, v->broken.text);
    break;
  }
  for (char *c = why; *c; c++)
    if ((unsigned char)*c < 32 || (unsigned char)*c > 126) *c = '?'; /* a stranger's record is in it */
}

/* The domain whose record is asked for, normalised, and the whole path with it. */
static bool read_path(const char *reverse_path, const char *helo, char domain[DOMAIN_MAX + 1], char *path,
                      size_t size) {
  const char *at = strrchr(reverse_path, '@');
  struct bytes local = at ? (struct bytes){reverse_path, (size_t)(at - reverse_path)} : BYTES("postmaster");
  struct bytes typed = bytes_of(at ? at + 1 : helo);
  if (domain_normalize(typed, domain) != OK) {
    bytes_copy(typed, domain, DOMAIN_MAX + 1);
    return false;
  }
  return (size_t)snprintf(path, size, "%.*s@%s", (int)local.len, local.at, domain) < size && local.len;
}

void spf_check_until(const struct dns_source *dns, const char *source_ip, const char *reverse_path, const char *helo,
                     uint64_t deadline_ms, struct spf_verdict *out) {
  struct view v = {.dns = dns, .ttl = TTL_MAX, .deadline_ms = deadline_ms};
  char path[ADDRESS_MAX + DOMAIN_MAX + 2];
  struct sockaddr_storage source;
  memset(out, 0, sizeof *out);
  bytes_copy(bytes_of(source_ip), out->source, sizeof out->source);
  if (ip_parse(source_ip, 0, &source) == OK)
    ip_format((const struct sockaddr *)&source, out->source); /* RFC 7208 5: a mapped IPv4 address is one */
  /* RFC 7208 4.3: what is no name of several labels publishes nothing. */
  out->result = SPF_NONE;
  if (read_path(reverse_path, helo, out->domain, path, sizeof path) && strchr(out->domain, '.'))
    out->result = run(&v, out->source, path, helo);
  explain(out, &v);
  out->ttl = out->result == SPF_TEMPERROR || v.ttl < TTL_MIN ? TTL_MIN : v.ttl;
  out->depends_on_local_part = v.local_part;
}

void spf_check(const struct dns_source *dns, const char *source_ip, const char *reverse_path, const char *helo,
               struct spf_verdict *out) {
  spf_check_until(dns, source_ip, reverse_path, helo, clock_monotonic_ms() + SPF_CHECK_MS, out);
}
