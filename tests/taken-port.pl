#!/usr/bin/perl
# Prints the first port from FIRST to LAST that a program on this machine has, TCP or UDP; exit status 0 if there is one, 1 if all
# are free.
#
#   tests/taken-port.pl FIRST LAST
#
# It asks by taking each for a moment, which says of every kind of socket what /proc/net says only of some.
use strict;
use warnings;
use Socket;

@ARGV == 2 or die "usage: taken-port.pl FIRST LAST\n";
for my $port ($ARGV[0] .. $ARGV[1]) {
    for my $kind (SOCK_STREAM, SOCK_DGRAM) {
        socket(my $socket, PF_INET, $kind, 0) or die "no socket: $!\n";
        # As servers do, so that a connection that has ended does not count.
        setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1) if $kind == SOCK_STREAM;
        next if bind($socket, pack_sockaddr_in($port, INADDR_ANY));
        print "$port\n";
        exit 0;
    }
}
exit 1;
