/* Domains beyond ASCII (RFC 5890): what they are in the DNS, and whether they are written as they are read. The only
 * user of libidn2. */
#include "base/address/address.h"
#include "base/result.h"

#include <idn2.h>
#include <string.h>

static bool too_big(int rc) {
  return rc == IDN2_TOO_BIG_DOMAIN || rc == IDN2_TOO_BIG_LABEL || rc == IDN2_PUNYCODE_BIG_OUTPUT;
}

int domain_normalize(struct bytes domain, char out[DOMAIN_MAX + 1]) {
  char copy[DOMAIN_MAX + 1];
  if (domain.len > 1 && domain.at[domain.len - 1] == '.') domain.len--;
  if (domain.len > DOMAIN_MAX) return E_TOO_BIG;
  if (!domain_valid(domain)) return E_SYNTAX;
  bytes_copy(domain, copy, sizeof copy);
  bool ascii = true;
  for (char *c = copy; *c; c++) {
    if ((unsigned char)*c >= 0x80) ascii = false;
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
  }
  if (ascii) {
    memcpy(out, copy, domain.len + 1);
    return OK;
  }
  char *a_labels = NULL;
  int rc = idn2_to_ascii_8z(copy, &a_labels, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  if (rc != IDN2_OK) return rc == IDN2_MALLOC ? E_MEMORY : too_big(rc) ? E_TOO_BIG : E_SYNTAX;
  bool fits = bytes_copy(bytes_of(a_labels), out, DOMAIN_MAX + 1);
  idn2_free(a_labels);
  if (!fits) return E_TOO_BIG;
  return domain_valid(bytes_of(out)) ? OK : E_SYNTAX; /* compatibility mapping can bring forth dots and other ASCII */
}

/* --- as it is read --- */

/* Of what is valid UTF-8. */
static uint32_t next_character(struct bytes text, size_t *at) {
  const unsigned char *u = (const unsigned char *)text.at + *at;
  size_t n = u[0] < 0x80 ? 1 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
  uint32_t c = n == 1 ? u[0] : u[0] & (0x7fU >> n);
  for (size_t i = 1; i < n; i++) c = c << 6 | (u[i] & 0x3f);
  *at += n;
  return c;
}

static bool between(uint32_t c, uint32_t first, uint32_t last) {
  return c >= first && c <= last;
}

/* Capitals of the alphabets that have them in domains: Latin (without those whose small letter is ASCII), Greek,
 * Cyrillic, Armenian. */
static uint32_t lower(uint32_t c) {
  if (between(c, 'A', 'Z') || (between(c, 0xc0, 0xde) && c != 0xd7)) return c + 0x20;
  if ((between(c, 0x100, 0x136) && c != 0x130) || between(c, 0x14a, 0x176)) return c | 1;
  if (between(c, 0x139, 0x147) || between(c, 0x179, 0x17d)) return c + (c & 1);
  if (between(c, 0x391, 0x3a9) || between(c, 0x410, 0x42f)) return c + 0x20;
  if (between(c, 0x400, 0x40f)) return c + 0x50;
  return between(c, 0x531, 0x556) ? c + 0x30 : c;
}

static bool same_but_case(struct bytes written, struct bytes meant) {
  size_t i = 0, j = 0;
  while (i < written.len && j < meant.len)
    if (lower(next_character(written, &i)) != next_character(meant, &j)) return false;
  return i == written.len && j == meant.len;
}

static bool ascii(struct bytes text) {
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.at[i] >= 0x80) return false;
  return true;
}

/* Takes the first label off, and its dot. */
static struct bytes take_label(struct bytes *domain) {
  size_t dot = bytes_find(*domain, '.', 0);
  struct bytes label = {domain->at, dot};
  *domain = bytes_from(*domain, dot < domain->len ? dot + 1 : dot);
  return label;
}

/* ASCII stays as it is, so that of an A-label nothing is asked. */
static bool labels_same(struct bytes written, struct bytes meant) {
  while (written.len && meant.len) {
    struct bytes a = take_label(&written), b = take_label(&meant);
    if (!ascii(a) && !same_but_case(a, b)) return false;
  }
  return !written.len && !meant.len;
}

bool domain_is_plain(struct bytes domain) {
  char a_labels[DOMAIN_MAX + 1], *u_labels = NULL;
  if (domain.len && domain.at[domain.len - 1] == '.') domain.len--;
  if (ascii(domain)) return true;
  if (domain_normalize(domain, a_labels) != OK) return false;
  bool plain = idn2_to_unicode_8z8z(a_labels, &u_labels, 0) == IDN2_OK && labels_same(domain, bytes_of(u_labels));
  idn2_free(u_labels);
  return plain;
}
