/* What generator and sink both see: a file, mapped by both, with the times at which each message passed. So "delivered"
 * is the same for every gateway that is measured (the sink has said 250 to it), costs the gateway nothing to ask for,
 * and what is lost or comes twice is known message by message. */
#ifndef SENDOFF_BENCH_BOARD_H
#define SENDOFF_BENCH_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, nanoseconds; 0: not yet. */
struct passage {
  _Atomic uint64_t dot;      /* the generator has written the last octet of the content */
  _Atomic uint64_t accepted; /* the gateway's 250 has come */
  _Atomic uint64_t arrived;  /* the sink has read the last octet */
};

struct board {
  uint64_t capacity;            /* how many passages follow; set by whoever makes the file */
  _Atomic uint64_t connections; /* that the sink took */
  _Atomic uint64_t arrived;     /* messages at the sink, those that came again not counted */
  _Atomic uint64_t repeated;    /* came again */
  _Atomic uint64_t unnumbered;  /* messages for a recipient that is none of the generator's */
  _Atomic uint64_t octets;      /* of content, at the sink */
  struct passage passages[];
};

struct board *board_map(const char *path); /* ends the program when it cannot */
uint64_t now_ns(void);
_Noreturn void die(const char *what, const char *why);
/* A recipient is r<number>@..., or r<number>x<which>@... when a message has several. False: it is none of these. */
bool recipient_number(const char *at, size_t len, uint64_t *number);

#endif
