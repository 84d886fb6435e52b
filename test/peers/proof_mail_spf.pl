#!/usr/bin/perl
# Mail::SPF on a leash: one JSON request a line in, one JSON answer a line out. Names come from the DNS on loopback.
use strict;
use warnings;
use JSON::PP;
use Net::DNS::Resolver;
use Mail::SPF;

$| = 1;
my $port = shift @ARGV;
my $dns = Net::DNS::Resolver->new(nameservers => ['127.0.0.1'], port => $port, recurse => 1, retry => 1, retrans => 1, udp_timeout => 1);
my $server = Mail::SPF::Server->new(dns_resolver => $dns, hostname => 'us.test', default_authority_explanation => '');

while (my $line = <STDIN>) {
    my $asked = decode_json($line);
    my $answer = eval {
        my $request = Mail::SPF::Request->new(
            versions => [1], scope => $asked->{scope}, identity => $asked->{identity}, ip_address => $asked->{ip}, helo_identity => $asked->{helo});
        my $result = $server->process($request);
        my $text = $result->can('authority_explanation') ? $result->authority_explanation : undef;
        { result => $result->code, explanation => defined $text ? "$text" : undef };
    } // { error => "$@" };
    print encode_json($answer), "\n";
}
