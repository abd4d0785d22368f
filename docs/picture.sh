#!/bin/sh
# Makes docs/src/images/explain.svg anew: a spoken greeting and a beep, as `aftertone explain` hears and draws them. Needs espeak-ng, sox,
# and the program (AFTERTONE, `aftertone` unless set).
set -eu

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
AFTERTONE=$(command -v "${AFTERTONE:-aftertone}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

telephone='-r 8000 -c 1 -b 16'
espeak-ng -v en-us -s 145 -w spoken.wav "Hello. You have reached the voicemail of Robin Miller. I cannot take your call at the moment. \
Please leave a message after the tone."
espeak-ng -v en-gb -s 150 -w left.wav "Hello. This is the dental practice in Mill Lane. Your appointment is on Tuesday at ten. \
If that does not suit you, please call us back. Goodbye."
# shellcheck disable=SC2086  # options
{
    sox spoken.wav $telephone greeting.wav gain -n -9 silence 1 0.05 0.5%
    sox left.wav $telephone message.wav gain -n -6
    sox -n $telephone before.wav trim 0 0.4
    sox -n $telephone pause.wav trim 0 0.8
    sox -n $telephone beep.wav synth 0.4 sine 1000 gain -9 fade 0.01 0.4 0.01
    sox -n $telephone after.wav trim 0 11
    sox before.wav greeting.wav pause.wav beep.wav after.wav clean.wav
    sox -n $telephone noise.wav synth "$(soxi -D clean.wav)" pinknoise gain -52
}
sox -m -v 1 clean.wav -v 1 noise.wav mailbox.wav
"$AFTERTONE" explain mailbox.wav --message message.wav --amd machine --alerted 1.0 --other-leg-rang --picture explain.svg
install -m 644 explain.svg "$HERE/src/images/explain.svg"
