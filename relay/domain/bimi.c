#include "relay/domain/bimi.h"

#include "policy/tag_list.h"

#include <string.h>

bool bimi_is_record(struct bytes text) {
  const struct bytes version = BYTES("v=BIMI1");
  return text.len >= version.len && memcmp(text.at, version.at, version.len) == 0 &&
         (text.len == version.len || strchr("; \t", text.at[version.len]));
}

static int take_url(struct bytes value, char out[BIMI_URL], const char *tag, struct reason *why) {
  if (!bytes_copy(value, out, BIMI_URL)) return fail(why, E_SYNTAX, "its %s= is longer than anybody reads", tag);
  if (value.len && !bytes_starts_nocase(value, BYTES("https://")))
    return fail(why, E_SYNTAX, "its %s= is no https:// address", tag);
  return OK;
}

int bimi_record_read(struct bytes text, struct bimi_record *out, struct reason *why) {
  struct tag tag;
  size_t at = 0;
  bool logo = false;
  int rc;
  memset(out, 0, sizeof *out);
  while ((rc = tag_next(text, &at, &tag)) == 1) {
    bool is_logo = bytes_equal(tag.name, BYTES("l")), is_evidence = bytes_equal(tag.name, BYTES("a"));
    rc = is_logo       ? take_url(tag.value, out->logo, "l", why)
         : is_evidence ? take_url(tag.value, out->evidence, "a", why)
                       : OK;
    if (rc != OK) return rc;
    logo |= is_logo;
  }
  if (rc != 0) return fail(why, E_SYNTAX, "it is no tag list");
  return logo ? OK : fail(why, E_SYNTAX, "it has no l=");
}

/* --- the picture --- */

/* A start tag: its name without a namespace prefix, and what is behind it. */
struct element {
  struct bytes name, attributes;
};

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool begins(struct bytes text, size_t at, const char *what) {
  size_t len = strlen(what);
  return text.len - at >= len && memcmp(text.at + at, what, len) == 0;
}

/* Behind the first `what` at or after `at`; the end when there is none. */
static size_t behind(struct bytes text, size_t at, const char *what) {
  for (; at < text.len; at++)
    if (begins(text, at, what)) return at + strlen(what);
  return text.len;
}

/* Behind a tag that begins at `at`; ">" within quotes is none of its end. */
static size_t tag_end(struct bytes svg, size_t at) {
  char quote = 0;
  for (; at < svg.len; at++) {
    char c = svg.at[at];
    if (quote)
      quote = c == quote ? 0 : quote;
    else if (c == '"' || c == '\'')
      quote = c;
    else if (c == '>')
      return at + 1;
  }
  return svg.len;
}

static void read_element(struct bytes tag, struct element *out) {
  size_t n = 0, name = 0;
  while (n < tag.len && !is_space(tag.at[n]) && tag.at[n] != '/' && tag.at[n] != '>') {
    if (tag.at[n++] == ':') name = n;
  }
  out->name = (struct bytes){tag.at + name, n - name};
  out->attributes = bytes_from(tag, n);
}

/* Start with `*at` = 0. False: the end. Comments, CDATA, processing instructions and end tags are passed over. */
static bool next_element(struct bytes svg, size_t *at, struct element *out) {
  while ((*at = bytes_find(svg, '<', *at)) < svg.len) {
    if (begins(svg, *at, "<!--")) {
      *at = behind(svg, *at, "-->");
    } else if (begins(svg, *at, "<![CDATA[")) {
      *at = behind(svg, *at, "]]>");
    } else if (begins(svg, *at, "<?")) {
      *at = behind(svg, *at, "?>");
    } else {
      size_t from = *at + 1;
      *at = tag_end(svg, from);
      if (from < svg.len && svg.at[from] == '/') continue;
      read_element((struct bytes){svg.at + from, *at - from}, out);
      return true;
    }
  }
  return false;
}

/* Start with `*at` = 0. False: the end. */
static bool next_attribute(struct bytes text, size_t *at, struct bytes *name, struct bytes *value) {
  while (*at < text.len && (is_space(text.at[*at]) || text.at[*at] == '/' || text.at[*at] == '>')) ++*at;
  size_t equals = bytes_find(text, '=', *at);
  if (equals >= text.len) return false;
  *name = bytes_trim((struct bytes){text.at + *at, equals - *at});
  size_t open = equals + 1;
  while (open < text.len && is_space(text.at[open])) open++;
  if (open >= text.len || (text.at[open] != '"' && text.at[open] != '\'')) return false;
  size_t close = bytes_find(text, text.at[open], open + 1);
  *value = (struct bytes){text.at + open + 1, close - open - 1};
  *at = close + 1;
  return close < text.len;
}

static bool has_attribute(const struct element *e, const char *wanted, struct bytes *value) {
  struct bytes name;
  for (size_t at = 0; next_attribute(e->attributes, &at, &name, value);)
    if (bytes_equal(name, bytes_of(wanted))) return true;
  return false;
}

static int check_root(const struct element *root, struct reason *why) {
  struct bytes value;
  if (!bytes_equal(root->name, BYTES("svg"))) return fail(why, E_SYNTAX, "it is no SVG picture");
  if (!has_attribute(root, "baseProfile", &value) || !bytes_equal(value, BYTES("tiny-ps")))
    return fail(why, E_SYNTAX, "its svg element has no baseProfile=\"tiny-ps\"");
  if (!has_attribute(root, "version", &value) || !bytes_equal(value, BYTES("1.2")))
    return fail(why, E_SYNTAX, "its svg element has no version=\"1.2\"");
  if (has_attribute(root, "x", &value) || has_attribute(root, "y", &value))
    return fail(why, E_SYNTAX, "its svg element has x= or y=");
  return OK;
}

static int check_element(const struct element *e, struct reason *why) {
  static const char *const never[] = {
      "script", "image",   "a",        "foreignObject", "animate", "animateTransform", "animateMotion", "animateColor",
      "set",    "handler", "listener", "video",         "audio"};
  for (size_t i = 0; i < sizeof never / sizeof *never; i++)
    if (bytes_equal_nocase(e->name, bytes_of(never[i])))
      return fail(why, E_SYNTAX, "it has a %s element, which the profile does not allow", never[i]);
  if (e->name.len && e->name.at[0] == '!') return fail(why, E_SYNTAX, "it has a document type or entities");
  struct bytes name, value;
  for (size_t at = 0; next_attribute(e->attributes, &at, &name, &value);) {
    bool link = bytes_equal(name, BYTES("href")) || bytes_equal(name, BYTES("xlink:href"));
    if (link && (!value.len || value.at[0] != '#')) return fail(why, E_SYNTAX, "it refers to something outside of it");
    if (bytes_starts_nocase(name, BYTES("on")))
      return fail(why, E_SYNTAX, "it has an event handler, which is a script");
  }
  return OK;
}

int bimi_svg_check(struct bytes svg, struct reason *why) {
  struct element e;
  bool title = false;
  size_t count = 0;
  if (svg.len > BIMI_SVG_MAX) return fail(why, E_SYNTAX, "it has more than 32 KB");
  if (svg.len >= 2 && memcmp(svg.at, "\x1f\x8b", 2) == 0) return fail(why, E_SYNTAX, "it is compressed (gzip)");
  for (size_t at = 0; next_element(svg, &at, &e); count++) {
    int rc = count                               ? check_element(&e, why)
             : e.name.len && e.name.at[0] == '!' ? check_element(&e, why)
                                                 : check_root(&e, why);
    if (rc != OK) return rc;
    title |= bytes_equal(e.name, BYTES("title"));
  }
  if (!count) return fail(why, E_SYNTAX, "it is no SVG picture");
  return title ? OK : fail(why, E_SYNTAX, "it has no title element");
}
