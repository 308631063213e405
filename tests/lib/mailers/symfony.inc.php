<?php
// Symfony's mailer, as Symfony, Laravel and Nextcloud have it: sends the mails on standard input over a transport.
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
require '/usr/share/php/Symfony/Component/Mime/autoload.php';

function send_all($transport, $from)
{
    $mailer = new Symfony\Component\Mailer\Mailer($transport);
    foreach (json_decode(stream_get_contents(STDIN), true) as $mail) {
        $email = (new Symfony\Component\Mime\Email())->from($mail['from'] ?: $from)->to(...$mail['to'])->subject($mail['subject'])->text('Hello.');
        try {
            $mailer->send($email);
            $said = array('sent' => '');
        } catch (Exception $error) {
            $said = array('error' => get_class($error) . ': ' . $error->getMessage());
        }
        echo json_encode($said), "\n";
    }
}

/** The lines of a .env file. */
function environment($path)
{
    $set = array();
    foreach (file($path, FILE_IGNORE_NEW_LINES) as $line) {
        list($name, $value) = explode('=', $line, 2);
        $set[$name] = trim($value, '"');
    }
    return $set;
}
