# A recogniser for tests, with the faults of real ones: perl recogniser.pl FAULT [SAYS NATS [MARK]]
#
# Once it has heard a second of a call it says that it heard a phrase of the class SAYS; FAULT is what it does then, or
# instead. It makes the file MARK when its input ends.
use strict;
use warnings;

my ($fault, $says, $nats, $mark) = @ARGV;
$| = 1;
binmode STDIN;
print STDERR "it listens to 12025550101\n";
exit 3 if $fault eq 'refuses';
# Our own variables may hold secrets, and are none of its business.
exit 4 if grep { /^AFTERTONE/ } keys %ENV;
my %heard;
while (my $line = <STDIN>) {
    if ($line =~ /"hello"/) {
        sleep 600 if $fault eq 'mute';
        print qq({"type":"ready","protocol":1,"name":"for tests"}\n);
    } elsif ($line =~ /"sound","call":(\d+),"at":(\d+),"bytes":(\d+)/) {
        my ($call, $at, $bytes) = ($1, $2, $3);
        read(STDIN, my $sound, $bytes) == $bytes or last;
        my $before = $heard{$call} // 0;
        my $now = $heard{$call} = $at + $bytes / 2;
        hear($call, $now) if $before < 8000 && $now >= 8000;
    } elsif ($line =~ /"ping","n":(\d+)/) {
        print qq({"type":"pong","n":$1}\n);
    }
}
if ($mark) {
    open(my $file, '>', $mark) or die;
    close $file;
}

sub hear {
    my ($call, $now) = @_;
    exit 1 if $fault eq 'dies';
    sleep 600 if $fault eq 'stalls';
    while ($fault eq 'floods') { print 'x' x 65536 }
    if ($fault eq 'garbage') {
        print "what?\n", "y" x 10000, "\n", qq({"type":"words","call":$call,"from":0,"until":1,"says":"menu","nats":99}\n) for 1 .. 20;
    }
    # A call that never was, a phrase that is not over yet, and one of nothing that was said.
    print qq({"type":"words","call":4711,"from":0,"until":800,"says":"menu","nats":8}\n);
    my $later = $now + 80000;
    print qq({"type":"words","call":$call,"from":0,"until":$later,"says":"menu","nats":8}\n);
    return unless $says;
    my $from = $now - 4000;
    print qq({"type":"words","call":$call,"from":$from,"until":$now,"says":"$says","nats":$nats,"text":"so it said"}\n);
}
