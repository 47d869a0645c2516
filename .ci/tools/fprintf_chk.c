// glibc's checked fprintf, which objects built with _FORTIFY_SOURCE call; see static-binary.
#include <stdarg.h>
#include <stdio.h>

int __fprintf_chk(FILE *to, int flag, const char *format, ...) {
  (void)flag;
  va_list args;
  va_start(args, format);
  int written = vfprintf(to, format, args);
  va_end(args);
  return written;
}
