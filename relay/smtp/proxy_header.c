#include "relay/smtp/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#define SIGNATURE_LENGTH 12
#define FIXED_LENGTH 16 /* signature, version and command, family and transport, length of the rest */
#define TYPE_CRC32C 0x03
#define CRC_LENGTH 4

static const char signature[SIGNATURE_LENGTH + 1] = "\r\n\r\n\0\r\nQUIT\n";
static const char line_begin[] = "PROXY ";

static int bad(const char **why, const char *text) {
  *why = text;
  return -1;
}

static unsigned octet(struct bytes in, size_t at) {
  return (unsigned char)in.at[at];
}

static void set_client(struct proxy_header *out, int family, const void *address, unsigned port) {
  out->known = true;
  if (family == AF_INET) {
    struct sockaddr_in *in = (struct sockaddr_in *)&out->client;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    memcpy(&in->sin_addr, address, 4);
  } else {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&out->client;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons((uint16_t)port);
    memcpy(&in->sin6_addr, address, 16);
  }
}

/* --- version 1: "PROXY" SP ("TCP4" / "TCP6") SP source SP destination SP port SP port CRLF, or "PROXY UNKNOWN" and
 * anything up to CRLF --- */

/* Cuts the next word off: up to one SP, or the end. False for an empty one. */
static bool next_word(struct bytes *rest, struct bytes *word) {
  size_t end = bytes_find(*rest, ' ', 0);
  *word = (struct bytes){rest->at, end};
  *rest = bytes_from(*rest, end + 1);
  return end > 0;
}

static bool read_address(struct bytes word, int family, unsigned char out[16]) {
  char text[INET6_ADDRSTRLEN];
  return bytes_copy(word, text, sizeof text) && strlen(text) == word.len && inet_pton(family, text, out) == 1;
}

/* 0 to 65535 without leading zeros: "in order to avoid any possible confusion with octal numbers". */
static bool read_port(struct bytes word, unsigned *out) {
  uint64_t n;
  if (word.len > 5 || (word.len > 1 && word.at[0] == '0') || !bytes_to_u64(word, &n) || n > 65535) return false;
  *out = (unsigned)n;
  return true;
}

/* `line`: without "PROXY " and CRLF. */
static int read_line(struct bytes line, struct proxy_header *out, const char **why) {
  struct bytes words[5], *w = words;
  bool all = next_word(&line, &w[0]);
  if (bytes_equal(w[0], BYTES("UNKNOWN"))) return 1; /* what follows is to be ignored */
  int family = bytes_equal(w[0], BYTES("TCP4")) ? AF_INET : bytes_equal(w[0], BYTES("TCP6")) ? AF_INET6 : AF_UNSPEC;
  if (family == AF_UNSPEC) return bad(why, "the line names neither TCP4, TCP6 nor UNKNOWN");
  for (size_t i = 1; i < 4; i++) all &= next_word(&line, &w[i]);
  w[4] = line;
  unsigned char source[16], destination[16];
  unsigned source_port, destination_port;
  if (!all || !read_address(w[1], family, source) || !read_address(w[2], family, destination))
    return bad(why, "the line's addresses cannot be read");
  if (!read_port(w[3], &source_port) || !read_port(w[4], &destination_port))
    return bad(why, "the line's ports cannot be read");
  set_client(out, family, source, source_port);
  return 1;
}

static int parse_line(struct bytes in, struct proxy_header *out, const char **why) {
  struct bytes seen = {in.at, in.len < PROXY_LINE_MAX ? in.len : PROXY_LINE_MAX};
  const char *end = memmem(seen.at, seen.len, "\r\n", 2);
  if (!end) return seen.len < PROXY_LINE_MAX ? 0 : bad(why, "the line is over 107 octets");
  size_t n = (size_t)(end - in.at);
  out->length = n + 2;
  return read_line(bytes_from((struct bytes){in.at, n}, sizeof line_begin - 1), out, why);
}

/* --- version 2 --- */

/* CRC-32C (RFC 3720 12.1), bit by bit: a header is short and comes once a connection. */
static uint32_t crc32c(uint32_t crc, struct bytes in) {
  for (size_t i = 0; i < in.len; i++) {
    crc ^= (unsigned char)in.at[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
  }
  return crc;
}

/* Over the whole header, with zeros where the sum itself stands (section 2.2.2). */
static bool sum_is_right(struct bytes header, size_t at) {
  uint32_t said = 0;
  for (size_t i = 0; i < CRC_LENGTH; i++) said = said << 8 | octet(header, at + i);
  uint32_t crc = crc32c(0xffffffffu, (struct bytes){header.at, at});
  crc = crc32c(crc, (struct bytes){"\0\0\0\0", CRC_LENGTH});
  crc = crc32c(crc, bytes_from(header, at + CRC_LENGTH));
  return said == (crc ^ 0xffffffffu);
}

/* TLVs are passed over, but they must fill the header to its end, and a checksum must be right. */
static int check_tlvs(struct bytes header, size_t at, const char **why) {
  bool summed = false;
  while (at < header.len) {
    if (header.len - at < 3) return bad(why, "a TLV is cut off");
    unsigned type = octet(header, at);
    size_t length = octet(header, at + 1) << 8 | octet(header, at + 2);
    at += 3;
    if (length > header.len - at) return bad(why, "a TLV is longer than the header");
    if (type == TYPE_CRC32C) {
      if (length != CRC_LENGTH || summed) return bad(why, "there is one checksum of 4 octets at most");
      if (!sum_is_right(header, at)) return bad(why, "the checksum is wrong");
      summed = true;
    }
    at += length;
  }
  return 1;
}

/* The command PROXY: `header` is the whole header. */
static int read_addresses(struct bytes header, struct proxy_header *out, const char **why) {
  static const size_t lengths[] = {0, 12, 36, 216}; /* UNSPEC, INET, INET6, UNIX */
  unsigned family = octet(header, 13) >> 4, transport = octet(header, 13) & 15;
  if (family > 3 || transport > 2) return bad(why, "the family or transport is not one of version 2");
  if (family == 0 || transport == 0) return 1; /* UNSPEC: what follows is to be ignored */
  if (transport != 1) return bad(why, "the connection that it describes is not a stream");
  if (header.len < FIXED_LENGTH + lengths[family]) return bad(why, "the addresses are cut off");
  const char *at = header.at + FIXED_LENGTH;
  if (family == 1) set_client(out, AF_INET, at, octet(header, FIXED_LENGTH + 8) << 8 | octet(header, FIXED_LENGTH + 9));
  if (family == 2)
    set_client(out, AF_INET6, at, octet(header, FIXED_LENGTH + 32) << 8 | octet(header, FIXED_LENGTH + 33));
  return check_tlvs(header, FIXED_LENGTH + lengths[family], why);
}

static int parse_binary(struct bytes in, struct proxy_header *out, const char **why) {
  if (in.len > SIGNATURE_LENGTH) {
    unsigned version = octet(in, 12) >> 4, command = octet(in, 12) & 15;
    if (version != 2) return bad(why, "the version is not 2");
    if (command > 1) return bad(why, "the command is neither LOCAL nor PROXY");
  }
  if (in.len < FIXED_LENGTH) return 0;
  out->length = FIXED_LENGTH + (octet(in, 14) << 8 | octet(in, 15));
  if (out->length > PROXY_HEADER_MAX) return bad(why, "the header is over 4096 octets");
  if (in.len < out->length) return 0;
  if (!(octet(in, 12) & 15)) return 1; /* LOCAL: the rest is to be discarded, the family included */
  return read_addresses((struct bytes){in.at, out->length}, out, why);
}

/* --- which --- */

/* Both agree as far as both go. */
static bool agree(struct bytes in, const char *text, size_t len) {
  return memcmp(in.at, text, in.len < len ? in.len : len) == 0;
}

int proxy_header_parse(struct bytes in, struct proxy_header *out, const char **why) {
  memset(out, 0, sizeof *out);
  *why = NULL;
  if (!in.len) return 0;
  if (agree(in, signature, SIGNATURE_LENGTH)) return in.len < SIGNATURE_LENGTH ? 0 : parse_binary(in, out, why);
  if (agree(in, line_begin, sizeof line_begin - 1))
    return in.len < sizeof line_begin - 1 ? 0 : parse_line(in, out, why);
  return bad(why, "there is none");
}
