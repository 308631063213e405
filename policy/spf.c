/* libspf2, and the only file that includes it. It gets a DNS layer of ours, so it never asks the system's resolver;
 * what the layer hands over is checked first, because libspf2 trusts it: records are bounded in number and length, and
 * hold no NUL octets. */
#include "policy/spf.h"

#include "base/address.h"

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

#define RECORDS_MAX 100
#define TXT_MAX 4096
#define NAME_TEXT_MAX 1025
#define TTL_MIN 5
#define TTL_MAX 86400
#define TYPE_SPF 99 /* RFC 7208 3.1: no longer used */

/* What one check has seen. */
struct view {
  const struct dns_source *dns;
  uint32_t ttl;
  bool failed, local_part;
  char failed_name[256];
  char first_record[200]; /* the policy record of the first domain, for the sentence */
};

static void note_macros(struct view *v, const char *text) {
  for (const char *at = text; (at = strstr(at, "%{")); at += 2)
    if (strchr("sSlL", at[2]) && at[2]) v->local_part = true;
}

/* --- from wire form to libspf2's --- */

/* The strings of a TXT record, put together without spaces (RFC 7208 3.3). False: not well-formed, or not usable. */
static bool read_txt(struct bytes rdata, char out[TXT_MAX + 1]) {
  size_t n = 0;
  for (size_t i = 0; i < rdata.len;) {
    size_t len = (unsigned char)rdata.at[i++];
    if (len > rdata.len - i || len > TXT_MAX - n) return false;
    memcpy(out + n, rdata.at + i, len);
    n += len;
    i += len;
  }
  out[n] = '\0';
  return !memchr(out, '\0', n);
}

/* A domain name in wire form, uncompressed, as text. Labels with dots or unprintable octets are no host names. */
static bool read_name(struct bytes rdata, char out[NAME_TEXT_MAX]) {
  size_t n = 0;
  for (size_t i = 0; i < rdata.len;) {
    size_t len = (unsigned char)rdata.at[i++];
    if (!len) {
      if (!n) out[n++] = '.';
      out[n] = '\0';
      return true;
    }
    if (len > 63 || len > rdata.len - i || n + len + 2 > NAME_TEXT_MAX) return false;
    if (n) out[n++] = '.';
    for (size_t k = 0; k < len; k++) {
      char c = rdata.at[i + k];
      if ((unsigned char)c <= 32 || (unsigned char)c >= 127 || c == '.') return false;
      out[n++] = c;
    }
    i += len;
  }
  return false;
}

static bool put(SPF_dns_rr_t *rr, const void *data, size_t len) {
  if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, len) != SPF_E_SUCCESS) return false;
  memcpy(rr->rr[rr->num_rr++], data, len);
  return true;
}

static void add_record(SPF_dns_rr_t *rr, struct view *v, int type, struct bytes rdata) {
  char text[TXT_MAX + 1], name[NAME_TEXT_MAX];
  if (type == ns_t_a && rdata.len == 4) {
    SPF_dns_rr_data_t d = {0};
    memcpy(&d.a, rdata.at, 4);
    put(rr, &d, sizeof d);
  } else if (type == ns_t_aaaa && rdata.len == 16) {
    SPF_dns_rr_data_t d = {0};
    memcpy(&d.aaaa, rdata.at, 16);
    put(rr, &d, sizeof d);
  } else if (type == ns_t_txt && read_txt(rdata, text)) {
    if (strncasecmp(text, "v=spf1", 6) == 0) {
      note_macros(v, text);
      if (!v->first_record[0]) bytes_copy(bytes_of(text), v->first_record, sizeof v->first_record);
    }
    put(rr, text, strlen(text) + 1);
  } else if (type == ns_t_mx && rdata.len > 2 && read_name(bytes_from(rdata, 2), name)) {
    put(rr, name, strlen(name) + 1);
  } else if (type == ns_t_ptr && read_name(rdata, name)) {
    put(rr, name, strlen(name) + 1);
  }
}

static SPF_dns_rr_t *lookup(SPF_dns_server_t *server, const char *name, ns_type type, int should_cache) {
  struct view *v = server->hook;
  struct dns_answer answer;
  (void)should_cache;
  if ((int)type == TYPE_SPF) return SPF_dns_rr_new_init(server, name, type, 0, NO_DATA);
  memset(&answer, 0, sizeof answer);
  v->dns->lookup(v->dns->arg, name, (int)type, &answer);
  if (answer.status != DNS_FAILED && answer.ttl < v->ttl) v->ttl = answer.ttl;
  SPF_dns_stat_t status = answer.status == DNS_FOUND      ? NETDB_SUCCESS
                          : answer.status == DNS_NXDOMAIN ? HOST_NOT_FOUND
                          : answer.status == DNS_NODATA   ? NO_DATA
                                                          : TRY_AGAIN;
  if (answer.status == DNS_FAILED) {
    v->failed = true;
    bytes_copy(bytes_of(name), v->failed_name, sizeof v->failed_name);
  }
  SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, name, type, (int)answer.ttl, status);
  for (size_t i = 0; rr && answer.status == DNS_FOUND && i < answer.count && i < RECORDS_MAX; i++)
    add_record(rr, v, (int)type, answer.records[i].data);
  if (rr && answer.status == DNS_FOUND && rr->num_rr == 0) rr->herrno = NO_DATA;
  v->dns->release(v->dns->arg, &answer);
  return rr;
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
  case SPF_RESULT_NONE: return SPF_NONE;
  case SPF_RESULT_TEMPERROR: return SPF_TEMPERROR;
  default: return SPF_PERMERROR; /* also a record that cannot be compiled, which libspf2 calls invalid */
  }
}

static void explain(struct spf_verdict *out, const struct view *v, SPF_response_t *response) {
  const char *d = out->domain, *ip = out->source;
  switch (out->result) {
  case SPF_PASS: snprintf(out->why, sizeof out->why, "%.100s lists %s", d, ip); break;
  case SPF_FAIL: snprintf(out->why, sizeof out->why, "%.80s does not list %s (%.80s)", d, ip, v->first_record); break;
  case SPF_SOFTFAIL:
    snprintf(out->why, sizeof out->why, "%.80s does not list %s, and only frowns on it (%.70s)", d, ip,
             v->first_record);
    break;
  case SPF_NEUTRAL:
    snprintf(out->why, sizeof out->why, "%.80s says nothing about %s (%.80s)", d, ip, v->first_record);
    break;
  case SPF_NONE: snprintf(out->why, sizeof out->why, "%.100s publishes no SPF record", d); break;
  case SPF_TEMPERROR:
    snprintf(out->why, sizeof out->why, "DNS did not answer for %.100s", v->failed_name[0] ? v->failed_name : d);
    break;
  case SPF_PERMERROR: {
    SPF_error_t *e = response && SPF_response_messages(response) > 0 ? SPF_response_message(response, 0) : NULL;
    const char *words = e ? SPF_error_message(e) : NULL;
    snprintf(out->why, sizeof out->why, "the record of %.80s cannot be used: %.90s", d,
             words ? words : "it breaks RFC 7208's rules");
    break;
  }
  }
}

static bool set_request(SPF_request_t *request, const char *source_ip, const char *path, const char *helo) {
  SPF_errcode_t rc = strchr(source_ip, ':') ? SPF_request_set_ipv6_str(request, source_ip)
                                            : SPF_request_set_ipv4_str(request, source_ip);
  if (rc != SPF_E_SUCCESS || SPF_request_set_helo_dom(request, helo) != SPF_E_SUCCESS) return false;
  return SPF_request_set_env_from(request, *path ? path : helo) ==
         0; /* a domain alone means postmaster@domain (RFC 7208 2.4) */
}

/* What SPF_request_query_mailfrom does, but for one thing: that lets every loopback address pass without a look at the
 * record. Whether the record lists an address is just what is asked here. */
static SPF_response_t *ask(SPF_server_t *server, SPF_request_t *request) {
  SPF_record_t *record = NULL;
  SPF_response_t *response = SPF_response_new(request);
  if (!response) return NULL;
  request->cur_dom = request->env_from_dp;
  if (SPF_server_get_record(server, request, response, &record) == SPF_E_SUCCESS) {
    response->spf_record_exp = record;
    SPF_record_interpret(record, request, response, 0);
    response->spf_record_exp = NULL;
  }
  if (record) SPF_record_free(record);
  return response;
}

static void run(SPF_server_t *server, struct view *v, const char *path, const char *helo, struct spf_verdict *out) {
  SPF_request_t *request = SPF_request_new(server);
  SPF_response_t *response = NULL;
  out->result = SPF_TEMPERROR;
  if (request && set_request(request, out->source, path, helo)) {
    response = ask(server, request);
    if (response) out->result = translate(SPF_response_result(response));
    /* libspf2 calls some failed lookups a permerror or a neutral; a DNS failure must stay one, because it refuses
     * nothing. */
    if (v->failed && out->result != SPF_PASS) out->result = SPF_TEMPERROR;
  }
  explain(out, v, response);
  if (response) SPF_response_free(response);
  if (request) SPF_request_free(request);
}

void spf_check(const struct dns_source *dns, const char *source_ip, const char *reverse_path, const char *helo,
               struct spf_verdict *out) {
  struct view v = {.dns = dns, .ttl = TTL_MAX};
  const char *at = strrchr(reverse_path, '@');
  memset(out, 0, sizeof *out);
  bytes_copy(bytes_of(source_ip), out->source, sizeof out->source);
  bytes_copy(bytes_of(at ? at + 1 : helo), out->domain, sizeof out->domain);
  SPF_dns_server_t layer = {.lookup = lookup, .name = "sendoff", .hook = &v}; /* no destroy: it is ours */
  SPF_server_t *server = SPF_server_new_dns(&layer, 0);
  if (server) {
    SPF_server_set_rec_dom(server, helo);
    run(server, &v, reverse_path, helo, out);
    SPF_server_free(server);
  } else {
    out->result = SPF_TEMPERROR;
    bytes_copy(BYTES("out of memory"), out->why, sizeof out->why);
  }
  for (char *c = out->why; *c; c++)
    if ((unsigned char)*c < 32 || *c == 127) *c = '?'; /* a stranger's record is in it */
  out->ttl = v.ttl < TTL_MIN ? TTL_MIN : v.ttl;
  out->depends_on_local_part = v.local_part;
}
