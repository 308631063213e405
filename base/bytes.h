/* Slices and bounded buffers. No function here is thread-aware: a buffer belongs to one thread at a time.
 *
 * A `struct bytes` is a view: it owns nothing, may hold NUL octets, and is never NUL-terminated by promise.
 * A `struct buffer` owns its memory, grows by doubling up to `max`, and refuses to grow beyond (E_TOO_BIG). */
#ifndef SENDOFF_BASE_BYTES_H
#define SENDOFF_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
  const char *at;
  size_t len;
};

#define BYTES(literal) ((struct bytes){(literal), sizeof(literal) - 1})
struct bytes bytes_of(const char *text); /* NULL gives an empty slice */
bool bytes_equal(struct bytes a, struct bytes b);
bool bytes_equal_nocase(struct bytes a, struct bytes b); /* ASCII case only (RFC 5321 2.4) */
bool bytes_starts_nocase(struct bytes text, struct bytes prefix);
struct bytes bytes_trim(struct bytes text);                /* SP, HTAB, CR, LF at both ends */
struct bytes bytes_from(struct bytes text, size_t offset); /* the rest after offset; empty past the end */
/* Offset of the first `needle` octet at or after `from`; text.len when there is none. */
size_t bytes_find(struct bytes text, char needle, size_t from);
/* A malloc'd NUL-terminated copy; NULL without memory, or when the slice holds a NUL octet. Caller frees. */
char *bytes_dup(struct bytes text);
/* Copies into `out` of `size` octets, always NUL-terminated; false if it was cut. */
bool bytes_copy(struct bytes text, char *out, size_t size);
/* Decimal digits only, no sign, no overflow. */
bool bytes_to_u64(struct bytes text, uint64_t *out);
/* The length, 2 to 4, of the well-formed UTF-8 sequence beyond ASCII at `at` < text.len (RFC 3629 4); 0 when there is
 * none. Over-long forms and surrogates are none. */
size_t bytes_utf8_length(struct bytes text, size_t at);

struct buffer {
  char *at;
  size_t len, cap, max;
  bool secret; /* growing overwrites the memory that is left behind */
};

void buffer_init(struct buffer *b, size_t max);        /* allocates nothing */
void buffer_init_secret(struct buffer *b, size_t max); /* the same, for what must not stay in memory; wipe_free it */
void buffer_free(struct buffer *b);                    /* leaves it empty and usable again with the same max */
void buffer_wipe_free(struct buffer *b);               /* the same, after overwriting what it held (secrets) */
int buffer_reserve(struct buffer *b, size_t extra);    /* OK, E_MEMORY, E_TOO_BIG; room for `extra` more octets */
/* On any failure of the three below the buffer is as it was. `data` must not point into the buffer itself. */
int buffer_add(struct buffer *b, const void *data, size_t len);
int buffer_add_bytes(struct buffer *b, struct bytes text);
int buffer_addf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_consume(struct buffer *b, size_t len); /* drops `len` octets from the front, or all there are */
static inline struct bytes buffer_bytes(const struct buffer *b) {
  return (struct bytes){b->at, b->len};
}

/* Compares in time that depends on `len` only (secrets). */
bool equal_constant_time(const void *a, const void *b, size_t len);
/* Overwrites memory in a way the compiler keeps. */
void wipe(void *at, size_t len);
/* Fills from the system's generator; aborts the process if there is none (nothing safe can follow). */
void random_bytes(void *out, size_t len);

#endif
