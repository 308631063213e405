/* What is known of providers of mail before anything was learnt of them: how much of it they bear, and what their
 * replies mean for what is sent next. Plain data, immutable once it is complete, counted; relay/daemon/shaping_file.h
 * reads it from a file. Any thread. */
#ifndef SENDOFF_BASE_SHAPING_H
#define SENDOFF_BASE_SHAPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPING_PROVIDERS_MAX 500
#define SHAPING_SUFFIXES_MAX 64 /* of a provider */
#define SHAPING_RULES_MAX 100   /* of a provider, or of all */
#define SHAPING_NAME_MAX 64
#define SHAPING_PATTERN_MAX 200

/* What one source may do at one site. */
struct shaping_limits {
  unsigned connections;                      /* at once */
  unsigned messages;                         /* on one connection */
  unsigned per_second, per_minute, per_hour; /* messages; 0: any number */
  unsigned connects_per_minute;              /* new connections; 0: any number */
  bool require_tls;                          /* never in the clear */
};

enum shaping_action {
  SHAPING_NOTHING,   /* it says nothing of the pace */
  SHAPING_SLOW,      /* fewer messages a second */
  SHAPING_SINGLE,    /* one connection, for a time */
  SHAPING_PAUSE,     /* nothing from this source, for a time */
  SHAPING_PAUSE_ALL, /* nothing from any source, for a time */
  SHAPING_GREYLIST,  /* about this recipient alone: again when the reply says, or after a time */
  SHAPING_BLOCK,     /* the source is blocked: a pause, and somebody has to see to it */
};
const char *shaping_action_name(enum shaping_action action); /* "slow", "pause-all", ... */
bool shaping_action_parse(const char *name, enum shaping_action *out);

/* A reply that it is for begins with `code`, and has `reply` anywhere in "ENHANCED TEXT": without case, * for any run
 * of characters. */
struct shaping_rule {
  char *code;    /* "421", "4", "": any of 4 and 5 */
  char *reply;   /* "": any */
  char *example; /* one that it is for, code and all */
  enum shaping_action action;
  int64_t for_us; /* how long; 0: as the reply says, or as it comes */
  int line;
};

struct shaping_provider {
  char *name;
  char **suffixes; /* every exchanger's name is one of these, or ends with a dot and one of these */
  size_t suffix_count;
  struct shaping_limits limits;
  struct shaping_rule *rules; /* the first that fits counts; after them, those of all */
  size_t rule_count;
  int line;
};

struct shaping {
  struct shaping_provider *providers;
  size_t provider_count;
  struct shaping_provider rest; /* of everybody else; its rules are for all */
  int references;               /* atomic */
};
/* Without any provider or rule; one reference. NULL without memory. */
struct shaping *shaping_new(void);
struct shaping *shaping_hold(struct shaping *s);
void shaping_release(struct shaping **s);

/* Does the host belong to the provider? */
bool shaping_has_host(const struct shaping_provider *p, const char *host);
const struct shaping_provider *shaping_find(const struct shaping *s, const char *name); /* NULL */
/* The rule for a reply; NULL. `enhanced` may be "". */
const struct shaping_rule *shaping_rule_for(const struct shaping *s, const struct shaping_provider *p, int code,
                                            const char *enhanced, const char *text);
/* Whatever `later` is for, `earlier` is for, too. */
bool shaping_rule_hides(const struct shaping_rule *earlier, const struct shaping_rule *later);
/* The time that a reply asks to wait ("try again in 300 seconds", "retry in 5 minutes", "00:04:59"); 0: none. */
int64_t shaping_wait_asked(const char *text);

#endif
