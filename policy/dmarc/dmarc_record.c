#include "policy/dmarc/dmarc_record.h"

#include "policy/tag_list.h"

#define PCT_ALL 100

const char *dmarc_policy_name(enum dmarc_policy p) {
  static const char *const names[] = {"none", "quarantine", "reject"};
  return names[p];
}

bool dmarc_is_record(struct bytes text) {
  struct tag tag;
  size_t at = 0;
  if (!text.len || text.at[0] == ';') return false; /* the version is the first of all */
  return tag_next(text, &at, &tag) == 1 && bytes_equal_nocase(tag.name, BYTES("v")) &&
         bytes_equal(tag.value, BYTES("DMARC1")); /* with its case (RFC 9989 4.7) */
}

/* --- values --- */

enum { T_P, T_SP, T_NP, T_PSD, T_T, T_ADKIM, T_ASPF, T_RUA, T_RUF, T_FO, T_PCT, T_COUNT };

static int tag_index(struct bytes name) {
  static const struct bytes names[T_COUNT] = {
      [T_P] = {"p", 1},     [T_SP] = {"sp", 2},       [T_NP] = {"np", 2},     [T_PSD] = {"psd", 3},
      [T_T] = {"t", 1},     [T_ADKIM] = {"adkim", 5}, [T_ASPF] = {"aspf", 4}, [T_RUA] = {"rua", 3},
      [T_RUF] = {"ruf", 3}, [T_FO] = {"fo", 2},       [T_PCT] = {"pct", 3},
  };
  for (int i = 0; i < T_COUNT; i++)
    if (bytes_equal_nocase(name, names[i])) return i;
  return T_COUNT;
}

/* Absent: `*out` stays. False: there, and no policy. */
static bool read_policy(const struct bytes *value, enum dmarc_policy *out) {
  if (!value->at) return true;
  for (enum dmarc_policy p = DMARC_NONE; p <= DMARC_REJECT; p++) {
    if (!bytes_equal_nocase(*value, bytes_of(dmarc_policy_name(p)))) continue;
    *out = p;
    return true;
  }
  return false;
}

/* "scheme:rest" (RFC 3986 3), which is all that is asked of a URI here. */
static bool is_uri(struct bytes text) {
  size_t colon = bytes_find(text, ':', 0);
  if (!colon || colon + 1 >= text.len) return false;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.at[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (c <= ' ' || c > '~' || (i < colon && !letter && !(i && other))) return false;
  }
  return true;
}

static bool has_uri(struct bytes list) {
  for (size_t i = 0, end; i < list.len; i = end + 1) {
    end = bytes_find(list, ',', i);
    if (is_uri(bytes_trim((struct bytes){list.at + i, end - i}))) return true;
  }
  return false;
}

static unsigned read_fo(struct bytes value) {
  unsigned out = 0;
  for (size_t i = 0, end; i < value.len; i = end + 1) {
    end = bytes_find(value, ':', i);
    struct bytes one = bytes_trim((struct bytes){value.at + i, end - i});
    if (bytes_equal(one, BYTES("0"))) out |= DMARC_FO_ALL;
    if (bytes_equal(one, BYTES("1"))) out |= DMARC_FO_ANY;
    if (bytes_equal_nocase(one, BYTES("d"))) out |= DMARC_FO_DKIM;
    if (bytes_equal_nocase(one, BYTES("s"))) out |= DMARC_FO_SPF;
  }
  return out ? out : DMARC_FO_ALL;
}

static enum dmarc_psd read_psd(struct bytes value) {
  return bytes_equal_nocase(value, BYTES("y"))   ? DMARC_PSD_YES
         : bytes_equal_nocase(value, BYTES("n")) ? DMARC_PSD_NO
                                                 : DMARC_PSD_UNKNOWN;
}

/* --- the record --- */

/* RFC 9989 4.10.1 */
static void read_policies(const struct bytes *v, struct dmarc_record *out) {
  bool good = read_policy(&v[T_P], &out->p);
  out->sp = out->p;
  good &= read_policy(&v[T_SP], &out->sp);
  out->np = out->sp;
  good &= read_policy(&v[T_NP], &out->np);
  if (!good) out->p = out->sp = out->np = DMARC_NONE;
  out->unusable = !good && !out->rua;
}

/* RFC 7489 6.6.3 step 6 */
static void read_old_policies(const struct bytes *v, struct dmarc_record *out) {
  bool good = v[T_P].at && read_policy(&v[T_P], &out->old_p);
  out->old_sp = out->old_p;
  good &= read_policy(&v[T_SP], &out->old_sp);
  if (!good) out->old_p = out->old_sp = DMARC_NONE;
  out->old_unusable = !good && !out->rua;
}

void dmarc_record_read(struct bytes text, struct dmarc_record *out) {
  struct bytes v[T_COUNT + 1] = {{NULL, 0}};
  struct tag tag;
  size_t at = 0;
  for (int rc; (rc = tag_next(text, &at, &tag)) != 0;) {
    int i = rc == 1 ? tag_index(tag.name) : T_COUNT;
    if (!v[i].at) v[i] = tag.value;
  }
  uint64_t pct;
  *out = (struct dmarc_record){.psd = read_psd(v[T_PSD]), .pct = PCT_ALL};
  out->testing = bytes_equal_nocase(v[T_T], BYTES("y"));
  out->strict_dkim = bytes_equal_nocase(v[T_ADKIM], BYTES("s"));
  out->strict_spf = bytes_equal_nocase(v[T_ASPF], BYTES("s"));
  out->rua = has_uri(v[T_RUA]);
  out->ruf = has_uri(v[T_RUF]);
  out->fo = read_fo(v[T_FO]);
  if (bytes_to_u64(v[T_PCT], &pct) && pct <= PCT_ALL) out->pct = (unsigned)pct;
  read_policies(v, out);
  read_old_policies(v, out);
}
