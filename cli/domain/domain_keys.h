/* The keys that a domain gets: made here, or brought along in a file. One thread. */
#ifndef SENDOFF_CLI_DOMAIN_DOMAIN_KEYS_H
#define SENDOFF_CLI_DOMAIN_DOMAIN_KEYS_H

#include "cli/command.h"

/* --key, as it was typed. */
struct key_choice {
  bool ed25519;
  unsigned rsa_bits; /* 0: no RSA key */
};

/* A key in a file, read and checked. */
struct brought_key {
  char selector[256];
  enum key_algorithm algorithm;
  unsigned bits;
  struct buffer private_pem, public_base64; /* NUL-terminated both */
};

#define KEY_CHOICES "rsa2048|rsa3072|rsa4096|ed25519|both"

/* NULL: RSA-2048. EXIT_USAGE: a message has been printed. */
enum exit_status key_choice_read(const char *typed, struct key_choice *out);
int key_choice_add(struct admin *a, const char *domain, const struct key_choice *k, struct reason *why);

/* For `domain`. The file is read by the user who types, and refused where others may read it. EXIT_USAGE, EXIT_NO: a
 * message has been printed; then there is nothing to free. */
enum exit_status brought_key_read(const char *path, const char *selector, const char *domain, struct brought_key *out);
/* The same without its selector, from a file or from PEM; `out` zeroed. OK; what key_import and small_file_read return,
 * and then there is nothing to free. */
int brought_key_load(const char *path, struct brought_key *out, struct reason *why);
int brought_key_parse(struct bytes text, struct brought_key *out, struct reason *why);
int brought_key_add(struct admin *a, const char *domain, const struct brought_key *k, struct reason *why);
void brought_key_free(struct brought_key *k);

/* Where people paste the record that `bits` lead to: a line about what some of them cannot take, or none. */
void key_length_note(enum key_algorithm algorithm, unsigned bits);

#endif
