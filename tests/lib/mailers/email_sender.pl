# Email::Sender: FILE makes $transport.
use strict;
use warnings;
use Email::Sender::Simple qw(sendmail);
use Email::Sender::Transport::SMTP;
use Email::Simple;
use JSON::PP;

sub content { local $/; return readline $_[0] }

open my $file, '<', $ARGV[0] or die "$ARGV[0]: $!";

my $transport = eval content($file) . "\n\$transport;";
die $@ if $@;
$| = 1;
for my $mail (@{ decode_json(content(*STDIN)) }) {
    my $from  = $mail->{from} || 'app@example.com';
    my $email = Email::Simple->create(header => [ From => $from, To => join(', ', @{ $mail->{to} }), Subject => $mail->{subject} ], body => "Hello.\n");
    my $said = eval { sendmail($email, { transport => $transport }); { sent => '' } } || { error => ref($@) . ': ' . $@->message };
    print encode_json($said), "\n";
}
