#include "relay/domain/dns_update.h"

#include "base/address/cidr.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "relay/domain/publisher.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_FILE_MAX 4096
#define WAIT_MS 5000 /* for one server, once */

/* --- the key --- */

static int read_file(const char *path, char out[KEY_FILE_MAX], struct reason *why) {
  struct stat st;
  FILE *f = fopen(path, "re");
  if (!f || fstat(fileno(f), &st) != 0) {
    int error = errno;
    if (f) fclose(f);
    return fail(why, E_IO, "%s: %s", path, strerror(error));
  }
  size_t n = fread(out, 1, KEY_FILE_MAX - 1, f);
  out[n] = '\0';
  fclose(f);
  if (st.st_mode & S_IRWXO) return fail(why, E_IO, "%s: the key can be read by others; run: chmod 600 %s", path, path);
  return OK;
}

/* The secret alone, in base64; or a file as tsig-keygen and keymgr write it, with `secret "..."` in it. */
static int read_secret(const struct dns_update_config *u, char out[KEY_FILE_MAX], struct reason *why) {
  int rc = read_file(u->key_file, out, why);
  if (rc != OK) return rc;
  const char *at = strstr(out, "secret");
  const char *open = at ? strchr(at, '"') : NULL;
  at = open ? open + 1 : out;
  struct bytes secret = bytes_trim((struct bytes){at, strcspn(at, open ? "\"" : "\r\n")});
  memmove(out, secret.at, secret.len);
  out[secret.len] = '\0';
  if (secret.len && strspn(out, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=") == secret.len)
    return OK;
  explicit_bzero(out, KEY_FILE_MAX);
  return fail(why, E_SYNTAX, "%s: there is no secret in it, in base64, as tsig-keygen writes it", u->key_file);
}

int dns_update_check(const struct dns_update_config *u, struct reason *why) {
  char secret[KEY_FILE_MAX];
  int rc = read_secret(u, secret, why);
  explicit_bzero(secret, sizeof secret);
  return rc;
}

/* --- the update --- */

/* RFC 2136 2.5.2: class ANY and no data take out what is there. */
static ldns_rr *record(const char *name, ldns_rr_class class, uint32_t ttl) {
  ldns_rr *rr = ldns_rr_new();
  ldns_rdf *owner = ldns_dname_new_frm_str(name);
  if (!rr || !owner) {
    ldns_rr_free(rr);
    ldns_rdf_deep_free(owner);
    return NULL;
  }
  ldns_rr_set_owner(rr, owner);
  ldns_rr_set_type(rr, LDNS_RR_TYPE_TXT);
  ldns_rr_set_class(rr, class);
  ldns_rr_set_ttl(rr, ttl);
  return rr;
}

/* RFC 1035 3.3.14: strings of 255 octets at most. */
static bool add_strings(ldns_rr *rr, const char *value) {
  for (size_t left = strlen(value); left;) {
    size_t n = left < 255 ? left : 255;
    unsigned char data[256];
    data[0] = (unsigned char)n;
    memcpy(data + 1, value, n);
    ldns_rdf *text = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_STR, n + 1, data);
    if (!text || !ldns_rr_push_rdf(rr, text)) return false;
    value += n;
    left -= n;
  }
  return true;
}

static bool push(ldns_rr_list *list, ldns_rr *rr) {
  if (rr && ldns_rr_list_push_rr(list, rr)) return true;
  ldns_rr_free(rr);
  return false;
}

static ldns_pkt *make_update(const struct dns_update_config *u, bool add, const char *name, const char *value) {
  ldns_rr_list *list = ldns_rr_list_new();
  ldns_rr *rr = add ? record(name, LDNS_RR_CLASS_IN, PUBLISHER_TTL) : NULL;
  ldns_rdf *zone = ldns_dname_new_frm_str(u->zone);
  bool good = list && zone && push(list, record(name, LDNS_RR_CLASS_ANY, 0));
  if (add) good = good && rr && add_strings(rr, value) && push(list, rr);
  ldns_pkt *pkt = good ? ldns_update_pkt_new(zone, LDNS_RR_CLASS_IN, NULL, list, NULL) : NULL;
  if (!pkt) ldns_rdf_deep_free(zone); /* else it is the packet's */
  ldns_rr_list_deep_free(list);       /* which has copies of these */
  return pkt;
}

/* --- the server --- */

static ldns_resolver *server_of(const struct dns_update_config *u, const char *secret, uint64_t deadline_ms) {
  uint64_t now_ms = clock_monotonic_ms(), left = deadline_ms > now_ms ? deadline_ms - now_ms : 1;
  uint64_t wait_ms = left / 4 < WAIT_MS ? left / 4 + 1 : WAIT_MS; /* two tries, by UDP and by TCP */
  char address[IP_TEXT], key[300];
  struct sockaddr_storage to;
  const char *at = strchr(u->server, '@');
  unsigned port = at ? (unsigned)strtoul(at + 1, NULL, 10) : 53;
  snprintf(address, sizeof address, "%.*s", (int)strcspn(u->server, "@"), u->server);
  ldns_resolver *r = ip_parse(address, port, &to) == OK ? ldns_resolver_new() : NULL;
  ldns_rdf *server =
      r ? ldns_rdf_new_frm_str(to.ss_family == AF_INET ? LDNS_RDF_TYPE_A : LDNS_RDF_TYPE_AAAA, address) : NULL;
  if (!server || ldns_resolver_push_nameserver(r, server) != LDNS_STATUS_OK) {
    ldns_rdf_deep_free(server);
    ldns_resolver_deep_free(r);
    return NULL;
  }
  ldns_rdf_deep_free(server);
  snprintf(key, sizeof key, "%s", u->algorithm);
  if (key[0] && key[strlen(key) - 1] != '.') strncat(key, ".", sizeof key - strlen(key) - 1);
  ldns_resolver_set_port(r, (uint16_t)port);
  ldns_resolver_set_timeout(r, (struct timeval){(time_t)(wait_ms / 1000), (suseconds_t)(wait_ms % 1000 * 1000)});
  ldns_resolver_set_retry(r, 1);
  ldns_resolver_set_recursive(r, false);
  ldns_resolver_set_tsig_keyname(r, u->key_name);
  ldns_resolver_set_tsig_keydata(r, secret);
  ldns_resolver_set_tsig_algorithm(r, key);
  return r;
}

static int send_update(const struct dns_update_config *u, ldns_resolver *r, ldns_pkt *pkt, struct reason *why) {
  ldns_pkt *answer = NULL;
  ldns_status status = ldns_update_pkt_tsig_add(pkt, r); /* which sending does not */
  if (status == LDNS_STATUS_OK) status = ldns_resolver_send_pkt(&answer, r, pkt);
  if (status != LDNS_STATUS_OK || !answer) {
    ldns_pkt_free(answer);
    bool refused = status == LDNS_STATUS_CRYPTO_TSIG_BOGUS;
    return fail(why, refused ? E_DENIED : E_TEMPORARY, "%s did not take the update of %s: %s", u->server, u->zone,
                ldns_get_errorstr_by_id(status));
  }
  ldns_pkt_rcode code = ldns_pkt_get_rcode(answer);
  const ldns_lookup_table *name = ldns_lookup_by_id(ldns_rcodes, (int)code);
  ldns_pkt_free(answer);
  if (code == LDNS_RCODE_NOERROR) return OK;
  return fail(why, E_DENIED, "%s refused the update of %s: %s", u->server, u->zone, name ? name->name : "an error");
}

int dns_update_run(const struct dns_update_config *u, bool add, const char *name, const char *value,
                   uint64_t deadline_ms, struct reason *why) {
  char secret[KEY_FILE_MAX];
  int rc = read_secret(u, secret, why);
  if (rc != OK) return rc;
  ldns_resolver *r = server_of(u, secret, deadline_ms);
  ldns_pkt *pkt = r ? make_update(u, add, name, value) : NULL;
  rc = pkt ? send_update(u, r, pkt, why) : fail(why, E_MEMORY, "the update of %s cannot be made", u->zone);
  ldns_pkt_free(pkt);
  ldns_resolver_deep_free(r);
  explicit_bzero(secret, sizeof secret);
  return rc;
}
