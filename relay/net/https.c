#include "relay/net/https.h"

#include "base/address/cidr.h"
#include "base/address/global_address.h"
#include "base/clock.h"

#include <arpa/nameser.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HTTPS_CONNECT_MS 10000
#define HTTPS_ADDRESSES_MAX 8
#define HTTPS_HEADER_MAX (64 * 1024) /* octets of an answer's header */

int https_setup(void) {
  return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? OK : E_MEMORY;
}

void https_teardown(void) {
  curl_global_cleanup();
}

/* --- the URL --- */

static int copy_part(CURLU *u, CURLUPart part, unsigned flags, char *out, size_t size) {
  char *text = NULL;
  if (curl_url_get(u, part, &text, flags) != CURLUE_OK) return E_NOT_FOUND;
  bool whole = bytes_copy(bytes_of(text), out, size);
  curl_free(text);
  return whole ? OK : E_SYNTAX;
}

static bool has_part(CURLU *u, CURLUPart part) {
  char text[HTTPS_URL_MAX];
  return copy_part(u, part, 0, text, sizeof text) != E_NOT_FOUND;
}

int https_url_check(const char *url, char host[256], unsigned *port) {
  char text[16];
  uint64_t number = 0;
  if (strlen(url) >= HTTPS_URL_MAX || strncmp(url, "https://", 8) != 0 || url[8] == '/') return E_SYNTAX;
  CURLU *u = curl_url();
  bool good = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && !has_part(u, CURLUPART_USER) &&
              !has_part(u, CURLUPART_FRAGMENT) && copy_part(u, CURLUPART_HOST, 0, host, 256) == OK &&
              copy_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, text, sizeof text) == OK &&
              bytes_to_u64(bytes_of(text), &number) && number > 0 && number < 65536;
  *port = (unsigned)number;
  curl_url_cleanup(u);
  return good ? OK : E_SYNTAX;
}

/* --- addresses --- */

struct addresses {
  char text[HTTPS_ADDRESSES_MAX * (IP_TEXT + 3)]; /* "192.0.2.1,[2001:db8::1]" */
  size_t count;
  bool barred; /* there was one that may not be asked */
};

bool https_global_only(void *arg, const struct sockaddr *address) {
  (void)arg;
  return address_is_global(address);
}

static bool may_connect(const struct https *h, const struct sockaddr_storage *address) {
  return !h->may_connect || h->may_connect(h->arg, (const struct sockaddr *)address);
}

static void add_address(const struct https *h, struct addresses *a, int type, struct bytes data) {
  struct sockaddr_storage address = {0};
  char ip[IP_TEXT];
  if (a->count == HTTPS_ADDRESSES_MAX) return;
  if (type == ns_t_a && data.len == 4) {
    address.ss_family = AF_INET;
    memcpy(&((struct sockaddr_in *)&address)->sin_addr, data.at, 4);
  } else if (type == ns_t_aaaa && data.len == 16) {
    address.ss_family = AF_INET6;
    memcpy(&((struct sockaddr_in6 *)&address)->sin6_addr, data.at, 16);
  } else {
    return;
  }
  if (!may_connect(h, &address)) {
    a->barred = true;
    return;
  }
  ip_format((const struct sockaddr *)&address, ip);
  bool six = strchr(ip, ':');
  size_t at = strlen(a->text);
  snprintf(a->text + at, sizeof a->text - at, "%s%s%s%s", at ? "," : "", six ? "[" : "", ip, six ? "]" : "");
  a->count++;
}

static bool look_up(const struct https *h, const char *host, int type, struct addresses *a) {
  struct dns_answer answer;
  h->dns->lookup(h->dns->arg, host, type, &answer);
  bool answered = answer.status != DNS_FAILED;
  for (size_t i = 0; i < answer.count; i++) add_address(h, a, type, answer.records[i].data);
  h->dns->release(h->dns->arg, &answer);
  return answered;
}

/* True: it is one, in `out`. */
static bool read_literal(const char *host, struct sockaddr_storage *out) {
  char inner[256];
  bool six = host[0] == '[';
  snprintf(inner, sizeof inner, "%.*s", (int)strcspn(host + six, "]"), host + six);
  return ip_parse(inner, 0, out) == OK;
}

/* "HOST:PORT:ADDRESS,ADDRESS", as CURLOPT_RESOLVE wants it; NULL for a literal, which needs none. */
static int resolve(const struct https *h, const char *host, unsigned port, struct curl_slist **out,
                   struct reason *why) {
  struct addresses a = {.count = 0};
  struct sockaddr_storage literal;
  char entry[sizeof a.text + 300];
  *out = NULL;
  if (read_literal(host, &literal))
    return may_connect(h, &literal) ? OK : fail(why, E_DENIED, "%s is no public address", host);
  bool answered = look_up(h, host, ns_t_a, &a);
  answered &= look_up(h, host, ns_t_aaaa, &a);
  if (!a.count && a.barred) return fail(why, E_DENIED, "%s has no public address", host);
  if (!a.count)
    return fail(why, E_TEMPORARY, answered ? "%s has no address" : "the address of %s cannot be looked up now", host);
  snprintf(entry, sizeof entry, "%.255s:%u:%s", host, port, a.text);
  *out = curl_slist_append(NULL, entry);
  return *out ? OK : fail(why, E_MEMORY, "out of memory");
}

/* --- the request --- */

static size_t on_body(char *data, size_t size, size_t count, void *arg) {
  struct https_answer *answer = arg;
  return buffer_add(&answer->body, data, size * count) == OK ? size * count : 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg) {
  struct https_answer *answer = arg;
  (void)data;
  answer->header_octets += size * count;
  return answer->header_octets <= HTTPS_HEADER_MAX ? size * count : 0;
}

/* What is sent: its type, and no wait for a "100 Continue" in front of it. NULL without memory. */
static struct curl_slist *make_fields(const char *type) {
  char field[120];
  snprintf(field, sizeof field, "Content-Type: %.100s", type);
  struct curl_slist *first = curl_slist_append(NULL, field);
  struct curl_slist *both = first ? curl_slist_append(first, "Expect:") : NULL;
  if (!both) curl_slist_free_all(first);
  return both;
}

static bool set_post(CURL *c, struct curl_slist *fields, struct bytes body) {
  return fields && curl_easy_setopt(c, CURLOPT_HTTPHEADER, fields) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.at) == CURLE_OK; /* not copied */
}

static bool set_request(CURL *c, const char *url, struct https_answer *out) {
  return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_WRITEDATA, out) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_HEADERDATA, out) == CURLE_OK;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
  const struct https *h = arg;
  (void)a, (void)b, (void)c, (void)d;
  uint64_t until_ms = h->until_ms ? atomic_load(h->until_ms) : 0;
  return until_ms && clock_monotonic_ms() >= until_ms;
}

/* Roots that are named are the only ones: libcurl would take those of its own folder, too. */
static bool set_trust(CURL *c, const char *trust) {
  return !trust || (curl_easy_setopt(c, CURLOPT_CAINFO, trust) == CURLE_OK &&
                    curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK);
}

static bool set_bounds(CURL *c, const struct https *h, struct curl_slist *addresses, uint64_t left_ms) {
  return curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK && curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)left_ms) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTPS_CONNECT_MS) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_RESOLVE, addresses) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
         curl_easy_setopt(c, CURLOPT_XFERINFODATA, h) == CURLE_OK && set_trust(c, h->trust);
}

static int take_answer(CURL *c, struct https_answer *out) {
  const char *type = NULL;
  if (curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &out->status) != CURLE_OK) return E_IO;
  if (curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type) != CURLE_OK) return E_IO;
  if (!type || !bytes_copy(bytes_of(type), out->type, sizeof out->type)) out->type[0] = '\0';
  return OK;
}

static int perform(CURL *c, const char *host, struct https_answer *out, struct reason *why) {
  char error[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
  CURLcode rc = curl_easy_perform(c);
  int got = take_answer(c, out);
  if (rc == CURLE_OK) return got;
  if (rc == CURLE_WRITE_ERROR) return fail(why, E_TOO_BIG, "%s answers more than is expected", host);
  out->untrusted = rc == CURLE_PEER_FAILED_VERIFICATION;
  return fail(why, rc == CURLE_OUT_OF_MEMORY ? E_MEMORY : E_TEMPORARY, "%s does not answer: %.200s", host,
              error[0] ? error : curl_easy_strerror(rc));
}

/* `type` NULL: GET. */
static int request(const struct https *h, const char *url, const char *type, struct bytes body,
                   struct https_answer *out, struct reason *why) {
  char host[256];
  unsigned port;
  struct curl_slist *addresses;
  uint64_t end_ms = clock_monotonic_ms() + HTTPS_MS;
  if (https_url_check(url, host, &port) != OK) return fail(why, E_SYNTAX, "%.200s is no https URL", url);
  int rc = resolve(h, host, port, &addresses, why);
  if (rc != OK) return rc;
  uint64_t now_ms = clock_monotonic_ms();
  CURL *c = curl_easy_init();
  struct curl_slist *fields = type ? make_fields(type) : NULL;
  if (now_ms >= end_ms)
    rc = fail(why, E_TEMPORARY, "the address of %s was looked up for too long", host);
  else if (c && (!type || set_post(c, fields, body)) && set_request(c, url, out) &&
           set_bounds(c, h, addresses, end_ms - now_ms))
    rc = perform(c, host, out, why);
  else
    rc = fail(why, E_MEMORY, "out of memory");
  curl_easy_cleanup(c);
  curl_slist_free_all(fields);
  curl_slist_free_all(addresses);
  return rc;
}

int https_post(const struct https *h, const char *url, const char *type, struct bytes body, struct https_answer *out,
               struct reason *why) {
  return request(h, url, type, body, out, why);
}

int https_post_form(const struct https *h, const char *url, struct bytes form, struct https_answer *out,
                    struct reason *why) {
  return request(h, url, "application/x-www-form-urlencoded", form, out, why);
}

int https_get(const struct https *h, const char *url, struct https_answer *out, struct reason *why) {
  return request(h, url, NULL, (struct bytes){0}, out, why);
}
