#include "relay/mime/base64.h"

#include <nettle/base64.h>

void base64_write(struct bytes data, char *out) {
  base64_encode_raw(out, data.len, (const uint8_t *)data.at);
}
