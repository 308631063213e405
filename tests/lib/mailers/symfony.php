<?php
// Symfony: FILE is what stands in .env.
require __DIR__ . '/symfony.inc.php';

send_all(Symfony\Component\Mailer\Transport::fromDsn(environment($argv[1])['MAILER_DSN']), 'app@example.com');
