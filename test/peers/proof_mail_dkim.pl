#!/usr/bin/perl
# Mail::DKIM on a leash: one JSON request a line in, one JSON answer a line out. Keys come from the DNS on loopback.
use strict;
use warnings;
use JSON::PP;
use MIME::Base64;
use Net::DNS::Resolver;
use Mail::DKIM::DNS;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;
use Mail::DKIM::Verifier;
use Mail::DKIM::ARC::Signer;
use Mail::DKIM::ARC::Verifier;

$| = 1;
my $port = shift @ARGV;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $port, recurse => 1, udp_timeout => 5));

while (my $line = <STDIN>) {
    my $request = decode_json($line);
    my $answer = eval { answer($request) } // { error => "$@" };
    print encode_json($answer), "\n";
}

sub feed {
    my ($tool, $message) = @_;
    $tool->PRINT($message);
    $tool->CLOSE;
    return $tool;
}

sub answer {
    my ($request) = @_;
    my $message = decode_base64($request->{message});
    my $what = $request->{what};
    if ($what eq 'verify') {
        my $tool = feed(Mail::DKIM::Verifier->new, $message);
        return { good => [map { $_->result eq 'pass' ? JSON::PP::true : JSON::PP::false } $tool->signatures] };
    }
    if ($what eq 'verify-arc') {
        my $tool = feed(Mail::DKIM::ARC::Verifier->new, $message);
        return { cv => $tool->result, reason => $tool->result_detail };
    }
    my $key = Mail::DKIM::PrivateKey->load(Data => $request->{key});
    my %common = (Algorithm => 'rsa-sha256', Domain => $request->{domain}, Selector => $request->{selector}, Key => $key);
    if ($what eq 'sign') {
        my $tool = feed(Mail::DKIM::Signer->new(%common, Method => $request->{canon}), $message);
        return { field => encode_base64($tool->signature->as_string . "\r\n", '') };
    }
    my $tool = feed(Mail::DKIM::ARC::Signer->new(%common, SrvId => 'mx.peer.test', Chain => 'ar'), $message);
    return { error => $tool->{details} // 'no seal' } unless $tool->as_strings;
    return { field => encode_base64(join("\r\n", $tool->as_strings) . "\r\n", '') };
}
