#!/bin/sh
# Makes the book of prompts that comes with the program: fingerprints of prompts of Asterisk, in five languages.
#
#   tools/prompts/starting_book.sh AFTERTONE > src/controller/prompts/starting_book.jsonl
#
# AFTERTONE is the program. Which prompts, and how they end, is in starting_book.tsv; a beep follows those that say so at once. The
# recordings come from Debian packages, see tools/greetings/voices.sh, and none of them is in the result:
#
#   asterisk-core-sounds-en-wav, -es-wav   Allison Smith, for Digium       CC-BY-SA-3.0
#   asterisk-core-sounds-fr-wav            June Wallack, for Digium        CC-BY-SA-3.0
#   asterisk-core-sounds-it-wav            Carlo Flora                     CC-BY-SA-3.0
#   asterisk-core-sounds-ru-wav            Maxim Topal, www.ivrvoice.ru    CC-BY-3.0
#
# Needs: sox, apt-get, dpkg-deb.
set -eu

HERE=$(cd "$(dirname "$0")" && pwd)
AFTERTONE=$1
VOICES=$("$HERE/../greetings/voices.sh")
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

export AFTERTONE__STORE__URL="sqlite:$WORK/book.db" AFTERTONE__STATE_DIR="$WORK"
export AFTERTONE__PBX__USERNAME=none AFTERTONE__PBX__PASSWORD=none
export AFTERTONE__PBX__ENDPOINT='PJSIP/{number}@none' AFTERTONE__PBX__CALLER_ID=+12025550100
cd "$WORK"

for voice in en_US_f_Allison es_MX_f_Allison fr_CA_f_June it_IT_m_Carlo ru_RU_f_IvrvoiceRU; do
    sounds=$(find "$VOICES" -type d -name "$voice" | head -n 1)
    while read -r name ends beep; do
        [ -f "$sounds/$name.wav" ] || continue
        # Without the silence before its first word, and no longer than it takes to know it.
        sox -V1 "$sounds/$name.wav" -c 1 -b 16 "$WORK/prompt.wav" silence 1 0.01 1% trim 0 8
        # What is as short as a word is in many prompts.
        [ "$(soxi -s "$WORK/prompt.wav")" -ge 12000 ] || continue
        set -- prompts learn "$WORK/prompt.wav" --ends "$ends" --label "Asterisk, $voice: $name"
        if [ "$beep" = beep ]; then
            set -- "$@" --beep "$(soxi -D "$WORK/prompt.wav")"
        fi
        "$AFTERTONE" "$@" >&2
    done <"$HERE/starting_book.tsv"
done
"$AFTERTONE" prompts export
