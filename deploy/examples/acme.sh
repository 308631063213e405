#!/bin/sh
# With acme.sh of root's, which keeps the last command for each renewal.
set -eu
acme.sh --issue --standalone -d smtp.example.com
acme.sh --install-cert -d smtp.example.com \
  --fullchain-file /root/.acme.sh/sendoff-fullchain.pem \
  --key-file /root/.acme.sh/sendoff-privkey.pem \
  --reloadcmd "/usr/share/sendoff/install-certificate smtp.example.com /root/.acme.sh/sendoff-fullchain.pem /root/.acme.sh/sendoff-privkey.pem"
