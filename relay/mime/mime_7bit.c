/* One walk from front to back. A part ends at a boundary of any multipart around it; these boundaries are a stack. The
 * outermost that matches a line ends everything inside it, even a multipart whose last boundary is missing (RFC 2046
 * 5.1.2). Each convert_ and copy_ function leaves in `next` the delimiter that ended what it converted, and has emitted
 * every octet before that.
 *
 * The walk is done twice: without output, to find an obstacle before anything is emitted, and with output. */
#include "relay/mime/mime_7bit.h"

#include "base/text/header.h"
#include "relay/mime/base64.h"
#include "relay/mime/header_encode.h"
#include "relay/mime/header_fold.h"
#include "relay/mime/mime_field.h"
#include "relay/mime/octets.h"
#include "relay/mime/quoted_printable.h"
#include "relay/mime/to_utf8.h"

#include <string.h>

#define STAGE (8 * 1024)
#define FIELD_ROOM ((size_t)1024 * 1024)
#define OUTSIDE SIZE_MAX /* the level of the end of the content */

struct level {
  char boundary[MIME_BOUNDARY_MAX];
  size_t len;
};

/* A line "--boundary" or "--boundary--", or the end of the content. */
struct delimiter {
  size_t at, text_end, next; /* text_end: before white space and CRLF */
  size_t level;              /* which boundary; OUTSIDE: the end */
  bool closes;
};

struct walk {
  struct bytes prefix, content;
  bool keep_8bit, fields;
  const struct mime_out *out; /* NULL: a dry run */
  enum mime_obstacle obstacle;
  struct level levels[MIME_DEPTH_MAX];
  size_t level_count, depth;
  char stage[STAGE]; /* so that the body goes out in runs that are worth a call */
  size_t staged;
};

/* A message, or a part of a multipart. */
struct entity {
  bool top;                       /* the message itself */
  bool message;                   /* it, or one in it: MIME-Version belongs here */
  bool digest;                    /* a part of multipart/digest */
  size_t start, fields_end, body; /* offsets; the empty line is between the last two, if there is one */
  bool broken;                    /* has a line that is no field */
  bool version;
  size_t types, encodings; /* how many such fields */
  struct mime_type type;
  enum mime_encoding encoding;
};

static int report_obstacle(struct walk *w, enum mime_obstacle o) {
  w->obstacle = o;
  return E_DENIED;
}

static struct bytes slice(const struct walk *w, size_t from, size_t to) {
  return (struct bytes){w->content.at + from, to - from};
}

/* --- output --- */

static int flush(struct walk *w) {
  if (!w->staged) return OK;
  struct bytes run = {w->stage, w->staged};
  w->staged = 0;
  return w->out->body(w->out->arg, run);
}

static int emit(void *arg, struct bytes run) {
  struct walk *w = arg;
  if (!w->out || !run.len) return OK;
  if (run.len > STAGE - w->staged) {
    int rc = flush(w);
    if (rc != OK) return rc;
  }
  if (run.len > STAGE / 2) {
    int rc = flush(w);
    return rc == OK ? w->out->body(w->out->arg, run) : rc;
  }
  memcpy(w->stage + w->staged, run.at, run.len);
  w->staged += run.len;
  return OK;
}

static int emit_field(struct walk *w, bool top, struct bytes field) {
  if (!w->out) return OK;
  return top ? w->out->field(w->out->arg, field) : emit(w, field);
}

static bool octets_fit(const struct walk *w, const struct octets *o) {
  return !octets_binary(o) && (w->keep_8bit || !o->high);
}

static bool text_fits(const struct walk *w, struct bytes text) {
  struct octets o;
  octets_scan(text, &o);
  return octets_fit(w, &o);
}

/* --- delimiters (RFC 2046 5.1.1) --- */

/* Is `word`, the rest of a line behind "--", this boundary? */
static bool is_boundary(const struct level *l, struct bytes word, bool *closes) {
  if (word.len != l->len && word.len != l->len + 2) return false; /* most are: lines of hyphens cost little so */
  *closes = word.len > l->len;
  return memcmp(word.at, l->boundary, l->len) == 0 && (!*closes || memcmp(word.at + l->len, "--", 2) == 0);
}

/* The offset behind the CRLF that ends the line that `at` is in, or the end of the content. */
static size_t line_end(const struct walk *w, size_t at) {
  size_t lf = bytes_find(w->content, '\n', at);
  while (lf < w->content.len && (lf == at || w->content.at[lf - 1] != '\r')) lf = bytes_find(w->content, '\n', lf + 1);
  return lf < w->content.len ? lf + 1 : lf;
}

/* `at` is the beginning of a line. */
static bool delimiter_at(const struct walk *w, size_t at, struct delimiter *d) {
  struct bytes text = w->content;
  if (!w->level_count || text.len - at < 2 || memcmp(text.at + at, "--", 2) != 0) return false;
  size_t next = line_end(w, at), end = next;
  if (bytes_equal(slice(w, end - 2, end), BYTES("\r\n"))) end -= 2; /* the line has two octets at least */
  while (text.at[end - 1] == ' ' || text.at[end - 1] == '\t') end--;
  *d = (struct delimiter){.at = at, .text_end = end, .next = next};
  for (d->level = 0; d->level < w->level_count; d->level++)
    if (is_boundary(&w->levels[d->level], slice(w, at + 2, end), &d->closes)) return true;
  return false;
}

/* The first at or behind `from`, which is the beginning of a line. */
static void find_delimiter(const struct walk *w, size_t from, struct delimiter *d) {
  size_t end = w->content.len;
  for (size_t at = from; w->level_count && at < end; at = line_end(w, at))
    if (delimiter_at(w, at, d)) return;
  *d = (struct delimiter){.at = end, .text_end = end, .next = end, .level = OUTSIDE};
}

static int emit_delimiter(struct walk *w, const struct delimiter *d) {
  int rc = emit(w, slice(w, d->at, d->text_end));
  return rc == OK && d->next > d->text_end ? emit(w, BYTES("\r\n")) : rc;
}

/* --- header --- */

static bool encodes_fields(const struct walk *w) {
  return w->fields || !w->keep_8bit;
}

/* What leaves of a field: itself, or `made`, which the caller frees. E_DENIED: it can leave in no form. */
static int fit_field(struct walk *w, struct field *f, struct buffer *made) {
  struct buffer encoded;
  struct field again;
  size_t at = 0;
  buffer_init(&encoded, FIELD_ROOM);
  buffer_init(made, FIELD_ROOM);
  int rc = OK;
  bool encode = encodes_fields(w) && header_needs_encoding(f->whole);
  if (encode && (rc = header_encode(f, (struct bytes){"", 0}, &encoded)) == OK &&
      header_next(buffer_bytes(&encoded), &at, &again) == 1)
    *f = again;
  else if (w->keep_8bit && rc == E_SYNTAX) /* as it came: other hosts take it */
    rc = OK;
  if (rc == OK && header_needs_folding(f->whole)) {
    rc = header_fold(f, made);
  } else if (rc == OK && encoded.len) {
    *made = encoded;
    buffer_init(&encoded, FIELD_ROOM);
  }
  buffer_free(&encoded);
  at = 0;
  if (rc == OK && made->len && header_next(buffer_bytes(made), &at, f) != 1) rc = E_SYNTAX;
  struct octets o;
  octets_scan(f->whole, &o);
  if (rc == OK && !octets_fit(w, &o)) rc = E_SYNTAX;
  return rc == E_SYNTAX || rc == E_TOO_BIG ? report_obstacle(w, MIME_HEADER) : rc;
}

/* Most fields are what every host takes. */
static bool field_fits(const struct walk *w, const struct field *f) {
  struct octets o;
  octets_scan(f->whole, &o);
  return !octets_binary(&o) && (!o.high || !encodes_fields(w));
}

static int note_field(struct walk *w, struct entity *e, const struct field *f) {
  struct field copy = *f;
  struct buffer made;
  int rc = OK;
  if (!field_fits(w, f)) {
    rc = fit_field(w, &copy, &made);
    buffer_free(&made);
  }
  if (rc != OK) return rc;
  if (bytes_equal_nocase(f->name, BYTES("MIME-Version"))) e->version = true;
  if (bytes_equal_nocase(f->name, BYTES("Content-Type")) && !e->types++) mime_type_read(f->value, &e->type);
  if (bytes_equal_nocase(f->name, BYTES("Content-Transfer-Encoding")) && !e->encodings++)
    e->encoding = mime_encoding_read(f->value);
  return OK;
}

/* A delimiter can follow without an empty line. */
static int read_header(struct walk *w, struct entity *e) {
  struct delimiter d;
  struct field f;
  size_t at = 0;
  int rc = 0;
  while (e->top && (rc = header_next(w->prefix, &at, &f)) == 1)
    if ((rc = note_field(w, e, &f)) != OK) return rc;
  e->broken = rc < 0;
  e->fields_end = e->start;
  for (at = e->start, rc = 0; !delimiter_at(w, at, &d); e->fields_end = at) {
    rc = header_next(w->content, &at, &f);
    if (rc != 1) break;
    if ((rc = note_field(w, e, &f)) != OK) return rc;
  }
  e->broken |= rc < 0;
  at = e->fields_end;
  bool empty_line = bytes_starts_nocase(bytes_from(w->content, at), BYTES("\r\n"));
  e->body = at + (empty_line ? 2 : 0);
  return OK;
}

static const char *const encoding_fields[] = {
    [ENCODING_7BIT] = "Content-Transfer-Encoding: 7bit\r\n",
    [ENCODING_8BIT] = "Content-Transfer-Encoding: 8bit\r\n",
    [ENCODING_QUOTED_PRINTABLE] = "Content-Transfer-Encoding: quoted-printable\r\n",
    [ENCODING_BASE64] = "Content-Transfer-Encoding: base64\r\n",
    [ENCODING_OTHER] = NULL,
};

/* What a conversion does to a header. */
struct change {
  enum mime_encoding encoding; /* ENCODING_OTHER: its label stays */
  const char *type;            /* a field to add; NULL: none */
  bool version;                /* add MIME-Version if it is missing */
};

static int emit_fields(struct walk *w, const struct entity *e, struct bytes block, const char *encoding) {
  struct field f;
  size_t at = 0;
  int rc = OK;
  while (rc == OK && header_next(block, &at, &f) == 1) {
    struct buffer made;
    buffer_init(&made, 0);
    if (!field_fits(w, &f)) rc = fit_field(w, &f, &made);
    bool ended = f.whole.len > 2 && memcmp(f.whole.at + f.whole.len - 2, "\r\n", 2) == 0;
    bool replaced = encoding && bytes_equal_nocase(f.name, BYTES("Content-Transfer-Encoding"));
    if (rc == OK) rc = emit_field(w, e->top, replaced ? bytes_of(encoding) : f.whole);
    if (rc == OK && !replaced && !ended) rc = emit_field(w, e->top, BYTES("\r\n"));
    buffer_free(&made);
  }
  return rc;
}

static int emit_header(struct walk *w, const struct entity *e, const struct change *c) {
  if (!w->out) return OK;
  const char *encoding = encoding_fields[c->encoding];
  int rc = e->top ? emit_fields(w, e, w->prefix, encoding) : OK;
  if (rc == OK) rc = emit_fields(w, e, slice(w, e->start, e->fields_end), encoding);
  if (rc == OK && c->version && e->message && !e->version) rc = emit_field(w, e->top, BYTES("MIME-Version: 1.0\r\n"));
  if (rc == OK && c->type) rc = emit_field(w, e->top, bytes_of(c->type));
  if (rc == OK && encoding && !e->encodings) rc = emit_field(w, e->top, bytes_of(encoding));
  if (rc != OK) return rc;
  return e->top ? w->out->header_end(w->out->arg) : emit(w, slice(w, e->fields_end, e->body));
}

/* The label to put in place of one that is no longer true; ENCODING_OTHER: the entity keeps its own. */
static enum mime_encoding replacement_label(const struct walk *w, const struct entity *e, bool high) {
  bool binary = e->encoding == ENCODING_BINARY, eight = e->encoding == ENCODING_8BIT;
  if (!binary && (!eight || w->keep_8bit)) return ENCODING_OTHER;
  return high && w->keep_8bit ? ENCODING_8BIT : ENCODING_7BIT;
}

/* --- entities without entities inside --- */

/* Copies an entity that is not walked into; one that does not fit is an obstacle. */
static int copy_whole(struct walk *w, const struct entity *e, enum mime_obstacle o, struct delimiter *next) {
  find_delimiter(w, e->start, next);
  struct bytes text = slice(w, e->start, next->at);
  if (!text_fits(w, text)) return report_obstacle(w, o);
  if (!e->top) return emit(w, text);
  struct change none = {.encoding = ENCODING_OTHER};
  int rc = emit_header(w, e, &none);
  return rc == OK ? emit(w, slice(w, e->body, next->at)) : rc;
}

/* RFC 2045 6.8: lines of at most 76 characters. */
static int emit_base64(struct walk *w, struct bytes text) {
  char line[BASE64_LENGTH(57) + 2];
  int rc = OK;
  for (size_t at = 0; at < text.len && rc == OK; at += 57) {
    size_t n = text.len - at < 57 ? text.len - at : 57, len = BASE64_LENGTH(n);
    base64_write((struct bytes){text.at + at, n}, line);
    line[len] = '\r';
    line[len + 1] = '\n';
    rc = emit(w, (struct bytes){line, len + 2});
  }
  return rc;
}

/* The CRLF before a delimiter belongs to the delimiter (RFC 2046 5.1.1). Where none follows, an open line ends with a
 * soft break, which adds nothing to the text. */
static int emit_quoted_printable(struct walk *w, struct bytes text, bool delimited) {
  bool open;
  int rc = quoted_printable_emit(text, emit, w, &open);
  if (rc == OK && delimited) return emit(w, BYTES("\r\n"));
  return rc == OK && open ? emit(w, BYTES("=\r\n")) : rc;
}

/* Quoted-printable is for lines of text (RFC 2045 6.7), and only while it is the shorter. */
static bool suits_quoted_printable(const struct entity *e, const struct octets *o, size_t len) {
  bool text = !e->types || bytes_equal_nocase(e->type.type, BYTES("text"));
  return text && !o->nul && !o->bare_cr && !o->bare_lf && o->escapes <= len / 6;
}

static int encode_leaf(struct walk *w, const struct entity *e, struct bytes body, const struct octets *o,
                       bool delimited) {
  bool quoted = suits_quoted_printable(e, o, body.len);
  struct change c = {.encoding = quoted ? ENCODING_QUOTED_PRINTABLE : ENCODING_BASE64, .version = true};
  if (!e->types && o->high)
    c.type = is_utf8(body) ? "Content-Type: text/plain; charset=utf-8\r\n"
                           : "Content-Type: text/plain; charset=unknown-8bit\r\n";
  int rc = emit_header(w, e, &c);
  if (rc != OK || !w->out) return rc;
  return quoted ? emit_quoted_printable(w, body, delimited) : emit_base64(w, body);
}

/* A binary body may end anywhere; sent as lines it would gain a last CRLF on the way. */
static bool ends_within_a_line(const struct entity *e, struct bytes body, bool delimited) {
  return e->encoding == ENCODING_BINARY && !delimited && body.len && body.at[body.len - 1] != '\n';
}

static int convert_leaf(struct walk *w, const struct entity *e, struct delimiter *next) {
  struct octets o;
  find_delimiter(w, e->body, next);
  bool delimited = next->level != OUTSIDE && next->at > e->body;
  struct bytes body = slice(w, e->body, next->at - (delimited ? 2 : 0));
  octets_scan(body, &o);
  if (octets_fit(w, &o) && !ends_within_a_line(e, body, delimited)) {
    struct change c = {.encoding = replacement_label(w, e, o.high > 0)};
    c.version = c.encoding != ENCODING_OTHER;
    int rc = emit_header(w, e, &c);
    return rc == OK ? emit(w, slice(w, e->body, next->at)) : rc;
  }
  if (e->encoding > ENCODING_BINARY)
    return report_obstacle(w, MIME_MALFORMED); /* says that it is encoded, and is not */
  return encode_leaf(w, e, body, &o, delimited);
}

/* --- multiparts and enclosed messages --- */

static int convert_entity(struct walk *w, struct entity *e, struct delimiter *next);

static int emit_composite_header(struct walk *w, const struct entity *e) {
  struct change c = {.encoding = replacement_label(w, e, true), .version = true};
  return emit_header(w, e, &c);
}

/* A preamble or an epilogue, which has no meaning (RFC 2046 5.1.1) and may be left out; `next` ends it. */
static int copy_or_skip_aside(struct walk *w, size_t from, const struct delimiter *next) {
  struct bytes text = slice(w, from, next->at);
  return text_fits(w, text) ? emit(w, text) : OK;
}

static int convert_parts(struct walk *w, const struct entity *e, size_t level, struct delimiter *next) {
  bool digest = bytes_equal_nocase(e->type.subtype, BYTES("digest")); /* RFC 2046 5.1.5 */
  int rc = copy_or_skip_aside(w, e->body, next);
  while (rc == OK && next->level == level && !next->closes) {
    rc = emit_delimiter(w, next);
    struct entity inner = {.start = next->next, .digest = digest};
    if (rc == OK) rc = convert_entity(w, &inner, next);
  }
  w->level_count = level;
  if (rc != OK || next->level != level) return rc; /* an outer delimiter or the end: the closing one is missing */
  rc = emit_delimiter(w, next);
  size_t epilogue = next->next;
  find_delimiter(w, epilogue, next);
  return rc == OK ? copy_or_skip_aside(w, epilogue, next) : rc;
}

static int convert_multipart(struct walk *w, const struct entity *e, struct delimiter *next) {
  size_t level = w->level_count;
  struct bytes boundary = {e->type.boundary, e->type.boundary_len};
  bool known = !boundary.len;
  for (size_t i = 0; i < level && !known; i++)
    known = bytes_equal(boundary, (struct bytes){w->levels[i].boundary, w->levels[i].len});
  if (known) return copy_whole(w, e, MIME_MALFORMED, next);
  memcpy(w->levels[level].boundary, boundary.at, boundary.len);
  w->levels[level].len = boundary.len;
  w->level_count = level + 1;
  find_delimiter(w, e->body, next);
  if (next->level != level) { /* no parts: what looks like a preamble may be what people are meant to read */
    w->level_count = level;
    return copy_whole(w, e, MIME_MALFORMED, next);
  }
  int rc = emit_composite_header(w, e);
  return rc == OK ? convert_parts(w, e, level, next) : rc;
}

static int convert_enclosed_message(struct walk *w, const struct entity *e, struct delimiter *next) {
  int rc = emit_composite_header(w, e);
  struct entity inner = {.start = e->body, .message = true};
  return rc == OK ? convert_entity(w, &inner, next) : rc;
}

/* --- kinds of entity --- */

enum kind { KIND_LEAF, KIND_MULTIPART, KIND_MESSAGE, KIND_SEALED, KIND_FRAGMENT, KIND_UNENCODED, KIND_BROKEN };

static bool is_named(struct bytes word, const char *name) {
  return bytes_equal_nocase(word, bytes_of(name));
}

static enum kind kind_of(const struct entity *e) {
  struct bytes type = e->type.type, subtype = e->type.subtype;
  if (e->broken || e->types > 1 || e->encodings > 1) return KIND_BROKEN;
  bool multi = is_named(type, "multipart"), message = is_named(type, "message") || (!e->types && e->digest);
  if (!multi && !message) return KIND_LEAF;
  if (message && bytes_starts_nocase(subtype, BYTES("global"))) return KIND_LEAF; /* RFC 6532 3.5, 3.7; RFC 6533 6 */
  if (e->encoding > ENCODING_BINARY || (e->types && !subtype.len)) return KIND_BROKEN;
  if (multi) return is_named(subtype, "signed") || is_named(subtype, "encrypted") ? KIND_SEALED : KIND_MULTIPART;
  if (is_named(subtype, "partial") || is_named(subtype, "external-body")) return KIND_FRAGMENT;
  return !e->types || is_named(subtype, "rfc822") || is_named(subtype, "news") ? KIND_MESSAGE : KIND_UNENCODED;
}

static int convert_by_kind(struct walk *w, const struct entity *e, struct delimiter *next) {
  enum kind kind = kind_of(e);
  if ((kind == KIND_MULTIPART || kind == KIND_MESSAGE) && w->depth == MIME_DEPTH_MAX)
    return copy_whole(w, e, MIME_DEPTH, next);
  int rc = OK;
  w->depth++;
  switch (kind) {
  case KIND_LEAF: rc = convert_leaf(w, e, next); break;
  case KIND_MULTIPART: rc = convert_multipart(w, e, next); break;
  case KIND_MESSAGE: rc = convert_enclosed_message(w, e, next); break;
  case KIND_SEALED: rc = copy_whole(w, e, MIME_SEALED, next); break;
  case KIND_FRAGMENT: rc = copy_whole(w, e, MIME_FRAGMENT, next); break;
  case KIND_UNENCODED: rc = copy_whole(w, e, MIME_UNENCODED, next); break;
  case KIND_BROKEN: rc = copy_whole(w, e, MIME_MALFORMED, next); break;
  }
  w->depth--;
  return rc;
}

static int convert_entity(struct walk *w, struct entity *e, struct delimiter *next) {
  int rc = read_header(w, e);
  return rc == OK ? convert_by_kind(w, e, next) : rc;
}

/* --- the message --- */

/* A message that fits goes out as it is, unless its label is no longer true. */
static bool fits_unchanged(const struct walk *w, const struct entity *e, struct bytes body) {
  enum kind kind = kind_of(e);
  bool relabelled = e->encoding == ENCODING_BINARY && kind <= KIND_MESSAGE;
  return text_fits(w, body) && !relabelled && !w->fields;
}

static int convert_message(struct walk *w) {
  struct entity e = {.top = true, .message = true};
  struct delimiter next;
  int rc = read_header(w, &e);
  if (rc != OK) return rc;
  if (e.broken) return report_obstacle(w, MIME_MALFORMED);
  struct bytes body = slice(w, e.body, w->content.len);
  if (fits_unchanged(w, &e, body)) {
    struct change none = {.encoding = ENCODING_OTHER};
    rc = emit_header(w, &e, &none);
    if (rc == OK) rc = emit(w, body);
  } else {
    rc = convert_by_kind(w, &e, &next);
  }
  return rc == OK ? flush(w) : rc;
}

int mime_7bit_convert(const struct mime_source *m, const struct mime_out *out, enum mime_obstacle *why) {
  struct walk w = {.prefix = m->prefix, .content = m->content, .keep_8bit = m->keep_8bit, .fields = m->fields};
  int rc = convert_message(&w);
  *why = w.obstacle;
  if (rc != OK || !out) return rc;
  w.out = out;
  return convert_message(&w);
}

static const struct {
  const char *text, *enhanced;
} obstacles[] = {
    [MIME_CONVERTIBLE] = {"it can be converted", ""},
    [MIME_HEADER] = {"a header field of it, or of one of its parts, has octets beyond ASCII, or is not one of text",
                     "5.6.9"},
    [MIME_SEALED] = {"it has a signed or encrypted part with such octets, which converting would break", "5.6.3"},
    [MIME_FRAGMENT] = {"it has a part that is a fragment of a message or stands for an external body", "5.6.3"},
    [MIME_UNENCODED] = {"it has such octets in a report or another message type, which may not be encoded", "5.6.3"},
    [MIME_DEPTH] = {"its parts are nested too deep", "5.6.3"},
    [MIME_MALFORMED] = {"its MIME structure is malformed where such octets are", "5.6.3"},
};

const char *mime_obstacle_text(enum mime_obstacle o) {
  return obstacles[o].text;
}

const char *mime_obstacle_enhanced(enum mime_obstacle o) {
  return obstacles[o].enhanced;
}
