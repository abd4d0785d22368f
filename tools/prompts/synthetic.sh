#!/bin/bash
# Measures the book of prompts among synthetic voices, which say the same word alike each time: adds 1,000 prompts and 1,000 people of
# espeak-ng, in the same 17 voices, to what recall.sh has made. People greet with the words that prompts begin with, but give other names
# and companies.
#
#   tools/prompts/synthetic.sh WORK
#
# WORK is recall.sh's. Needs: espeak-ng, sox, cargo.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(cd "$1" && pwd)
OUT=$WORK/synthetic

voices=(de de+m3 de+f2 de+f4 en-gb en-gb+m3 en-gb+f2 en-us en-us+m7 en-us+f3 fr fr+m4 fr+f2 fr+f5 es es+m2 es+f4)
# Names, no two languages apart: prompts have the first half of each list, people the second.
names=(Martin Weber Dubois Garcia Lambert Schneider Moreau Ortega Fischer Bennett Walker Rossi Keller Simon Vidal Harper
    Brandt Girard Molina Turner Hofmann Perrin Castro Bailey Lorenz Colin Navarro Dawson Seidel Renard Prieto Foster)
firms=("Alpha" "Nord" "Meridian" "Horizont" "Delta" "Olympia" "Castell" "Aurora" "Bellevue" "Solaris" "Quadrat" "Victoria")

# say VOICE FILE TEXT
say() {
    espeak-ng -v "$1" -s $((150 + RANDOM % 30)) --stdout "$3" |
        sox -V1 -t wav - -r 8000 -c 1 -b 16 -e signed -t raw "$2"
}

# lines PART: one line for each that is said, `voice|text`; PART is prompts or people.
lines() {
    local part=$1 voice first=0 name firm templates template
    [[ $part == people ]] && first=1
    for voice in "${voices[@]}"; do
        case $part-${voice%%[+-]*} in
        prompts-de) templates=("Guten Tag. Sie sind verbunden mit der Mailbox von NAME. Bitte sprechen Sie nach dem Signalton."
            "Hallo, hier ist der Anschluss von NAME. Ich bin gerade nicht erreichbar, bitte hinterlassen Sie eine Nachricht."
            "Willkommen bei der Firma FIRM. Für den Verkauf drücken Sie bitte die eins, für den Kundendienst die zwei."
            "Die Mailbox von NAME ist voll. Bitte versuchen Sie es später noch einmal.") ;;
        people-de) templates=("Guten Tag. Firma FIRM, NAME am Apparat, was kann ich für Sie tun?" "Hallo, hier ist NAME, wer ist denn da?"
            "Willkommen bei FIRM, mein Name ist NAME, wie kann ich Ihnen helfen?" "Ja, NAME?") ;;
        prompts-en) templates=("Hello, you have reached the voicemail of NAME. Please leave a message after the tone."
            "Hi, this is NAME. I can not come to the phone right now, so please leave your name and number."
            "Thank you for calling FIRM. For sales press one, for support press two."
            "The mailbox of NAME is full and can not accept any messages at this time. Goodbye.") ;;
        people-en) templates=("Hello, NAME speaking, how can I help you?" "Hi, this is NAME, who is calling please?"
            "Thank you for calling FIRM, my name is NAME, how may I direct your call?" "The Bell residence, NAME speaking.") ;;
        prompts-fr) templates=("Bonjour, vous êtes bien sur la messagerie de NAME. Merci de laisser un message après le signal sonore."
            "Bonjour, je ne suis pas disponible pour le moment, laissez un message à NAME."
            "Bienvenue chez FIRM. Pour le service commercial, tapez un, pour le service client, tapez deux."
            "La messagerie de NAME est pleine. Merci de rappeler plus tard.") ;;
        people-fr) templates=("Bonjour, NAME à l'appareil, que puis-je faire pour vous?" "Allô, bonjour, qui est à l'appareil? Ici NAME."
            "Bienvenue chez FIRM, NAME à votre écoute." "Bonjour, société FIRM, ne quittez pas.") ;;
        prompts-es) templates=("Hola, este es el buzón de voz de NAME. Por favor, deje un mensaje después de la señal."
            "Buenos días, en este momento NAME no puede atender su llamada. Deje su mensaje."
            "Gracias por llamar a FIRM. Para ventas marque uno, para soporte marque dos."
            "El buzón de NAME está lleno. Por favor, llame más tarde.") ;;
        people-es) templates=("Hola, soy NAME, ¿quién habla?" "Buenos días, FIRM, le atiende NAME, ¿en qué puedo ayudarle?"
            "Gracias por llamar a FIRM, habla NAME." "Diga, aquí NAME.") ;;
        esac
        for template in "${templates[@]}"; do
            local nth
            for nth in {0..15}; do
                name=${names[2 * nth + first]}
                firm=${firms[2 * (nth % 6) + first]}
                printf '%s|%s\n' "$voice" "$(sed "s/NAME/$name/g; s/FIRM/$firm/g" <<<"$template")"
            done
        done
    done | sort -u | head -n 1000
}

RANDOM=1
for part in prompts people; do
    [[ -d $OUT/$part ]] && continue
    rm -rf "$OUT/.$part" && mkdir -p "$OUT/.$part"
    count=0
    while IFS='|' read -r voice text; do
        say "$voice" "$OUT/.$part/synthetic-$count.raw" "$text"
        count=$((count + 1))
    done < <(lines $part)
    if [[ $part == prompts ]]; then cp -l "$WORK"/prompts/*.raw "$OUT/.$part/"; fi
    mv "$OUT/.$part" "$OUT/$part"
done

cd "$HERE/../.."
cargo run --release --locked --example prompt_recall -- "$OUT"
