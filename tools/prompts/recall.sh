#!/bin/sh
# Measures the book of prompts: how many prompts are known again after 1, 1.5, 2 and 3 s, by what lies between, and how many people are
# taken for one.
#
#   tools/prompts/recall.sh WORK [COPIES]
#
# COPIES makes the book larger: so many copies of all prompts, each at another pitch and speed.
#
# Loads some 450 MB of Debian packages into WORK, once: the prompts of Asterisk in five languages and of two volunteers, and other
# voices (actors of games, volunteers who name things) for people. No voice is in both. Needs: apt-get, dpkg-deb, sox, cargo.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$WORK"
mkdir -p deb src prompts people

for package in asterisk-core-sounds-en-wav asterisk-core-sounds-es-wav asterisk-core-sounds-fr-wav \
    asterisk-core-sounds-it-wav asterisk-core-sounds-ru-wav asterisk-prompt-it-menardi-wav asterisk-prompt-fr-armelle \
    asterisk-prompt-es-co hedgewars-data klettres-data tuxpaint-stamps-default fillets-ng-data-cs; do
    [ -d "src/$package" ] && continue
    (cd deb && apt-get -q download "$package" >&2)
    dpkg-deb -x "deb/$package"_*.deb "src/.$package"
    mv "src/.$package" "src/$package"
done

# convert FOLDER INTO: 8 kHz, 16 bit, one channel, without a header.
convert() {
    find $1 \( -name '*.wav' -o -name '*.gsm' -o -name '*.ogg' \) -size +3k | sort | while read -r file; do
        name="$2/$(printf %s "$file" | cksum | tr ' ' _).raw"
        [ -f "$name" ] || sox -V1 "$file" -r 8000 -c 1 -b 16 -e signed -t raw "$name" remix - 2>/dev/null || rm -f "$name"
    done
}
convert 'src/asterisk-core-sounds-* src/asterisk-prompt-*' prompts
convert 'src/hedgewars-data src/klettres-data src/tuxpaint-stamps-default src/fillets-ng-data-cs' people

cd "$HERE/../.."
cargo run --release --locked --example prompt_recall -- "$WORK" ${2:+"$2"}
