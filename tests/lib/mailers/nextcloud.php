<?php
// Nextcloud: FILE is what stands in config.php. Its Mailer makes a transport of it: TLS from the start for 'ssl', else what Symfony does by
// the port; options of the stream beside Symfony's own.
require __DIR__ . '/symfony.inc.php';

$set = eval('return array(' . file_get_contents($argv[1]) . ');');
$tls = ($set['mail_smtpsecure'] ?? null) === 'ssl' ? true : null;
$transport = new Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport($set['mail_smtphost'], $set['mail_smtpport'], $tls);
if ($set['mail_smtpauth']) {
    $transport->setUsername($set['mail_smtpname']);
    $transport->setPassword($set['mail_smtppassword']);
}
$stream = $transport->getStream();
$stream->setStreamOptions(array_merge_recursive($stream->getStreamOptions(), $set['mail_smtpstreamoptions'] ?? array()));
send_all($transport, $set['mail_from_address'] . '@' . $set['mail_domain']);
