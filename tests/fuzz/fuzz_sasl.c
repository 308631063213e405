/* The server's side of AUTH: the steps that relay/submission/auth/auth.c takes, with a client who may say anything.
 * Nobody is proven who does not have the key; and so that more than refusals is seen, the input may have an honest
 * client, who has it, finish what the input began, and may then spoil that.
 *
 * The input: a mechanism, choices, two octets that spoil; then the client's messages, each up to a LF. */
#include "base/result.h"
#include "relay/submission/auth/sasl.h"
#include "tests/fuzz/fuzz.h"

#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/sha2.h>

enum choice {
  BOUND = 1,       /* there is a channel binding */
  ENCODED = 2,     /* messages are put into base64 for the input */
  HONEST = 4,      /* the second message is an honest client's */
  SPOILT = 8,      /* one octet of it is replaced */
  OTHER_BOUND = 16 /* the honest client is bound to another channel */
};

#define KEY "the client's key, of 32 octets.."
#define SERVER_KEY "the server's key, of 32 octets.."
#define BINDING "the channel's own 32 octets ...."
#define MESSAGES_MAX 4
#define TEXT_MAX (64 * 1024)

static const char *const mechanisms[] = {"PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "EXTERNAL"};

struct client {
  const char *mechanism;
  unsigned choices, spoil_at, spoil_with;
  struct bytes input;
  struct buffer first, auth, final; /* what was said first; RFC 5802 3's AuthMessage; the last message, honest */
  size_t messages, said;            /* all; those that said anything */
  bool honest, changed;             /* the last message was the honest one; was changed */
  char name[SASL_NAME_MAX + 1];     /* who was looked for; "": nobody yet */
};

static void find(void *arg, const char *name, struct scram_verifier *out) {
  struct client *c = arg;
  struct sha256_ctx hash;
  CHECK(*name && strlen(name) <= SASL_NAME_MAX && !*c->name);
  strcpy(c->name, name);
  *out = (struct scram_verifier){.iterations = 4096, .salt = "fifteen octets."};
  sha256_init(&hash);
  sha256_update(&hash, 32, (const uint8_t *)KEY);
  sha256_digest(&hash, 32, out->stored_key);
  memcpy(out->server_key, SERVER_KEY, 32);
}

/* --- base64 --- */

static void add_base64(struct buffer *out, struct bytes text) {
  size_t len = BASE64_ENCODE_RAW_LENGTH(text.len);
  CHECK(buffer_reserve(out, len + 1) == OK);
  base64_encode_raw(out->at + out->len, text.len, (const uint8_t *)text.at);
  out->len += len;
}

static void from_base64(const char *text, struct buffer *out) {
  struct base64_decode_ctx ctx;
  size_t len = strlen(text), room = BASE64_DECODE_LENGTH(len);
  buffer_init(out, TEXT_MAX);
  CHECK(buffer_reserve(out, room + 1) == OK);
  base64_decode_init(&ctx);
  CHECK(base64_decode_update(&ctx, &room, (uint8_t *)out->at, len, text) && base64_decode_final(&ctx));
  out->len = room;
}

/* --- the honest client (RFC 5802 3) --- */

static void sign(const char *key, const struct buffer *message, uint8_t out[32]) {
  struct hmac_sha256_ctx ctx;
  hmac_sha256_set_key(&ctx, 32, (const uint8_t *)key);
  hmac_sha256_update(&ctx, message->len, (const uint8_t *)message->at);
  hmac_sha256_digest(&ctx, 32, out);
}

static void add_signature(struct client *c) {
  struct sha256_ctx hash;
  uint8_t stored[32], proof[32];
  sha256_init(&hash);
  sha256_update(&hash, 32, (const uint8_t *)KEY);
  sha256_digest(&hash, 32, stored);
  sign((const char *)stored, &c->auth, proof);
  for (size_t i = 0; i < 32; i++) proof[i] ^= (uint8_t)KEY[i];
  CHECK(buffer_addf(&c->final, ",p=") == OK);
  add_base64(&c->final, (struct bytes){(const char *)proof, 32});
}

/* The message behind the first and the server's; empty where no honest first one is like that. */
static void finish(struct client *c, const char *challenge) {
  struct bytes first = buffer_bytes(&c->first);
  size_t head = bytes_find(first, ',', bytes_find(first, ',', 0) + 1) + 1;
  if (head > first.len || memchr(first.at, '\0', first.len)) return;
  struct buffer server, bound;
  from_base64(challenge, &server);
  struct bytes nonce = {server.at, bytes_find(buffer_bytes(&server), ',', 0)};
  buffer_init(&bound, TEXT_MAX);
  CHECK(buffer_add(&bound, first.at, head) == OK);
  if (first.at[0] == 'p') CHECK(buffer_add(&bound, c->choices & OTHER_BOUND ? KEY : BINDING, SASL_BINDING) == OK);
  CHECK(buffer_addf(&c->final, "c=") == OK);
  add_base64(&c->final, buffer_bytes(&bound));
  CHECK(buffer_addf(&c->final, ",") == OK && buffer_add_bytes(&c->final, nonce) == OK);
  CHECK(buffer_add_bytes(&c->auth, bytes_from(first, head)) == OK && buffer_addf(&c->auth, ",") == OK);
  CHECK(buffer_add_bytes(&c->auth, buffer_bytes(&server)) == OK && buffer_addf(&c->auth, ",") == OK);
  CHECK(buffer_add_bytes(&c->auth, buffer_bytes(&c->final)) == OK);
  add_signature(c);
  buffer_free(&server);
  buffer_free(&bound);
}

/* In the nonce or the proof, but for the bits that base64 leaves unused at its end. */
static void spoil(struct client *c) {
  size_t from = bytes_find(buffer_bytes(&c->final), ',', 0) + 3, span = c->final.len - 4 - from;
  char *at = c->final.at + from + c->spoil_at * span / 256;
  c->changed = *at != (char)c->spoil_with;
  *at = (char)c->spoil_with;
}

/* --- what is said --- */

static bool scram(const struct client *c) {
  return strncmp(c->mechanism, "SCRAM", 5) == 0;
}

static void next_message(struct client *c, const char *challenge, struct buffer *out) {
  size_t end = bytes_find(c->input, '\n', 0);
  struct bytes said = {c->input.at, end};
  c->input = bytes_from(c->input, end + 1);
  c->messages++;
  buffer_init(out, TEXT_MAX);
  c->honest = c->messages == 2 && c->first.len && scram(c) && c->choices & HONEST && c->choices & ENCODED;
  if (!c->first.len) CHECK(buffer_add_bytes(&c->first, said) == OK); /* the first that says anything */
  if (c->honest) {
    finish(c, challenge);
    if (c->final.len && c->choices & SPOILT) spoil(c);
    said = buffer_bytes(&c->final);
  }
  c->said += said.len > 0;
  if (c->choices & ENCODED)
    add_base64(out, said);
  else
    CHECK(buffer_add_bytes(out, said) == OK);
}

/* --- what it may come to --- */

/* The honest client's message, unspoilt, from one who has not claimed to be another, or to be bound otherwise. */
static bool may_be_proven(const struct client *c) {
  bool plus = strcmp(c->mechanism, "SCRAM-SHA-256-PLUS") == 0, bound = c->first.len && c->first.at[0] == 'p';
  return c->final.len && !c->changed && *c->name && bound == plus && !(bound && c->choices & OTHER_BOUND);
}

static void proven(const struct client *c, struct sasl_exchange *x) {
  CHECK(scram(c) && may_be_proven(c));
  CHECK(strcmp(sasl_name(x), c->name) == 0 && *c->name);
  CHECK(memcmp(sasl_verifier(x)->server_key, SERVER_KEY, 32) == 0);
  CHECK(c->first.at[0] != 'y' || !(c->choices & BOUND)); /* somebody took the offer away */
}

static void password(const struct client *c, struct sasl_exchange *x) {
  const char *name = sasl_name(x), *word = sasl_password(x);
  CHECK(*name && strlen(name) <= SASL_NAME_MAX && strlen(word) <= SASL_PASSWORD_MAX);
  if (strcmp(c->mechanism, "PLAIN") != 0 || !(c->choices & ENCODED)) return;
  struct bytes first = buffer_bytes(&c->first);
  size_t nul = bytes_find(first, '\0', 0), second = bytes_find(first, '\0', nul + 1);
  CHECK(second < first.len);
  CHECK(bytes_equal(bytes_of(name), (struct bytes){first.at + nul + 1, second - nul - 1}));
  CHECK(bytes_equal(bytes_of(word), bytes_from(first, second + 1)));
  CHECK(nul == 0 || bytes_equal((struct bytes){first.at, nul}, bytes_of(name)));
}

static void concluded(const struct client *c, struct sasl_exchange *x, enum sasl_step step) {
  switch (step) {
  case SASL_PASSWORD: password(c, x); break;
  case SASL_PROVEN: proven(c, x); break;
  case SASL_EXTERNAL: CHECK(strcmp(c->mechanism, "EXTERNAL") == 0); break;
  default: CHECK(step == SASL_DENIED || step == SASL_MALFORMED); break;
  }
  if (c->honest && may_be_proven(c)) CHECK(step == SASL_PROVEN);
}

/* With the last message the server shows that it has the account's key, too. */
static void is_servers_word(const struct client *c, const char *challenge) {
  struct buffer text, want;
  uint8_t signature[32];
  from_base64(challenge, &text);
  buffer_init(&want, TEXT_MAX);
  sign(SERVER_KEY, &c->auth, signature);
  CHECK(buffer_addf(&want, "v=") == OK);
  add_base64(&want, (struct bytes){(const char *)signature, 32});
  CHECK(bytes_equal(buffer_bytes(&text), buffer_bytes(&want)));
  buffer_free(&text);
  buffer_free(&want);
}

/* --- the exchange --- */

/* As auth_continue does it. Whether there is more to say. */
static bool answer(struct client *c, struct sasl_exchange *x, struct bytes line, char **challenge) {
  char *response = bytes_dup(line);
  free(*challenge);
  *challenge = NULL;
  if (!response) return false; /* a NUL */
  enum sasl_step step = sasl_step(x, response, challenge);
  free(response);
  CHECK((step == SASL_CONTINUE) == (*challenge != NULL) && step != SASL_TROUBLE);
  CHECK(strlen(sasl_name(x)) <= SASL_NAME_MAX);
  if (step != SASL_CONTINUE) {
    concluded(c, x, step);
    return false;
  }
  CHECK(c->said < 3);
  if (c->honest && may_be_proven(c)) is_servers_word(c, *challenge);
  return true;
}

static void converse(struct client *c) {
  struct sasl_peer peer = {.find = find, .arg = c};
  if (c->choices & BOUND) peer.binding = (const unsigned char *)BINDING;
  struct sasl_exchange *x = sasl_begin(c->mechanism, &peer);
  char *challenge = NULL;
  CHECK(x);
  bool server_first = strcmp(c->mechanism, "LOGIN") == 0;
  bool more = !server_first || answer(c, x, BYTES(""), &challenge);
  while (more && (c->input.len || c->messages < MESSAGES_MAX)) { /* who says nothing is asked again: that could go on */
    struct buffer line;
    next_message(c, challenge, &line);
    more = answer(c, x, buffer_bytes(&line), &challenge);
    buffer_free(&line);
  }
  free(challenge);
  sasl_free(&x);
  CHECK(!x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool ready;
  struct bytes in = {(const char *)data, size};
  struct client c = {.mechanism = mechanisms[take_octet(&in) % 5]};
  if (!ready) CHECK(sasl_setup() == OK);
  ready = true;
  c.choices = take_octet(&in);
  c.spoil_at = take_octet(&in);
  c.spoil_with = take_octet(&in);
  c.input = in;
  if (strcmp(c.mechanism, "SCRAM-SHA-256-PLUS") == 0) c.choices |= BOUND; /* it is not offered without */
  buffer_init(&c.first, TEXT_MAX);
  buffer_init(&c.auth, TEXT_MAX);
  buffer_init(&c.final, TEXT_MAX);
  converse(&c);
  buffer_free(&c.first);
  buffer_free(&c.auth);
  buffer_free(&c.final);
  return 0;
}
