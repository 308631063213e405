#include "base/directory/key_algorithm.h"

const char *key_algorithm_name(enum key_algorithm algorithm) {
  return algorithm == KEY_RSA ? "rsa" : "ed25519";
}
