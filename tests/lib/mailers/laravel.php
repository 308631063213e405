<?php
// Laravel: FILE is what stands in .env. config/mail.php and MailManager make a DSN of it, whose scheme is that of the port unless
// MAIL_SCHEME names one.
require __DIR__ . '/symfony.inc.php';

$set = environment($argv[1]) + array('MAIL_SCHEME' => '');
if ($set['MAIL_MAILER'] !== 'smtp') {
    exit(1);
}
$scheme = $set['MAIL_SCHEME'] ?: ($set['MAIL_PORT'] == 465 ? 'smtps' : 'smtp');
$dsn = new Symfony\Component\Mailer\Transport\Dsn($scheme, $set['MAIL_HOST'], $set['MAIL_USERNAME'], $set['MAIL_PASSWORD'], (int) $set['MAIL_PORT']);
send_all((new Symfony\Component\Mailer\Transport\Smtp\EsmtpTransportFactory())->create($dsn), $set['MAIL_FROM_ADDRESS']);
