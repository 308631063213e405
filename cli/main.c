#include "cli/command.h"
#include "relay/daemon/process.h"

int main(int argc, char **argv) {
  process_conceal(); /* commands read passwords and keys, too */
  return (int)cli_main(argc, argv);
}
