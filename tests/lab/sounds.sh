#!/bin/sh
# Makes the sounds of the lab's subscribers that Asterisk's own prompts do not have: sounds.sh DIR
#
#   business.wav   a person who answers like a business, 3 s
#   music.wav      a guitar, 5 s
#
# They are the same each time. Tones are not here: the dialplan makes them (asterisk-conf/carrier/extensions.conf).
set -eu

BUSINESS="Good morning, Miller and Sons, how may I help you?"
# The strings of a guitar in four chords, each struck one after the other.
CHORDS="C3,E3,G3,C4,E4 A2,E3,A3,C4,E4 F2,C3,F3,A3,C4 G2,D3,G3,B3,D4"

main() {
    [ $# = 1 ] || die "usage: sounds.sh DIR"
    mkdir -p "$1"
    need espeak-ng
    need sox
    # Straight to telephony's 8 kHz mono; -R makes dither and noise the same each time.
    espeak-ng -v en-us --stdout "$BUSINESS" | sox -R - -r 8000 -c 1 -b 16 "$1/business.wav" gain -n -6
    for chord in $CHORDS; do
        # shellcheck disable=SC2046  # a word for each note
        sox -R -n -t raw -r 8000 -b 16 -e signed - \
            synth 1.25 $(plucked "$chord") delay 0 .04 .08 .12 .16 remix - fade 0 1.25 .05
    done | sox -R -t raw -r 8000 -b 16 -e signed -c 1 - "$1/music.wav" gain -n -8
}

# Prints what makes sox pluck the notes of a chord.
plucked() { echo "pluck $1" | sed 's/,/ pluck /g'; }

need() { command -v "$1" >/dev/null || die "$1 is missing; install it: tests/setup.sh lab"; }

die() {
    echo "error: $*" >&2
    exit 2
}

main "$@"
