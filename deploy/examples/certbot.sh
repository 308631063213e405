#!/bin/sh
# The first certificate, and by certbot's timer each renewal. Port 80 must be reachable, and free: where a web server has it, write
# --webroot -w /var/www/html in place of --standalone.
set -eu
certbot certonly --standalone -d smtp.example.com --deploy-hook /usr/share/sendoff/certbot-hook
