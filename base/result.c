#include "base/result.h"

#include <stdarg.h>
#include <stdio.h>

int fail(struct reason *why, int code, const char *format, ...) {
  if (!why) return code;
  va_list args;
  va_start(args, format);
  vsnprintf(why->text, sizeof why->text, format, args);
  va_end(args);
  return code;
}

const char *result_text(int code) {
  switch (code) {
  case OK: return "ok";
  case E_MEMORY: return "out of memory";
  case E_TOO_BIG: return "too big";
  case E_SYNTAX: return "not well-formed";
  case E_NOT_FOUND: return "not found";
  case E_EXISTS: return "exists already";
  case E_IO: return "input or output failed";
  case E_LIMIT: return "limit reached";
  case E_NEWER: return "written by a newer version";
  case E_BUSY: return "busy";
  case E_DENIED: return "denied";
  case E_TEMPORARY: return "temporary failure";
  case E_FULL: return "the disk is full";
  default: return "unknown result";
  }
}
