/* `sendoff completion`: the scripts for the shells, which ask `sendoff completion words` for what may come next. */
#include "cli/command.h"
#include "cli/help/candidates.h"

#include <stdio.h>

/* Takes the line up to the cursor apart by itself, since bash splits words at ":" and "=", which addresses and options
 * have; what bash will keep in front of a candidate is taken off it. */
static const char bash_script[] =
    "_sendoff() {\n"
    "  local line=${COMP_LINE:0:COMP_POINT} candidates kept\n"
    "  local -a words\n"
    "  read -ra words <<< \"$line\"\n"
    "  [[ $line == *' ' || ${#words[@]} -eq 0 ]] && words+=('')\n"
    "  local current=${words[${#words[@]} - 1]}\n"
    "  COMPREPLY=()\n"
    "  candidates=$(\"${words[0]}\" completion words -- \"${words[@]:1}\" 2>/dev/null) || return\n"
    "  kept=${current%\"${current##*[:=]}\"}\n"
    "  while IFS=$'\\t' read -r candidate _; do\n"
    "    case $candidate in\n"
    "    '') ;;\n"
    "    ':files') compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
    "    *) COMPREPLY+=(\"${candidate#\"$kept\"}\") ;;\n"
    "    esac\n"
    "  done <<< \"$candidates\"\n"
    "  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=/] ]] && compopt -o nospace\n"
    "  return 0\n"
    "}\n"
    "complete -F _sendoff sendoff\n";

static const char zsh_script[] =
    "#compdef sendoff\n"
    "_sendoff() {\n"
    "  local -a candidates described\n"
    "  local line\n"
    "  candidates=(\"${(@f)$(\"$words[1]\" completion words -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "  for line in $candidates; do\n"
    "    if [[ $line == ':files' ]]; then\n"
    "      _files\n"
    "      return\n"
    "    fi\n"
    "    described+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
    "  done\n"
    "  _describe -V sendoff described\n"
    "}\n"
    "if [ \"$funcstack[1]\" = \"_sendoff\" ]; then\n"
    "  _sendoff \"$@\"\n"
    "else\n"
    "  compdef _sendoff sendoff\n"
    "fi\n";

static enum exit_status bash(struct cli *c) {
  (void)c;
  fputs(bash_script, stdout);
  return EXIT_DONE;
}

static enum exit_status zsh(struct cli *c) {
  (void)c;
  fputs(zsh_script, stdout);
  return EXIT_DONE;
}

static enum exit_status words(struct cli *c) {
  candidates_print(c, c->arguments, c->argument_count);
  return EXIT_DONE;
}

const struct verb completion_verbs[] = {
    {"completion", "bash", "", "Prints the completion for bash. The package has it installed.",
     "sendoff completion bash > /etc/bash_completion.d/sendoff", 0, 0, bash},
    {"completion", "zsh", "", "Prints the completion for zsh. The package has it installed.",
     "sendoff completion zsh > /usr/share/zsh/vendor-completions/_sendoff", 0, 0, zsh},
    {"completion", "words", "-- WORD...",
     "What may come next in a command line, one candidate a line, with what it is behind a tab; the scripts ask this. "
     "The last word is the one that is being typed.",
     "sendoff completion words -- account sh", 0, COMMAND_ARGUMENTS_MAX, words},
    {0}};
