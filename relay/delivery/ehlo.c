#include "relay/delivery/ehlo.h"

void ehlo_line(struct ehlo *e, size_t index, struct bytes text) {
  if (index == 0) return;
  size_t end = bytes_find(text, ' ', 0);
  struct bytes keyword = {text.at, end};
  struct bytes parameter = bytes_trim(bytes_from(text, end));
  if (bytes_equal_nocase(keyword, BYTES("PIPELINING"))) {
    e->pipelining = true;
  } else if (bytes_equal_nocase(keyword, BYTES("8BITMIME"))) {
    e->eightbit = true;
  } else if (bytes_equal_nocase(keyword, BYTES("SMTPUTF8"))) {
    e->utf8 = true;
  } else if (bytes_equal_nocase(keyword, BYTES("STARTTLS"))) {
    e->starttls = true;
  } else if (bytes_equal_nocase(keyword, BYTES("SIZE"))) {
    e->size = true;
    if (!bytes_to_u64(parameter, &e->size_max)) e->size_max = 0; /* RFC 1870 3: the number may be left out */
  }
}
