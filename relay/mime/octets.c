#include "relay/mime/octets.h"

struct tally {
  size_t high, zero, cr, equals, control;
};

static void count(struct bytes run, struct tally *t) {
  size_t high = 0, zero = 0, cr = 0, equals = 0, control = 0;
  for (size_t i = 0; i < run.len; i++) {
    unsigned char c = (unsigned char)run.at[i];
    high += c >> 7;
    zero += c == 0;
    cr += c == '\r';
    equals += c == '=';
    control += (c < 32 && c != '\t') || c == 127;
  }
  *t = (struct tally){.high = high, .zero = zero, .cr = cr, .equals = equals, .control = control};
}

void octets_scan(struct bytes text, struct octets *out) {
  *out = (struct octets){0};
  size_t line = 0; /* where the line begins that `at` is in */
  for (size_t at = 0; at < text.len;) {
    size_t lf = bytes_find(text, '\n', at);
    bool found = lf < text.len, ended = found && lf > at && text.at[lf - 1] == '\r';
    struct tally t;
    count((struct bytes){text.at + at, lf - at}, &t);
    out->high += t.high;
    out->escapes += t.high + t.equals + t.control - ended + (found && !ended);
    out->nul |= t.zero > 0;
    out->bare_cr |= t.cr > (ended ? 1 : 0);
    out->bare_lf |= found && !ended;
    out->long_line |= lf - line > TEXT_LINE_MAX + (ended ? 1 : 0);
    at = lf + 1;
    if (ended) line = at;
  }
}

bool octets_binary(const struct octets *o) {
  return o->nul || o->bare_cr || o->bare_lf || o->long_line;
}

bool seven_bit_safe(struct bytes text) {
  struct octets o;
  octets_scan(text, &o);
  return !o.high && !octets_binary(&o);
}
